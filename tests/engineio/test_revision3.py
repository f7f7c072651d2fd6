"""Engine.IO 3: payloads of text and of bytes, lengths that lie, and what comes back of any messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.exceptions import ProtocolError, UnknownPacketError
from engineio.packet import MESSAGE, NOOP, PING, PONG, Outgoing
from engineio.payload import Payload
from engineio.revision3 import Base64Revision3, BinaryRevision3, JSONRevision3, Revision3, decode_binary, decode_packet

REVISION = Revision3()
BASE64 = Base64Revision3()
BINARY = BinaryRevision3()


def adapt(revision: Revision3 | JSONRevision3, *messages: Outgoing) -> list[Outgoing]:
    """Return messages as they wait in the outbox of a client."""
    return [part for message in messages for part in revision.adapt(message)]


def encode(revision: Revision3 | JSONRevision3, *messages: Outgoing) -> bytes:
    """Return a payload of some messages."""
    return revision.encode_payload(adapt(revision, *messages))


def decode(body: bytes) -> list[tuple[int, bytes, bool]]:
    """Return the packets of a payload."""
    return REVISION.decode_payload(body, "")


def test_text_stands_behind_its_length() -> None:
    body = encode(REVISION, Outgoing(b"4hello"), Outgoing(b"2"))
    assert body == b"6:4hello1:2"
    assert REVISION.content_type_of(body) == "text/plain; charset=UTF-8"
    assert decode(body) == [(MESSAGE, b"hello", False), (PING, b"", False)]


def test_an_empty_payload_has_a_form() -> None:
    assert REVISION.encode_payload([]) == BASE64.encode_payload([]) == b"0:"
    assert decode(b"0:") == []
    assert decode(b"0:1:30:") == [(PONG, b"", False)]


@pytest.mark.parametrize("text", ["4€", "4😀 and 😀", "4é\x1e:9:4", "4\U0010ffff"])
def test_lengths_of_text_count_utf16(text: str) -> None:
    length = len(text.encode("utf-16-le")) // 2
    body = BASE64.encode_payload([Outgoing(b"4first"), Outgoing(text.encode())])
    assert body == f"6:4first{length}:{text}".encode()
    assert BASE64.decode_payload(body, "")[1] == (MESSAGE, text[1:].encode(), False)


def test_bytes_and_the_sample_of_the_specification() -> None:
    body = encode(REVISION, Outgoing("4€".encode()), Outgoing(None, [b"\1\2\3\4"]))
    assert body == bytes([0, 4, 255, 0x34, 0xE2, 0x82, 0xAC, 1, 5, 255, 4, 1, 2, 3, 4])
    assert REVISION.content_type_of(body) == "application/octet-stream"
    assert decode(body) == [(MESSAGE, "€".encode(), False), (MESSAGE, b"\1\2\3\4", True)]


def test_base64_has_a_type_behind_the_b() -> None:
    body = encode(BASE64, Outgoing(None, [b"\1\2\3\4"]))
    assert body == b"10:b4AQIDBA=="
    assert BASE64.content_type_of(body) == "text/plain; charset=UTF-8"
    assert decode(body) == [(MESSAGE, b"\1\2\3\4", True)]


def test_lengths_of_many_digits() -> None:
    body = encode(REVISION, Outgoing(b"4" + b"x" * 12344), Outgoing(None, [b"y"]))
    assert body.startswith(bytes([0, 1, 2, 3, 4, 5, 255, 0x34]))
    assert [len(data) for _, data, _ in decode(body)] == [12344, 1]


@pytest.mark.parametrize("revision", [REVISION, BASE64])
def test_a_message_is_adapted_once_for_all(revision: Revision3) -> None:
    message = Outgoing(b'451-["x",{"_placeholder":true,"num":0}]', [b"\0\xff"])
    parts = revision.adapt(message)
    assert revision.adapt(message) is parts
    assert message.attachments == [b"\0\xff"]  # as others get it
    plain = Outgoing(b"4x")
    assert list(revision.adapt(plain)) == [plain]


def test_the_parts_of_a_message_stay_in_order() -> None:
    message = Outgoing(b"452-[1,2]", [b"a", b"b"])
    (with_types,) = REVISION.adapt(message)
    assert (with_types.text, with_types.attachments) == (b"452-[1,2]", [b"\4a", b"\4b"])
    assert [part.text for part in BASE64.adapt(message)] == [b"452-[1,2]", b"b4YQ==", b"b4Yg=="]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"4hello",  # no length
        b":4",
        b"2:4",  # too long a length
        b"1:4hello",  # too short a one: what follows is no length
        b"6:4hello2",  # trailing digits
        b"x:4",
        b"-1:4",
        b"+1:4",
        b"1.0:4",
        b"1e0:4",
        b" 1:4",
        "١:4".encode(),  # ARABIC-INDIC DIGIT ONE
        b"9" * 309 + b":4",
        b"9" * 400 + b":4",
        b"0" * 311 + b"1:4",
        b"1:7",
        b"1:x",
        b"1:b",
        b"3:b2Y",  # a binary ping
        b"6:b4!!!!",
        b"2:4\xff",
        "2:4😀".encode(),  # half of a pair of surrogates
        b"\0",
        b"\0\xff",
        b"\0\1",
        b"\0\1\xff",  # nothing there
        b"\0\x0a\xff4",  # no digit
        b"\0\1\xff45",
        b"\0\1\xff4\2\1\xff4",  # neither text nor binary
        b"\0" + b"\x09" * 311 + b"\xff4",
        b"\0\2\xff4\xff",
        b"\1\0\xff",
        b"\1\1\xff\2",  # a binary ping
        b"\1\1\xff4",  # a digit where the type is a byte
    ],
)
def test_what_is_not_a_payload(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(body)


def test_a_limit_of_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Payload, "max_decode_packets", 2)
    assert len(decode(b"1:61:6")) == len(decode(b"\0\1\xff6\0\1\xff6")) == 2
    for body in (b"1:61:61:6", b"\0\1\xff6" * 3):
        with pytest.raises(ProtocolError, match="too many"):
            decode(body)


@pytest.mark.parametrize("stamp", ["1418000000000-0", "1418000000000-123"])
def test_clients_up_to_1_3_take_bytes_alone(stamp: str) -> None:
    revision = REVISION.for_client(False, stamp)
    assert isinstance(revision, BinaryRevision3)
    assert encode(revision, Outgoing(b"2")) == b"\0\1\xff2"
    assert isinstance(REVISION.for_client(True, stamp), Base64Revision3)
    for other in ("", "Q8ZTHnh", "1418000000000", "1418000000000-", "x1418000000000-0"):
        assert REVISION.for_client(False, other) is REVISION


@pytest.mark.parametrize("revision", [BASE64, BINARY])
def test_json_is_ascii_for_clients_of_which_nobody_knows_how_they_decode(revision: Revision3) -> None:
    of_json = revision.for_json()
    text = '451-/admin,7["é€😀\\u0041",{"_placeholder":true,"num":0}]'.encode()
    body = encode(of_json, Outgoing(text, [b"x"]))
    (_, escaped, _), binary = decode(body)
    assert escaped.isascii()
    assert escaped.startswith(b"51-/admin,7[")
    assert json.loads(escaped[11:]) == ["é€😀A", {"_placeholder": True, "num": 0}]
    assert binary == (MESSAGE, b"x", True)
    # Neither the name of a namespace nor what is no packet of Socket.IO can be escaped.
    for other, sent in [("40/é,", "0/é,"), ("4é", "é"), ('40/é,"é"', '0/é,"\\u00e9"')]:
        assert decode(encode(of_json, Outgoing(other.encode()))) == [(MESSAGE, sent.encode(), False)]


def test_json_for_clients_that_take_bytes_is_left_alone() -> None:
    message = Outgoing('42["é"]'.encode())
    assert encode(REVISION.for_json(), message) == encode(REVISION, message)


@pytest.mark.parametrize("text", ["é", "é€😀", "Grüße", "à »"])
@pytest.mark.parametrize("revision", [REVISION, BASE64])
def test_text_that_was_encoded_twice_is_decoded_twice(text: str, revision: Revision3) -> None:
    twice = "4" + text.encode().decode("latin-1")
    once = [(MESSAGE, text.encode(), False)]
    of_json = revision.for_json()
    assert of_json.decode_payload(f"{len(twice)}:{twice}".encode(), "") == once
    assert of_json.decode_payload(encode(BASE64, Outgoing(b"4" + text.encode())), "") == once
    # The client has shown that it encodes once: what looks like more is what it means.
    as_it_is = [(MESSAGE, twice[1:].encode(), False)]
    assert of_json.decode_payload(f"{len(twice)}:{twice}".encode(), "") == as_it_is
    assert REVISION.for_json().decode_payload(b"\0" + encode(BINARY, Outgoing(twice.encode()))[1:], "") == as_it_is


def test_the_text_of_others_is_decoded_once() -> None:
    assert BASE64.decode_payload("3:4Ã©".encode(), "") == [(MESSAGE, "Ã©".encode(), False)]


@pytest.mark.parametrize("revision", [REVISION, BASE64, BINARY])
def test_the_form_of_a_connection_of_socketio(revision: Revision3) -> None:
    of_json = revision.for_json()
    assert of_json is not revision.for_json()
    assert of_json.for_client(True, "") is of_json
    assert (of_json.number, of_json.textual) == (3, revision.textual)
    assert of_json.content_type_of(b"\0") == "application/octet-stream"


def test_single_packets() -> None:
    assert decode_packet(b"2probe") == (PING, b"probe", False)
    assert decode_packet(b"6") == (NOOP, b"", False)
    assert decode_packet(b"b4AQI=") == (MESSAGE, b"\1\2", True)
    assert decode_binary(b"\4\1") == b"\1"
    for bad in (b"", b"\3", b"4"):
        with pytest.raises(UnknownPacketError):
            decode_binary(bad)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
MESSAGES = st.lists(
    st.builds(
        lambda text, attachments: Outgoing(b"4" + text.encode(), attachments), TEXT, st.lists(st.binary(), max_size=2)
    )
    | st.builds(lambda data: Outgoing(None, [data]), st.binary()),
    max_size=5,
)


def parts_of(messages: Iterable[Outgoing]) -> list[tuple[int, bytes, bool]]:
    """Return what the decoder should find."""
    parts: list[tuple[int, bytes, bool]] = []
    for message in messages:
        if message.text is not None:
            parts.append((MESSAGE, message.text[1:], False))
        parts += [(MESSAGE, attachment, True) for attachment in message.attachments]
    return parts


@given(MESSAGES, st.sampled_from([REVISION, BASE64, BINARY]))
def test_messages_come_back_as_they_were(messages: list[Outgoing], revision: Revision3) -> None:
    assert decode(encode(revision, *messages)) == parts_of(messages)


@given(st.binary() | st.builds(bytes.__add__, st.sampled_from([b"\0", b"\1", b"1:", b"12:b4"]), st.binary()))
def test_any_bytes_are_packets_or_a_protocol_error(body: bytes) -> None:
    for revision in (REVISION, REVISION.for_json()):
        try:
            packets: list[Any] = revision.decode_payload(body, "")
        except ProtocolError:
            continue
        assert all(0 <= kind <= 6 and isinstance(data, bytes) for kind, data, _ in packets)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_socketio_client_that_has_shown_how_it_encodes_is_understood(text: str) -> None:
    of_json = REVISION.for_json()
    of_json.decode_payload("3:4€€".encode(), "")
    body = BASE64.encode_payload([Outgoing(b"4" + text.encode())])
    assert of_json.decode_payload(body, "") == [(MESSAGE, text.encode(), False)]
