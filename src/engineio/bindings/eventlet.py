"""eventlet: its green threads as a kind of threads, and where its web server keeps the socket of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import eventlet
import eventlet.queue
import eventlet.semaphore
import eventlet.wsgi  # also for programs that import no more than `eventlet`
from eventlet.green import select, threading

from ..sync.concurrency import Threads, Waiter
from ..sync.green import GreenCondition, GreenRLock

__all__ = ["KIND", "find_socket", "leave_unanswered"]


class GreenThreads(Threads):
    """Green threads, whether or not the standard library is patched."""

    name = "eventlet"
    is_green = True

    def make_lock(self) -> Any:
        """Returns a lock."""
        return eventlet.semaphore.Semaphore(1)

    def make_rlock(self) -> Any:
        """Returns a lock that its holder may take again."""
        return GreenRLock(eventlet.semaphore.Semaphore(1), eventlet.getcurrent)

    def make_condition(self, lock: Any) -> Any:
        """Returns a condition of a lock."""
        return GreenCondition(lock, threading.Event)

    def make_event(self) -> Any:
        """Returns an event."""
        return threading.Event()

    def make_queue(self, *args: Any, **kwargs: Any) -> Any:
        """Returns a queue."""
        return eventlet.queue.Queue(*args, **kwargs)

    def make_waiter(self, connection: Any, write: bool) -> Waiter:
        """Returns what waits until a socket can be read, or written."""
        return Waiter(connection, write, select)

    def current(self) -> Any:
        """Returns the green thread of the caller."""
        return eventlet.getcurrent()

    def start(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Starts a green thread and returns it."""
        return eventlet.spawn(target, *args, **kwargs)

    def join(self, thread: Any, timeout: float) -> None:
        """Waits until a green thread is over, for some seconds at most, unless it is the caller's own or `None`."""
        if thread is not None and thread is not eventlet.getcurrent():
            with eventlet.Timeout(timeout, False):
                thread.wait()

    def sleep(self, seconds: float) -> None:
        """Sleeps for some seconds."""
        eventlet.sleep(seconds)


KIND = GreenThreads()


def find_socket(environ: dict[str, Any]) -> Any:
    """Returns the socket of a request to `eventlet.wsgi`; `None` for that of any other server."""
    body: Any = environ.get("eventlet.input")
    return None if body is None else body.get_socket()


def leave_unanswered() -> None:
    """Has `eventlet.wsgi` write no answer to this request; it would log that nobody is there."""
    eventlet.wsgi.WSGI_LOCAL.already_handled = True
