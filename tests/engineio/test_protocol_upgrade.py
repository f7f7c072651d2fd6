"""The upgrade from polling to a WebSocket: the probe, the switch, and all that can come between."""

from __future__ import annotations

import pytest

from engineio.interfaces import reason
from engineio.packet import Outgoing
from engineio.polling_link import PollingLink
from engineio.protocol import Socket, State
from engineio.upgrade import Candidate

from .fakes import FakeHost, Poll, Recorder, StreamLink, binary_frame, close_frame, outgoing, polling_socket


class Case:
    """A socket on polling, and a WebSocket that has just been accepted for it."""

    def __init__(self, **options: object) -> None:
        self.host = FakeHost(**options)
        self.receiver = Recorder()
        self.socket, self.polling = polling_socket(self.host, self.receiver, first_ping=500)
        self.link, self.candidate = self.begin()

    def begin(self) -> tuple[StreamLink, Candidate]:
        link = StreamLink()
        candidate = self.socket.begin_upgrade(link)
        assert candidate is not None
        link.target = candidate
        return link, candidate

    def push(self, *texts: str) -> None:
        for message in outgoing(*texts):
            self.socket.push(message)

    def poll(self) -> Poll:
        return Poll(self.polling)

    def assert_still_polling(self) -> None:
        """The attempt has failed; the connection has not, and may try again."""
        socket = self.socket
        assert socket.state is State.OPEN
        assert socket.link is self.polling
        assert not socket.upgrading
        assert self.receiver.reasons == []
        assert set(self.host.due) <= {socket}
        assert self.link.closing
        self.push("still here")
        self.host.flush()
        assert self.poll().answer == [b"4still here"]
        self.link, self.candidate = self.begin()
        self.link.text(b"2probe", b"5")
        assert socket.link is self.link


@pytest.fixture
def case() -> Case:
    return Case()


def test_the_probe_is_answered_and_the_waiting_poll_released(case: Case) -> None:
    poll = case.poll()
    case.link.text(b"2probe")
    assert case.link.texts() == [b"3probe"]
    assert poll.answer == [b"6"]
    # Suite: "should return exactly 6" until the upgrade is over, so that no poll stands in its way.
    assert case.poll().answer == [b"6"]
    assert case.socket.upgrading
    case.link.text(b"5")
    assert case.socket.link is case.link
    assert not case.socket.upgrading
    assert case.host.due.keys() == {case.socket}


def test_a_poll_that_comes_after_the_probe_is_released(case: Case) -> None:
    case.link.text(b"2probe")
    assert case.poll().answer == [b"6"]


def test_probe_and_upgrade_in_one_chunk(case: Case) -> None:
    poll = case.poll()
    case.link.text(b"2probe", b"5", b"4at once")
    assert poll.answer == [b"6"]
    assert case.receiver.events == [("text", b"at once")]
    assert case.socket.link is case.link
    assert case.link.texts() == [b"3probe"]


# The moment of a message -> the packets that it makes. Each has to arrive once, and all in order.
@pytest.mark.parametrize("polling_at", [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("flushing", [True, False])
def test_messages_arrive_once_and_in_order(polling_at: tuple[int, ...], flushing: bool) -> None:
    case = Case()
    polls: list[Poll] = []
    steps = [lambda: case.link.text(b"2probe"), lambda: None, lambda: case.link.text(b"5")]
    number = 0
    for moment, step in enumerate(steps):
        if moment in polling_at and (not polls or polls[-1].answer is not None):
            polls.append(case.poll())
        for _ in range(2):
            case.push(f"{number}")
            number += 1
        if flushing:
            case.host.flush()
        step()
        case.push(f"{number}")
        number += 1
    case.host.flush()
    assert all(poll.answer is not None for poll in polls)
    received = [packet for poll in polls for packet in poll.answer or ()] + case.link.texts()
    assert [packet for packet in received if packet[:1] == b"4"] == [b"4%d" % index for index in range(number)]
    assert {packet for packet in received if packet[:1] != b"4"} <= {b"6", b"3probe"}


def test_a_message_for_which_the_poll_is_woken_already(case: Case) -> None:
    # The shell answers a poll some time after it was woken: what is in the outbox then belongs to one transport.
    woken: list[bool] = []
    assert case.polling.begin_poll()
    case.polling.wake = lambda: woken.append(True)
    case.push("a")
    case.host.flush()
    assert woken == [True]
    case.link.text(b"2probe", b"5")
    case.push("b")
    answer = [message.segment() for message in case.polling.take()]
    case.host.flush()
    assert answer == [b"6"]
    assert case.link.texts() == [b"3probe", b"4a", b"4b"]


def test_messages_of_the_client_arrive_in_order(case: Case) -> None:
    case.socket.receive_packet(4, b"posted", False)
    case.link.text(b"2probe")
    case.socket.receive_packet(4, b"posted during the probe", False)
    case.link.text(b"5", b"4sent")
    assert case.receiver.texts == [b"posted", b"posted during the probe", b"sent"]


def test_after_the_upgrade_the_socket_lives_on_the_websocket(case: Case) -> None:
    case.link.text(b"2probe", b"5")
    case.link.texts()
    case.link.text(b"4in")
    case.push("out")
    case.host.flush()
    assert case.link.texts() == [b"4out"]
    assert case.receiver.events == [("text", b"in")]
    case.host.advance(500)
    assert case.link.texts() == [b"2"]
    case.link.stream_ended()
    assert case.receiver.reasons == [reason.TRANSPORT_CLOSE]
    assert case.host.sockets == {}
    assert case.host.due == {}


@pytest.mark.parametrize(
    "first",
    [[b"5"], [b"2"], [b"2wrong"], [b"4hello"], [b"3probe"], [b""], [b"2probe", b"2probe"], [b"2probe", b"4hello"]],
)
def test_anything_but_probe_and_upgrade_closes_the_websocket_only(first: list[bytes], case: Case) -> None:
    case.link.text(*first)
    assert case.receiver.events == []
    case.assert_still_polling()


def test_a_binary_message_closes_the_websocket_only(case: Case) -> None:
    case.link.receive_data(binary_frame(b"2probe"))
    case.assert_still_polling()


@pytest.mark.parametrize("probed", [True, False])
def test_a_stuck_upgrade_times_out(probed: bool, case: Case) -> None:
    if probed:
        case.link.text(b"2probe")
    case.host.advance(9.9)
    assert not case.link.closing
    case.host.advance(0.2)
    assert case.link.closing
    case.assert_still_polling()


def test_an_upgrade_packet_that_comes_after_the_timeout_is_too_late(case: Case) -> None:
    case.link.text(b"2probe")
    case.host.advance(10)
    assert case.link.closing
    case.link.text(b"5")
    assert case.socket.link is case.polling
    case.assert_still_polling()


@pytest.mark.parametrize("probed", [True, False])
def test_a_websocket_that_goes_away(probed: bool, case: Case) -> None:
    if probed:
        case.link.text(b"2probe")
    case.link.receive_data(close_frame(1001))
    case.link.stream_ended()
    case.assert_still_polling()


def test_a_second_candidate_is_not_taken(case: Case) -> None:
    assert case.socket.begin_upgrade(StreamLink()) is None
    case.link.text(b"2probe")
    assert case.socket.begin_upgrade(StreamLink()) is None
    case.link.text(b"5")
    assert case.socket.begin_upgrade(StreamLink()) is None
    assert case.socket.state is State.OPEN
    assert case.socket.link is case.link


@pytest.mark.parametrize("end", [Socket.close, Socket.fail, Socket.lost])
@pytest.mark.parametrize("probed", [True, False])
def test_a_connection_that_ends_during_the_upgrade(end, probed: bool, case: Case) -> None:
    # Suite of the reference client: "should abort upgrade if socket is closed (GH-35)".
    if probed:
        case.link.text(b"2probe")
    end(case.socket)
    assert case.link.closing
    assert len(case.receiver.reasons) == 1
    case.link.text(b"5" if probed else b"2probe")
    case.link.stream_ended()
    assert case.socket.link is case.polling
    case.host.advance(100)
    assert len(case.receiver.reasons) == 1
    assert case.host.due == {}
    assert case.host.sockets == {}


def test_the_last_packets_are_polled_when_the_server_closes_during_the_upgrade(case: Case) -> None:
    case.link.text(b"2probe")
    case.push("last")
    case.socket.close()
    assert case.poll().answer == [b"4last", b"1"]


@pytest.mark.parametrize("state", [State.CONNECTING, State.CLOSING, State.CLOSED])
def test_only_an_open_socket_upgrades(state: State) -> None:
    host = FakeHost()
    socket, _ = polling_socket(host)
    if state is State.CONNECTING:
        socket.state = state
    elif state is State.CLOSING:
        socket.close()
    else:
        socket.lost()
    assert socket.begin_upgrade(StreamLink()) is None


def test_a_halted_socket_is_halted_on_the_websocket_too(case: Case) -> None:
    case.socket.halt()
    case.link.text(b"2probe", b"5", b"4early")
    assert not case.link.reading
    case.link.text(b"4on its way")
    assert case.receiver.events == []
    case.socket.proceed()
    assert case.receiver.texts == [b"early", b"on its way"]
    assert case.link.reading


def test_a_post_that_was_halted_goes_on_when_the_transport_has_changed(case: Case) -> None:
    woken: list[bool] = []
    case.socket.halt()
    case.polling.proceed = lambda: woken.append(True)
    case.link.text(b"2probe", b"5")
    assert woken == [True]


def test_a_candidate_has_nothing_to_flush(case: Case) -> None:
    case.push("for the poll")
    case.link.flush()
    case.link.text(b"2probe")
    case.link.flush()
    assert case.link.texts() == [b"3probe"]
    assert case.poll().answer == [b"4for the poll"]


def test_polls_of_an_upgraded_connection_are_released() -> None:
    case = Case()
    poll = case.poll()
    case.link.text(b"2probe", b"5")
    case.socket.push(Outgoing(b"4for the websocket"))
    case.host.flush()
    assert poll.answer == [b"6"]
    assert isinstance(case.polling, PollingLink)
    assert case.link.texts() == [b"3probe", b"4for the websocket"]
