"""The server processes of these tests: those of `serve.py`, and programs as tutorials show them."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from serving import DEADLINE, ServerProcess, children

FOLDER = Path(__file__).parent


class WsgiProcess(ServerProcess):
    """A server process that may have workers, which end with it."""

    def close(self) -> None:
        """Ends the process and its workers by their ids."""
        workers = children(self.process.pid)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in workers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        assert "Traceback" not in self.errors, self.errors

    @property
    def pid(self) -> int:
        """The id of the process that serves: that of the worker, if there is one."""
        return next(iter(children(self.process.pid)), self.process.pid)

    @property
    def threads(self) -> int:
        """How many threads the process has that serves."""
        return threads_of(self.pid)


def threads_of(pid: int) -> int:
    """Returns how many threads a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Threads:"):
            return int(line.split()[1])
    raise AssertionError("no such line")


def start(way: str) -> WsgiProcess:
    """Starts `serve.py`; skips the test where what it needs is not there."""
    if way == "gunicorn-eventlet" and importlib.util.find_spec("gunicorn.workers.geventlet") is None:
        pytest.skip("the installed gunicorn has no worker for eventlet any more")
    if way == "uwsgi" and not Path(sys.executable).with_name("uwsgi").exists():
        pytest.skip("uWSGI is not installed: it could not be built")
    return WsgiProcess(FOLDER / "serve.py", way)
