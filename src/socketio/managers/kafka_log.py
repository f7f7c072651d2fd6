"""How to read a Kafka topic so that nothing is missed and nothing comes twice: arithmetic of offsets, and no waiting.

Every process reads all partitions by itself, in no group. Where a partition ends it finds out by writing a mark and
looking where that went: what brokers say of the end is not always true (tansu counts a batch as one record), and a
mark that comes back proves that reading works.
"""

from __future__ import annotations

import importlib
import logging
import re
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from .base import BasePubSubManager

__all__ = [
    "FETCH",
    "LOOK",
    "MARK",
    "KafkaOptions",
    "Positions",
    "Record",
    "addresses_of",
    "partition_for",
    "record_time",
]

MARK = b"{}"
"""The value of a mark. To the processes of python-socketio it is a message of no method, which they ignore."""

LOOK = 1.0
"""How often to look for new partitions and for a broker that is gone or another one, in seconds."""

FETCH = 100
"""For how many milliseconds a broker has a request wait for records: tansu has it wait for half of that in any case."""

LATE = 0.5
"""After how many seconds a first attempt to read has not succeeded at once."""

record_time = time.time
"""Seconds since 1970: what Kafka's records carry, and are looked for by."""

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class Record(Protocol):
    """What both libraries return for a record."""

    offset: int
    timestamp: int
    value: bytes | None


class KafkaOptions:
    """What the managers of both colours have in common: their options, and their library."""

    package: ClassVar[str]
    library: ClassVar[str]
    """What to install, and what to import of it."""

    kafka_options: dict[str, Any]
    _producer: Any

    def __init__(
        self,
        url: str | Sequence[str] = "kafka://localhost:9092",
        channel: str = "socketio",
        write_only: bool = False,
        logger: Any = None,
        json: Any = None,
        kafka_options: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        try:
            self._library = importlib.import_module(self.library)
        except ModuleNotFoundError as exc:
            if exc.name != self.library:
                raise
            message = f'{self.package} package is not installed (Run "pip install {self.package}")'
            raise RuntimeError(message) from exc
        # What the library says of an outage, many times a second, goes to the handlers of programs that have some.
        logging.getLogger(self.library).addHandler(logging.NullHandler())
        self._inherited: Any = None
        if not _TOPIC.fullmatch(channel):
            raise ValueError(f"{channel!r} cannot be the name of a Kafka topic")
        self.kafka_urls = addresses_of(url)
        self.kafka_options = dict(kafka_options or {})
        super().__init__(channel=channel, write_only=write_only, logger=logger, json=json, **options)  # type: ignore[call-arg]  # of the manager

    def after_fork(self) -> None:
        """Begins anew in a child process. The parent's connections stay as they are: to close them is the parent's."""
        self._inherited = self._inherited, self._producer
        super().after_fork()  # type: ignore[misc]  # of the manager

    def _connection_options(self, timeout: float) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.kafka_urls,
            "request_timeout_ms": int(timeout * 1000),
            "metadata_max_age_ms": int(LOOK * 1000),
            **self.kafka_options,
        }

    def _refused(self: Any, message: bytes, error: BaseException) -> None:
        """A message is too large for the broker, now and for ever."""
        manager: BasePubSubManager = self
        manager.outbox.dropped += 1
        manager._get_logger().error("kafka: a message of %s bytes is dropped: %s", len(message), error)


def addresses_of(url: str | Sequence[str]) -> list[str]:
    """Returns the addresses of brokers, host:port.

    Args:
        url: kafka://host:port[,host:port...], kafka:// for localhost:9092; or several of them.

    Raises:
        ValueError: it is no such URL.
    """
    addresses = []
    for one in [url] if isinstance(url, str) else url:
        scheme, separator, rest = one.partition("://")
        if scheme != "kafka" or not separator:
            raise ValueError(f"{one!r} is not kafka://host:port")
        addresses += [address for address in rest.rstrip("/").split(",") if address] or ["localhost:9092"]
    return addresses


def partition_for(host_id: str, partitions: Iterable[int], last: int | None) -> int:
    """Returns the partition that a process writes to: always the same one, because only there an order is kept.

    Args:
        host_id: The name of the process.
        partitions: Those that there are.
        last: The one that it has written to so far.
    """
    there = sorted(partitions)
    if last is not None and last in there:
        return last
    return there[zlib.crc32(host_id.encode()) % len(there)]


class _Partition:
    """How far a partition has been read.

    Attributes:
        last: The offset of the record that was read last, -1 if none was.
        identity: What distinguishes that record from another one with the same offset.
        checking: Whether that record is to come once more, to see that this is still the same log.
        mark: The offset of a mark that has not come yet.
        look: What the last look has found.
    """

    __slots__ = ("checking", "identity", "last", "look", "mark")

    def __init__(self) -> None:
        self.last = -1
        self.identity = 0
        self.checking = False
        self.mark: int | None = None
        self.look: tuple[int, int] | None = None


class Positions:
    """Where one process is in all partitions of a topic, over all of its connections."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}
        self._met = False
        self._began: float | None = None
        self._late = False

    def begin(self, now: float) -> None:
        """This process tries to read, maybe not for the first time; `now` in seconds since 1970."""
        if self._began is None:
            self._began = now
        else:
            self._late = True

    def missing_since(self, now: float) -> int | None:
        """Returns since when this process has missed what others published, in milliseconds since 1970.

        `None` if the first attempt has succeeded, and at once: then nothing depends on whose clock is right.
        """
        if self._met or self._began is None or (not self._late and 0 <= now - self._began < LATE):
            return None
        return int(self._began * 1000)

    @property
    def caught_up(self) -> bool:
        """Whether all marks have come."""
        return all(partition.mark is None for partition in self._partitions.values())

    def start(self, marks: Mapping[int, int], since: Mapping[int, int]) -> dict[int, int | None]:
        """Returns where to begin to read: partition -> offset, `None` for the first record that there is.

        Args:
            marks: partition -> the offset of the mark that was written to it just now.
            since: partition -> the offset of the first record that is newer than this process, for a process that could
                not begin at once.
        """
        known, self._partitions = self._partitions, {}
        starts: dict[int, int | None] = {}
        for number, mark in marks.items():
            partition = known.get(number)
            if partition is not None and mark > partition.last >= 0:
                partition.checking = True
                starts[number] = partition.last
            else:
                # A partition, or a whole log, that came after this process is read from its first record.
                partition = _Partition()
                starts[number] = None if self._met else min(mark, since.get(number, mark))
            partition.mark, partition.look = mark, None
            self._partitions[number] = partition
        return starts

    def take(self, number: int, records: Sequence[Record]) -> list[bytes] | None:
        """Returns the messages among the next records of a partition.

        `None` says that this is another log than before, and has to be read from its first record.
        """
        partition = self._partitions[number]
        if partition.checking:
            partition.checking = False
            first = records[0]
            if first.offset == partition.last:
                if _identity(first) != partition.identity:
                    partition.last = -1
                    return None
                records = records[1:]
        if records:
            last = records[-1]
            partition.last, partition.identity = last.offset, _identity(last)
        if partition.mark is not None and partition.last >= partition.mark:
            partition.mark = None
            self._met = self._met or self.caught_up
        return [record.value for record in records if record.value is not None and record.value != MARK]

    def are_doubtful(self, ends: Mapping[int, int]) -> bool:
        """Returns whether it has to be found out anew where this process is.

        Args:
            ends: partition -> the offset behind the last record, as the broker says. It is doubtful if twice in a row
                nothing came, although this is not where the reading ended.
        """
        doubtful = ends.keys() != self._partitions.keys()
        for number, end in ends.items():
            partition = self._partitions.get(number)
            if partition is not None:
                look = (end, partition.last)
                doubtful = doubtful or (look == partition.look and end != partition.last + 1)
                partition.look = look
        return doubtful


def _identity(record: Record) -> int:
    return hash((record.timestamp, record.value))
