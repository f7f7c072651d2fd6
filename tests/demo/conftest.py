"""Fixtures of the demo's tests: a browser, a free port, and a server in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .chromium import find_chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = find_chromium()
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    return path


@pytest.fixture
def port() -> int:
    """Return a port that nobody listens on, and that stays free while the server is gone for a moment.

    Port 0 would give one of those from which the system also takes the local ports of outgoing connections: a browser
    that tries to reconnect may get just this one, so that the server cannot have it back.
    """
    for candidate in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", candidate))
            return candidate
    raise AssertionError("no free port")


class Server:
    """`python -m socketio …`, listening."""

    def __init__(self, process: asyncio.subprocess.Process, first_line: str) -> None:
        self.process = process
        self.first_line = first_line

    async def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Signal the process and return its exit status, which has to come within five seconds."""
        self.process.send_signal(signal_number)
        return await asyncio.wait_for(self.process.wait(), 5)


@pytest.fixture
def serve(port: int) -> Callable[..., AbstractAsyncContextManager[Server]]:
    """Start `python -m socketio <arguments> --port <port>` and kill it where it still runs when the block ends."""

    @contextlib.asynccontextmanager
    async def start(*arguments: str, uds: Path | None = None) -> AsyncIterator[Server]:
        address = ("--port", str(port)) if uds is None else ("--uds", str(uds))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "socketio", *arguments, *address,
            stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parent,
        )  # fmt: skip
        try:
            line = await asyncio.wait_for(process.stdout.readline(), 20)
            await asyncio.wait_for(listening(port if uds is None else uds, process), 20)
            yield Server(process, line.decode())
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            # Closes the pipe too: its transport would be reported as a leak.
            await process.communicate()

    return start


async def listening(where: int | Path, process: asyncio.subprocess.Process) -> None:
    """Wait until a port or a Unix socket accepts connections; there is no event to wait for before that."""
    while process.returncode is None:
        with contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
            if isinstance(where, Path):
                _, writer = await asyncio.open_unix_connection(where)
            else:
                _, writer = await asyncio.open_connection("127.0.0.1", where)
            writer.close()
            await writer.wait_closed()
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the server ended with status {process.returncode} before it listened")
