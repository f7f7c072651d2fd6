"""Runs a program of the folder `programs` as it is but for its port: `python run_program.py --way NAME --port PORT`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"

GUNICORN = {"flask_gunicorn": ["--worker-class", "gthread", "--threads", "20", "flask_gunicorn:app"]}
"""Program -> how gunicorn serves it; the others serve themselves."""

parser = argparse.ArgumentParser()
parser.add_argument("--way", required=True)
parser.add_argument("--port", required=True)
chosen = parser.parse_args()
os.chdir(PROGRAMS)
if chosen.way in GUNICORN:
    settings = ["--bind", f"127.0.0.1:{chosen.port}", "--log-level", "warning", "--graceful-timeout", "2"]
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *settings, *GUNICORN[chosen.way]])
sys.path[0] = str(PROGRAMS)
source = (PROGRAMS / f"{chosen.way}.py").read_text()
assert source.count("5000") == 1
exec(compile(source.replace("5000", chosen.port), chosen.way, "exec"), {"__name__": "__main__"})
