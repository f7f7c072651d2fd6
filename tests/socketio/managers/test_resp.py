"""The replies of Redis, in whatever pieces they come."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio.managers.redis_commands import count_answers, encode_publish, messages_of
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
    assert encode_publish(b"c", [b"1", b"22"]) == command(b"PUBLISH", b"c", b"1") + command(b"PUBLISH", b"c", b"22")
    assert encode_publish(b"c", []) == command(b"PING")


def test_answers_and_messages() -> None:
    assert count_answers([1, [b"push"], b"PONG"]) == 2
    assert messages_of([[b"subscribe", b"c", 1], [b"message", None, b"x"], [b"pong", b""], b"PONG"]) == [b"x"]
    for function in (count_answers, messages_of):
        with pytest.raises(Failure):
            function([1, Failure("NOAUTH")])
