"""Engine.IO 3 as a client speaks it, and the choice between it and Engine.IO 4."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.base_client import BaseClient
from engineio.client_protocol import ClientSocket, ClientState
from engineio.client_revisions import CLIENT_REVISIONS, NEWEST, RevisionChoice, refuses_revision, revision_of
from engineio.exceptions import ConnectionError, ProtocolError, RevisionRefusedError
from engineio.json import codec_for
from engineio.packet import Outgoing, encode_masked
from engineio.websocket import BINARY, FrameReader

OLD = CLIENT_REVISIONS[3]
CONTENT = {"sid": "abc", "upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200}
OPENING = b"0" + json.dumps(CONTENT).encode()
loads = codec_for(None).loads


def framed(*packets: bytes) -> bytes:
    """Packets of ASCII as a payload of Engine.IO 3."""
    return b"".join(b"%d:%b" % (len(packet), packet) for packet in packets)


def binary(*packets: bytes) -> bytes:
    """Text packets in the other form of its payloads."""
    return b"".join(bytes((0, *map(int, str(len(packet))), 255)) + packet for packet in packets)


class Shell:
    """A host and a receiver that note what they are told."""

    def __init__(self, fixed: bool = True, revision: Any = OLD, transport: str = "polling", **content: Any) -> None:
        self.events: list[Any] = []
        self.woken = 0
        self.socket = ClientSocket(self, loads, revision, fixed)
        self.socket.receiver = self
        self.socket.open(b"0" + json.dumps({**CONTENT, **content}).encode(), transport, 10.0)

    def wake(self) -> None:
        self.woken += 1

    def closed(self, why: str | None = None) -> None:
        if why is not None:
            self.events.append(("closed", why))

    def receive_text(self, data: bytes) -> None:
        self.events.append(data.decode())

    def receive_binary(self, data: bytes) -> None:
        self.events.append(data)


@pytest.mark.parametrize(
    ("body", "revision"),
    [
        (OPENING, NEWEST),
        (OPENING + b"\x1e4a", NEWEST),
        (framed(OPENING), OLD),
        (framed(OPENING, b"40"), OLD),
        (binary(OPENING), OLD),
        (b"0", NEWEST),
        *((body, None) for body in (b"", b"<html>", b"\x01\xff", b"\x00\x0a\xff", b"96", b"-1:0", b":0")),
    ],
)
def test_a_handshake_tells_the_revision_over_polling(body: bytes, revision: Any) -> None:
    assert revision_of(body) is revision


@pytest.mark.parametrize("form", [framed, binary])
@pytest.mark.parametrize(("asked", "fixed"), [(NEWEST, False), (OLD, False), (OLD, True)])
def test_an_old_handshake_is_taken(form: Any, asked: Any, fixed: bool) -> None:
    socket = ClientSocket(Shell(), loads, asked, fixed)
    assert socket.open_payload(form(OPENING, b"40"), 10.0) == [(4, b"0", False)]
    assert (socket.state, socket.sid, socket.revision, socket.certain) == (ClientState.OPEN, "abc", OLD, True)


@pytest.mark.parametrize(("asked", "body"), [(NEWEST, framed(OPENING)), (OLD, OPENING)])
def test_a_fixed_revision_takes_no_other(asked: Any, body: bytes) -> None:
    socket = ClientSocket(Shell(), loads, asked, True)
    with pytest.raises(ProtocolError, match=f"not a handshake of Engine.IO {asked.number}"):
        socket.open_payload(body, 10.0)
    other = ClientSocket(Shell(), loads, asked, False)
    other.open_payload(body, 10.0)
    assert other.revision is not asked


def test_payloads_of_both_forms_are_taken() -> None:
    shell = Shell()
    shell.socket.receive_payload("6:4hello2:4€10:b4AQIDBA==3:4😀".encode(), 10.1)
    shell.socket.receive_payload(b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04", 10.1)
    assert shell.events == ["hello", "€", b"\1\2\3\4", "😀", "€", b"\1\2\3\4"]
    shell.socket.receive_payload(b"9:4hello", 10.1)
    assert shell.events[-1] == ("closed", "transport error")


def test_what_is_posted_is_binary() -> None:
    shell = Shell()
    shell.socket.push(Outgoing("4€".encode(), [b"\1\2", b"x" * 11]))
    shell.socket.push(Outgoing(b"4b"))
    body = shell.socket.take_payload()
    assert body == (
        b"\x00\x04\xff4\xe2\x82\xac" + b"\x01\x03\xff\x04\1\2" + b"\x01\x01\x02\xff\x04" + b"x" * 11 + b"\x00\x02\xff4b"
    )
    assert (OLD.content_type, shell.socket.queued) == ("application/octet-stream", 0)


def test_a_body_is_as_long_as_the_server_takes() -> None:
    shell = Shell(maxPayload=20)
    for _ in range(3):
        shell.socket.push(Outgoing(b"4345678"))
    assert [len(shell.socket.take_payload()) for _ in range(2)] == [20, 10]


def test_binary_messages_of_a_websocket_have_a_type() -> None:
    frame = encode_masked([Outgoing(None, [b"\1\2"])], OLD.binary_prefix)
    assert FrameReader(10**6).receive(frame) == [(BINARY, b"\4\1\2")]
    shell = Shell(transport="websocket")
    shell.socket.receive_binary(b"\4\1\2", 10.1)
    shell.socket.receive_binary(b"\4", 10.1)
    assert shell.events == [b"\1\2", b""]
    shell.socket.receive_binary(b"\2\1\2", 10.1)
    assert shell.events[-1] == ("closed", "transport error")


def test_it_is_the_client_that_pings() -> None:
    shell = Shell()
    socket = shell.socket
    socket.push(Outgoing(b"4a"))
    assert socket.due == 10.3
    assert not socket.expire(10.2)
    socket.receive_text(b"4x", 10.25)  # what comes does not put the ping off
    assert socket.due == 10.3
    assert not socket.expire(10.3)
    assert [socket.take().text, socket.take().text] == [b"2", b"4a"]  # type: ignore[union-attr]
    assert socket.due == pytest.approx(10.6)
    socket.receive_text(b"3", 10.35)
    assert not socket.expire(10.6)
    assert not socket.expire(10.84)
    assert socket.expire(10.86)
    assert shell.events == ["x", ("closed", "ping timeout")]
    assert socket.due == float("inf")


def test_pings_that_cannot_be_sent_do_not_pile_up() -> None:
    shell = Shell(pingTimeout=10**6)
    for tick in range(5):
        assert not shell.socket.expire(10.3 + tick)
    assert shell.socket.queued == 1


def test_a_websocket_tells_its_age_only_if_it_is_new() -> None:
    assert Shell(False, NEWEST, "websocket", maxPayload=100).socket.certain
    assert Shell(True, NEWEST, "websocket").socket.certain
    assert Shell(False, OLD, "websocket").socket.certain
    shell = Shell(False, NEWEST, "websocket")
    assert not shell.socket.certain
    shell.socket.adopt(OLD)
    assert shell.socket.certain
    assert not shell.socket.expire(10.3)
    assert shell.socket.take().text == b"2"  # type: ignore[union-attr]


def test_a_new_server_is_not_pinged() -> None:
    socket = Shell(False, NEWEST, "websocket").socket
    assert not socket.expire(10.3)
    assert (socket.pending(), socket.due) == (False, 10.5)


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        ({"code": 5, "message": "Unsupported protocol version"}, True),
        ("The client is using an unsupported version of the Socket.IO or Engine.IO protocols", True),
        *((content, False) for content in ({"code": 3}, {}, "no", None, 5, [5])),
    ],
)
def test_a_refused_revision_is_recognised(content: Any, refused: bool) -> None:
    assert refuses_revision(content) is refused
    error = BaseClient(protocol=4).refusal(400, json.dumps(content).encode())
    assert isinstance(error, RevisionRefusedError) is refused
    assert not isinstance(BaseClient().refusal(403, json.dumps(content).encode()), RevisionRefusedError)


@pytest.mark.parametrize("status", [400, 403])
def test_without_an_answer_no_secret_goes_into_a_url(status: int) -> None:
    client = BaseClient()
    assert isinstance(client.refusal(status, b""), RevisionRefusedError)
    assert not isinstance(client.refusal(401, b""), RevisionRefusedError)
    client.query_source = str
    assert not isinstance(client.refusal(status, b""), RevisionRefusedError)
    client.revisions.settle(OLD)
    assert isinstance(client.refusal(status, b""), RevisionRefusedError)


@pytest.mark.parametrize("protocol", [5, 2, "3", "newest", None, True, 4.5])
def test_other_protocols_do_not_exist(protocol: Any) -> None:
    with pytest.raises(ValueError, match="protocol is 3, 4 or 'auto'"):
        BaseClient(protocol=protocol)


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_fixed_protocol_stays(protocol: int) -> None:
    choice = RevisionChoice(protocol)
    choice.begin("h")
    assert not choice.turn(RevisionRefusedError())
    choice.settle(CLIENT_REVISIONS[7 - protocol])
    assert (choice.fixed, choice.revision.number) == (True, protocol)


def test_the_other_revision_is_tried_once_and_remembered() -> None:
    choice = RevisionChoice("auto")
    choice.begin("h")
    assert choice.revision is NEWEST
    assert not choice.turn(ConnectionError())
    assert choice.turn(RevisionRefusedError())
    choice.settle(choice.revision)
    choice.begin("h")
    assert choice.revision is OLD
    assert choice.turn(RevisionRefusedError())  # the server has been replaced
    assert choice.revision is NEWEST
    assert not choice.turn(RevisionRefusedError())
    choice.settle(OLD)
    choice.begin("another")
    assert choice.revision is NEWEST


def test_after_two_refusals_nothing_is_known() -> None:
    choice = RevisionChoice("auto")
    choice.begin("h")
    assert choice.turn(RevisionRefusedError())
    assert not choice.turn(RevisionRefusedError())
    assert choice.revision is NEWEST


def test_urls_of_an_old_server() -> None:
    client = BaseClient(protocol=3)
    client.prepare("http://h?a=b", None, "e")
    assert client.build_url("polling") == "http://h/e/?a=b&transport=polling&EIO=3"
    client.old_query = "token=x"
    assert client.build_url("websocket", "s") == "ws://h/e/?a=b&transport=websocket&EIO=3&token=x&sid=s"
    newer = BaseClient(protocol=4)
    newer.prepare("http://h", None, "e")
    newer.old_query = "token=x"
    assert "token" not in newer.build_url("polling")


def test_a_connection_without_the_query_is_not_used() -> None:
    client = BaseClient()
    socket = ClientSocket(Shell(), loads, NEWEST, False)
    socket.open_payload(framed(OPENING), 10.0)
    client.query_source = lambda: "token=x"
    assert not client.accepts(socket)
    assert client.revisions.revision is NEWEST
    client.query_source = None
    assert client.accepts(socket)
    assert client.revisions.revision is OLD


FRAGMENTS = [OPENING, framed(OPENING, b"40"), binary(OPENING), b"6:4hello", "2:4€".encode(), b"10:b4AQIDBA==", b"\xff"]
FRAGMENTS += [
    b"\x00\x04\xff4\xe2\x82\xac",
    b"\x01\x05\xff\x04\1\2\3\4",
    b"1:6",
    b"0:",
    b"\x1e",
    b"9" * 5000,
    b":",
    b"4",
]


@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=3)), max_size=4).map(b"".join), st.booleans())
def test_whatever_a_server_answers_is_taken_or_a_violation(body: bytes, old: bool) -> None:
    socket = ClientSocket(Shell(), loads, OLD if old else NEWEST, False)
    try:
        socket.open_payload(body, 10.0)
    except ProtocolError:
        assert socket.state is ClientState.OPENING
    shell = Shell(revision=OLD if old else NEWEST)
    shell.socket.receive_payload(body, 10.1)
    ends = [event[1] for event in shell.events if isinstance(event, tuple)]
    assert ends in ([[]] if shell.socket.state is ClientState.OPEN else [["transport error"], ["server disconnect"]])
