"""Packets: the class that programs see, and the form in which they travel through a server."""

from __future__ import annotations

import pytest

from engineio import packet
from engineio.exceptions import EngineIOError, ProtocolError, UnknownPacketError
from engineio.packet import MESSAGE, NOOP, OPEN, Outgoing, Packet, decode_base64, encode_masked
from engineio.websocket import BINARY, TEXT, FrameReader

from .fakes import read_frames


def test_the_constants() -> None:
    names = ["OPEN", "CLOSE", "PING", "PONG", "MESSAGE", "UPGRADE", "NOOP"]
    assert [getattr(packet, name) for name in names] == list(range(7))
    assert packet.packet_names == names
    assert packet.binary_types == (bytes, bytearray)


def test_the_default_packet() -> None:
    default = Packet()
    assert (default.packet_type, default.data, default.binary) == (NOOP, None, False)
    assert default.encode() == "6"


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        (None, "4"),
        ("", "4"),
        ("text €", "4text €"),
        ({"a": [1, None]}, '4{"a":[1,null]}'),
        ([], "4[]"),
        (42, "442"),
        (True, "4true"),
    ],
)
def test_encode(data: object, encoded: str) -> None:
    assert Packet(MESSAGE, data).encode() == encoded
    assert Packet(MESSAGE, data).encode(b64=True) == encoded


@pytest.mark.parametrize("data", [b"\x01\x02\x03\x04", bytearray(b"\x01\x02\x03\x04")])
def test_encode_binary(data: bytes) -> None:
    binary = Packet(MESSAGE, data)
    assert binary.binary
    # Engine.IO v4, "Packet encoding": a binary frame has no type byte; in a payload it is "b" and base64.
    assert binary.encode() == b"\x01\x02\x03\x04"
    assert binary.encode(b64=True) == "bAQIDBA=="


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 5, 6])
def test_only_messages_are_binary(kind: int) -> None:
    with pytest.raises(ValueError):
        Packet(kind, b"\x00")


@pytest.mark.parametrize(
    ("encoded", "kind", "data", "binary"),
    [
        ("2probe", 2, "probe", False),
        ("4hello", 4, "hello", False),
        ("4€", 4, "€", False),
        ("bAQIDBA==", 4, b"\x01\x02\x03\x04", True),
        ("b", 4, b"", True),
        (b"\x04\x01", 4, b"\x04\x01", True),
        (bytearray(b"\x01"), 4, b"\x01", True),
        (b"", 4, b"", True),
        ('0{"sid":"abc","pingInterval":25000}', 0, {"sid": "abc", "pingInterval": 25000}, False),
    ],
)
def test_decode(encoded: str | bytes, kind: int, data: object, binary: bool) -> None:
    decoded = Packet(encoded_packet=encoded)
    assert (decoded.packet_type, decoded.data, decoded.binary) == (kind, data, binary)


@pytest.mark.parametrize("encoded", ["", "7", "x", "10"[2:], "٤", "-1", " 4"])
def test_decode_what_is_no_packet(encoded: str) -> None:
    with pytest.raises(UnknownPacketError) as caught:
        Packet(encoded_packet=encoded)
    assert isinstance(caught.value, EngineIOError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("encoded", ["b***", "bA", "b€", "0{", "0[1"])
def test_decode_what_is_broken(encoded: str) -> None:
    with pytest.raises(ProtocolError):
        Packet(encoded_packet=encoded)


def test_an_encoding_is_kept_until_the_packet_changes() -> None:
    message = Packet(MESSAGE, {"a": 1})
    assert message.encode_cache is None
    encoded = message.encode()
    assert message.encode_cache == encoded
    message.decode("4other")
    assert message.encode() == "4other"


def test_the_json_module_of_the_class() -> None:
    class Json:
        @staticmethod
        def dumps(data: object, **options: object) -> str:
            return f"<{data}>"

    class Mine(Packet):
        json = Json

    assert Mine(MESSAGE, [1]).encode() == "4<[1]>"
    assert Packet(MESSAGE, [1]).encode() == "4[1]"
    assert Packet(OPEN, {"sid": "x"}).encode() == '0{"sid":"x"}'


# Outgoing


def test_frames() -> None:
    assert read_frames(Outgoing(b"4a").frame()) == [(TEXT, b"4a")]
    assert read_frames(Outgoing(None, [b"\x00"]).frame()) == [(BINARY, b"\x00")]
    long = Outgoing(b"4" * 70_000, [b"\x01" * 300, b""])
    assert read_frames(long.frame()) == [(TEXT, b"4" * 70_000), (BINARY, b"\x01" * 300), (BINARY, b"")]


def test_each_encoding_is_made_once() -> None:
    message = Outgoing(b"4a", [b"\x00"])
    assert message.frame() is message.frame()
    assert message.segment() is message.segment()
    assert message.segment() == b"4a\x1ebAA=="


def test_the_size_counts_all_parts() -> None:
    assert Outgoing(b"4abc").size == 4
    assert Outgoing(b"4abc", [b"12", b"345"]).size == 9
    assert Outgoing(None, [b"12"]).size == 2


def test_a_packet_on_its_way_out() -> None:
    text = Packet(MESSAGE, "a€").outgoing()
    assert (text.text, list(text.attachments)) == ("4a€".encode(), [])
    assert Packet(MESSAGE, {"a": 1}).outgoing().text == b'4{"a":1}'
    binary = Packet(MESSAGE, bytearray(b"\x00")).outgoing()
    assert (binary.text, list(binary.attachments)) == (None, [b"\x00"])


def test_base64() -> None:
    assert decode_base64(b"AQIDBA==") == b"\x01\x02\x03\x04"
    for broken in (b"A", b"AQ", b"A Q=", b"****", b"AQ==\n"):
        with pytest.raises(ProtocolError):
            decode_base64(broken)


# As a client sends them

SIZES = [0, 125, 126, 65_535, 65_536]


@pytest.mark.parametrize("size", SIZES)
def test_a_masked_text_is_read_again(size: int) -> None:
    reader = FrameReader(100_000, masked=True)
    assert reader.receive(encode_masked([Outgoing(b"x" * size)])) == [(TEXT, b"x" * size)]
    assert reader.error is None


@pytest.mark.parametrize("size", SIZES)
def test_a_masked_attachment_is_read_again(size: int) -> None:
    reader = FrameReader(100_000, masked=True)
    assert reader.receive(encode_masked([Outgoing(None, [bytes(size)])])) == [(BINARY, bytes(size))]


def test_masked_messages_stay_in_order() -> None:
    messages = [
        Outgoing(b"41"),
        Outgoing("4€".encode(), [b"a", b"", bytes(200)]),
        Outgoing(None, [b"b"]),
        Outgoing(b""),
        Outgoing(None),
        Outgoing(b"42"),
    ]
    expected = [(TEXT, b"41"), (TEXT, "4€".encode()), (BINARY, b"a"), (BINARY, b""), (BINARY, bytes(200))]
    expected += [(BINARY, b"b"), (TEXT, b""), (TEXT, b"42")]
    reader = FrameReader(1000, masked=True)
    assert reader.receive(encode_masked(messages)) == expected
    assert encode_masked([]) == b""


def test_each_frame_has_a_mask_of_its_own() -> None:
    messages = [Outgoing(bytes(10), [bytes(10)]) for _ in range(50)]
    frames = encode_masked(messages)
    length = 2 + 4 + 10
    masks = {frames[start + 2 : start + 6] for start in range(0, len(frames), length)}
    # Masks are random: that two of a hundred are alike happens once in a million times.
    assert len(frames) == 100 * length
    assert len(masks) >= 99
    # The kept form of a message has no mask.
    assert encode_masked(messages[:1]) != encode_masked(messages[:1])


def test_a_form_is_made_once_for_all_who_need_it() -> None:
    made: list[Outgoing] = []

    def reverse(message: Outgoing) -> bytes:
        made.append(message)
        return (message.text or b"")[::-1]

    message = Outgoing(b"4ab")
    assert [message.form(reverse) for _ in range(3)] == [b"ba4"] * 3
    assert message.form(len_of) == 3
    assert made == [message]
    assert (message.frame()[2:], message.segment()) == (b"4ab", b"4ab")


def len_of(message: Outgoing) -> int:
    return len(message.text or b"")
