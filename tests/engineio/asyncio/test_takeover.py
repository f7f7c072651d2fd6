"""A WebSocket over an asyncio transport: what it does when the peer does not read, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from engineio.asyncio.takeover import TakenOver
from engineio.interfaces import reason
from engineio.packet import Outgoing
from engineio.protocol import Socket
from engineio.websocket import CLOSE, PONG, TEXT, decode_close

from ..fakes import (
    HANDSHAKE,
    FakeHost,
    Recorder,
    close_frame,
    masked,
    new_socket,
    ping_frame,
    polling_socket,
    read_frames,
)


class FakeTransport(asyncio.Transport):
    """A transport whose peer takes bytes when the test says so; full from `high` bytes on."""

    def __init__(self, high: int = 1000) -> None:
        super().__init__()
        self.high = high
        self.protocol: Any = None
        self.waiting = 0
        self.written = b""
        self.reading = True
        self.closing = False
        self.aborted = False

    def write(self, data: Any) -> None:
        assert not self.aborted
        self.written += data
        self.waiting += len(data)
        if self.waiting > self.high and not self.protocol.blocked:
            self.protocol.pause_writing()

    def take(self, count: int | None = None) -> None:
        """The peer reads; all, or some bytes."""
        self.waiting = 0 if count is None else self.waiting - count
        if self.waiting <= self.high // 4 and self.protocol.blocked:
            self.protocol.resume_writing()

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def frames(self) -> list[tuple[int, bytes]]:
        """Takes the frames that were written; the last one is whole."""
        data, self.written = self.written, b""
        return read_frames(data)


class Timer:
    """What `call_later` returns."""

    def __init__(self, when: float, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.when = when
        self.callback = callback
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Case:
    """A socket over a transport that was taken over, and the timers of its loop, whose clock the test moves."""

    def __init__(self, **options: Any) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []
        asyncio.get_running_loop().call_later = self.call_later  # type: ignore[method-assign, assignment]
        self.host = FakeHost()
        self.receiver = Recorder()
        self.lost: list[Any] = []
        self.link = TakenOver(1_000_000, **options)
        self.link.on_lost = self.lost.append
        self.transport = FakeTransport()
        self.transport.protocol = self.link
        self.link.connection_made(self.transport)
        self.socket = new_socket(self.host, self.link, self.receiver)
        self.link.target = self.socket
        self.socket.open(HANDSHAKE, 25)
        self.host.flush()
        self.transport.take()
        assert self.transport.frames() == [(TEXT, b"0{}")]

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Timer:
        timer = Timer(self.now + delay, callback, args)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self.pending() if timer.when <= end]:
            timer = min(due, key=lambda timer: timer.when)
            self.timers.remove(timer)
            self.now = timer.when
            timer.callback(*timer.args)
        self.now = end

    def pending(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.cancelled]

    def push(self, *texts: bytes) -> None:
        for text in texts:
            self.socket.push(Outgoing(b"4" + text))
        self.host.flush()

    def block(self) -> None:
        """The peer stops reading, and more is written than the transport likes."""
        self.push(b"x" * 2000)
        assert self.link.blocked
        self.transport.frames()


def taken_over(**options: Any) -> Callable[[Callable[[Case], None]], Callable[[], None]]:
    """Has a test run inside a loop, with a new case."""

    def decorate(test: Callable[[Case], None]) -> Callable[[], None]:
        def run() -> None:
            async def main() -> None:
                test(Case(**options))

            asyncio.run(main())

        run.__name__ = test.__name__
        return run

    return decorate


def close_codes(case: Case) -> list[int]:
    return [decode_close(payload)[0] for opcode, payload in case.transport.frames() if opcode == CLOSE]


@taken_over()
def test_bytes_in_and_out(case: Case) -> None:
    case.link.data_received(masked(TEXT, b"4in") + ping_frame(b"x"))
    assert case.receiver.texts == [b"in"]
    assert case.transport.frames() == [(PONG, b"x")]
    case.push(b"out", b"and more")
    assert case.transport.frames() == [(TEXT, b"4out"), (TEXT, b"4and more")]
    assert case.timers == []


@taken_over()
def test_the_transport_is_lost(case: Case) -> None:
    case.link.connection_lost(ConnectionResetError())
    assert case.receiver.events == [("closed", reason.TRANSPORT_CLOSE)]
    assert case.lost == [case.link]
    assert case.host.due == {}
    assert case.pending() == []


@taken_over()
def test_the_peer_ends_its_half(case: Case) -> None:
    assert not case.link.eof_received(), "the transport closes itself"
    case.link.connection_lost(None)
    assert case.receiver.reasons == [reason.TRANSPORT_CLOSE]


@taken_over()
def test_halting_stops_the_transport(case: Case) -> None:
    case.socket.halt()
    assert not case.transport.reading
    case.socket.proceed()
    assert case.transport.reading


# Closing


@taken_over(close_timeout=5)
def test_the_server_closes_and_the_peer_answers(case: Case) -> None:
    case.push(b"last")
    case.socket.close()
    assert close_codes(case) == [1000]
    assert not case.transport.closing
    case.link.data_received(close_frame())
    assert case.transport.closing
    assert not case.transport.aborted
    case.link.connection_lost(None)
    assert case.pending() == []
    assert case.receiver.reasons == [reason.SERVER_DISCONNECT]
    assert case.lost == [case.link]


@taken_over(close_timeout=5)
def test_the_server_closes_and_the_peer_does_not_answer(case: Case) -> None:
    case.socket.close()
    case.advance(4.9)
    assert not case.transport.aborted
    case.advance(0.2)
    assert case.transport.aborted
    case.link.connection_lost(None)
    assert case.pending() == []


@taken_over(close_timeout=5)
def test_the_peer_closes_but_does_not_read_the_answer(case: Case) -> None:
    case.block()
    case.link.data_received(close_frame(1001))
    assert case.transport.closing
    case.advance(5)
    assert case.transport.aborted
    assert case.receiver.reasons == [reason.TRANSPORT_CLOSE]


@taken_over(close_timeout=5, stall_timeout=30)
def test_the_server_closes_a_peer_that_does_not_read(case: Case) -> None:
    case.block()
    case.socket.close()
    assert close_codes(case) == [1000]
    case.transport.take()
    assert not case.transport.aborted
    case.advance(5)
    assert case.transport.aborted
    assert len(case.receiver.reasons) == 1


@taken_over(close_timeout=5)
def test_reading_goes_on_for_the_answer_to_the_close_frame(case: Case) -> None:
    case.socket.halt()
    case.socket.close()
    assert case.transport.reading
    case.link.data_received(masked(TEXT, b"4late") + close_frame())
    assert case.transport.closing
    assert case.receiver.texts == []


@taken_over()
def test_the_asgi_server_stops(case: Case) -> None:
    case.link.shutdown()
    assert close_codes(case) == [1012]
    assert case.receiver.reasons == [reason.SERVER_DISCONNECT]


# A peer that does not read


@taken_over()
def test_messages_wait_in_the_outbox_while_the_transport_is_full(case: Case) -> None:
    case.block()
    case.push(b"a", b"b")
    assert case.transport.frames() == []
    assert len(case.socket.outbox) == 2
    case.transport.take(500)
    assert case.transport.frames() == []
    case.transport.take()
    assert case.transport.frames() == [(TEXT, b"4a"), (TEXT, b"4b")]
    assert case.pending() == []
    case.push(b"c")
    assert case.transport.frames() == [(TEXT, b"4c")]


@taken_over()
def test_what_fills_the_transport_again_when_it_goes_on(case: Case) -> None:
    case.block()
    case.push(b"a" * 2000)
    case.transport.take()
    assert case.link.blocked
    case.push(b"b")
    assert case.transport.frames() == [(TEXT, b"4" + b"a" * 2000)]
    assert len(case.pending()) == 1
    case.transport.take()
    assert case.transport.frames() == [(TEXT, b"4b")]
    assert case.pending() == []


@taken_over(stall_timeout=30)
def test_a_peer_that_takes_nothing_is_dropped(case: Case) -> None:
    case.block()
    case.push(b"waits")
    case.advance(29.9)
    assert not case.transport.aborted
    case.advance(0.2)
    assert case.transport.aborted
    assert case.receiver.reasons == [reason.TRANSPORT_ERROR]
    assert case.transport.frames() == []
    assert case.socket.outbox == []
    case.link.connection_lost(None)
    assert case.pending() == []
    assert len(case.receiver.reasons) == 1


@taken_over(stall_timeout=30)
def test_a_peer_that_is_slow_is_not(case: Case) -> None:
    case.block()
    for _ in range(15):
        case.advance(29)
        case.transport.take(100)
    assert case.receiver.reasons == []
    assert case.link.blocked
    case.advance(60)
    assert case.receiver.reasons == [reason.TRANSPORT_ERROR]


@taken_over()
def test_a_full_send_queue_drops_the_peer(case: Case) -> None:
    case.host.max_send_queue = 100_000
    case.block()
    case.push(b"y" * 99_999)
    assert case.receiver.reasons == []
    case.push(b"")
    assert case.receiver.reasons == [reason.TRANSPORT_ERROR]
    assert case.transport.aborted
    assert close_codes(case) == []


@taken_over(max_pending_pongs=5, close_timeout=5)
def test_pings_while_the_transport_is_full(case: Case) -> None:
    case.block()
    case.link.data_received(ping_frame() * 5)
    case.transport.take()
    case.block()
    case.link.data_received(ping_frame() * 5)
    assert case.receiver.reasons == []
    case.link.data_received(ping_frame())
    assert case.receiver.reasons == [reason.TRANSPORT_ERROR]
    assert close_codes(case) == [1008]
    case.advance(5)
    assert case.transport.aborted


@taken_over()
def test_nothing_is_delivered_after_the_end(case: Case) -> None:
    case.socket.close()
    case.link.data_received(masked(TEXT, b"4late"))
    case.link.data_received(masked(TEXT, b"4later") + masked(TEXT, b"1"))
    case.link.connection_lost(None)
    assert case.receiver.events == [("closed", reason.SERVER_DISCONNECT)]


# A candidate


def new_candidate(case: Case) -> Socket:
    """Puts a socket on polling in place of the one that is over: the transport is a candidate for it."""
    socket, _ = polling_socket(case.host, Recorder())
    candidate = socket.begin_upgrade(case.link)
    assert candidate is not None
    case.link.target = candidate
    return socket


@taken_over()
def test_a_candidate_that_does_not_read(case: Case) -> None:
    socket = new_candidate(case)
    case.link.pause_writing()
    case.link.resume_writing()
    case.link.data_received(masked(TEXT, b"2probe") + masked(TEXT, b"5"))
    assert socket.link is case.link
    assert case.transport.frames() == [(TEXT, b"3probe")]


@taken_over(stall_timeout=30)
def test_a_candidate_that_stalls(case: Case) -> None:
    socket = new_candidate(case)
    case.link.pause_writing()
    case.advance(30)
    assert case.transport.aborted
    assert socket.link is not case.link
    assert socket.begin_upgrade(case.link) is not None
