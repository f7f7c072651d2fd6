"""What a `call()` waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from socketio.acks import LOST, Answer, arguments_of, make_answer, value_of
from socketio.exceptions import DisconnectedError
from socketio.members import Member


@pytest.mark.parametrize(
    ("arguments", "value"), [((), None), ((1,), 1), ((None,), None), ((1, 2), (1, 2)), (([],), [])]
)
def test_value_of(arguments: tuple[Any, ...], value: Any) -> None:
    """A.5 "call()": returns None / value / tuple."""
    assert value_of(arguments) == value


def test_answer_is_called_with_the_arguments() -> None:
    seen: list[Any] = []
    Answer(seen.append, lambda: seen.append("abandoned"))(1, 2)
    assert seen == [(1, 2)]


def test_forget_makes_a_late_acknowledgement_unknown() -> None:
    member = Member("sid", "/", None)
    answer = Answer(print, print)
    answer.forget()
    answer.member, answer.ack_id = member, member.expect_ack(answer)
    answer.forget()
    assert member.take_ack(answer.ack_id) is None
    answer.forget()


@pytest.mark.parametrize(
    ("result", "arguments"), [(None, []), (0, [0]), ([1, 2], [[1, 2]]), ((1, 2), [1, 2]), ((), []), ((None,), [None])]
)
def test_arguments_of(result: Any, arguments: list[Any]) -> None:
    assert arguments_of(result) == arguments


class Calls:
    """What was to be run; and running it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.waiting.append((function, arguments))

    def happen(self) -> None:
        for function, arguments in self.waiting:
            function(*arguments)


def test_an_acknowledgement_goes_to_the_callback() -> None:
    heard: list[Any] = []
    calls = Calls()
    answer = make_answer(lambda *arguments: heard.append(arguments), heard.append, calls.run)
    answer(1, "two")
    assert heard == []  # not in the thread of whoever reads
    calls.happen()
    assert heard == [(1, "two")]


def test_that_no_acknowledgement_will_come_goes_to_the_other_function() -> None:
    heard: list[Any] = []
    calls = Calls()
    make_answer(heard.append, lambda error: heard.append(("error", error)), calls.run).abandon()
    assert heard == []
    calls.happen()
    ((kind, error),) = heard
    assert kind == "error"
    assert isinstance(error, DisconnectedError)
    assert str(error) == LOST


def test_nobody_wants_the_acknowledgement() -> None:
    heard: list[Any] = []
    calls = Calls()
    answer = make_answer(None, heard.append, calls.run)
    answer(1)
    assert calls.waiting == []
    answer.abandon()
    calls.happen()
    assert [type(error) for error in heard] == [DisconnectedError]
