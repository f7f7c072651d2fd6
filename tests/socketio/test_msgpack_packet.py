"""The MessagePack serializer."""

from __future__ import annotations

import datetime
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import socketio.packet
from socketio.exceptions import ProtocolError
from socketio.packet import ACK, BINARY_EVENT, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, MAX_ACK_ID, RESERVED_EVENTS

msgpack = pytest.importorskip("msgpack")
from socketio.msgpack_packet import MsgPackPacket  # noqa: E402


def unpack(pkt: MsgPackPacket) -> Any:
    return msgpack.unpackb(pkt.encode())


def attributes(pkt: MsgPackPacket) -> tuple[Any, ...]:
    return pkt.packet_type, pkt.data, pkt.namespace, pkt.id


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        ({"packet_type": CONNECT}, {"type": 0, "nsp": "/"}),
        ({"packet_type": CONNECT, "data": {"a": 1}}, {"type": 0, "nsp": "/", "data": {"a": 1}}),
        ({"packet_type": DISCONNECT, "namespace": "/foo"}, {"type": 1, "nsp": "/foo"}),
        (
            {"data": ["a", b"x", 1.5], "namespace": "/foo", "id": 12},
            {"type": 2, "data": ["a", b"x", 1.5], "nsp": "/foo", "id": 12},
        ),
        (
            {"packet_type": ACK, "data": (1, bytearray(b"x")), "id": 0},
            {"type": 3, "data": [1, b"x"], "nsp": "/", "id": 0},
        ),
        (
            {"packet_type": CONNECT_ERROR, "data": {"message": b"no"}},
            {"type": 4, "data": {"message": b"no"}, "nsp": "/"},
        ),
    ],
)
def test_encode(arguments: dict[str, Any], content: dict[str, Any]) -> None:
    pkt = MsgPackPacket(**arguments)
    assert isinstance(pkt.encode(), bytes)
    assert unpack(pkt) == content


def test_has_no_binary_events() -> None:
    assert MsgPackPacket.uses_binary_events is False
    assert MsgPackPacket(EVENT, ["a", b"x"]).packet_type == EVENT
    assert issubclass(MsgPackPacket, socketio.packet.Packet)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"type": 0, "nsp": "/"}, (CONNECT, None, "/", None)),
        ({"type": 0, "data": {"a": 1}, "nsp": "/foo"}, (CONNECT, {"a": 1}, "/foo", None)),
        # python-socketio: nil for the main namespace and for no payload
        ({"type": 1, "data": None, "nsp": None}, (DISCONNECT, None, None, None)),
        # the JavaScript client: options that are not meant for us
        (
            {"type": 2, "data": ["a", b"x", {"b": []}], "options": {"compress": True}, "id": 5, "nsp": "/"},
            (EVENT, ["a", b"x", {"b": []}], "/", 5),
        ),
        ({"type": 3, "data": [], "id": MAX_ACK_ID, "nsp": "/"}, (ACK, [], "/", MAX_ACK_ID)),
        ({"type": 4, "data": "no", "nsp": "/"}, (CONNECT_ERROR, "no", "/", None)),
    ],
)
def test_decode(content: dict[str, Any], expected: tuple[Any, ...]) -> None:
    encoded = msgpack.packb(content)
    pkt = MsgPackPacket(encoded_packet=encoded)
    assert attributes(pkt) == expected
    assert (pkt.attachment_count, pkt.attachments) == (0, [])
    assert MsgPackPacket().decode(encoded) == 0


# What the npm package socket.io-msgpack-parser 3.0.2 makes of packets of the JavaScript client.
JAVASCRIPT = [
    (
        (
            "85a47479706502a46461746195a16101a2c3a9cb3ff8000000000000c403010203"
            "a76f7074696f6e7381a8636f6d7072657373c3a2696407a36e7370a12f"
        ),
        (EVENT, ["a", 1, "é", 1.5, b"\x01\x02\x03"], "/", 7),
    ),
    (
        "83a47479706500a46461746181a5746f6b656ea3616263a36e7370a62f61646d696e",
        (CONNECT, {"token": "abc"}, "/admin", None),
    ),
    ("82a47479706501a36e7370a12f", (DISCONNECT, None, "/", None)),
    # `data: undefined`
    ("83a47479706500a464617461d40000a36e7370a12f", (CONNECT, None, "/", None)),
    # `new Date(1732270000123)` and undefined
    (
        "83a47479706502a46461746193a161d70000000193535687fbd40000a36e7370a12f",
        (EVENT, ["a", msgpack.ExtType(0, struct.pack(">q", 1732270000123)), None], "/", None),
    ),
]


@pytest.mark.parametrize(("encoded", "expected"), JAVASCRIPT)
def test_decode_javascript(encoded: str, expected: tuple[Any, ...]) -> None:
    assert attributes(MsgPackPacket(encoded_packet=bytes.fromhex(encoded))) == expected


def packed(**parts: Any) -> bytes:
    return msgpack.packb({"type": EVENT, "data": ["a"], "nsp": "/"} | parts)


def around(value: bytes) -> bytes:
    """An event with one argument, of which the bytes are given."""
    return b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a" + value


@pytest.mark.parametrize(
    "encoded",
    [
        # the rules of all packets
        *(packed(type=number) for number in (-1, 5, 6, 7, 2.0, True, "2", None, [2], 2**63)),
        *(packed(nsp=name) for name in ("", "foo", 1, b"/", ["/"], True)),
        *(packed(id=number) for number in (-1, 1.0, True, "1", 2**53, [1], b"1")),
        *(
            packed(data=data)
            for data in (None, [], {}, "a", 1, [None], [True], [[]], [{}], [b"a"], [msgpack.ExtType(1, b"")])
        ),
        *(packed(data=[name]) for name in sorted(RESERVED_EVENTS)),
        *(packed(type=CONNECT, data=data) for data in ([], "a", 1, True, b"")),
        *(packed(type=DISCONNECT, data=data) for data in ({}, [], "a", 1, False)),
        *(packed(type=ACK, data=data) for data in (None, {}, "a", 1, b"")),
        *(packed(type=CONNECT_ERROR, data=data) for data in (None, [], 1, True, b"a")),
        *(msgpack.packb(value) for value in ({}, [], [2, ["a"], "/"], 1, None, "a", b"a", {"nsp": "/", "data": ["a"]})),
        # broken, and more than one
        b"",
        b"\xc1",
        b"\xff",
        packed()[:-1],
        packed() + b"\x00",
        packed() * 2,
        # lengths that the data does not have
        *(around(head + b"\xff\xff\xff\xff") for head in (b"\xc6", b"\xdb", b"\xdd", b"\xdf", b"\xc9")),
        *(around(head + b"\xff\xff") for head in (b"\xc5", b"\xda", b"\xdc", b"\xde", b"\xc8")),
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\x7f\xff\xff\xff" * 1000,
        # depth
        around(b"\x91" * 1_000_000),
        around(b"\x91" * 1_000_000 + b"\xc0"),
        around(b"\x91" * 511 + b"\xc0"),
        around(b"\x81\xa1a" * 511 + b"\xc0"),
        # keys
        *(
            around(b"\x81" + key + b"\x01")
            for key in (b"\x01", b"\xc0", b"\xc4\x01a", b"\x90", b"\x80", b"\xcb" + bytes(8))
        ),
        b"\x84" + packed()[1:] + b"\xc4\x04type\x02",
        # text
        around(b"\xa1\xff"),
        around(b"\xa3\xed\xa0\x80"),
        # timestamps: more than 999,999,999 nanoseconds
        around(b"\xd7\xff" + struct.pack(">Q", 0x3FFFFFFF << 34)),
        around(b"\xc7\x0c\xff" + struct.pack(">Iq", 0xFFFFFFFF, 0)),
        around(b"\xc7\x05\xff" + bytes(5)),
    ],
)
def test_decode_refuses(encoded: bytes) -> None:
    with pytest.raises(ProtocolError):
        MsgPackPacket(encoded_packet=encoded)


def test_decode_refuses_text() -> None:
    with pytest.raises(ProtocolError, match="text"):
        MsgPackPacket(encoded_packet='2["a"]')


def test_decode_accepts_deep_data() -> None:
    # The map of the packet and the array of the arguments are the first two.
    for item in (b"\x91", b"\x81\xa1a"):
        assert MsgPackPacket(encoded_packet=around(item * 510 + b"\xc0")).data[0] == "a"


def test_extension_types_and_timestamps_are_kept() -> None:
    data = ["a", msgpack.ExtType(5, b"x"), msgpack.Timestamp(1, 2)]
    assert MsgPackPacket(encoded_packet=MsgPackPacket(EVENT, data).encode()).data == data


class TestConfigure:
    def test_hooks(self) -> None:
        def default(obj: Any) -> Any:
            if isinstance(obj, datetime.date):
                return msgpack.ExtType(1, obj.isoformat().encode())
            raise TypeError(f"no {type(obj).__name__}")

        def hook(code: int, data: bytes) -> Any:
            return datetime.date.fromisoformat(data.decode()) if code == 1 else msgpack.ExtType(code, data)

        configured = MsgPackPacket.configure(dumps_default=default, ext_hook=hook)
        assert issubclass(configured, MsgPackPacket)
        assert configured is not MsgPackPacket
        data = ["a", datetime.date(2026, 1, 2), msgpack.ExtType(2, b"x")]
        assert configured(encoded_packet=configured(EVENT, data).encode()).data == data
        with pytest.raises(TypeError, match="no set"):
            configured(EVENT, ["a", {1}]).encode()
        # What the hook raises is the fault of the one who sent the data.
        broken = MsgPackPacket(EVENT, ["a", msgpack.ExtType(1, b"x")]).encode()
        with pytest.raises(ProtocolError):
            configured(encoded_packet=broken)

    def test_leaves_the_others_alone(self) -> None:
        first = MsgPackPacket.configure(dumps_default=str)
        second = first.configure()
        assert unpack(first(EVENT, ["a", {1}]))["data"] == ["a", "{1}"]
        for cls in (MsgPackPacket, second):
            with pytest.raises(TypeError):
                cls(EVENT, ["a", {1}]).encode()


def test_names_the_extra_that_is_missing() -> None:
    program = """
import sys
sys.modules["msgpack"] = None
try:
    import socketio.msgpack_packet
except ImportError as exc:
    assert 'pip install "fast-socketio[msgpack]"' in str(exc), exc
else:
    raise AssertionError
"""
    path = str(Path(socketio.packet.__file__).parents[1])
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": path})


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.binary()
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda items: st.lists(items) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), items),
)


@given(st.lists(VALUES), st.none() | st.integers(0, MAX_ACK_ID), st.sampled_from([None, "/", "/é", "/a,b"]))
def test_round_trip(data: list[Any], ack_id: int | None, namespace: str | None) -> None:
    pkt = MsgPackPacket(encoded_packet=MsgPackPacket(EVENT, ["a", *data], namespace=namespace, id=ack_id).encode())
    assert repr(attributes(pkt)) == repr((EVENT, ["a", *data], namespace or "/", ack_id))


@given(st.binary() | VALUES.map(msgpack.packb) | st.builds(around, st.binary()))
def test_anything_decodes_or_is_a_protocol_error(encoded: bytes) -> None:
    try:
        pkt = MsgPackPacket(encoded_packet=encoded)
    except ProtocolError:
        return
    assert pkt.packet_type < BINARY_EVENT
