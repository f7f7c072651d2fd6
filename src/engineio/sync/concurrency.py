"""What programs use of threads through a server or client: background tasks, sleeping, queues and events.

Everything is looked up in the standard library's modules when it is needed, so that gevent and eventlet may patch them.
"""

from __future__ import annotations

import queue
import select
import threading
import time
from collections.abc import Callable
from math import ceil, inf
from typing import Any

__all__ = ["THREADS", "BackgroundThread", "Concurrency", "Threads", "Waiter", "join", "start_thread", "wait_for"]

INTERRUPTIBLE = 1.0
"""How often a wait without a limit looks up, in seconds: on Windows Ctrl-C is not noticed before."""


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


LONGEST = 86_400.0
"""For how long to wait at most, in seconds: `poll` takes no more than 24 days."""


class Waiter:
    """Waits for one thing to become possible with a socket."""

    def __init__(self, connection: Any, write: bool, module: Any = select) -> None:
        self._socket = connection
        self._write = write
        self._select = module
        self._poll: Any = None
        # Looked up here and now: gevent replaces it, and eventlet removes it and replaces select() below.
        if hasattr(module, "poll"):
            self._poll = module.poll()
            self._poll.register(connection.fileno(), module.POLLOUT if write else module.POLLIN)

    def wait(self, until: float) -> bool:
        """Waits until `until`, in seconds, monotonic; returns whether it is possible, or may be."""
        left = None if until == inf else max(until - time.monotonic(), 0)
        try:
            if self._poll is not None:
                # Rounded up: a millisecond too early would be an attempt too many.
                return bool(self._poll.poll(None if left is None else ceil(min(left, LONGEST) * 1000)))
            own, none = [self._socket], list[Any]()
            return any(self._select.select(*((none, own) if self._write else (own, none)), none, left))
        except (OSError, ValueError):  # it was closed meanwhile: whoever reads or writes will see
            return True


class Threads:
    """A kind of concurrency: what a server needs of it. This one is that of the standard library, patched or not."""

    name = "threading"
    is_green = False
    """Whether nothing else runs until the one that runs waits for something."""

    def make_lock(self) -> Any:
        """Returns a lock."""
        return threading.Lock()

    def make_rlock(self) -> Any:
        """Returns a lock that its holder may take again."""
        return threading.RLock()

    def make_condition(self, lock: Any) -> Any:
        """Returns a condition of a lock."""
        return threading.Condition(lock)

    def make_event(self) -> Any:
        """Returns an event."""
        return threading.Event()

    def make_queue(self, *args: Any, **kwargs: Any) -> Any:
        """Returns a queue."""
        return queue.Queue(*args, **kwargs)

    def make_waiter(self, connection: Any, write: bool) -> Waiter:
        """Returns what waits until a socket can be read, or written."""
        return Waiter(connection, write)

    def current(self) -> Any:
        """Returns the thread of the caller, as `start` does."""
        return threading.current_thread()

    def start(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Starts a thread that does not keep the program from ending, and returns it."""
        return start_thread(target, *args, **kwargs)

    def join(self, thread: Any, timeout: float) -> None:
        """Waits until a thread is over, for some seconds at most, unless it is the caller's own or `None`."""
        join(thread, timeout)

    def sleep(self, seconds: float) -> None:
        """Sleeps for some seconds."""
        time.sleep(seconds)


THREADS = Threads()


class Concurrency:
    """The methods that servers and clients have in common, so that programs need not know their kind of concurrency."""

    kind: Threads = THREADS
    """What the threads of this server or client are."""

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Starts a thread of this kind that does not keep the program from ending, and returns it."""
        return self.kind.start(target, *args, **kwargs)

    def sleep(self, seconds: float = 0) -> None:
        """Sleeps for some seconds."""
        self.kind.sleep(seconds)

    def create_queue(self, *args: Any, **kwargs: Any) -> Any:
        """Returns a queue."""
        return self.kind.make_queue(*args, **kwargs)

    def get_queue_empty_exception(self) -> type[Exception]:
        """Returns what `get_nowait` of such a queue raises."""
        return queue.Empty

    def create_event(self, *args: Any, **kwargs: Any) -> Any:
        """Returns an event."""
        return self.kind.make_event()


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
