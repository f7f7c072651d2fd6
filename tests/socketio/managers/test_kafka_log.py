"""`kafka_log`: where to read a topic, decided without a broker."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import socketio
from socketio.managers.by_url import manager_for
from socketio.managers.kafka_log import MARK, Positions, addresses_of, partition_for


@dataclass
class Written:
    """A record."""

    offset: int
    value: bytes | None
    timestamp: int = 0


def log(*values: bytes | None, first: int = 0) -> list[Written]:
    """Returns the records of a log with these values."""
    return [Written(offset, value) for offset, value in enumerate(values, first)]


@pytest.fixture
def positions() -> Positions:
    """A process that has read the only partition up to its mark, offset 5, and then offset 6."""
    positions = Positions()
    assert positions.start({0: 5}, {}) == {0: 5}
    assert not positions.caught_up
    assert positions.take(0, log(MARK, b"a", first=5)) == [b"a"]
    assert positions.caught_up
    return positions


def test_a_topic_is_read_from_its_end_at_first() -> None:
    positions = Positions()
    assert positions.start({0: 5, 1: 0}, {}) == {0: 5, 1: 0}
    assert positions.take(0, log(MARK, first=5)) == []
    assert not positions.caught_up
    assert positions.take(1, log(MARK, None, b"b")) == [b"b"]
    assert positions.caught_up


def test_who_could_not_begin_at_once_reads_what_came_meanwhile() -> None:
    positions = Positions()
    positions.begin(100.0)
    assert positions.missing_since(100.1) is None
    positions.begin(100.2)  # once more: the first attempt has failed
    assert positions.missing_since(100.3) == 100_000
    assert positions.missing_since(101.0) == 100_000
    assert positions.missing_since(50.0) == 100_000  # the clock was set
    assert positions.start({0: 5, 1: 5, 2: 5}, {0: 2, 1: 9}) == {0: 2, 1: 5, 2: 5}
    for number in range(3):
        positions.take(number, log(MARK, first=5))
    assert positions.caught_up
    assert positions.missing_since(101.0) is None


def test_another_connection_goes_on_where_the_last_one_was(positions: Positions) -> None:
    assert positions.start({0: 9}, {}) == {0: 6}
    assert positions.take(0, log(b"a", b"b", b"c", MARK, first=6)) == [b"b", b"c"]
    assert positions.caught_up


def test_records_that_have_expired_are_no_other_log(positions: Positions) -> None:
    assert positions.start({0: 9}, {}) == {0: 6}
    assert positions.take(0, log(b"c", MARK, first=8)) == [b"c"]


def test_a_shorter_log_is_read_from_its_first_record(positions: Positions) -> None:
    assert positions.start({0: 2}, {}) == {0: None}
    assert positions.take(0, log(b"x", b"y", MARK)) == [b"x", b"y"]
    assert positions.caught_up


def test_so_is_another_one_that_is_longer(positions: Positions) -> None:
    assert positions.start({0: 9}, {}) == {0: 6}
    assert positions.take(0, log(b"x", b"y", first=6)) is None
    assert not positions.caught_up
    assert positions.take(0, log(b"w", b"x", b"y")) == [b"w", b"x", b"y"]
    assert positions.take(0, log(MARK, first=9)) == []
    assert positions.caught_up


def test_two_records_with_the_same_value_differ_by_their_time(positions: Positions) -> None:
    assert positions.start({0: 9}, {}) == {0: 6}
    assert positions.take(0, [Written(6, b"a", timestamp=1)]) is None


def test_a_partition_that_is_new_is_read_from_its_first_record(positions: Positions) -> None:
    assert positions.start({0: 7, 1: 3}, {}) == {0: 6, 1: None}
    assert positions.take(1, log(b"x")) == [b"x"]


def test_doubts(positions: Positions) -> None:
    assert not positions.are_doubtful({0: 7})
    assert not positions.are_doubtful({0: 7})
    assert not positions.are_doubtful({0: 9})  # it may be on its way
    assert positions.are_doubtful({0: 9})
    positions.take(0, log(b"b", first=7))
    assert not positions.are_doubtful({0: 9})
    assert positions.are_doubtful({0: 8, 1: 0})  # a new partition


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("kafka://", ["localhost:9092"]),
        ("kafka://a:1", ["a:1"]),
        ("kafka://a:1,b:2/", ["a:1", "b:2"]),
        (["kafka://a:1", "kafka://[::1]:2"], ["a:1", "[::1]:2"]),
    ],
)
def test_addresses(url: str | list[str], addresses: list[str]) -> None:
    assert addresses_of(url) == addresses


@pytest.mark.parametrize("url", ["", "a:1", "http://a:1", "kafka:a"])
def test_bad_addresses(url: str) -> None:
    with pytest.raises(ValueError, match="is not kafka://"):
        addresses_of(url)


@pytest.mark.parametrize("channel", ["", "with space", "ü", "x" * 250])
def test_names_that_no_topic_can_have(channel: str) -> None:
    pytest.importorskip("kafka")
    with pytest.raises(ValueError, match="Kafka topic"):
        socketio.KafkaManager(channel=channel)


def test_a_process_keeps_its_partition() -> None:
    partition = partition_for("host", range(4), None)
    assert partition in range(4)
    assert partition_for("host", range(64), partition) == partition
    assert partition_for("host", [partition + 1], partition) == partition + 1
    assert len({partition_for(f"host {number}", range(4), None) for number in range(100)}) == 4


def test_managers_by_url() -> None:
    pytest.importorskip("kafka")
    pytest.importorskip("aiokafka")
    pytest.importorskip("zmq")
    assert type(manager_for("kafka://x:1", is_async=False)) is socketio.KafkaManager
    assert type(manager_for("kafka://x:1", is_async=True)) is socketio.AsyncKafkaManager
    assert type(manager_for("zmq+tcp://x:1+2", is_async=False)) is socketio.ZmqManager
    with pytest.raises(ValueError, match="no manager for asyncio"):
        manager_for("zmq+tcp://x:1+2", is_async=True)
