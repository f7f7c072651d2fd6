"""The states of a socket, and packets in and out of it."""

from __future__ import annotations

import pytest

from engineio.exceptions import ProtocolError
from engineio.interfaces import reason
from engineio.packet import Outgoing
from engineio.polling_link import PendingLink, PollingLink
from engineio.protocol import EARLY_FLUSH, LINGER, TRANSITIONS, Socket, State

from .fakes import (
    HANDSHAKE,
    FakeHost,
    Poll,
    Recorder,
    StreamLink,
    new_socket,
    outgoing,
    polling_socket,
    websocket_socket,
)


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def receiver() -> Recorder:
    return Recorder()


def in_state(state: State, host: FakeHost, receiver: Recorder) -> Socket:
    link = PollingLink()
    socket = link.socket = new_socket(host, link, receiver)
    if state is not State.CONNECTING:
        socket.open(HANDSHAKE, 25)
        socket.take()
    if state is State.CLOSING:
        socket.close()
    elif state is State.CLOSED:
        socket.lost()
    assert socket.state is state
    return socket


# States


def test_the_table_holds_the_only_transitions() -> None:
    assert {
        State.CONNECTING: {State.OPEN, State.CLOSED},
        State.OPEN: {State.CLOSING, State.CLOSED},
        State.CLOSING: {State.CLOSED},
        State.CLOSED: set(),
    } == TRANSITIONS


STEPS = {
    "open": lambda socket: socket.open(HANDSHAKE, 25),
    "reject": lambda socket: socket.reject(),
    "close": lambda socket: socket.close(),
    "fail": lambda socket: socket.fail(),
    "lost": lambda socket: socket.lost(),
    "expire": lambda socket: socket.expire(2000.0),
    "client closes": lambda socket: socket.receive_packet(1, b"", False),
}

ENDS = {
    (State.CONNECTING, "open"): State.OPEN,
    (State.CONNECTING, "reject"): State.CLOSED,
    (State.CONNECTING, "close"): State.CLOSED,
    (State.CONNECTING, "fail"): State.CLOSED,
    (State.CONNECTING, "lost"): State.CLOSED,
    (State.CONNECTING, "expire"): State.CONNECTING,
    (State.CONNECTING, "client closes"): State.CLOSED,
    (State.OPEN, "open"): RuntimeError,
    (State.OPEN, "close"): State.CLOSING,
    (State.OPEN, "fail"): State.CLOSED,
    (State.OPEN, "lost"): State.CLOSED,
    (State.OPEN, "expire"): State.OPEN,
    (State.OPEN, "client closes"): State.CLOSED,
    (State.CLOSING, "open"): RuntimeError,
    (State.CLOSING, "close"): State.CLOSING,
    (State.CLOSING, "fail"): State.CLOSED,
    (State.CLOSING, "lost"): State.CLOSED,
    (State.CLOSING, "expire"): State.CLOSED,
    (State.CLOSING, "client closes"): State.CLOSED,
    (State.CLOSED, "open"): RuntimeError,
    (State.CLOSED, "reject"): State.CLOSED,
    (State.CLOSED, "close"): State.CLOSED,
    (State.CLOSED, "fail"): State.CLOSED,
    (State.CLOSED, "lost"): State.CLOSED,
    (State.CLOSED, "expire"): State.CLOSED,
    (State.CLOSED, "client closes"): State.CLOSED,
}


@pytest.mark.parametrize(("state", "step"), ENDS)
def test_every_step_in_every_state(state: State, step: str, host: FakeHost, receiver: Recorder) -> None:
    socket = in_state(state, host, receiver)
    end = ENDS[state, step]
    if end is RuntimeError:
        with pytest.raises(RuntimeError):
            STEPS[step](socket)
        assert socket.state is state
    else:
        STEPS[step](socket)
        assert socket.state is end
    assert len(receiver.reasons) <= 1
    if socket.state is State.CLOSED:
        assert socket.halted
        assert host.due == {}
        assert host.sockets == {}
        assert socket.outbox == []


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (lambda socket: socket.close(), reason.SERVER_DISCONNECT),
        (lambda socket: socket.lost(), reason.TRANSPORT_CLOSE),
        (lambda socket: socket.fail(), reason.TRANSPORT_ERROR),
        (lambda socket: socket.receive_text(b"1"), reason.CLIENT_DISCONNECT),
    ],
)
@pytest.mark.parametrize("make", [polling_socket, websocket_socket])
def test_the_receiver_hears_of_the_end_once(make, end, why: str, host: FakeHost, receiver: Recorder) -> None:
    socket, _ = make(host, receiver)
    end(socket)
    assert receiver.reasons == [why]
    for step in (Socket.close, Socket.fail, Socket.lost, Socket.reject):
        step(socket)
    host.advance(1000)
    assert receiver.reasons == [why]


@pytest.mark.parametrize("end", [Socket.reject, Socket.close, Socket.fail, Socket.lost])
def test_the_receiver_hears_nothing_of_a_connection_that_never_opened(end, host: FakeHost, receiver: Recorder) -> None:
    socket = in_state(State.CONNECTING, host, receiver)
    end(socket)
    assert receiver.events == []
    assert host.sockets == {}


def test_the_reasons_are_those_that_programs_compare_with() -> None:
    assert reason.SERVER_DISCONNECT == "server disconnect"
    assert reason.CLIENT_DISCONNECT == "client disconnect"
    assert reason.PING_TIMEOUT == "ping timeout"
    assert reason.TRANSPORT_CLOSE == "transport close"
    assert reason.TRANSPORT_ERROR == "transport error"


def test_environ_is_made_when_asked_for_and_stays_the_same(host: FakeHost, receiver: Recorder) -> None:
    socket = in_state(State.OPEN, host, receiver)
    assert host.environs == 0
    environ = socket.environ
    environ["mine"] = 1
    socket.lost()
    assert socket.environ is environ
    assert environ == {"source": "the source", "mine": 1}
    assert host.environs == 1


# Out


def test_the_handshake_comes_before_what_the_connect_handler_has_sent(host: FakeHost) -> None:
    link = StreamLink()
    socket = new_socket(host, PendingLink(), Recorder())
    for message in outgoing("a", "b"):
        socket.push(message)
    link.target = socket
    socket.link = link
    assert link.written == []
    socket.open(HANDSHAKE, 25)
    assert socket.pending == sum(message.size for message in socket.outbox)
    host.flush()
    assert link.texts() == [b"0{}", b"4a", b"4b"]


def test_messages_of_one_iteration_go_out_together_and_in_order(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    for message in outgoing("a", "b", "c"):
        socket.push(message)
    assert link.written == []
    assert host.dirty == [socket]
    host.flush()
    assert len(link.written) == 1
    assert link.texts() == [b"4a", b"4b", b"4c"]
    assert socket.pending == 0


def test_a_big_burst_is_flushed_while_it_is_being_made(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    socket.push(Outgoing(b"4" * EARLY_FLUSH))
    assert link.written == []
    socket.push(Outgoing(b"4x"))
    assert sum(map(len, link.written)) > EARLY_FLUSH
    assert socket.pending == 0
    host.flush()
    assert link.texts()[-1] == b"4x"


def test_a_client_that_does_not_read_is_closed_when_too_much_waits(receiver: Recorder) -> None:
    host = FakeHost(max_send_queue=100_000)
    socket, link = websocket_socket(host, receiver)
    link.blocked = True
    socket.push(Outgoing(b"4" * 100_000))
    assert socket.state is State.OPEN
    socket.push(Outgoing(b"4"))
    assert receiver.reasons == [reason.TRANSPORT_ERROR]
    assert link.aborted
    assert socket.outbox == []
    socket.push(Outgoing(b"4"))
    assert socket.outbox == []


def test_a_client_that_does_not_poll_is_closed_when_too_much_waits(receiver: Recorder) -> None:
    host = FakeHost(max_send_queue=100_000)
    socket, _ = polling_socket(host, receiver)
    socket.push(Outgoing(b"4" * 100_001))
    assert receiver.reasons == [reason.TRANSPORT_ERROR]
    assert socket.state is State.CLOSED


def test_closing_with_a_queue_that_is_just_full(receiver: Recorder) -> None:
    host = FakeHost(max_send_queue=100_000)
    socket, link = polling_socket(host, receiver)
    socket.push(Outgoing(b"4" * 100_000))
    socket.close()
    assert receiver.reasons == [reason.SERVER_DISCONNECT]
    poll = Poll(link)
    assert poll.answer == [b"4" * 100_000, b"1"]


@pytest.mark.parametrize("state", [State.CLOSING, State.CLOSED])
def test_nothing_is_queued_after_the_end(state: State, host: FakeHost, receiver: Recorder) -> None:
    socket = in_state(state, host, receiver)
    before = list(socket.outbox)
    socket.push(Outgoing(b"4late"))
    assert socket.outbox == before


# Close by the server while polling


def test_the_last_packets_wait_for_the_next_poll(host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    socket.push(Outgoing(b"4last"))
    socket.close()
    assert socket.state is State.CLOSING
    assert receiver.reasons == [reason.SERVER_DISCONNECT]
    host.advance(LINGER - 1)
    assert host.sockets == {"sid": socket}
    assert Poll(link).answer == [b"4last", b"1"]
    assert socket.state is State.CLOSED
    assert host.sockets == {}
    assert host.due == {}
    assert receiver.reasons == [reason.SERVER_DISCONNECT]


def test_a_waiting_poll_gets_the_last_packets_at_once(host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    poll = Poll(link)
    socket.push(Outgoing(b"4last"))
    socket.close()
    assert poll.answer == [b"4last", b"1"]
    assert (host.sockets, host.due, socket.state) == ({}, {}, State.CLOSED)


def test_nothing_is_left_of_a_client_that_does_not_come_back(host: FakeHost, receiver: Recorder) -> None:
    socket, _ = polling_socket(host, receiver)
    socket.close()
    host.advance(LINGER)
    assert (host.sockets, host.due, socket.outbox, socket.state) == ({}, {}, [], State.CLOSED)
    assert receiver.reasons == [reason.SERVER_DISCONNECT]


def test_closing_twice_does_not_throw_the_last_packets_away(host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    socket.push(Outgoing(b"4last"))
    socket.close()
    socket.close(code=1012)
    assert Poll(link).answer == [b"4last", b"1"]


# In


@pytest.mark.parametrize("make", [polling_socket, websocket_socket])
def test_messages_reach_the_receiver(make, host: FakeHost, receiver: Recorder) -> None:
    socket, _ = make(host, receiver)
    socket.receive_text(b"4hello")
    socket.receive_text(b"4")
    socket.receive_packet(4, "€".encode(), False)
    socket.receive_packet(4, b"\x00\xff", True)
    socket.receive_binary(b"\x04\xff")
    socket.receive_text(b"bAQID")
    socket.receive_text(b"6")
    socket.receive_packet(6, b"", False)
    assert receiver.events == [
        ("text", b"hello"),
        ("text", b""),
        ("text", "€".encode()),
        ("binary", b"\x00\xff"),
        ("binary", b"\x04\xff"),
        ("binary", b"\1\2\3"),
    ]
    assert socket.state is State.OPEN


# D.1: a ping goes from the server to the client only; open and upgrade make no sense here; types end at 6.
@pytest.mark.parametrize(
    "packet", [b"", b"0", b"0{}", b"2", b"2probe", b"5", b"7", b"9", b"x", b"b!!", b"\xf0\x9f\x98\x80"]
)
def test_a_packet_that_does_not_belong_here_ends_a_websocket(packet: bytes, host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    link.text(packet)
    assert receiver.events == [("closed", reason.TRANSPORT_ERROR)]
    assert socket.state is State.CLOSED
    [(opcode, payload)] = link.frames()
    assert (opcode, payload[:2]) == (8, (1002).to_bytes(2, "big"))


@pytest.mark.parametrize("kind", [0, 2, 5])
def test_a_packet_that_does_not_belong_here_breaks_a_post(kind: int, host: FakeHost, receiver: Recorder) -> None:
    socket, _ = polling_socket(host, receiver)
    with pytest.raises(ProtocolError):
        socket.receive_packet(kind, b"", False)
    assert receiver.events == [("closed", reason.TRANSPORT_ERROR)]
    assert socket.state is State.CLOSED


def test_a_close_packet_in_a_post_answers_the_poll_with_a_noop(host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    poll = Poll(link)
    socket.receive_packet(1, b"", False)
    assert poll.answer == [b"6"]
    assert receiver.reasons == [reason.CLIENT_DISCONNECT]
    assert host.sockets == {}


def test_a_close_packet_on_a_websocket_closes_it(host: FakeHost, receiver: Recorder) -> None:
    _, link = websocket_socket(host, receiver)
    link.text(b"4a", b"1", b"4b")
    assert receiver.events == [("text", b"a"), ("closed", reason.CLIENT_DISCONNECT)]
    [(opcode, payload)] = link.frames()
    assert (opcode, payload[:2]) == (8, (1000).to_bytes(2, "big"))
