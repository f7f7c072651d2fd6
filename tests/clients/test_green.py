"""One program under plain threads, gevent and eventlet."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable

import pytest

from .processes import FOLDER, Server

QUIET = {
    "threads": ["-X", "dev", "-W", "error"],
    "gevent": ["-W", "error"],
    # It says of itself that it is deprecated, and uses what Python has deprecated.
    "eventlet": ["-W", "error::ResourceWarning"],
}


@pytest.mark.parametrize("kind", QUIET)
def test_a_program(start_server: Callable[[], Server], transports: list[str], kind: str) -> None:
    if kind != "threads" and importlib.util.find_spec(kind) is None:
        pytest.skip(f"{kind} is not installed")
    server = start_server()
    command = [sys.executable, *QUIET[kind], str(FOLDER / "green_program.py"), kind, server.url, ",".join(transports)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=FOLDER) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for action, line in ((server.kill, "kill\n"), (server.start, "start\n")):
                if process.stdout.readline() != line:
                    break
                action()
                process.stdin.write("\n")
                process.stdin.flush()
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (output, process.returncode) == ("done\n", 0), errors
