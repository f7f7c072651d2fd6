"""A client of a server that has its own packet class: whatever that makes of a message keeps to the protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest

from socketio.packet import EVENT, Packet
from socketio.packet_connection import PacketConnection

from .hosts import Desk


class Backwards(Packet):
    """A serializer that trusts everybody: the whole packet as JSON, written backwards."""

    uses_binary_events = False

    def encode(self) -> str:
        return json.dumps(self._to_dict())[::-1]

    def decode(self, encoded_packet: str | bytes) -> int:
        text = encoded_packet if isinstance(encoded_packet, str) else encoded_packet.decode()
        packet = json.loads(text[::-1])
        self.packet_type, self.data = packet["type"], packet.get("data")
        self.namespace, self.id = packet.get("nsp"), packet.get("id")
        return 0


@pytest.fixture
def desk() -> Any:
    desk: Any = Desk()
    desk.packet_class = Backwards
    return desk


def give(connection: PacketConnection, packet: Any, binary: bool = False) -> None:
    encoded = json.dumps(packet)[::-1].encode()
    if binary:
        connection.receive_binary(encoded)
    else:
        connection.receive_text(encoded)


def failed(connection: Any) -> bool:
    return bool(connection.socket.failed)


@pytest.mark.parametrize("binary", [False, True])
def test_event_and_acknowledgement(desk: Any, binary: bool) -> None:
    seen: list[Any] = []
    desk.registry.add("e", lambda sid, value: seen.append(value), "/")
    connection = desk.joined(cls=PacketConnection)
    connection.members["/"].expect_ack(seen.append)
    give(connection, {"type": 2, "nsp": "/", "data": ["e", 1], "id": 5}, binary)
    give(connection, {"type": 3, "data": [2], "id": 1}, binary)
    desk.run()
    assert seen == [1, 2]
    assert desk.sent == [(3, "/", 5, [])]


@pytest.mark.parametrize(
    "packet",
    [
        {"type": 2, "data": []},
        {"type": 2},
        {"type": 2, "data": "e"},
        {"type": 2, "data": ["connect", {}]},
        {"type": 2, "data": ["disconnect"]},
        {"type": 2, "data": [None]},
        {"type": 2, "data": [["e"]]},
        {"type": 2, "nsp": "/a", "data": ["e"]},
        {"type": 3, "data": {}, "id": 1},
        {"type": 4, "data": {}},
        {"type": 0, "nsp": "/a", "data": [1]},
        {"type": 0},
        {"type": 7, "data": ["e"]},
        {"type": -1, "data": ["e"]},
        {"type": "2", "data": ["e"]},
        {"type": 0, "nsp": "*"},
        {"type": 0, "nsp": ["/"]},
        {"type": 3, "data": [], "id": [1]},
        {"type": 2, "data": ["e"], "id": "1"},
        {},
        [],
        None,
    ],
)
def test_violations_close(desk: Any, packet: Any) -> None:
    """D.3, "protocol violations", hold however a packet was encoded; a client cannot call the connect handler."""
    for name in ("connect", "disconnect"):
        desk.registry.add(name, lambda *args: pytest.fail("called by the client"), "/a")
    desk.namespaces.discard("/a")
    connection = desk.joined(cls=PacketConnection)
    give(connection, packet)
    desk.run()
    assert failed(connection) or (packet or {}).get("nsp") == "/a"
    assert not [kind for kind, *_ in desk.sent if kind != 4]


def test_what_the_class_cannot_decode_closes(desk: Any) -> None:
    connection = desk.joined(cls=PacketConnection)
    connection.receive_text(b"no")
    assert failed(connection)


class Plain(Packet):
    """A serializer that changes nothing."""


def test_attachments(desk: Any) -> None:
    desk.packet_class = Plain
    seen: list[Any] = []
    desk.registry.add("e", lambda sid, value: seen.append(value), "/")
    connection = desk.joined(cls=PacketConnection)
    connection.receive_text(b'51-["e",{"_placeholder":true,"num":0}]')
    assert desk.delay == desk.attachments_timeout
    connection.receive_binary(b"x")
    desk.run()
    assert seen == [b"x"] and desk.delay is None


@pytest.mark.parametrize("then", ["text", "wrong", "late"])
def test_attachments_that_do_not_come(desk: Any, then: str) -> None:
    desk.packet_class = Plain
    connection = desk.joined(cls=PacketConnection)
    number = 3 if then == "wrong" else 0
    connection.receive_text(b'51-["e",{"_placeholder":true,"num":%d}]' % number)
    if then == "text":
        connection.receive_text(b'2["e"]')
    elif then == "wrong":
        connection.receive_binary(b"x")
    else:
        connection.expire(0)
    assert failed(connection)


def test_too_many_attachments_close(desk: Any) -> None:
    desk.packet_class = Plain
    connection = desk.joined(cls=PacketConnection)
    connection.receive_text(b'511-["e"]')
    assert failed(connection)


def test_no_namespace_in_time(desk: Any) -> None:
    connection = desk.connection(cls=PacketConnection)
    connection.expire(0)
    assert failed(connection)


def test_numbers_of_the_packet_types() -> None:
    assert Packet().packet_type == EVENT == 2
