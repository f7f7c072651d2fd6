"""What a thread waits for when it wants an acknowledgement."""

from __future__ import annotations

import threading
from typing import Any

from ..acks import Answer, value_of
from ..exceptions import TimeoutError

__all__ = ["BlockingAnswer", "EventAnswer"]


class BlockingAnswer(Answer):
    """The callback of a `call()`, to be waited for.

    Args:
        abandoned: What is raised if no acknowledgement will come.
    """

    __slots__ = ("_abandoned", "_arguments", "_undecided")

    def __init__(self, abandoned: Exception) -> None:
        # Micro-optimization: a lock that somebody else lets go of, because an Event makes two of them and a list.
        self._undecided = threading.Lock()
        self._undecided.acquire()
        self._abandoned = abandoned
        self._arguments: tuple[Any, ...] | None = None
        super().__init__(self._answered, self._undecided.release)

    def _answered(self, arguments: tuple[Any, ...]) -> None:
        self._arguments = arguments
        self._undecided.release()

    def value(self, timeout: float | None) -> Any:
        """Waits and returns what `call()` returns.

        Args:
            timeout: How many seconds to wait; `None` for as long as it takes.

        Raises:
            TimeoutError: (`socketio.exceptions`) if nothing came in time.
            Exception: the one given, if nothing will come.
        """
        if not self._undecided.acquire(timeout=-1 if timeout is None else max(timeout, 0)):
            raise TimeoutError()
        if self._arguments is None:
            raise self._abandoned
        return value_of(self._arguments)


class EventAnswer(Answer):
    """The callback of a server's `call()`, to be waited for with an event of the server's kind of threads.

    Args:
        abandoned: What is raised if no acknowledgement will come.
        decided: The event.
    """

    __slots__ = ("_abandoned", "_arguments", "_decided")

    def __init__(self, abandoned: Exception, decided: Any) -> None:
        self._decided = decided
        self._abandoned = abandoned
        self._arguments: tuple[Any, ...] | None = None
        super().__init__(self._answered, decided.set)

    def _answered(self, arguments: tuple[Any, ...]) -> None:
        self._arguments = arguments
        self._decided.set()

    def value(self, timeout: float | None) -> Any:
        """Waits and returns what `call()` returns; see `BlockingAnswer.value`."""
        if not self._decided.wait(timeout):
            raise TimeoutError()
        if self._arguments is None:
            raise self._abandoned
        return value_of(self._arguments)
