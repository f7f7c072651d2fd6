"""gevent: its greenlets as a kind of threads, and where its web server keeps the socket of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
import gevent.lock
import gevent.queue
import gevent.select

from ..sync.concurrency import Threads, Waiter
from ..sync.green import GreenCondition, GreenRLock

__all__ = ["KIND", "find_socket"]


class Greenlets(Threads):
    """Greenlets, whether or not the standard library is patched."""

    name = "gevent"
    is_green = True

    def make_lock(self) -> Any:
        """Returns a lock."""
        return gevent.lock.Semaphore(1)

    def make_rlock(self) -> Any:
        """Returns a lock that its holder may take again."""
        return GreenRLock(gevent.lock.Semaphore(1), gevent.getcurrent)

    def make_condition(self, lock: Any) -> Any:
        """Returns a condition of a lock."""
        return GreenCondition(lock, gevent.event.Event)

    def make_event(self) -> Any:
        """Returns an event."""
        return gevent.event.Event()

    def make_queue(self, *args: Any, **kwargs: Any) -> Any:
        """Returns a queue."""
        return gevent.queue.Queue(*args, **kwargs)

    def make_waiter(self, connection: Any, write: bool) -> Waiter:
        """Returns what waits until a socket can be read, or written."""
        return Waiter(connection, write, gevent.select)

    def current(self) -> Any:
        """Returns the greenlet of the caller."""
        return gevent.getcurrent()

    def start(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Starts a greenlet and returns it."""
        return gevent.spawn(target, *args, **kwargs)

    def join(self, thread: Any, timeout: float) -> None:
        """Waits until a greenlet is over, for some seconds at most, unless it is the caller's own or `None`."""
        if thread is not None and thread is not gevent.getcurrent():
            thread.join(timeout)

    def sleep(self, seconds: float) -> None:
        """Sleeps for some seconds."""
        gevent.sleep(seconds)


KIND = Greenlets()


def find_socket(environ: dict[str, Any]) -> Any:
    """Returns the socket of a request to `gevent.pywsgi`; `None` for that of any other server."""
    body = environ.get("wsgi.input")
    # For an upgrade it is the file of the connection, otherwise it has that.
    file = getattr(body, "rfile", body)
    return getattr(getattr(file, "raw", None), "_sock", None)
