"""Rooms: who is where, whom a broadcast reaches, and the view that programs have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from socketio.members import Member
from socketio.rooms import Group, RoomsView, recipients


def group_of(*sids: str) -> Group:
    group = Group()
    for sid in sids:
        group.members[sid] = Member(sid, "/", SimpleNamespace(eio_sid="eio-" + sid))
    return group


@pytest.fixture
def group() -> Group:
    """a, b and c are in "even"; c and d in "late"."""
    group = group_of("a", "b", "c", "d")
    for sid in "abc":
        group.enter(group.members[sid], "even")
    for sid in "cd":
        group.enter(group.members[sid], "late")
    return group


def reached(group: Group, room: Any, skip: Any = None) -> list[str]:
    return [member.sid for member in recipients(group, room, skip)]


@pytest.mark.parametrize(
    ("room", "skip", "sids"),
    [
        (None, None, "abcd"),
        ("even", None, "abc"),
        ("a", None, "a"),
        (["even", "late"], None, "abcd"),
        (["late", "a"], None, "cda"),
        (("even",), None, "abc"),
        ({"late"}, None, "cd"),
        ([], None, ""),
        (["nowhere"], None, ""),
        ("nowhere", None, ""),
        (7, None, ""),
        (None, "b", "acd"),
        (None, ["a", "d"], "bc"),
        (None, ("a",), "bcd"),
        ("even", {"a", "b"}, "c"),
        ("even", [], "abc"),
        ("a", "a", ""),
        (None, "nobody", "abcd"),
    ],
)
def test_recipients(group: Group, room: Any, skip: Any, sids: str) -> None:
    """A.5 "emit data": a list of rooms is their union, each once; skip_sid is a str or several."""
    assert "".join(reached(group, room, skip)) == sids


def test_leave(group: Group) -> None:
    group.leave(group.members["c"], "late")
    assert reached(group, "late") == ["d"]
    assert group.members["c"].rooms == {"even"}
    group.leave(group.members["c"], "late")
    group.leave(group.members["a"], "nowhere")
    group.leave(group.members["d"], "late")
    assert "late" not in group.rooms


def test_enter_twice_and_own_room(group: Group) -> None:
    member = group.members["a"]
    group.enter(member, "even")
    group.enter(member, "a")
    group.enter(member, None)
    assert member.rooms == {"even"}
    assert set(group.rooms) == {"even", "late"}


def test_close(group: Group) -> None:
    group.close("even")
    group.close("nowhere")
    assert reached(group, "even") == []
    assert group.members["c"].rooms == {"late"}
    assert set(group.rooms) == {"late"}


def test_remove_leaves_nothing(group: Group) -> None:
    for sid in "abcd":
        group.remove(group.members[sid])
    assert (group.members, group.rooms) == ({}, {})


@pytest.mark.parametrize("room", [7, ("x", 1), frozenset("x"), True])
def test_rooms_need_no_text(room: Any) -> None:
    """faults F074: room names go by their value."""
    group = group_of("a")
    group.enter(group.members["a"], room)
    assert reached(group, [room]) == ["a"]


# What programs see (A.6: manager.rooms[namespace][room] is a mapping sid -> eio_sid)


def test_view(group: Group) -> None:
    view = RoomsView({"/": group})
    rooms = view["/"]
    assert list(view) == ["/"] and len(view) == 1 and "/" in view and "/x" not in view
    assert dict(rooms["even"]) == {"a": "eio-a", "b": "eio-b", "c": "eio-c"}
    assert rooms["even"]["a"] == "eio-a"
    assert len(rooms["late"]) == 2 and "c" in rooms["late"] and "a" not in rooms["late"]
    assert list(rooms["late"]) == ["c", "d"]
    assert list(rooms["late"].items()) == [("c", "eio-c"), ("d", "eio-d")]
    assert rooms["late"].get("nobody") is None


def test_view_holds_everybody_and_own_rooms(group: Group) -> None:
    rooms = RoomsView({"/": group})["/"]
    assert list(rooms[None]) == ["a", "b", "c", "d"]
    assert dict(rooms["d"]) == {"d": "eio-d"}
    assert list(rooms) == [None, "a", "b", "c", "d", "even", "late"]
    assert len(rooms) == 7
    assert "even" in rooms and None in rooms and "d" in rooms and "nowhere" not in rooms


def test_view_is_live(group: Group) -> None:
    even = RoomsView({"/": group})["/"]["even"]
    group.leave(group.members["a"], "even")
    assert len(even) == 2


def test_view_of_nothing() -> None:
    view = RoomsView({"/": group_of()})
    with pytest.raises(KeyError):
        view["/x"]
    with pytest.raises(KeyError):
        view["/"]["nowhere"]
    with pytest.raises(KeyError):
        view["/"][None]["nobody"]


def test_view_can_be_printed(group: Group) -> None:
    group.remove(group.members["a"])
    text = repr(RoomsView({"/": group}))
    assert text.startswith("{'/': {None: {'b': 'eio-b',") and "'late': {'c': 'eio-c', 'd': 'eio-d'}" in text


def test_view_compares_like_a_dict() -> None:
    assert RoomsView({"/": group_of("a")}) == {"/": {None: {"a": "eio-a"}, "a": {"a": "eio-a"}}}
