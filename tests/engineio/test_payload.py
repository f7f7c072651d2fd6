"""Polling bodies: packets joined by the record separator, as the servers and as programs handle them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from engineio.exceptions import ProtocolError, UnknownPacketError
from engineio.packet import CLOSE, MESSAGE, NOOP, PING, PONG, Outgoing, Packet
from engineio.payload import REVISIONS, Payload, Revision4

TEXT = "text/plain;charset=UTF-8"


@pytest.fixture
def limit() -> Iterator[type[Payload]]:
    """The class whose limit programs set; it is put back."""
    before = Payload.max_decode_packets
    yield Payload
    Payload.max_decode_packets = before


def decode(body: bytes, content_type: str = TEXT) -> list[tuple[int, bytes, bool]]:
    return Revision4().decode_payload(body, content_type)


def test_the_revision() -> None:
    revision = REVISIONS["4"]
    assert revision.number == 4
    # Suite, "should open a session".
    assert revision.content_type_of(b"1") == "text/plain; charset=UTF-8"


def test_encode() -> None:
    # Engine.IO v4, "Packet encoding", "HTTP long-polling": 4hello\x1e2\x1e4world, and bAQIDBA== for bytes.
    messages = [Outgoing(b"4hello"), Outgoing(b"2"), Outgoing("4€".encode()), Outgoing(None, [b"\x01\x02\x03\x04"])]
    assert Revision4().encode_payload(messages) == b"4hello\x1e2\x1e4\xe2\x82\xac\x1ebAQIDBA=="
    assert Revision4().encode_payload([Outgoing(b"451-x", [b"\x01", b""])]) == b"451-x\x1ebAQ==\x1eb"
    assert Revision4().encode_payload([]) == b""


def test_decode() -> None:
    assert decode(b"4hello\x1e3\x1e4\x1ebAQIDBA==\x1e1\x1e6") == [
        (MESSAGE, b"hello", False),
        (PONG, b"", False),
        (MESSAGE, b"", False),
        (MESSAGE, b"\x01\x02\x03\x04", True),
        (CLOSE, b"", False),
        (NOOP, b"", False),
    ]
    assert decode("4€".encode()) == [(MESSAGE, "€".encode(), False)]
    assert decode(b"2probe") == [(PING, b"probe", False)]
    assert decode(b"4x", "") == [(MESSAGE, b"x", False)]


# Suite, "closes the session upon invalid packet format", and what is like it.
@pytest.mark.parametrize("body", [b"", b"abc", b"7", b"4a\x1e", b"\x1e4a", b"4a\x1e\x1e4b", b"\x00", b" 4", b"B"])
def test_packets_that_do_not_exist(body: bytes) -> None:
    with pytest.raises(UnknownPacketError):
        decode(body)


@pytest.mark.parametrize("body", [b"4\xff", b"4\xed\xa0\x80", b"b***", b"bA", b"bAQ", b"b AQ==", b"4a\x1ebA==="])
def test_broken_packets(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(body)


def test_binary_content_is_refused() -> None:
    # D.1, HTTP rule 5: "invalid content".
    with pytest.raises(ProtocolError):
        decode(b"4hello", "application/octet-stream")


def test_as_many_packets_as_the_body_holds() -> None:
    assert Payload.max_decode_packets is None
    body = b"\x1e".join([b"4"] * 10_000)
    assert len(decode(body)) == 10_000
    assert len(Payload(encoded_payload=body.decode()).packets) == 10_000


def test_the_limit_that_a_program_sets(limit: type[Payload]) -> None:
    limit.max_decode_packets = 16
    body = b"\x1e".join([b"4"] * 16)
    assert len(decode(body)) == 16
    assert len(Payload(encoded_payload=body.decode()).packets) == 16
    with pytest.raises(ValueError, match="too many packets"):
        decode(body + b"\x1e4")
    with pytest.raises(ValueError, match="too many packets"):
        Payload(encoded_payload=body.decode() + "\x1e4")
    limit.max_decode_packets = 100_000
    assert len(decode(b"\x1e".join([b"4"] * 10_000))) == 10_000


# The public class


def test_a_payload_there_and_back() -> None:
    packets = [Packet(MESSAGE, "a€"), Packet(MESSAGE, b"\x00\xff"), Packet(MESSAGE, {"a": 1}), Packet(PING)]
    encoded = Payload(packets).encode()
    assert encoded == '4a€\x1ebAP8=\x1e4{"a":1}\x1e2'
    decoded = Payload(encoded_payload=encoded).packets
    assert [(packet.packet_type, packet.binary) for packet in decoded] == [
        (4, False),
        (4, True),
        (4, False),
        (2, False),
    ]
    assert decoded[0].data == "a€"
    assert decoded[1].data == b"\x00\xff"


def test_an_empty_payload() -> None:
    assert Payload().packets == []
    assert Payload().encode() == ""
    assert Payload(encoded_payload="").packets == []
    first, second = Payload(), Payload()
    first.packets.append(Packet())
    assert second.packets == []


def test_a_jsonp_payload() -> None:
    text = 'a"b\\c\nd'
    encoded = Payload([Packet(MESSAGE, text)]).encode(jsonp_index=233)
    assert encoded.startswith("___eio[233](")
    assert encoded.endswith(");")
    assert json.loads(encoded.removeprefix("___eio[233](").removesuffix(");")) == "4" + text
    assert "\n" not in encoded


@pytest.mark.parametrize("encoded", ["x", "4a\x1e", "b***"])
def test_a_broken_payload(encoded: str) -> None:
    with pytest.raises(ValueError):
        Payload(encoded_payload=encoded)
