"""What is remembered of other processes."""

from __future__ import annotations

from socketio import senders
from socketio.senders import Callbacks, Senders


def test_a_callback_is_taken_once_by_whom_it_is_for() -> None:
    callbacks = Callbacks()
    first, second = callbacks.add("room", "/", print), callbacks.add("room", "/", repr)
    assert first != second
    assert callbacks.take(first, "other", "/") is None
    assert callbacks.take(first, "room", "/other") is None
    assert callbacks.take([first], "room", "/") is None
    assert callbacks.take(first, "room", "/") is print
    assert callbacks.take(first, "room", "/") is None
    assert callbacks.take_ack(second) is repr
    assert callbacks.take_ack(second) is None


def test_there_are_not_too_many_callbacks() -> None:
    callbacks = Callbacks()
    ids = [callbacks.add("room", "/", print) for _ in range(senders.MOST_CALLBACKS + 1)]
    assert len(callbacks) == senders.MOST_CALLBACKS
    assert callbacks.take(ids[0], "room", "/") is None
    assert callbacks.take(ids[1], "room", "/") is print


def test_only_what_says_again_can_be_a_repetition() -> None:
    seen = Senders()
    assert seen.is_new("a", 1, None)
    assert seen.is_new("a", 2, None)
    assert not seen.is_new("a", 1, True)
    assert not seen.is_new("a", 2, True)
    assert seen.is_new("a", 3, True)
    assert not seen.is_new("a", 3, True)
    assert seen.is_new("b", 3, True)
    assert seen.is_new("a", 1, None)
    assert seen.is_new("a", 10**20, None)
    assert seen.is_new("a", 2, None)
    assert seen.is_new("a", 3, True)
    assert seen.is_new(None, 1, True)
    assert seen.is_new("a", "x", True)


def test_there_are_not_too_many_senders() -> None:
    seen = Senders()
    for number in range(senders.MOST_SENDERS + 1):
        seen.is_new(str(number), 1, None)
    assert seen.is_new("0", 1, True)
    assert not seen.is_new("5", 1, True)
