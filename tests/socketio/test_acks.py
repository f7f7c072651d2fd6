"""What a `call()` waits for."""

from __future__ import annotations

from typing import Any

import pytest

from socketio.acks import Answer, value_of
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
