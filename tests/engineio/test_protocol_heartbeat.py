"""The arithmetic of pings and pongs: the clock is a number that the tests move."""

from __future__ import annotations

import pytest

from engineio.interfaces import reason
from engineio.protocol import State

from .fakes import FakeHost, Poll, Recorder, StreamLink, polling_socket, websocket_socket


def pings(link: StreamLink) -> int:
    texts = link.texts()
    assert set(texts) <= {b"2"}
    return len(texts)


INTERVALS = [(25, 20), (20, 25), (10, 20), (0.3, 0.2), (0.2, 0.3), (0.05, 1.0), (10, 10)]


@pytest.mark.parametrize(("interval", "timeout"), INTERVALS)
def test_a_ping_every_interval_to_a_client_that_answers(interval: float, timeout: float) -> None:
    host, receiver = FakeHost(ping_interval=interval, ping_timeout=timeout), Recorder()
    socket, link = websocket_socket(host, receiver, first_ping=interval)
    host.advance(interval * 0.99)
    assert pings(link) == 0
    host.advance(interval * 0.02)
    assert pings(link) == 1
    for _ in range(50):
        link.text(b"3")
        host.advance(interval)
        assert pings(link) == 1
    assert socket.state is State.OPEN
    assert receiver.events == []


@pytest.mark.parametrize(("interval", "timeout"), INTERVALS)
def test_no_pong_within_the_timeout_ends_the_connection(interval: float, timeout: float) -> None:
    host, receiver = FakeHost(ping_interval=interval, ping_timeout=timeout), Recorder()
    _, link = websocket_socket(host, receiver, first_ping=interval)
    host.advance(interval)
    assert pings(link) == 1
    host.advance(timeout * 0.99)
    assert receiver.reasons == []
    host.advance(timeout * 0.02)
    assert receiver.reasons == [reason.PING_TIMEOUT]
    assert host.due == {}
    assert host.sockets == {}


@pytest.mark.parametrize(("interval", "timeout"), INTERVALS)
def test_a_pong_just_before_the_timeout_is_early_enough(interval: float, timeout: float) -> None:
    host, receiver = FakeHost(ping_interval=interval, ping_timeout=timeout), Recorder()
    _, link = websocket_socket(host, receiver, first_ping=interval)
    end = host.now + 10 * (interval + timeout)
    pinged = host.now
    answer_at = end
    while host.now < end:
        host.advance(min(interval, timeout) / 20)
        if pings(link):
            pinged, answer_at = host.now, host.now + 0.9 * timeout
        elif host.now >= answer_at:
            link.text(b"3")
            answer_at = end
        assert receiver.reasons == []
        # D.1: a client closes when no ping comes for interval and timeout together.
        assert host.now - pinged < interval + timeout


def test_the_first_ping_comes_when_the_server_says() -> None:
    host, receiver = FakeHost(), Recorder()
    _, link = websocket_socket(host, receiver, first_ping=13.0)
    host.advance(12.9)
    assert pings(link) == 0
    host.advance(0.2)
    assert pings(link) == 1
    link.text(b"3")
    host.advance(24.7)
    assert pings(link) == 0
    host.advance(0.3)
    assert pings(link) == 1


def test_an_unasked_for_pong_is_no_answer_to_the_next_ping() -> None:
    host, receiver = FakeHost(), Recorder()
    _, link = websocket_socket(host, receiver)
    link.text(b"3", b"3")
    host.advance(25)
    assert pings(link) == 1
    host.advance(20)
    assert receiver.reasons == [reason.PING_TIMEOUT]


def test_the_timeout_needs_no_poll() -> None:
    # Suite, "closes the session upon ping timeout".
    host, receiver = FakeHost(ping_interval=0.3, ping_timeout=0.2), Recorder()
    _, link = polling_socket(host, receiver, first_ping=0.3)
    poll = Poll(link)
    host.advance(0.3)
    assert poll.answer == [b"2"]
    host.advance(0.21)
    assert receiver.reasons == [reason.PING_TIMEOUT]
    assert host.sockets == {}


def test_a_waiting_poll_is_answered_when_the_connection_times_out() -> None:
    host, receiver = FakeHost(), Recorder()
    _, link = polling_socket(host, receiver)
    assert Poll(link).answer is None
    host.advance(25)
    poll = Poll(link)
    assert poll.answer is None
    host.advance(20)
    assert receiver.reasons == [reason.PING_TIMEOUT]
    assert poll.answer == [b"1"]


def test_a_halted_socket_is_not_timed_out_but_pinged() -> None:
    host, receiver = FakeHost(), Recorder()
    socket, link = websocket_socket(host, receiver)
    socket.halt()
    for _ in range(10):
        host.advance(25)
        # D.1: a client closes when no ping comes for interval and timeout together.
        assert pings(link) == 1
    assert receiver.reasons == []


def test_a_pong_that_waited_while_the_socket_was_halted_counts() -> None:
    host, receiver = FakeHost(), Recorder()
    socket, link = websocket_socket(host, receiver)
    host.advance(25)
    assert pings(link) == 1
    socket.halt()
    host.advance(19.99)
    socket.proceed()
    # The pong is still in the buffers of the system.
    host.advance(0.02)
    assert receiver.reasons == []
    link.text(b"3")
    host.advance(5)
    assert pings(link) == 1
    host.advance(20)
    assert receiver.reasons == [reason.PING_TIMEOUT]


def test_clients_that_are_not_monitored_are_pinged_for_ever() -> None:
    host, receiver = FakeHost(monitor_clients=False), Recorder()
    _, link = websocket_socket(host, receiver)
    for _ in range(10):
        host.advance(25)
        assert pings(link) == 1
    assert receiver.reasons == []


def test_intervals_assigned_after_construction_count() -> None:
    host, receiver = FakeHost(), Recorder()
    _, link = websocket_socket(host, receiver, first_ping=5)
    host.ping_interval, host.ping_timeout = 5, 2
    host.advance(5)
    assert pings(link) == 1
    link.text(b"3")
    host.advance(5)
    assert pings(link) == 1
    host.advance(2)
    assert receiver.reasons == [reason.PING_TIMEOUT]


@pytest.mark.parametrize("end", ["close", "fail", "lost"])
def test_no_deadline_outlives_the_connection(end: str) -> None:
    host, receiver = FakeHost(), Recorder()
    socket, link = websocket_socket(host, receiver)
    getattr(socket, end)()
    assert host.due == {}
    link.written.clear()
    socket.expire(host.now + 100)
    assert link.written == []
    assert len(receiver.reasons) == 1
