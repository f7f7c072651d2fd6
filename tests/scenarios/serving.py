"""A server program in a process of its own: started on a free port, heard through JSON lines, stopped by process id."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from ways import HOST

PYTHON = sys.executable
"""The interpreter of the server processes."""

DEADLINE = 15.0
"""How long to wait for something that must happen, in seconds: generous, for a loaded machine."""

START_DEADLINE = 45.0
"""How long a process may take to start, in seconds: it imports a framework, on a loaded machine."""


class Reports:
    """JSON objects that a process prints, one a line, to be taken in any order.

    A line that is no JSON object is kept as `{"type": "text", "text": line}`.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def take(self, *, deadline: float = DEADLINE, **fields: Any) -> dict[str, Any]:
        """Wait for the first report that has all `fields`, and remove it.

        Args:
            deadline: How long to wait, in seconds.
            **fields: What the report must contain.

        Raises:
            AssertionError: If none came in time, or the process ended without one.
        """
        end = time.monotonic() + deadline
        with self._changed:
            while True:
                for index, report in enumerate(self._waiting):
                    if all(key in report and report[key] == value for key, value in fields.items()):
                        return self._waiting.pop(index)
                left = end - time.monotonic()
                if left <= 0 or self._ended:
                    why = "the process ended" if self._ended else f"{deadline} s passed"
                    raise AssertionError(f"{why} without a report {fields}; waiting are {self._waiting[-20:]}")
                self._changed.wait(left)

    def take_all(self, **fields: Any) -> list[dict[str, Any]]:
        """Remove and return every report here so far that has all `fields`."""
        with self._changed:
            found = [report for report in self._waiting if fields.items() <= report.items()]
            self._waiting = [report for report in self._waiting if report not in found]
        return found

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                try:
                    report = json.loads(line)
                except ValueError:
                    report = None
                if not isinstance(report, dict):
                    report = {"type": "text", "text": line.rstrip("\n")}
                with self._changed:
                    self._waiting.append(report)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class ServerProcess:
    """One server program, running.

    Args:
        program: The file to run. It takes `--way` and `--port` and prints its reports as JSON lines.
        way: How the program serves: one of `ways.WAYS`.
        port: The port to listen on; `None` takes a free one.
    """

    def __init__(self, program: Path, way: str, port: int | None = None) -> None:
        self.way = way
        self.port = port or free_port()
        self.address = f"{HOST}:{self.port}"
        self.url = f"http://{self.address}"
        self._errors: list[str] = []
        path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [PYTHON, str(program), "--way", way, "--port", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout and self.process.stderr
        self.reports = Reports(self.process.stdout)
        self._error_reader = threading.Thread(target=self._read_errors, args=(self.process.stderr,), daemon=True)
        self._error_reader.start()
        self._wait_until_listening()

    @property
    def errors(self) -> str:
        """What the process has written to its standard error so far."""
        return "".join(self._errors)

    async def hear(self, **fields: Any) -> dict[str, Any]:
        """Wait for a report of the process: `Reports.take` for coroutines."""
        return await asyncio.to_thread(self.reports.take, **fields)

    def terminate(self, deadline: float = DEADLINE) -> int:
        """Send SIGTERM and return the exit status; SIGKILL after `deadline` seconds and fail."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {deadline} s after SIGTERM; it wrote:\n{self.errors}") from None

    def kill(self) -> None:
        """Send SIGKILL to the process and those that it has started, and wait for its end."""
        workers = children(self.process.pid)
        self.process.kill()
        for pid in workers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self._error_reader.join(DEADLINE)

    def close(self) -> None:
        """End the process at the end of its tests.

        Raises:
            AssertionError: If it wrote of a task or a coroutine that nobody looked after.
        """
        if self.process.poll() is None:
            self.kill()
        for sign in ("was never retrieved", "was never awaited", "was destroyed but it is pending"):
            assert sign not in self.errors, self.errors

    def _read_errors(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._errors.append(line)

    def _wait_until_listening(self) -> None:
        end = time.monotonic() + START_DEADLINE
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=DEADLINE).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.kill()
                    raise AssertionError(f"the server did not start; it wrote:\n{self.errors}") from None
                time.sleep(0.02)


def children(pid: int) -> list[int]:
    """Return the ids of the processes that one has started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def free_port() -> int:
    """Return a port that nobody listens on, and that is none of those that the system gives to clients."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
