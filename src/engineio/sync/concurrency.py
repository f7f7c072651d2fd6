"""What programs use of threads through a server or client: background tasks, sleeping, queues and events.

Everything is looked up in the standard library's modules when it is needed, so that gevent and eventlet may patch them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["BackgroundThread", "Concurrency", "join", "start_thread", "wait_for"]

INTERRUPTIBLE = 1.0
"""How often a wait without a limit looks up, in seconds: on Windows Ctrl-C is not noticed before."""


class Concurrency:
    """The methods that servers and clients have in common, so that programs need not know their kind of concurrency."""

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> threading.Thread:
        """Starts a thread that does not keep the program from ending, and returns it."""
        return start_thread(target, *args, **kwargs)

    def sleep(self, seconds: float = 0) -> None:
        """Sleeps for some seconds."""
        time.sleep(seconds)

    def create_queue(self, *args: Any, **kwargs: Any) -> queue.Queue[Any]:
        """Returns a queue."""
        return queue.Queue(*args, **kwargs)

    def get_queue_empty_exception(self) -> type[Exception]:
        """Returns what `get_nowait` of such a queue raises."""
        return queue.Empty

    def create_event(self, *args: Any, **kwargs: Any) -> threading.Event:
        """Returns an event."""
        return threading.Event(*args, **kwargs)


class BackgroundThread(threading.Thread):
    """A thread that does not keep the program from ending.

    Attributes:
        over: Set when it has nothing left to do. With eventlet and Python 3.13, `join` raises what nobody expects when
            its time is up.
    """

    def __init__(self, target: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(target=target, args=args, kwargs=kwargs, daemon=True)
        self.over = threading.Event()

    def run(self) -> None:
        """Calls the function."""
        try:
            super().run()
        finally:
            self.over.set()


def start_thread(target: Callable[..., Any], *args: Any, **kwargs: Any) -> BackgroundThread:
    """Starts a thread that does not keep the program from ending, and returns it."""
    thread = BackgroundThread(target, args, kwargs)
    thread.start()
    return thread


def join(thread: BackgroundThread | None, timeout: float | None) -> None:
    """Waits until a thread is over, for some seconds at most (`None`: without limit), unless it is the caller's own."""
    if thread is not None and thread is not threading.current_thread() and thread.over.wait(timeout):
        thread.join()


def wait_for(changed: threading.Condition, condition: Callable[[], object], timeout: float | None = None) -> bool:
    """Waits until a condition holds, and returns whether it does.

    Args:
        changed: Notified when the condition may have become true; held by the caller.
        condition: Returns whether there is nothing more to wait for.
        timeout: How many seconds to wait; `None` for as long as it takes.
    """
    end = None if timeout is None else time.monotonic() + timeout
    while not condition():
        left = INTERRUPTIBLE if end is None else end - time.monotonic()
        if left <= 0:
            return False
        changed.wait(left)
    return True
