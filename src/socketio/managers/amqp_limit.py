"""How large a message RabbitMQ takes: it says so only when it closes the channel for one that is larger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf

from .base import BasePubSubManager

__all__ = ["SizeLimit"]

_TOO_LARGE = re.compile(r"message size \d+ is larger than .*max size (\d+)")


class SizeLimit:
    """What a publisher has learned of it.

    Attributes:
        largest: How many bytes a message may have.
    """

    def __init__(self) -> None:
        self.largest: float = inf

    def learn(self, error: BaseException) -> None:
        """Takes the limit from an error, if it is about that."""
        found = _TOO_LARGE.search(str(error))
        if found is not None:
            self.largest = int(found[1])

    def fitting(self, messages: Sequence[bytes]) -> list[bytes]:
        """Returns the messages that it takes."""
        return [message for message in messages if len(message) <= self.largest]

    def report(self, messages: Sequence[bytes], manager: BasePubSubManager) -> None:
        """Counts and logs the others, which it will never take."""
        for size in map(len, messages):
            if size > self.largest:
                manager.outbox.dropped += 1
                logger = manager._get_logger()
                logger.error(
                    "%s: a message of %s bytes is dropped: RabbitMQ takes %s", manager.name, size, self.largest
                )
