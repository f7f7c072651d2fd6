"""Deadlines of any number of things behind one timer: what is due by when, without a look at the clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol

__all__ = ["Deadline", "Deadlines", "Expiring"]


class Expiring(Protocol):
    """Something that has one deadline at a time."""

    bucket: int | None
    """Where its deadline is kept; belongs to `Deadlines`, `None` while there is none."""

    def expire(self, now: float) -> None:
        """Called once when the deadline has passed; `now` in seconds, monotonic."""


class Deadline:
    """A deadline that calls a function."""

    __slots__ = ("action", "bucket")

    bucket: int | None

    def __init__(self, action: Callable[[], object]) -> None:
        self.action = action
        self.bucket = None

    def expire(self, now: float) -> None:
        """Calls the function."""
        self.action()


class Deadlines:
    """Holds things in buckets of time, so that 10,000 connections cost a few wake-ups a second.

    Args:
        resolution: The width of a bucket in seconds; nothing expires early, and nothing later than this.
    """

    def __init__(self, resolution: float) -> None:
        self.resolution = resolution
        self._buckets: dict[int, set[Expiring]] = {}
        self._order: list[int] = []

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def add(self, item: Expiring, when: float) -> None:
        """Sets the deadline of `item`, in place of the one that it may have; `when` in seconds, monotonic."""
        bucket = int(when / self.resolution) + 1
        if item.bucket == bucket:
            return
        if item.bucket is not None:
            self.discard(item)
        item.bucket = bucket
        items = self._buckets.get(bucket)
        if items is None:
            self._buckets[bucket] = {item}
            heapq.heappush(self._order, bucket)
        else:
            items.add(item)

    def discard(self, item: Expiring) -> None:
        """Forgets the deadline of `item`, if it has one."""
        bucket, item.bucket = item.bucket, None
        if bucket is not None:
            items = self._buckets.get(bucket)
            if items is not None:
                items.discard(item)

    def next(self) -> float | None:
        """Returns when to look again, in seconds, monotonic; `None` if nothing has a deadline."""
        order = self._order
        while order and not self._buckets[order[0]]:
            del self._buckets[heapq.heappop(order)]
        return order[0] * self.resolution if order else None

    def take_due(self, now: float) -> list[Expiring]:
        """Removes and returns what is due; the caller calls `expire(now)` of each."""
        due: list[Expiring] = []
        order = self._order
        while order and order[0] * self.resolution <= now:
            for item in self._buckets.pop(heapq.heappop(order)):
                item.bucket = None
                due.append(item)
        return due
