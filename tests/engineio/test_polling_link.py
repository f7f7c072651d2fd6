"""Which GETs and POSTs of a polling client are let in, and what they are answered."""

from __future__ import annotations

import pytest

from engineio.interfaces import reason
from engineio.packet import Outgoing
from engineio.polling_link import PendingLink
from engineio.protocol import State

from .fakes import FakeHost, Poll, Recorder, new_socket, outgoing, polling_socket


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def receiver() -> Recorder:
    return Recorder()


def test_a_poll_waits_until_there_is_something(host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    poll = Poll(link)
    assert poll.answer is None
    link.flush()
    assert poll.answer is None
    for message in outgoing("a", "b"):
        socket.push(message)
    assert poll.answer is None
    host.flush()
    assert poll.answer == [b"4a", b"4b"]
    assert link.wake is None
    assert Poll(link).answer is None


def test_a_poll_takes_at_once_what_waits(host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    socket.push(Outgoing(b"4a"))
    host.flush()
    socket.push(Outgoing(b"4b", [b"\x00"]))
    assert Poll(link).answer == [b"4a", b"4b\x1ebAA=="]
    assert socket.pending == 0


def test_two_polls_at_a_time_end_the_connection(host: FakeHost, receiver: Recorder) -> None:
    # Suite, "closes the session upon duplicate poll requests".
    _, link = polling_socket(host, receiver)
    first = Poll(link)
    second = Poll(link)
    assert not second.admitted
    assert first.answer == [b"1"]
    assert receiver.reasons == [reason.TRANSPORT_ERROR]
    assert host.sockets == {}


def test_two_posts_at_a_time_end_the_connection(host: FakeHost, receiver: Recorder) -> None:
    _, link = polling_socket(host, receiver)
    poll = Poll(link)
    assert link.begin_post()
    assert not link.begin_post()
    assert receiver.reasons == [reason.TRANSPORT_ERROR]
    assert poll.answer == [b"1"]
    assert host.sockets == {}


def test_one_post_after_the_other(host: FakeHost, receiver: Recorder) -> None:
    _, link = polling_socket(host, receiver)
    for _ in range(3):
        assert link.begin_post()
        link.posting = False
    assert receiver.reasons == []


def test_a_poll_and_a_post_at_a_time(host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    poll = Poll(link)
    assert link.begin_post()
    socket.receive_packet(4, b"in", False)
    link.posting = False
    assert poll.answer is None
    assert socket.state is State.OPEN


def test_the_waiting_poll_hears_of_the_end(host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    poll = Poll(link)
    socket.push(Outgoing(b"4lost"))
    socket.fail()
    # What a client that broke the rules was still to get is not sent.
    assert poll.answer == [b"1"]


def test_a_halted_post_goes_on_when_the_socket_does(host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    woken: list[str] = []
    socket.halt()
    link.proceed = lambda: woken.append("proceed")
    socket.proceed()
    socket.proceed()
    assert woken == ["proceed"]
    assert not socket.halted


@pytest.mark.parametrize("end", ["close", "fail", "lost"])
def test_a_halted_post_is_released_by_the_end(end: str, host: FakeHost, receiver: Recorder) -> None:
    socket, link = polling_socket(host, receiver)
    woken: list[str] = []
    socket.halt()
    link.proceed = lambda: woken.append("proceed")
    getattr(socket, end)()
    socket.proceed()
    assert woken == ["proceed"]
    assert socket.halted


def test_what_waits_for_a_websocket_that_is_not_accepted_yet_stays(host: FakeHost, receiver: Recorder) -> None:
    link = PendingLink()
    socket = new_socket(host, link, receiver)
    socket.push(Outgoing(b"4early"))
    link.flush()
    link.pause_reading()
    link.resume_reading()
    assert link.name == "websocket"
    assert [message.text for message in socket.outbox] == [b"4early"]
    link.close(1000, "")
    socket.reject()
    assert receiver.events == []
