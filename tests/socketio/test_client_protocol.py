"""A client on one connection: packets in, handlers and packets out."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from engineio.client_revisions import NEWEST
from engineio.json import codec_for
from engineio.packet import Outgoing
from socketio.acks import Answer
from socketio.client_protocol import ClientConnection, ClientMember
from socketio.handlers import Handlers
from socketio.msgpack_packet import MsgPackPacket
from socketio.packet import Packet
from socketio.packet_connection import PacketClientConnection


class Engine:
    """An Engine.IO connection that notes how it ends."""

    sid = "engine-sid"
    revision = NEWEST
    certain = True

    def __init__(self) -> None:
        self.halted = False
        self.errors: list[Exception] = []

    def halt(self) -> None:
        self.halted = True

    def proceed(self) -> None:
        self.halted = False

    def fail(self, error: Exception) -> None:
        self.errors.append(error)


class Desk:
    """A host that runs handlers when it is told to."""

    max_attachments = 3
    packet_class: Any = Packet

    def __init__(self, cls: type[ClientConnection] = ClientConnection, limit: int = 64) -> None:
        self.registry = Handlers()
        self.logger = logging.getLogger("tests.desk")
        self.loads = codec_for(None).loads
        self.tasks: list[tuple[Any, ...]] = []
        self.sent: list[Any] = []
        self.notes: list[Any] = []
        self.engine = Engine()
        self.connection = cls(self, self.engine, limit)  # type: ignore[arg-type]

    def submit(self, *task: Any) -> None:
        self.tasks.append(task)

    submit_farewell = submit

    def run(self) -> None:
        while self.tasks:
            handler, arguments, finish, token = self.tasks.pop(0)
            try:
                result = handler(*arguments)
            except Exception as exc:
                finish(token, None, exc)
            else:
                finish(token, result, None)

    def transmit(self, connection: Any, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        if data == ["unserializable"]:
            raise TypeError
        self.sent.append((kind, namespace, ack_id, data))

    def joined(self, member: ClientMember) -> None:
        self.notes.append(("joined", member.namespace))

    def decided(self, member: ClientMember) -> None:
        self.notes.append(("decided", member.namespace))

    def left(self, member: ClientMember) -> None:
        self.notes.append(("left", member.namespace))

    def lost(self, connection: Any, why: str) -> None:
        self.notes.append(("lost", why))

    def on(self, event: str, namespace: str = "/", result: Any = None) -> None:
        """Registers a handler that notes its arguments."""
        self.registry.add(event, lambda *args: self.notes.append((event, *args)) or result, namespace)

    def receive(self, *messages: str | bytes) -> None:
        for message in messages:
            if isinstance(message, str):
                self.connection.receive_text(message.encode())
            else:
                self.connection.receive_binary(message)
        self.run()

    def join(self, namespace: str = "/") -> ClientMember:
        member = self.connection.connect(namespace, None)
        self.receive(f'0{namespace},{{"sid":"S"}}' if namespace != "/" else '0{"sid":"S"}')
        self.sent.clear()
        self.notes.clear()
        return member


def test_connect_always_sends_an_object() -> None:
    desk = Desk()
    desk.connection.connect("/", None)
    desk.connection.connect("/a", {"token": 1})
    assert desk.sent == [(0, "/", None, {}), (0, "/a", None, {"token": 1})]


def test_the_answer_is_told_after_the_handler() -> None:
    desk = Desk()
    desk.on("connect", "/a")
    member = desk.connection.connect("/a", None)
    assert not desk.connection.is_decided()
    desk.receive('0/a,{"sid":"S"}')
    assert desk.notes == [("joined", "/a"), ("connect",), ("decided", "/a")]
    assert member.is_connected()
    assert member.sid == "S"
    assert desk.connection.is_decided()
    assert desk.connection.refusals() == {}


@pytest.mark.parametrize("packet", ["0", "0{}", '0{"sid":5}', '0{"sid":""}'])
def test_a_server_of_an_old_version_is_refused(packet: str) -> None:
    desk = Desk()
    desk.on("connect_error")
    desk.connection.connect("/", None)
    desk.receive(packet)
    assert desk.notes[0][0] == "connect_error"
    assert "Socket.IO 2" in desk.connection.refusals()["/"]


@pytest.mark.parametrize(
    ("packet", "data", "reason"),
    [
        ('4{"message":"no","data":{"a":1}}', {"message": "no", "data": {"a": 1}}, "no"),
        ('4"Unable to connect"', "Unable to connect", "Unable to connect"),
    ],
)
def test_a_refusal(packet: str, data: Any, reason: str) -> None:
    desk = Desk()
    desk.on("connect_error")
    member = desk.connection.connect("/", None)
    desk.receive(packet)
    assert desk.notes == [("connect_error", data), ("decided", "/")]
    assert not member.is_connected()
    assert desk.connection.refusals() == {"/": reason}


def test_events_and_their_acknowledgements() -> None:
    desk = Desk()
    desk.on("one", result=("a", 2))
    desk.on("none")
    desk.join()
    desk.receive('25["one",1,"x"]', '26["none"]', '2["one"]', '27["unknown"]')
    assert desk.notes == [("one", 1, "x"), ("none",), ("one",)]
    assert sorted(desk.sent) == [(3, "/", 5, ["a", 2]), (3, "/", 6, []), (3, "/", 7, [])]


def test_a_handler_that_fails_is_not_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.registry.add("bad", lambda: 1 / 0, "/")
    desk.registry.add("unserializable", lambda: "unserializable", "/")
    desk.join()
    desk.receive('21["bad"]', '22["unserializable"]')
    assert desk.sent == []
    assert "ZeroDivisionError" in caplog.text
    assert "acknowledgement of event 'unserializable'" in caplog.text


def test_binary_events() -> None:
    desk = Desk()
    desk.on("file", "/a")
    desk.join("/a")
    desk.receive('52-/a,["file",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', b"zero")
    assert desk.notes == []
    desk.receive(b"one")
    assert desk.notes == [("file", b"one", b"zero")]


def test_an_acknowledgement_is_taken_once() -> None:
    desk = Desk()
    member = desk.join()
    desk.connection.emit(member, ["ask", 1], lambda *args: desk.notes.append(args))
    assert desk.sent == [(2, "/", 1, ["ask", 1])]
    desk.receive('31["yes",2]', '31["yes",2]', "39[]")
    assert desk.notes == [("yes", 2)]


def test_what_cannot_be_sent_waits_for_no_answer() -> None:
    desk = Desk()
    member = desk.join()
    with pytest.raises(TypeError):
        desk.connection.emit(member, ["unserializable"], print)
    assert not member.acks


@pytest.mark.parametrize("end", ["connection", "server", "client"])
def test_answers_are_abandoned_at_the_end(end: str) -> None:
    desk = Desk()
    desk.on("disconnect")
    member = desk.join()
    desk.connection.emit(member, ["ask"], Answer(desk.notes.append, lambda: desk.notes.append("abandoned")))
    if end == "connection":
        desk.connection.closed("transport error")
        reason = "transport error"
    elif end == "server":
        desk.connection.receive_text(b"1")
        reason = "server disconnect"
    else:
        desk.connection.disconnect(member)
        reason = "client disconnect"
    desk.run()
    assert desk.notes[0] == "abandoned"
    assert ("disconnect", reason) in desk.notes
    assert (("left", "/") in desk.notes) == (end == "server")
    assert desk.sent[1:] == ([(1, "/", None, None)] if end == "client" else [])


def test_the_end_of_the_connection_ends_all_namespaces() -> None:
    desk = Desk()
    desk.on("disconnect", "*")
    desk.join("/a")
    desk.join("/b")
    waiting = desk.connection.connect("/c", None)
    desk.connection.closed("ping timeout")
    desk.connection.closed("again")
    desk.run()
    assert ("disconnect", "/a", "ping timeout") in desk.notes
    assert ("disconnect", "/b", "ping timeout") in desk.notes
    assert ("disconnect", "/c", "ping timeout") not in desk.notes
    assert ("decided", "/c") in desk.notes
    assert not waiting.is_connecting()
    assert desk.notes.count(("lost", "ping timeout")) == 1
    assert desk.connection.is_decided()


@pytest.mark.parametrize(
    "messages",
    [
        ["x"],
        ["2{}"],
        ['2["connect"]'],
        ['51-["a",{"_placeholder":true,"num":0}]', '2["b"]'],
        ['50-["a"]'],
        ['54-["a"]'],
        [b"alone"],
        ['51-["a",{"_placeholder":true,"num":1}]', b"x"],
        ['51-["a",{"_placeholder":true,"num":-1}]', b"x"],
        ["3{}"],
        ["1[]"],
        ["4"],
    ],
)
def test_violations_close_the_connection(messages: list[str | bytes]) -> None:
    desk = Desk()
    desk.on("*")
    desk.join()
    desk.receive(*messages)
    assert len(desk.engine.errors) == 1
    assert desk.notes == []


def test_events_before_the_answer_are_a_violation() -> None:
    desk = Desk()
    desk.connection.connect("/", None)
    desk.receive('2["early"]')
    assert desk.engine.errors


def test_what_crosses_a_goodbye_is_no_violation() -> None:
    desk = Desk()
    desk.on("*", "/a")
    member = desk.join("/a")
    desk.connection.disconnect(member)
    desk.receive('2/a,["late"]', "1/a,", '4/a,{"message":"x"}', '0/a,{"sid":"T"}', "31[]")
    assert desk.notes == []
    assert desk.engine.errors == []


def test_too_many_handlers_stop_the_reading() -> None:
    desk = Desk(limit=2)
    desk.on("a")
    desk.join()
    desk.connection.receive_text(b'2["a"]')
    assert not desk.engine.halted
    desk.connection.receive_text(b'2["a"]')
    assert desk.engine.halted
    desk.run()
    assert not desk.engine.halted


def test_a_packet_class_of_the_program() -> None:
    desk = Desk(PacketClientConnection)
    desk.packet_class = MsgPackPacket
    desk.on("connect")
    desk.on("file", result=b"back")
    desk.connection.connect("/", None)
    desk.receive(MsgPackPacket(0, {"sid": "S"}).encode(), MsgPackPacket(2, ["file", b"x"], id=4).encode())
    assert ("file", b"x") in desk.notes
    assert desk.sent[-1] == (3, "/", 4, [b"back"])
    desk.receive(b"\xff")
    assert desk.engine.errors


def test_a_packet_class_with_attachments() -> None:
    desk = Desk(PacketClientConnection)
    desk.on("file")
    desk.connection.connect("/", None)
    desk.receive('0{"sid":"S"}', '51-["file",{"_placeholder":true,"num":0}]', b"x")
    assert ("file", b"x") in desk.notes
    assert Outgoing(b"").size == 0
    desk.receive('51-["file",{"_placeholder":true,"num":0}]', "2[]")
    assert desk.engine.errors
