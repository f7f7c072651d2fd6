"""How a client joins the namespaces of old servers: packets in, packets and handlers out."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from engineio.client_revisions import CLIENT_REVISIONS, NEWEST
from engineio.json import codec_for
from socketio.client_protocol import ClientConnection, ClientMember
from socketio.client_revisions import INCOMPATIBLE, auth_query, connection_query
from socketio.handlers import Handlers
from socketio.packet import CONNECT, DISCONNECT

OLD = CLIENT_REVISIONS[3]


class Engine:
    """An Engine.IO connection."""

    sid = "engine-sid"
    halted = False

    def __init__(self, revision: Any, certain: bool) -> None:
        self.revision = revision
        self.certain = certain
        self.error: Exception | None = None

    def adopt(self, revision: Any) -> None:
        self.revision, self.certain = revision, True

    def fail(self, error: Exception) -> None:
        self.error = error


class Desk:
    """A client that notes what it sends and hears."""

    max_attachments = 3

    def __init__(self, revision: Any = OLD, certain: bool = True) -> None:
        self.registry = Handlers()
        self.logger = logging.getLogger("tests.desk")
        self.loads, self.dumps = codec_for(None).loads, codec_for(None).dumps
        self.sent: list[Any] = []
        self.notes: list[Any] = []
        self.engine = Engine(revision, certain)
        self.connection = ClientConnection(self, self.engine, 64)  # type: ignore[arg-type]
        for namespace in ("/", "/admin", "/other"):
            self.registry.add("connect_error", lambda data, of=namespace: self.notes.append((of, data)), namespace)

    def submit(self, handler: Any, arguments: Any, finish: Any, token: Any) -> None:
        finish(token, handler(*arguments), None)

    submit_farewell = submit

    def transmit(self, connection: Any, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        self.sent.append((kind, namespace, data))

    def joined(self, member: ClientMember) -> None:
        self.notes.append(("joined", member.namespace, member.sid))

    def decided(self, member: ClientMember) -> None:
        pass

    def recognised(self) -> None:
        self.notes.append("recognised")

    def left(self, member: ClientMember) -> None:
        self.notes.append(("left", member.namespace))

    def receive(self, *packets: str) -> None:
        for packet in packets:
            self.connection.receive_text(packet.encode())


@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
def test_the_server_joins_the_main_namespace_by_itself(early: bool) -> None:
    desk = Desk()
    if early:
        desk.receive("0")
    member = desk.connection.connect("/", None)
    if not early:
        assert member.is_connecting()
        desk.receive("0")
    assert desk.sent == []
    assert desk.notes == [("joined", "/", "engine-sid")]
    assert desk.connection.is_decided()


def test_other_namespaces_are_asked_for_with_a_query() -> None:
    desk = Desk()
    desk.receive("0")
    desk.connection.connect("/admin", {"token": "a b,é", "n": 1})
    desk.connection.connect("/other", None)
    assert desk.sent == [(CONNECT, "/admin?token=a+b%2C%C3%A9&n=1", None), (CONNECT, "/other", None)]
    desk.receive("0/admin", "0/other,")
    assert desk.notes == [("joined", "/admin", "/admin#engine-sid"), ("joined", "/other", "/other#engine-sid")]


def test_what_was_not_asked_for_is_left_alone() -> None:
    desk = Desk()
    desk.receive("0", "0/admin", '2["event"]', '2/admin,["event"]', "1/admin", '4/admin,"no"')
    assert (desk.sent, desk.notes, desk.engine.error) == ([], [], None)


@pytest.mark.parametrize("data", ['"Not authorized"', '{"code":7}'])
def test_a_refusal_is_a_string_or_an_object(data: str) -> None:
    desk = Desk()
    desk.receive("0")
    desk.connection.connect("/admin", None)
    desk.receive(f"4/admin,{data}")
    assert desk.notes == [("/admin", desk.loads(data.encode()))]
    assert list(desk.connection.refusals()) == ["/admin"]


@pytest.mark.parametrize("order", ["before", "between", "after"])
def test_who_is_refused_in_the_main_namespace_gets_into_no_other(order: str) -> None:
    """A server of Socket.IO 2 never answers for the others then."""
    desk = Desk()
    if order == "before":
        desk.receive('4"no"')
    desk.connection.connect("/", None)
    if order == "between":
        desk.receive('4"no"')
    desk.connection.connect("/admin", None)
    if order == "after":
        desk.receive('4"no"')
    assert desk.notes == [("/", "no"), ("/admin", "no")]
    assert desk.connection.is_decided()


def test_the_main_namespace_counts_even_if_nobody_wants_it() -> None:
    desk = Desk()
    desk.connection.connect("/admin", None)
    desk.receive('4"no"')
    assert desk.notes == [("/admin", "no")]


def test_the_main_namespace_is_left_and_joined_again() -> None:
    desk = Desk()
    desk.receive("0")
    desk.connection.disconnect(desk.connection.connect("/", None))
    desk.connection.connect("/", None)
    assert desk.sent == [(DISCONNECT, "/", None), (CONNECT, "/", None)]
    desk.receive("0")
    assert [note[0] for note in desk.notes] == ["joined", "joined"]


def test_a_refused_client_may_ask_again() -> None:
    desk = Desk()
    desk.connection.connect("/", None)
    desk.receive('4"no"')
    desk.connection.connect("/", None)
    desk.connection.connect("/admin", None)
    assert desk.sent == [(CONNECT, "/", None), (CONNECT, "/admin", None)]


def test_an_unused_presence_can_be_ended() -> None:
    desk = Desk()
    desk.receive("0", "1")
    assert desk.connection.connect("/", None).is_connecting()
    assert desk.sent == [(CONNECT, "/", None)]


@pytest.mark.parametrize("first", ["0", '4"no"'])
def test_an_old_server_is_recognised_because_it_speaks_first(first: str) -> None:
    desk = Desk(NEWEST, certain=False)
    desk.receive(first)
    assert (desk.notes, desk.engine.revision) == (["recognised"], OLD)
    desk.connection.connect("/", None)
    assert desk.notes[1:] == [("joined", "/", "engine-sid") if first == "0" else ("/", "no")]
    assert desk.sent == []


def test_a_server_that_is_known_to_be_new_is_not_mistaken() -> None:
    desk = Desk(NEWEST)
    desk.receive("0", '4"no"')
    assert (desk.notes, desk.engine.revision) == ([], NEWEST)


@pytest.mark.parametrize("certain", [True, False])
def test_an_old_server_that_speaks_late_is_known_the_next_time(certain: bool) -> None:
    desk = Desk(NEWEST, certain=certain)
    desk.connection.connect("/", {"a": 1})
    desk.receive("0")
    assert desk.sent == [(CONNECT, "/", {"a": 1})]
    assert desk.connection.refusals() == {"/": INCOMPATIBLE}
    assert desk.engine.revision is (NEWEST if certain else OLD)


def test_a_query_is_made_of_a_dictionary_only(caplog: pytest.LogCaptureFixture) -> None:
    dumps, logger = codec_for(None).dumps, logging.getLogger("tests.auth_query")
    assert auth_query({"a": "1&2", "b": True, "c": None, "d": [1, "x"], "é": ""}, dumps, logger) == (
        "a=1%262&b=true&c=null&d=%5B1%2C%22x%22%5D&%C3%A9="
    )
    assert auth_query({}, dumps, logger) == auth_query(None, dumps, logger) == ""
    assert caplog.messages == []
    assert auth_query("token", dumps, logger) == ""
    assert "not sent" in caplog.messages[0]


def test_the_protocols_own_parameters_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    dumps, logger = codec_for(None).dumps, logging.getLogger("tests.connection_query")
    auth = {"sid": "x", "t": 1, "token": "y", "EIO": 4}
    assert connection_query(auth, dumps, logger) == "token=y"
    assert caplog.messages == ["auth names what the URL of a connection has already: EIO, sid, t is not sent"]
    assert connection_query({"a": "b"}, dumps, logger) == "a=b"
    assert connection_query(None, dumps, logger) == ""
    assert len(auth) == 4
