"""The replies of Redis, in whatever pieces they come."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio.managers.redis_commands import Publisher, messages_of
from socketio.managers.resp import Failure, Replies, command

STREAM = (
    b"+OK\r\n:5\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
    b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n*3\r\n$7\r\nmessage\r\n$1\r\nd\r\n$2\r\n\r\n\r\n"
    b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$0\r\n\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n%1\r\n+a\r\n:1\r\n_\r\n#t\r\n"
)
VALUES = [
    *(b"OK", 5, b"a\r\n", None, None, [b"subscribe", b"c", 1]),
    *([b"message", None, b"hello"], [b"message", b"d", b"\r\n"], [b"message", b"c", b""], [b"pong", b""]),
    *([b"a", 1], b"", b"t"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_pieces(cuts: list[int]) -> None:
    replies = Replies(b"c")
    found: list[Any] = []
    edges = [0, *sorted(cuts), len(STREAM)]
    for begin, end in pairwise(edges):
        found += replies.feed(STREAM[begin:end])
    assert found == VALUES


def test_a_large_message_in_many_pieces() -> None:
    replies = Replies(b"c")
    data = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3000000\r\n" + b"x" * 3_000_000 + b"\r\n:1\r\n"
    found: list[Any] = []
    for begin in range(0, len(data), 1000):
        found += replies.feed(data[begin : begin + 1000])
    assert found == [[b"message", None, b"x" * 3_000_000], 1]


def test_failures_are_values() -> None:
    (failure,) = Replies().feed(b"-ERR no\r\n")
    assert isinstance(failure, Failure)
    assert str(failure) == "ERR no"


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\n", b"?\r\n", b"x" * 70_000, b"$a\r\n", b"\r\n"])
def test_what_is_not_redis(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"Redis|invalid literal"):
        Replies().feed(data)


def test_commands() -> None:
    assert command(b"SUBSCRIBE", b"c") == b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n"


def test_what_is_published_is_answered_with_how_many_hear_it() -> None:
    publisher = Publisher("c")
    assert publisher.encode([]) == command(b"PUBSUB", b"NUMSUB", b"c")
    assert publisher.receive([[b"c", 3]])
    assert publisher.all_back() is None  # nothing was published before
    publisher.encode([])
    assert publisher.receive([[b"c", 0]])
    assert publisher.all_back() is False
    assert publisher.encode([b"1", b"22"]) == command(b"PUBLISH", b"c", b"1") + command(b"PUBLISH", b"c", b"22")
    assert not publisher.receive([5, [b"unasked", 1], b"OK"])
    assert publisher.receive([4])
    publisher.encode([])
    assert not publisher.receive([b"OK", 7])
    assert publisher.receive([[b"c", 3]])
    assert publisher.all_back() is False
    publisher.encode([])
    assert publisher.receive([[b"c", 4]])
    assert publisher.all_back() is True
    publisher.encode([])
    assert publisher.receive([Failure("NOPERM no")])
    assert publisher.all_back() is None
    publisher.encode([b"1"])
    with pytest.raises(Failure):
        publisher.receive([Failure("NOPERM no")])


def test_messages() -> None:
    assert messages_of([[b"subscribe", b"c", 1], [b"message", None, b"x"], [b"pong", b""], b"PONG"]) == [b"x"]
    with pytest.raises(Failure):
        messages_of([Failure("NOAUTH")])
