"""A WebSocket over a raw stream: chunks of frames in, frames out; what is held back, and how it ends."""

from __future__ import annotations

import pytest

from engineio.interfaces import reason
from engineio.packet import Outgoing
from engineio.protocol import State
from engineio.websocket import BINARY, CLOSE, PONG, TEXT, decode_close

from .fakes import (
    FakeHost,
    Recorder,
    StreamLink,
    binary_frame,
    close_frame,
    masked,
    outgoing,
    ping_frame,
    websocket_socket,
)


class Limited(Recorder):
    """A receiver that halts its socket after each message, as one with a limit on its handlers does."""

    socket: object = None

    def receive_text(self, data: bytes) -> None:
        super().receive_text(data)
        self.socket.halt()  # type: ignore[attr-defined]


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def receiver() -> Recorder:
    return Recorder()


def closes(link: StreamLink) -> list[int]:
    """Takes the codes of the close frames that were sent; nothing follows the first one."""
    frames = link.frames()
    codes = [decode_close(payload)[0] for opcode, payload in frames if opcode == CLOSE]
    assert not codes or frames[-1][0] == CLOSE
    return codes


# In


def test_messages_in(host: FakeHost, receiver: Recorder) -> None:
    _, link = websocket_socket(host, receiver)
    data = masked(TEXT, b"4text") + binary_frame(b"\x00\xff") + masked(TEXT, "4€".encode())
    for index in range(len(data)):
        link.receive_data(data[index : index + 1])
    link.receive_data(data)
    expected = [("text", b"text"), ("binary", b"\x00\xff"), ("text", "€".encode())]
    assert receiver.events == expected * 2


def test_a_ping_is_answered_with_its_payload_at_once(host: FakeHost, receiver: Recorder) -> None:
    _, link = websocket_socket(host, receiver)
    link.receive_data(ping_frame(b"mine") + ping_frame())
    assert link.frames() == [(PONG, b"mine"), (PONG, b"")]
    link.receive_data(masked(PONG, b"unasked for"))
    assert link.frames() == []


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_a_close_frame_is_answered_with_its_code(code: int, host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    socket.push(Outgoing(b"4too late"))
    link.receive_data(close_frame(code) + masked(TEXT, b"4after the end"))
    host.flush()
    assert closes(link) == [code]
    assert link.shuts == [True]
    assert receiver.events == [("closed", reason.TRANSPORT_CLOSE)]
    assert host.due == {}


def test_a_close_frame_without_a_code(host: FakeHost, receiver: Recorder) -> None:
    _, link = websocket_socket(host, receiver)
    link.receive_data(close_frame(None))
    assert closes(link) in ([1000], [1005])
    assert link.shuts == [True]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x014", 1002),  # not masked
        (masked(TEXT, b"4\xff"), 1007),
        (masked(TEXT, b"4" * 101), 1009),
        (masked(3, b""), 1002),
        (masked(CLOSE, b"\x03"), 1002),
        (close_frame(1005), 1002),
    ],
)
def test_a_violation_is_answered_with_its_code(data: bytes, code: int, host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver, max_size=100)
    link.receive_data(masked(TEXT, b"4before") + data + masked(TEXT, b"4after"))
    assert closes(link) == [code]
    assert receiver.events == [("text", b"before"), ("closed", reason.TRANSPORT_ERROR)]
    assert socket.state is State.CLOSED


def test_a_peer_that_breaks_the_rules_while_closing_is_shut_out(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    socket.close()
    assert link.shuts == [False]
    link.receive_data(b"\x81\x014")
    assert link.shuts[-1] is True


# Nothing after the end


@pytest.mark.parametrize("end", ["close", "fail", "lost"])
def test_nothing_is_delivered_after_the_end(end: str, host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    getattr(socket, end)()
    before = list(receiver.events)
    assert len(before) == 1
    link.receive_data(masked(TEXT, b"4one"))
    link.receive_data(binary_frame(b"two") + masked(TEXT, b"1"))
    link.receive_data(ping_frame())
    assert receiver.events == before
    assert len(closes(link)) == 1


def test_nothing_is_delivered_of_the_rest_of_a_chunk(host: FakeHost) -> None:
    class Closing(Recorder):
        def receive_text(self, data: bytes) -> None:
            super().receive_text(data)
            socket.close()

    receiver = Closing()
    socket, link = websocket_socket(host, receiver)
    link.text(b"4one", b"4two")
    link.text(b"4three")
    assert receiver.texts == [b"one"]


def test_the_answer_to_a_close_frame_ends_the_stream(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    socket.close()
    assert closes(link) == [1000]
    link.receive_data(masked(TEXT, b"4crossing"))
    assert link.shuts == [False]
    link.receive_data(close_frame(1000))
    assert link.shuts == [False, True]
    assert closes(link) == []
    link.stream_ended()
    assert receiver.events == [("closed", reason.SERVER_DISCONNECT)]


def test_the_outbox_goes_out_before_the_close_frame(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    socket.push(Outgoing(b"4last", [b"\x01"]))
    socket.close(code=1012)
    frames = link.frames()
    assert frames[:-1] == [(TEXT, b"4last"), (BINARY, b"\x01")]
    assert decode_close(frames[-1][1])[0] == 1012
    host.flush()
    assert link.frames() == []


def test_a_failed_client_gets_no_messages(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    socket.push(Outgoing(b"4not sent"))
    socket.fail()
    assert closes(link) == [1002]


# Halted


def test_what_was_held_back_is_delivered_in_order(host: FakeHost) -> None:
    receiver = Limited()
    socket, link = websocket_socket(host, receiver)
    receiver.socket = socket
    link.text(*[b"4%d" % number for number in range(4)])
    assert receiver.texts == [b"0"]
    assert not link.reading
    link.text(b"44", b"45")  # was on its way before reading stopped
    for number in range(1, 6):
        assert receiver.texts == [b"%d" % done for done in range(number)]
        assert not link.reading
        socket.proceed()
    assert receiver.texts == [b"0", b"1", b"2", b"3", b"4", b"5"]
    socket.proceed()
    assert link.reading
    link.text(b"46")
    assert receiver.texts[-1] == b"6"


def test_a_close_frame_waits_its_turn(host: FakeHost) -> None:
    receiver = Limited()
    socket, link = websocket_socket(host, receiver)
    receiver.socket = socket
    link.receive_data(masked(TEXT, b"4a") + masked(TEXT, b"4b") + close_frame(1001))
    assert receiver.events == [("text", b"a")]
    socket.proceed()
    assert receiver.events == [("text", b"a"), ("text", b"b")]
    socket.proceed()
    assert receiver.events[-1] == ("closed", reason.TRANSPORT_CLOSE)
    assert closes(link) == [1001]


def test_a_violation_waits_its_turn(host: FakeHost) -> None:
    receiver = Limited()
    socket, link = websocket_socket(host, receiver)
    receiver.socket = socket
    link.receive_data(masked(TEXT, b"4a") + masked(TEXT, b"4b") + b"\x81\x014")
    assert receiver.texts == [b"a"]
    socket.proceed()
    assert receiver.texts == [b"a", b"b"]
    socket.proceed()
    assert receiver.reasons == [reason.TRANSPORT_ERROR]
    assert closes(link) == [1002]


def test_closing_a_halted_socket_drops_what_was_held_back(host: FakeHost) -> None:
    receiver = Limited()
    socket, link = websocket_socket(host, receiver)
    receiver.socket = socket
    link.text(b"4a", b"4b")
    socket.close()
    assert link.reading, "the answer to the close frame has to be read"
    link.text(b"4c")
    socket.proceed()
    assert receiver.events == [("text", b"a"), ("closed", reason.SERVER_DISCONNECT)]
    link.receive_data(close_frame())
    assert link.shuts == [False, True]


def test_closing_a_halted_socket_whose_client_has_closed_already(host: FakeHost) -> None:
    receiver = Limited()
    socket, link = websocket_socket(host, receiver)
    receiver.socket = socket
    link.receive_data(masked(TEXT, b"4a") + close_frame())
    socket.close()
    assert link.shuts[-1] is True, "the client has nothing more to say"


def test_the_stream_of_a_halted_socket_ends(host: FakeHost) -> None:
    receiver = Limited()
    socket, link = websocket_socket(host, receiver)
    receiver.socket = socket
    link.text(b"4a", b"4b")
    link.stream_ended()
    socket.proceed()
    assert receiver.events == [("text", b"a"), ("closed", reason.TRANSPORT_CLOSE)]


# Blocked


def test_a_blocked_link_leaves_messages_in_the_outbox(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    link.blocked = True
    for message in outgoing("a", "b"):
        socket.push(message)
    host.flush()
    assert link.written == []
    assert len(socket.outbox) == 2
    link.blocked = False
    link.flush()
    assert link.texts() == [b"4a", b"4b"]
    assert socket.outbox == []


def test_pings_of_a_peer_that_does_not_read_are_limited(host: FakeHost, receiver: Recorder) -> None:
    _, link = websocket_socket(host, receiver, max_pending_pongs=3)
    link.receive_data(ping_frame() * 10)
    assert len(link.frames()) == 10
    link.blocked = True
    link.receive_data(ping_frame() * 3)
    assert receiver.reasons == []
    assert len(link.frames()) == 3
    link.receive_data(ping_frame() * 10)
    assert receiver.reasons == [reason.TRANSPORT_ERROR]
    assert closes(link) == [1008]


def test_a_peer_that_takes_nothing_is_dropped_without_a_close_frame(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    link.blocked = True
    socket.fail(reason.TRANSPORT_ERROR, 1013)
    assert link.aborted
    assert link.written == []


def test_a_blocked_link_still_gets_a_close_frame(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    link.blocked = True
    socket.push(Outgoing(b"4last"))
    socket.close()
    assert [opcode for opcode, _ in link.frames()] == [TEXT, CLOSE]
    assert link.shuts == [False]


def test_messages_past_the_outbox(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    link.send(Outgoing(b"3probe"))
    assert link.texts() == [b"3probe"]
    socket.close()
    link.frames()
    link.send(Outgoing(b"3probe"))
    assert link.written == []


def test_the_answer_to_the_handshake_and_the_first_packet_are_one_write(host: FakeHost, receiver: Recorder) -> None:
    socket, link = websocket_socket(host, receiver)
    socket.push(Outgoing(b"4first"))
    link.begin(b"HTTP/1.1 101\r\n\r\n")
    host.flush()
    assert link.written == [b"HTTP/1.1 101\r\n\r\n" + Outgoing(b"4first").frame()]
