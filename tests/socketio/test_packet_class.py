"""The class `Packet`, through which programs see the codec of revision 5."""

from __future__ import annotations

import json
import types
from typing import Any

import pytest

import engineio.json
from engineio.json import codec_for
from socketio.exceptions import ProtocolError
from socketio.packet import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    Packet,
    decode_text,
    encode_text,
)

CODEC = codec_for(None)


def decode(text: str | bytes) -> tuple[Any, ...]:
    return decode_text(text.encode() if isinstance(text, str) else text, CODEC.loads)


def encode(packet_type: int, namespace: str, ack_id: int | None, data: Any) -> tuple[bytes, list[bytes]]:
    return encode_text(packet_type, namespace, ack_id, data, CODEC.dumps)


PLACEHOLDER = {"_placeholder": True, "num": 0}


class TestPacket:
    def test_defaults(self) -> None:
        pkt = Packet()
        assert (pkt.packet_type, pkt.data, pkt.namespace, pkt.id) == (EVENT, None, None, None)
        assert (pkt.attachment_count, pkt.attachments) == (0, [])
        assert Packet.uses_binary_events is True
        assert Packet.json is engineio.json

    @pytest.mark.parametrize(
        ("arguments", "encoded"),
        [
            ({"packet_type": CONNECT, "data": {"a": 1}}, '0{"a":1}'),
            ({"packet_type": CONNECT, "namespace": "/foo"}, "0/foo,"),
            ({"packet_type": DISCONNECT}, "1"),
            ({"packet_type": DISCONNECT, "namespace": "/foo"}, "1/foo,"),
            ({"data": ["a"], "namespace": "/"}, '2["a"]'),
            ({"data": ("a", 1), "namespace": "/foo", "id": 12}, '2/foo,12["a",1]'),
            ({"packet_type": ACK, "data": [], "id": 0}, "30[]"),
            ({"packet_type": CONNECT_ERROR, "data": "no", "namespace": "/f"}, '4/f,"no"'),
            ({"data": ["a"], "binary": True}, ['50-["a"]']),
            (
                {"data": ["a", b"x", {"b": bytearray(b"y")}], "id": 12, "namespace": "/foo"},
                ['52-/foo,12["a",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]', b"x", b"y"],
            ),
            ({"packet_type": ACK, "data": [b"x"], "id": 1}, ['61-1[{"_placeholder":true,"num":0}]', b"x"]),
        ],
    )
    def test_encode(self, arguments: dict[str, Any], encoded: Any) -> None:
        assert Packet(**arguments).encode() == encoded

    def test_becomes_binary(self) -> None:
        assert Packet(EVENT, ["a", b"x"]).packet_type == BINARY_EVENT
        assert Packet(ACK, [b"x"]).packet_type == BINARY_ACK
        assert Packet(EVENT, ["a"]).packet_type == EVENT
        pkt = Packet(EVENT, ["a", b"x"], binary=False)
        assert pkt.packet_type == EVENT
        with pytest.raises(TypeError, match="bytes"):
            pkt.encode()

    @pytest.mark.parametrize("packet_type", [CONNECT, DISCONNECT, CONNECT_ERROR])
    def test_refuses_bytes_where_there_are_no_attachments(self, packet_type: int) -> None:
        with pytest.raises(ValueError, match="attachments"):
            Packet(packet_type, {"a": b"x"})

    @pytest.mark.parametrize(
        ("text", "attributes"),
        [
            ('2["a",1]', (EVENT, ["a", 1], None, None, 0)),
            (b'2["a",1]', (EVENT, ["a", 1], None, None, 0)),
            ('2/foo,12["a"]', (EVENT, ["a"], "/foo", 12, 0)),
            ('0/ns,{"a":1}', (CONNECT, {"a": 1}, "/ns", None, 0)),
            ("0/random", (CONNECT, None, "/random", None, 0)),
            ('0/foo?a=1,{"x":1}', (CONNECT, {"x": 1}, "/foo", None, 0)),
            ("1/foo,", (DISCONNECT, None, "/foo", None, 0)),
            ('51-["a",{"_placeholder":true,"num":0}]', (BINARY_EVENT, ["a", PLACEHOLDER], None, None, 1)),
        ],
    )
    def test_decode(self, text: str | bytes, attributes: tuple[Any, ...]) -> None:
        pkt = Packet(encoded_packet=text)
        assert (pkt.packet_type, pkt.data, pkt.namespace, pkt.id, pkt.attachment_count) == attributes
        assert pkt.attachments == []
        assert Packet().decode(text) == attributes[-1]

    @pytest.mark.parametrize("text", ["", "9", '2["a"]x', '2["\ud800"]', b"\x01", '450-["a"]'])
    def test_decode_refuses(self, text: str | bytes) -> None:
        with pytest.raises(ProtocolError):
            Packet(encoded_packet=text)

    def test_attachments(self) -> None:
        text = '52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
        pkt = Packet(encoded_packet=text)
        assert pkt.add_attachment(b"1") is False
        assert pkt.attachments == [b"1"]
        assert pkt.add_attachment(b"2") is True
        assert pkt.data == ["a", b"1", b"2"]
        assert pkt.encode() == [text, b"1", b"2"]
        with pytest.raises(ValueError, match="attachment"):
            pkt.add_attachment(b"3")

    def test_class_methods(self) -> None:
        data = ["a", b"1", {"b": (b"2",)}]
        replaced, attachments = Packet.deconstruct_binary(data)
        assert replaced == ["a", PLACEHOLDER, {"b": [{"_placeholder": True, "num": 1}]}]
        assert attachments == [b"1", b"2"]
        assert data == ["a", b"1", {"b": (b"2",)}]
        assert Packet.reconstruct_binary(replaced, attachments) == ["a", b"1", {"b": [b"2"]}]
        assert Packet.data_is_binary(data)
        assert Packet.data_is_binary(bytearray())
        assert not Packet.data_is_binary(["a", {"b": ("c", None)}])

    def test_to_dict(self) -> None:
        assert Packet(EVENT, ["a"], id=0)._to_dict() == {"type": EVENT, "data": ["a"], "nsp": None, "id": 0}
        assert Packet(EVENT, ["a"], namespace="/a")._to_dict() == {"type": EVENT, "data": ["a"], "nsp": "/a"}

    def test_subclass_with_its_own_json(self) -> None:
        calls: list[str] = []

        class Logged(Packet):
            json = types.SimpleNamespace(
                dumps=lambda obj, **options: calls.append("dumps") or json.dumps(obj, **options),
                loads=lambda text: calls.append("loads") or json.loads(text),
            )

        assert Logged(EVENT, ["a", b"x"]).encode() == ['51-["a",{"_placeholder":true,"num":0}]', b"x"]
        assert Logged(encoded_packet='2["a", 1]').data == ["a", 1]
        assert calls == ["dumps", "loads"]
        assert Packet.json is engineio.json

    def test_subclass_with_its_own_encoding(self) -> None:
        class Reversed(Packet):
            uses_binary_events = False

            def encode(self) -> str:
                return json.dumps(self._to_dict())[::-1]

            def decode(self, encoded_packet: str | bytes) -> None:
                packet = json.loads(encoded_packet[::-1])
                self.packet_type, self.data, self.namespace = packet["type"], packet["data"], packet["nsp"]

        pkt = Reversed(encoded_packet=Reversed(EVENT, ["a"], namespace="/n").encode())
        assert (pkt.packet_type, pkt.data, pkt.namespace, pkt.attachment_count) == (EVENT, ["a"], "/n", 0)
        assert Reversed(CONNECT, {"a": b"x"}).packet_type == CONNECT
