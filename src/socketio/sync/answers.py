"""What a thread waits for when it wants an acknowledgement."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..acks import Answer, value_of
from ..exceptions import TimeoutError

__all__ = ["BlockingAnswer", "EventAnswer"]


class EventAnswer(Answer):
    """The callback of a `call()`, to be waited for.

    Args:
        abandoned: What is raised if no acknowledgement will come.
        decided: An event of the kind of threads that waits.
    """

    __slots__ = ("_abandoned", "_arguments", "_decide", "_decided")

    def __init__(self, abandoned: Exception, decided: Any) -> None:
        self._decided = decided
        self._begin(abandoned, decided.set)

    def _begin(self, abandoned: Exception, decide: Callable[[], object]) -> None:
        self._abandoned = abandoned
        self._arguments: tuple[Any, ...] | None = None
        self._decide = decide
        super().__init__(self._answered, decide)

    def _answered(self, arguments: tuple[Any, ...]) -> None:
        self._arguments = arguments
        self._decide()

    def _wait(self, timeout: float | None) -> bool:
        decided: bool = self._decided.wait(timeout)
        return decided

    def value(self, timeout: float | None) -> Any:
        """Waits and returns what `call()` returns.

        Args:
            timeout: How many seconds to wait; `None` for as long as it takes.

        Raises:
            TimeoutError: (`socketio.exceptions`) if nothing came in time.
            Exception: the one given, if nothing will come.
        """
        if not self._wait(timeout):
            raise TimeoutError()
        if self._arguments is None:
            raise self._abandoned
        return value_of(self._arguments)


class BlockingAnswer(EventAnswer):
    """The same for threads of the standard library, patched or not.

    Micro-optimization: it waits for a lock that somebody else lets go of; an event makes two of them and a list.
    """

    __slots__ = ()

    def __init__(self, abandoned: Exception) -> None:
        self._decided = threading.Lock()
        self._decided.acquire()
        self._begin(abandoned, self._decided.release)

    def _wait(self, timeout: float | None) -> bool:
        decided: bool = self._decided.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        return decided
