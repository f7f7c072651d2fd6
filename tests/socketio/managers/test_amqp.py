"""The frames of AMQP that messages travel in, checked with the codec of another package."""

from __future__ import annotations

from typing import Any

import pamqp.frame
import pytest
from pamqp import body, commands, header

from socketio.managers.amqp import Deliveries, Publication

MESSAGES = [b"", b"a", b"\xce" * 20, b"x" * 100, b"y" * 101, b"z" * 1000]


def read(data: bytes) -> list[tuple[int, Any]]:
    """Returns the frames in data as pamqp reads them, with their channels."""
    frames = []
    while data:
        used, channel, frame = pamqp.frame.unmarshal(data)
        frames.append((channel, frame))
        data = data[used:]
    return frames


def delivered(messages: list[bytes], part: int = 50) -> bytes:
    """Returns what a broker sends to deliver messages, their bodies in parts."""
    data = b""
    for number, message in enumerate(messages, 1):
        deliver = commands.Basic.Deliver("tag", number, False, "exchange", "")
        data += pamqp.frame.marshal(deliver, 1)
        data += pamqp.frame.marshal(header.ContentHeader(body_size=len(message)), 1)
        for start in range(0, len(message), part):
            data += pamqp.frame.marshal(body.ContentBody(message[start : start + part]), 1)
    return data


def test_a_batch_is_published_in_frames_of_limited_size() -> None:
    data = Publication("my exchange", channel=3, frame_max=108).encode(MESSAGES)
    found: list[bytes] = []
    for channel, frame in read(data):
        assert channel == 3
        if isinstance(frame, commands.Basic.Publish):
            assert (frame.exchange, frame.routing_key, frame.mandatory) == ("my exchange", "", False)
            found.append(b"")
        elif isinstance(frame, header.ContentHeader):
            properties = frame.properties
            assert (properties.content_type, properties.content_encoding) == ("text/plain", "utf-8")
            assert properties.delivery_mode == 1
            assert frame.body_size == len(MESSAGES[len(found) - 1])
        else:
            assert len(frame.value) <= 100
            found[-1] += frame.value
    assert found == MESSAGES


def test_an_exchange_with_a_long_name() -> None:
    Publication("ü" * 127, 1, 1000)
    with pytest.raises(OverflowError):
        Publication("ü" * 128, 1, 1000)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_deliveries_in_pieces(size: int) -> None:
    data = delivered(MESSAGES)
    deliveries = Deliveries(pytest.fail)
    found = []
    for start in range(0, len(data), size):
        found += deliveries.feed(data[start : start + size])
    assert found == MESSAGES


def test_other_frames_are_handed_on() -> None:
    frames: list[tuple[int, int, bytes]] = []
    heartbeat = b"\x08\0\0\0\0\0\0\xce"
    close = pamqp.frame.marshal(commands.Connection.Close(320, "bye", 0, 0), 0)
    deliver = delivered([b"a"])
    first = pamqp.frame.unmarshal(deliver)[0]
    data = heartbeat + deliver[:first] + heartbeat + deliver[first:] + close
    assert Deliveries(frames.append).feed(data) == [b"a"]
    assert [(kind, channel) for kind, channel, _ in frames] == [(8, 0), (8, 0), (1, 0)]
    assert frames[-1][2] == close[7:-1]


def test_what_is_not_amqp() -> None:
    data = bytearray(delivered([b"a"]))
    data[-1] = 0
    with pytest.raises(ValueError, match="not AMQP"):
        Deliveries(pytest.fail).feed(bytes(data))
    with pytest.raises(ValueError, match="not AMQP"):
        Deliveries(pytest.fail).feed(b"HTTP/1.1 ")
