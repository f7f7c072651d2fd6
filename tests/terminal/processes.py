"""Processes of the tests: a server, and `python -m socketio` with its input and output."""

from __future__ import annotations

import contextlib
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
from queue import Empty, Queue
from typing import Any

FOLDER = Path(__file__).parent
HOST = "127.0.0.1"
DEADLINE = 20.0
"""How long anything may take that is bound to happen, in seconds."""
COMMAND = (sys.executable, "-m", "socketio")
# Not the developer's own: the output is compared.
ENVIRONMENT = {**os.environ, "PYTHONIOENCODING": "utf-8", "TERM": "xterm", "COLUMNS": "200"}


def free_port() -> int:
    """Returns a port that nobody listens on, outside of the range that outgoing connections come from."""
    for candidate in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, candidate))
            return candidate
    raise AssertionError("no free port")


class Server:
    """`server.py`, listening.

    Args:
        arguments: Those after the port.
    """

    def __init__(self, *arguments: str) -> None:
        self.port = free_port()
        self.url = f"http{'s' if arguments else ''}://{HOST}:{self.port}"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts it, on the same port each time."""
        command = [sys.executable, str(FOLDER / "server.py"), str(self.port), *self._arguments]
        self._process = subprocess.Popen(command, cwd=FOLDER)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=DEADLINE).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    self.kill()
                    raise AssertionError("the server did not start") from None
                time.sleep(0.02)

    def kill(self) -> None:
        """Ends it at once."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def run(
    *arguments: str, stdin: str | bytes = "", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command until it ends."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=data, capture_output=True, check=False, timeout=30, cwd=cwd, env={**ENVIRONMENT, **environment},
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def records(output: str) -> list[Any]:
    """Returns the objects that `--json` prints."""
    return [json.loads(line) for line in output.splitlines()]


def of_type(kind: str, output: str) -> list[Any]:
    """Returns the objects of one type, without the type."""
    return [
        {key: value for key, value in record.items() if key != "type"}
        for record in records(output)
        if record["type"] == kind
    ]


class Talk:
    """A command that goes on: what it prints can be waited for, and answered."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT, text=True,
        )  # fmt: skip
        self._lines: Queue[str] = Queue()
        self.seen: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def say(self, line: str) -> None:
        """Sends a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def hear(self, text: str, seconds: float = DEADLINE) -> str:
        """Waits for a line that contains a text, and returns it."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                raise AssertionError(f"{text!r} is not among {self.seen}") from None
            self.seen.append(line)
            if text in line:
                return line

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def close_input(self) -> None:
        """Tells the end of input."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def end(self) -> int:
        """Closes the input, and returns the exit status, which has to come soon; `seen` is then complete."""
        self.close_input()
        status = self._process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        while not self._lines.empty():
            self.seen.append(self._lines.get())
        return status

    def kill(self) -> None:
        """Ends it, if it still runs."""
        self._process.kill()
        self.end()
        assert self._process.stdout is not None
        self._process.stdout.close()
