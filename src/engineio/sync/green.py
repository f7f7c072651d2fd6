"""Locks and conditions for greenlets whose library has none that work without patching the standard library."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["GreenCondition", "GreenRLock"]


class GreenRLock:
    """A lock that its holder may take again.

    Args:
        semaphore: A semaphore of the library's, with one to give.
        current: Returns the greenlet of the caller.
    """

    def __init__(self, semaphore: Any, current: Callable[[], Any]) -> None:
        self._semaphore = semaphore
        self._current = current
        self._owner: Any = None
        self._count = 0

    def acquire(self) -> bool:
        """Takes the lock."""
        own = self._current()
        if self._owner is not own:
            self._semaphore.acquire()
            self._owner = own
        self._count += 1
        return True

    def release(self) -> None:
        """Gives it back, once for each time that it was taken."""
        self._count -= 1
        if not self._count:
            self._owner = None
            self._semaphore.release()

    def release_all(self) -> int:
        """Gives it back altogether; returns how often it was taken."""
        count, self._count = self._count, 1
        self.release()
        return count

    def take_back(self, count: int) -> None:
        """Undoes `release_all`."""
        self.acquire()
        self._count = count

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()


class GreenCondition:
    """A condition of a `GreenRLock` or of a plain lock.

    Args:
        lock: The lock.
        make_event: Returns an event of the library's.
    """

    def __init__(self, lock: Any, make_event: Callable[[], Any]) -> None:
        self._lock = lock
        self._make_event = make_event
        self._waiters: deque[Any] = deque()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits, without the lock, to be notified, and returns whether that was in time."""
        lock = self._lock
        event = self._make_event()
        self._waiters.append(event)
        count = lock.release_all() if isinstance(lock, GreenRLock) else lock.release()
        try:
            event.wait(timeout)
        finally:
            if isinstance(lock, GreenRLock):
                lock.take_back(count)
            else:
                lock.acquire()
            notified = event not in self._waiters
            if not notified:
                self._waiters.remove(event)
        return notified

    def notify(self, count: int = 1) -> None:
        """Wakes as many of those that wait."""
        while count and self._waiters:
            self._waiters.popleft().set()
            count -= 1

    def notify_all(self) -> None:
        """Wakes all that wait."""
        self.notify(len(self._waiters))

    def __enter__(self) -> Any:
        return self._lock.__enter__()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.__exit__(*exc_info)
