"""A member: what it waits for, and what becomes of that."""

from __future__ import annotations

from typing import Any

from engineio.packet import Outgoing
from socketio.acks import Answer
from socketio.members import Member, MemberState, drop


def test_a_new_member_keeps_what_is_sent_to_it() -> None:
    member = Member("sid", "/", None)
    assert member.state is MemberState.CONNECTING
    message = Outgoing(b"42[]")
    member.push(message)
    assert member.early == [message]
    assert (member.sid, member.namespace, member.rooms, member.acks, member.held) == ("sid", "/", None, None, None)


def test_ack_ids_count_from_one_and_are_taken_once() -> None:
    """D.3: ids are non-negative integers; an unknown or duplicate acknowledgement is ignored."""
    member = Member("sid", "/", None)
    assert member.take_ack(1) is None
    assert [member.expect_ack(print), member.expect_ack(repr)] == [1, 2]
    assert member.take_ack(2) is repr
    assert member.take_ack(2) is None
    assert member.take_ack(3) is None
    assert member.take_ack(1) is print
    assert member.expect_ack(print) == 3


def test_abandon_tells_calls_and_drops_callbacks() -> None:
    member = Member("sid", "/", None)
    seen: list[Any] = []
    member.expect_ack(seen.append)
    member.expect_ack(Answer(seen.append, lambda: seen.append("abandoned")))
    member.abandon_acks()
    assert seen == ["abandoned"]
    assert member.acks is None
    member.abandon_acks()
    assert seen == ["abandoned"]


def test_drop_takes_anything() -> None:
    drop(Outgoing(b"4"))


def test_states_are_in_order() -> None:
    assert [state.name for state in MemberState] == ["CONNECTING", "CONNECTED", "LEAVING", "GONE"]


def test_a_member_is_small() -> None:
    """10,000 clients have one each: no instance dictionary."""
    assert not hasattr(Member("sid", "/", None), "__dict__")
