"""SIGTERM and Ctrl-C: a server says goodbye to its clients before what it runs under begins to wait for them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

__all__ = ["watch_signals"]


def watch_signals(loop: asyncio.AbstractEventLoop, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Has `close` run in a loop when SIGTERM or SIGINT comes, and then whoever else handles the signal.

    Web servers set their handlers when they start: this is to be called later than that. Where nobody handles SIGTERM,
    it ends the process when `close` has. Only the main thread hears of signals; on others this does nothing.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            _watch(number, loop, close)


def _watch(number: int, loop: asyncio.AbstractEventLoop, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    before = signal.getsignal(number)
    if before is None or before == signal.SIG_IGN:  # None: of something that is not Python
        return
    tasks: list[asyncio.Task[None]] = []

    async def run() -> None:
        await close()
        if before == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def handle(number: int, frame: FrameType | None) -> Any:
        if not tasks and not loop.is_closed():
            loop.call_soon_threadsafe(lambda: tasks.append(loop.create_task(run())))
        return before(number, frame) if callable(before) else None

    signal.signal(number, handle)
