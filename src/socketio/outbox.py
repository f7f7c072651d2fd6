"""What waits to be published to a broker: in order, bounded, and kept until the broker has taken it."""

from __future__ import annotations

from collections import deque
from itertools import islice

from .cluster import AGAIN

__all__ = ["Outbox"]

OVERHEAD = 100
"""What a message takes besides its bytes."""

MAX_BATCH = 100
MAX_BATCH_BYTES = 64 * 1024


class Outbox:
    """Messages of this process.

    Args:
        limit: How many bytes they may take; the oldest are dropped for the others.

    Attributes:
        dropped: How many were dropped.
    """

    __slots__ = ("_again", "_limit", "_messages", "_size", "_taken", "dropped")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._messages: deque[bytes] = deque()
        self._size = 0
        self._taken = 0
        self._again = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: bytes) -> bool:
        """Adds a message; returns whether others had to be dropped for it."""
        self._messages.append(message)
        self._size += len(message) + OVERHEAD
        dropped = False
        while self._size > self._limit and len(self._messages) > 1:
            self._drop()
            self.dropped += 1
            dropped = True
        return dropped

    def _drop(self) -> None:
        self._size -= len(self._messages.popleft()) + OVERHEAD
        self._taken = max(self._taken - 1, 0)
        self._again = max(self._again - 1, 0)

    def take(self) -> list[bytes]:
        """Returns the next messages, at least one if there are any. They stay until `done` or `failed` is called."""
        batch: list[bytes] = []
        size = 0
        for number, message in enumerate(islice(self._messages, MAX_BATCH)):
            size += len(message)
            if batch and size > MAX_BATCH_BYTES:
                break
            batch.append(message[:-1] + AGAIN if number < self._again else message)
        self._taken = len(batch)
        return batch

    def done(self) -> None:
        """The broker has what was taken last."""
        for _ in range(self._taken):
            self._drop()

    def failed(self) -> None:
        """The broker may or may not have what was taken last."""
        self._again = max(self._again, self._taken)
        self._taken = 0

    def clear(self) -> None:
        """Forgets everything."""
        self._messages.clear()
        self._size = self._taken = self._again = 0
