"""What a thread waits for that wants an acknowledgement."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from socketio.exceptions import DisconnectedError, SocketIOError, TimeoutError
from socketio.sync.answers import BlockingAnswer

LIMIT = 20.0
"""How long a test waits for something, in seconds."""

LOST = DisconnectedError("lost")


@pytest.mark.parametrize(
    ("arguments", "value"), [((), None), ((1,), 1), ((None,), None), ((1, 2), (1, 2)), (([],), [])]
)
def test_the_value_is_there_already(arguments: tuple[Any, ...], value: Any) -> None:
    for timeout in (None, 0, -1, LIMIT):
        answer = BlockingAnswer(LOST)
        answer(*arguments)
        assert answer.value(timeout) == value


@pytest.mark.parametrize("timeout", [0.01, 0, -1])
def test_nothing_comes_in_time(timeout: float) -> None:
    answer = BlockingAnswer(LOST)
    with pytest.raises(TimeoutError):
        answer.value(timeout)
    assert issubclass(TimeoutError, SocketIOError)
    answer("too late")  # does not raise where it is read


def test_nothing_will_come() -> None:
    answer = BlockingAnswer(LOST)
    answer.abandon()
    with pytest.raises(DisconnectedError) as caught:
        answer.value(None)
    assert caught.value is LOST


@pytest.mark.parametrize("timeout", [None, LIMIT])
@pytest.mark.parametrize(
    ("end", "outcome"), [(lambda answer: answer("yes"), "yes"), (BlockingAnswer.abandon, LOST)], ids=["yes", "lost"]
)
def test_it_comes_from_another_thread(
    end: Callable[[BlockingAnswer], object], outcome: Any, timeout: float | None
) -> None:
    for _ in range(50):
        answer = BlockingAnswer(LOST)
        thread = threading.Thread(target=end, args=(answer,))
        thread.start()
        try:
            assert answer.value(timeout) == outcome
        except DisconnectedError as exc:
            assert exc is outcome
        thread.join(LIMIT)
