"""The state machine of a client of Socket.IO 1.x or 2.x."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.json import codec_for
from engineio.packet import Outgoing
from socketio.encoder import Encoder
from socketio.exceptions import ConnectionRefusedError
from socketio.members import Member
from socketio.msgpack_packet import MsgPackPacket
from socketio.old_protocol import OldConnection, OldPacketConnection
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT
from socketio.protocol import Connection

from .hosts import Desk, FakeSocket, text


class OldSocket(FakeSocket):
    """A socket of Engine.IO 3."""

    undecided = False
    decisions = 0

    class revision:
        @staticmethod
        def for_json() -> str:
            return "for JSON"

    def decided(self) -> None:
        self.undecided = False
        self.decisions += 1


class OldDesk(Desk):
    """A host that lets the connection make the ids."""

    def __init__(self) -> None:
        super().__init__()
        encoder = Encoder("default", None, codec_for(None))
        self.encode, self.packet_class = encoder.encode, encoder.packet_class

    def join(self, connection: Connection, namespace: str) -> Member:
        member = Member(connection.new_sid(namespace), namespace, connection)
        self.members.append(member)
        return member


@pytest.fixture
def desk() -> OldDesk:
    return OldDesk()


@pytest.fixture(params=[OldConnection, OldPacketConnection])
def connection(request: pytest.FixtureRequest, desk: OldDesk) -> OldConnection:
    """A connection that has not been opened, with and without a packet class of the program."""
    connection: OldConnection = request.param(desk, "E", OldSocket(), 64, None)
    return connection


def ids(desk: Desk) -> list[str]:
    return [member.sid for member in desk.members]


def test_the_main_namespace_is_joined_by_itself(desk: OldDesk, connection: Any) -> None:
    calls: list[Any] = []
    desk.registry.add("connect", lambda sid, environ, auth: calls.append((sid, auth)), "/")
    connection.opened()
    assert connection.socket.revision == "for JSON"
    assert connection.socket.undecided
    assert desk.sent == []
    desk.run()
    assert calls == [("E", None)]
    assert desk.sent == [(CONNECT, "/", None, None)]
    assert connection.socket.decisions == 1


def test_without_a_handler_it_is_joined_at_once(desk: OldDesk, connection: Any) -> None:
    connection.opened()
    assert desk.sent == [(CONNECT, "/", None, None)]
    assert not connection.socket.undecided


def test_a_refusal_decides_too(desk: OldDesk, connection: Any) -> None:
    desk.registry.add("connect", lambda sid, environ: False, "/")
    connection.opened()
    desk.run()
    assert desk.sent == [(CONNECT_ERROR, "/", None, "Connection rejected by server")]
    assert connection.socket.decisions == 1
    # In no namespace: the deadline of the connection, set by the server, goes on.
    connection.expire(0.0)
    assert connection.socket.failed


def test_a_server_without_the_main_namespace_greets_all_the_same(desk: OldDesk, connection: Any) -> None:
    desk.namespaces = {"/a"}
    connection.opened()
    text(connection, "0/a")
    assert desk.sent == [(CONNECT, "/", None, None), (CONNECT, "/a", None, None)]
    text(connection, '2["x"]')
    assert connection.socket.failed


def test_ids_are_those_that_the_client_computes(desk: OldDesk, connection: Any) -> None:
    connection.opened()
    text(connection, "0/a,", "0/b?x=1")
    assert ids(desk) == ["E", "/a#E", "/b#E"]


def test_the_query_string_is_the_auth_and_nothing_else_is(desk: OldDesk) -> None:
    connection: Any = OldConnection(desk, "E", OldSocket(), 64, None)
    calls: list[Any] = []
    desk.registry.add("connect", lambda sid, environ, auth: calls.append(auth), "/a")
    desk.registry.add("connect", lambda sid, environ, auth: calls.append(auth), "/b")
    connection.opened()
    text(connection, '0/a,{"token":1}', "0/b?token=2&token=3&more")
    desk.run()
    assert calls == [None, {"token": "3", "more": ""}]


def test_an_id_is_in_use_until_the_disconnect_handler_is_over(desk: OldDesk, connection: Any) -> None:
    connection.opened()
    desk.registry.add("disconnect", lambda sid: None, "/a")
    text(connection, "0/a", "1/a", "0/a?x=1", "0/a?x=2")
    assert ids(desk) == ["E", "/a#E"]
    desk.run()
    assert desk.left_ == ["/a#E"]
    assert ids(desk) == ["E", "/a#E", "/a#E"]
    assert "/a" in connection.members


def test_who_has_changed_its_mind(desk: OldDesk, connection: Any) -> None:
    connection.opened()
    desk.registry.add("disconnect", lambda sid: None, "/a")
    text(connection, "0/a", "1/a", "0/a", "1/a")
    desk.run()
    assert ids(desk) == ["E", "/a#E"]
    assert not connection.socket.failed
    text(connection, "1/a")
    assert connection.socket.failed


def test_nobody_joins_again_after_the_end(desk: OldDesk, connection: Any) -> None:
    connection.opened()
    desk.registry.add("disconnect", lambda sid: None, "/a")
    text(connection, "0/a", "1/a", "0/a")
    connection.closed("transport close")
    desk.run()
    assert ids(desk) == ["E", "/a#E"]
    assert desk.over == 1


def test_a_namespace_that_is_joined_already(desk: OldDesk, connection: Any) -> None:
    connection.opened()
    text(connection, "0", "0/a", "0/a")
    assert ids(desk) == ["E", "/a#E"]
    assert not connection.socket.failed


def test_acknowledgements_of_revision_4_and_3(desk: OldDesk, connection: Any) -> None:
    desk.registry.add("x", lambda sid: (1, 2), "/")
    connection.opened()
    desk.sent.clear()
    text(connection, '27["x"]')
    desk.run()
    assert desk.sent == [(ACK, "/", 7, [1, 2])]
    # An acknowledgement that nobody waits for, in the form of revision 3.
    text(connection, "30-99[]", '28["x"]')
    desk.run()
    assert desk.sent[1:] == []
    (message,) = connection.socket.pushed
    assert isinstance(message, Outgoing)
    assert (message.text, list(message.attachments)) == (b"430-8[1,2]", [])


def test_leaving(desk: OldDesk, connection: Any) -> None:
    connection.opened()
    text(connection, "1")
    assert desk.left_ == ["E"]
    text(connection, "0")
    assert [kind for kind, *_ in desk.sent] == [CONNECT, CONNECT]
    assert DISCONNECT not in [kind for kind, *_ in desk.sent]


def test_the_messagepack_serializer(desk: OldDesk) -> None:
    desk.packet_class = MsgPackPacket
    connection: Any = OldPacketConnection(desk, "E", OldSocket(), 64, None)
    calls: list[Any] = []
    desk.registry.add("connect", lambda sid, environ, auth: calls.append((sid, auth)), "/a")
    desk.registry.add("x", lambda sid, data: calls.append((sid, data)), "/a")
    connection.opened()
    # As socket.io-msgpack-parser 2 sends it: the query string is part of the name.
    connection.receive_binary(MsgPackPacket(CONNECT, namespace="/a?token=1").encode())
    desk.run()
    connection.receive_binary(MsgPackPacket(EVENT, ["x", b"\0"], namespace="/a").encode())
    desk.run()
    assert calls == [("/a#E", {"token": "1"}), ("/a#E", b"\0")]
    assert desk.sent == [(CONNECT, "/", None, None), (CONNECT, "/a", None, None)]


def test_a_client_that_is_always_connected_first(desk: OldDesk, connection: Any) -> None:
    desk.always_connect = True
    desk.registry.add("connect", lambda sid, environ: False, "/")
    connection.opened()
    assert desk.sent == [(CONNECT, "/", None, None)]
    assert not connection.socket.undecided
    desk.run()
    assert desk.sent[1:] == [(DISCONNECT, "/", None, None)]


def test_a_refusal_that_cannot_be_sent(desk: OldDesk, connection: Any) -> None:
    desk.serialize = True

    def refuse(sid: str, environ: Any) -> None:
        raise ConnectionRefusedError("no", object())

    desk.registry.add("connect", refuse, "/")
    connection.opened()
    desk.run()
    assert desk.sent == [(CONNECT_ERROR, "/", None, "Connection refused by server")]
    assert connection.socket.decisions == 1


PACKETS = st.sampled_from(["0", "1", "0/a", "1/a", "0/a?x=1", '2["x"]', '27["x"]', "30-1[]", "41-1[]", '4"x"', "0/zz"])


@given(st.lists(PACKETS | st.text(st.characters(codec="utf-8"), max_size=20), max_size=20))
def test_any_packets_are_taken_or_end_the_connection(packets: list[str]) -> None:
    for cls in (OldConnection, OldPacketConnection):
        desk = OldDesk()
        connection: Any = cls(desk, "E", OldSocket(), 64, None)
        connection.opened()
        for packet in packets:
            if not connection.socket.failed:
                text(connection, packet)
                desk.run()
        connection.closed("transport close")
        desk.run()
        assert desk.over == 1
        assert sorted(desk.left_) == sorted(ids(desk))
