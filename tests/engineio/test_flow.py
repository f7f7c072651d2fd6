"""How many handlers of one client may be under way."""

from __future__ import annotations

from engineio.flow import InFlight

from .fakes import FakeHost, Recorder, websocket_socket


def test_reading_stops_at_the_limit_and_goes_on_at_half_of_it() -> None:
    socket, link = websocket_socket(FakeHost(), Recorder())
    flow = InFlight(socket, 4)
    for _ in range(3):
        flow.started()
    assert link.reading
    flow.started()
    assert socket.halted
    assert not link.reading
    flow.finished()
    assert not link.reading
    flow.finished()
    assert link.reading
    assert not socket.halted
    flow.finished()
    flow.finished()
    assert flow.count == 0
    assert link.reading


def test_one_at_a_time() -> None:
    socket, link = websocket_socket(FakeHost(), Recorder())
    flow = InFlight(socket, 1)
    for _ in range(3):
        flow.started()
        assert not link.reading
        flow.finished()
        assert link.reading


def test_a_connection_that_is_over_stays_halted() -> None:
    socket, _ = websocket_socket(FakeHost(), Recorder())
    flow = InFlight(socket, 1)
    flow.started()
    socket.lost()
    flow.finished()
    assert socket.halted
    assert flow.count == 0


def test_without_a_connection_it_only_counts() -> None:
    flow = InFlight(None, 1)
    flow.started()
    flow.started()
    flow.halt()
    assert flow.count == 2
    flow.finished()
    flow.finished()
    assert flow.count == 0
