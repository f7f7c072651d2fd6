"""What a manager remembers of other processes: whose acknowledgement is waited for, and how far each has counted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

__all__ = ["Callbacks", "Senders"]

MOST_CALLBACKS = 10_000
MOST_SENDERS = 10_000


class Callbacks:
    """Callbacks of emits to clients that are not here. The first acknowledgement is the only one.

    Nobody says that a client of another process has left: when there are too many, the oldest are forgotten.
    """

    __slots__ = ("_ids", "_waiting")

    def __init__(self) -> None:
        self._ids = count(1)
        self._waiting: dict[int, tuple[Any, str, Callable[..., Any]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, room: Any, namespace: str, callback: Callable[..., Any]) -> int:
        """Returns the id under which a callback waits."""
        if len(self._waiting) >= MOST_CALLBACKS:
            del self._waiting[next(iter(self._waiting))]
        callback_id = next(self._ids)
        self._waiting[callback_id] = room, namespace, callback
        return callback_id

    def take(self, callback_id: Any, room: Any, namespace: Any) -> Callable[..., Any] | None:
        """Returns what waits for an acknowledgement, once; `None` if nothing does."""
        waiting = self._waiting.get(callback_id) if type(callback_id) is int else None
        if waiting is None or waiting[:2] != (room, namespace):
            return None
        return self.take_ack(callback_id)

    def take_ack(self, callback_id: int) -> Callable[..., Any] | None:
        """The same for whoever has the id from here; a `call()` that has given up."""
        waiting = self._waiting.pop(callback_id, None)
        return None if waiting is None else waiting[2]


class Senders:
    """host id -> the number of the last message that came from there, to recognise what is sent again."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def is_new(self, host_id: Any, number: Any, again: Any) -> bool:
        """Returns whether a message is not one that was here before. Only one that says `again` may be.

        That is all that a forged number can do: to have a message of an outage taken for one that was here.
        """
        if host_id is None or type(number) is not int:
            return True
        last = self._last.pop(host_id, 0)
        if again is True and number <= last:
            self._last[host_id] = last
            return False
        self._last[host_id] = number
        if len(self._last) > MOST_SENDERS:
            del self._last[next(iter(self._last))]
        return True
