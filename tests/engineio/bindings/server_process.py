"""A server program in a process of its own: on a port that the system chooses, heard by its lines, stopped by id."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import IO, Any, Self

DEADLINE = 20.0
"""How long to wait for something that must happen, in seconds: generous, for a loaded machine."""


class ServerProcess:
    """One program; use it as a context manager, which kills what still runs at its end.

    The program listens on port 0 and lets uvicorn log where (`log_level="info"`).

    Args:
        command: The arguments of the Python interpreter: a file and what it takes, or `-c` and a program.
        options: For `subprocess.Popen`.
    """

    def __init__(self, *command: str, **options: Any) -> None:
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-u", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        assert self.process.stdout
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(DEADLINE)

    @property
    def port(self) -> int:
        """Where it listens, as soon as it does."""
        return int(self.hear(r"running on https?://127\.0\.0\.1:(\d+)")[1])

    @property
    def output(self) -> str:
        """What it has written so far."""
        with self._changed:
            return "".join(self._lines)

    def hear(self, pattern: str, deadline: float = DEADLINE) -> re.Match[str]:
        """Wait for output that matches a regular expression.

        Raises:
            AssertionError: If none came in `deadline` seconds, or the program ended without any.
        """
        end = time.monotonic() + deadline
        with self._changed:
            while True:
                output = "".join(self._lines)
                if found := re.search(pattern, output):
                    return found
                left = end - time.monotonic()
                assert left > 0 and not self._ended, f"no {pattern!r} in:\n{output}"
                self._changed.wait(left)

    def signal(self, *numbers: int) -> None:
        """Send signals."""
        for number in numbers:
            self.process.send_signal(number)

    def wait(self, deadline: float = DEADLINE) -> int:
        """Wait for the end, with all of its output; return the exit status.

        Raises:
            AssertionError: If it still runs after `deadline` seconds.
        """
        try:
            status = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {deadline} s:\n{self.output}") from None
        self._reader.join(DEADLINE)
        return status

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
