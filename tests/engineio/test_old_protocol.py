"""The state machine of Engine.IO 3: pings of the client, binary packets with a type, what goes out with a handshake."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.exceptions import ProtocolError
from engineio.old_protocol import OldSocket
from engineio.packet import CLOSE, MESSAGE, NOOP, OPEN, PING, PONG, UPGRADE, Outgoing
from engineio.polling_link import PollingLink
from engineio.protocol import State
from engineio.revision3 import Revision3
from engineio.websocket import BINARY, TEXT

from .fakes import HANDSHAKE, FakeHost, Poll, Recorder, StreamLink, binary_frame


class OldRecorder(Recorder):
    """A receiver that has something to say when a connection opens."""

    greeting: Outgoing | None = None
    socket: Any = None

    def opened(self) -> None:
        self.events.append(("opened", None))
        if self.greeting is not None:
            self.socket.push(self.greeting)


def new(host: FakeHost, link: Any, greeting: Outgoing | None = None, base64: bool = False) -> OldSocket:
    """A socket whose handshake has been answered."""
    revision = Revision3().for_client(base64, "")
    socket = OldSocket(host, "sid", revision, link, "the source")
    host.sockets["sid"] = socket
    receiver = socket.receiver = OldRecorder()
    receiver.socket, receiver.greeting = socket, greeting
    if isinstance(link, StreamLink):
        link.target = socket
    else:
        link.socket = socket
    socket.open(HANDSHAKE, 25.0)
    return socket


def on_polling(host: FakeHost, **options: Any) -> tuple[OldSocket, PollingLink]:
    """A socket on polling, with nothing to be sent."""
    link = PollingLink()
    socket = new(host, link, **options)
    socket.take()
    host.flush()
    return socket, link


def on_websocket(host: FakeHost, **options: Any) -> tuple[OldSocket, StreamLink]:
    """A socket on a WebSocket, with nothing to be sent."""
    link = StreamLink()
    socket = new(host, link, **options)
    host.flush()
    link.written.clear()
    return socket, link


def test_the_receiver_is_told_and_speaks_after_the_handshake() -> None:
    socket = new(FakeHost(), PollingLink(), Outgoing(b"40"))
    assert [message.text for message in socket.take()] == [b"0{}", b"40"]
    assert socket.receiver.events == [("opened", None)]


def test_what_is_to_go_out_with_the_handshake_may_come_later() -> None:
    socket, _ = on_polling(FakeHost())
    assert not socket.undecided
    socket.undecided = True
    calls: list[int] = []
    socket.on_decided = lambda: calls.append(1)
    socket.decided()
    socket.decided()
    assert (socket.undecided, calls) == (False, [1])


# Messages


def test_binary_messages_go_out_with_their_type() -> None:
    host = FakeHost()
    socket, link = on_websocket(host)
    socket.push(Outgoing(b"451-x", [b"a", b"b"]))
    socket.push(Outgoing(b"4y"))
    host.flush()
    assert link.frames() == [(TEXT, b"451-x"), (BINARY, b"\x04a"), (BINARY, b"\x04b"), (TEXT, b"4y")]


def test_or_as_text_for_who_takes_nothing_else() -> None:
    host = FakeHost()
    socket, link = on_websocket(host, base64=True)
    socket.push(Outgoing(b"451-x", [b"a"]))
    host.flush()
    assert link.frames() == [(TEXT, b"451-x"), (TEXT, b"b4YQ==")]


def test_messages_come_in() -> None:
    socket, link = on_websocket(FakeHost())
    link.text(b"4hello", b"b4YQ==", b"6")
    link.receive_data(binary_frame(b"\x04b"))
    assert socket.receiver.events[1:] == [("text", b"hello"), ("binary", b"a"), ("binary", b"b")]


@pytest.mark.parametrize("packet", [b"", b"x", b"7", b"b", b"b2YQ==", b"b4!", b"0", b"5", b"3", b"3probe"])
def test_text_that_ends_a_connection(packet: bytes) -> None:
    socket, link = on_websocket(FakeHost())
    link.text(packet)
    assert socket.receiver.reasons == ["transport error"]
    assert link.frames()[-1][1][:2] == (1002).to_bytes(2, "big")


@pytest.mark.parametrize("message", [b"", b"\x03", b"4hello"])
def test_bytes_that_end_a_connection(message: bytes) -> None:
    socket, link = on_websocket(FakeHost())
    link.receive_data(binary_frame(message))
    assert socket.receiver.events[1:] == [("closed", "transport error")]


def test_packets_of_a_payload() -> None:
    socket, _ = on_polling(FakeHost())
    socket.receive_packet(MESSAGE, b"hello", False)
    socket.receive_packet(MESSAGE, b"a", True)
    socket.receive_packet(NOOP, b"", False)
    assert socket.receiver.events[1:] == [("text", b"hello"), ("binary", b"a")]
    socket.receive_packet(CLOSE, b"", False)
    assert socket.receiver.reasons == ["client disconnect"]


@pytest.mark.parametrize("kind", [OPEN, PONG, UPGRADE])
def test_packets_that_a_client_does_not_send(kind: int) -> None:
    socket, _ = on_polling(FakeHost())
    with pytest.raises(ProtocolError):
        socket.receive_packet(kind, b"", False)
    assert socket.receiver.reasons == ["transport error"]


# Heartbeat


def test_pings_are_answered_with_their_data() -> None:
    host = FakeHost()
    _, link = on_websocket(host)
    for ping in (b"2", b"2data"):
        link.text(ping)
        host.flush()
    assert link.texts() == [b"3", b"3data"]


def test_pings_of_who_does_not_read_cost_nothing() -> None:
    socket, _ = on_polling(FakeHost())
    for number in range(100_000):
        socket.receive_packet(PING, b"%d" % number, False)
    assert [message.text for message in socket.outbox] == [b"399999"]
    assert socket.pending == 6
    socket.push(Outgoing(b"4x"))
    socket.receive_packet(PING, b"", False)
    assert [message.text for message in socket.take()] == [b"399999", b"4x", b"3"]


def test_silence_ends_a_connection() -> None:
    host = FakeHost(ping_interval=10.0, ping_interval_grace_period=2.0, ping_timeout=5.0)
    socket, link = on_polling(host)
    poll = Poll(link)
    host.advance(16.9)
    assert socket.state is State.OPEN
    host.advance(0.2)
    assert socket.receiver.reasons == ["ping timeout"]
    assert poll.answer == [b"1"]


@pytest.mark.parametrize("packet", [b"2", b"4x", b"6", b"b4YQ=="])
def test_anything_counts_as_a_sign_of_life(packet: bytes) -> None:
    host = FakeHost(ping_interval=10.0, ping_timeout=5.0)
    socket, link = on_websocket(host)
    for _ in range(5):
        host.advance(14.9)
        link.text(packet)
        host.flush()
    assert socket.state is State.OPEN
    host.advance(15.1)
    assert socket.receiver.reasons == ["ping timeout"]


def test_bytes_do_too_and_the_server_sends_no_pings() -> None:
    host = FakeHost(ping_interval=10.0, ping_timeout=5.0)
    socket, link = on_websocket(host)
    host.advance(14.9)
    link.receive_data(binary_frame(b"\x04a"))
    host.advance(14.9)
    assert socket.state is State.OPEN
    assert link.frames() == []


def test_who_is_not_monitored_may_be_silent() -> None:
    host = FakeHost(monitor_clients=False)
    socket, _ = on_polling(host)
    host.advance(1000.0)
    assert socket.state is State.OPEN


def test_whose_packets_are_not_read_may_be_silent() -> None:
    host = FakeHost(ping_interval=10.0, ping_timeout=5.0)
    socket, link = on_websocket(host)
    socket.halt()
    host.advance(100.0)
    socket.proceed()
    assert link.reading
    host.advance(14.9)
    assert socket.state is State.OPEN
    host.advance(0.2)
    assert socket.state is State.CLOSED


def test_a_close_that_nobody_fetches() -> None:
    host = FakeHost()
    socket, _ = on_polling(host)
    socket.close()
    assert socket.state is State.CLOSING
    host.advance(31.0)
    assert socket.state is State.CLOSED
    assert socket.receiver.reasons == ["server disconnect"]


def test_an_upgrade_takes_along_what_waits() -> None:
    host = FakeHost()
    socket, _ = on_polling(host)
    websocket = StreamLink()
    candidate = socket.begin_upgrade(websocket)
    assert candidate is not None
    websocket.target = candidate
    websocket.text(b"2probe")
    assert websocket.texts() == [b"3probe"]
    socket.push(Outgoing(None, [b"a"]))
    websocket.text(b"5", b"2")
    host.flush()
    assert websocket.frames() == [(BINARY, b"\x04a"), (TEXT, b"3")]


@given(st.lists(st.binary() | st.builds(lambda kind, data: b"%d" % kind + data, st.integers(0, 9), st.binary())))
def test_any_messages_are_taken_or_end_the_connection(messages: list[bytes]) -> None:
    socket, link = on_websocket(FakeHost())
    for message in messages:
        if not link.closing:
            link.target.receive_text(message)
        if not link.closing:
            link.target.receive_binary(message)
    assert len(socket.receiver.reasons) == (socket.state is State.CLOSED)
