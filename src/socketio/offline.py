"""What is emitted while there is no connection: kept in order, up to a limit, for the next one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .acks import Answer
from .client_protocol import ClientMember
from .exceptions import DisconnectedError

__all__ = ["OfflineBuffer"]


class OfflineBuffer:
    """Events that wait for the connection to their namespace.

    Args:
        size: How many there may be.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._events: list[tuple[str, list[Any], Callable[..., Any] | None]] = []

    def __len__(self) -> int:
        return len(self._events)

    def add(self, namespace: str, arguments: list[Any], callback: Callable[..., Any] | None) -> None:
        """Keeps an event, its name being the first argument.

        Raises:
            DisconnectedError: if there is no room left.
        """
        if len(self._events) >= self.size:
            raise DisconnectedError(f"there is no connection, and {self.size} events already wait for one")
        self._events.append((namespace, arguments, callback))

    def send(self, member: ClientMember, logger: logging.Logger) -> None:
        """Sends what waits for a namespace that was just joined."""
        events, self._events = self._events, []
        for namespace, arguments, callback in events:
            if namespace != member.namespace:
                self._events.append((namespace, arguments, callback))
                continue
            try:
                member.connection.emit(member, arguments, callback)
            except Exception:  # one event that is not serializable does not keep the others back
                logger.exception("cannot send the event %r", arguments[0])

    def remove(self, callback: Callable[..., Any]) -> None:
        """Takes the event with this callback out, if it is here."""
        self._events = [event for event in self._events if event[2] is not callback]

    def clear(self) -> None:
        """Forgets all events: there will be no connection."""
        events, self._events = self._events, []
        for _, _, callback in events:
            if isinstance(callback, Answer):
                callback.abandon()
