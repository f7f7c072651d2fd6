"""The state of the demo's chat, and what becomes of text that browsers send."""

from __future__ import annotations

from typing import Any

import pytest

from socketio.demo.chat import (
    HISTORY_LIMIT,
    MEMBER_LIMIT,
    NAME_LIMIT,
    PERMANENT_ROOMS,
    ROOM_LIMIT,
    TEXT_LIMIT,
    Chat,
    ChatError,
    clean_line,
    clean_text,
)


def test_an_empty_room_goes_unless_it_is_permanent() -> None:
    chat = Chat()
    chat.join("a", "new", "Ada")
    assert {"name": "new", "count": 1} in chat.rooms()
    assert chat.leave("a") is not None
    assert [room["name"] for room in chat.rooms()] == list(PERMANENT_ROOMS)
    assert chat.members("new") == []
    assert chat.history("new") == []


def test_leaving_without_being_there() -> None:
    assert Chat().leave("a") is None


def test_taken_nicknames_get_a_number() -> None:
    chat = Chat()
    long = "x" * NAME_LIMIT
    assert [chat.join(sid, "lobby", "Ada").nickname for sid in "abc"] == ["Ada", "Ada 2", "Ada 3"]
    assert chat.join("d", "lobby", "ADA 2").nickname == "ADA 2 2"
    assert [chat.join(sid, "lobby", long).nickname for sid in "ef"] == [long, long[:-2] + " 2"]


def test_rename() -> None:
    chat = Chat()
    ada, _ = chat.join("a", "lobby", "Ada"), chat.join("b", "lobby", "Grace")
    assert chat.rename(ada, "ADA") == "ADA"
    assert chat.rename(ada, "grace") == "grace 2"
    assert [member["nickname"] for member in chat.members("lobby")] == ["grace 2", "Grace"]


def test_history_is_bounded_and_its_ids_grow() -> None:
    chat = Chat()
    ada = chat.join("a", "lobby", "Ada")
    for number in range(HISTORY_LIMIT + 5):
        chat.say(ada, str(number))
    history = chat.history("lobby")
    assert [message["text"] for message in history] == [str(n) for n in range(5, HISTORY_LIMIT + 5)]
    ids = [message["id"] for message in history]
    assert ids == sorted(set(ids))


def test_rooms_and_members_are_bounded() -> None:
    chat = Chat()
    for number in range(ROOM_LIMIT - len(PERMANENT_ROOMS)):
        chat.join(f"r{number}", f"room {number}", "Ada")
    with pytest.raises(ChatError, match="too many rooms"):
        chat.join("a", "one more", "Ada")
    for number in range(MEMBER_LIMIT):
        chat.join(f"m{number}", "lobby", "Ada")
    with pytest.raises(ChatError, match="is full"):
        chat.join("b", "lobby", "Ada")
    assert chat.member("a") is None
    assert chat.member("b") is None


def test_a_page_is_known_by_its_own_name() -> None:
    chat = Chat()
    chat.join("a", "lobby", "Ada", "page")
    chat.join("b", "lobby", "Grace")
    assert chat.sids_of_client("page") == ["a"]
    assert chat.sids_of_client("") == []


@pytest.mark.parametrize(
    ("value", "line"),
    [("Ada", "Ada"), ("  Ada \n Lovelace ", "Ada Lovelace"), ("A\u202eda", "A da"), ("e\u0301", "\u00e9")],
)
def test_lines_are_cleaned(value: str, line: str) -> None:
    assert clean_line(value, "nickname") == line


@pytest.mark.parametrize("value", [None, 5, ["a"], {"a": 1}, b"a", True, "", " \n\t", "\u200b", "x" * 25, "x" * 10**6])
def test_lines_are_refused(value: Any) -> None:
    with pytest.raises(ChatError, match="nickname"):
        clean_line(value, "nickname")


def test_messages_keep_line_feeds_and_lose_control_characters() -> None:
    assert clean_text(" one\n\ttwo\x00\x1b[1m ") == "one\ntwo[1m"


@pytest.mark.parametrize("value", [None, 5, [], b"a", "", "\x00", "x" * (TEXT_LIMIT + 1)])
def test_messages_are_refused(value: Any) -> None:
    with pytest.raises(ChatError, match="message"):
        clean_text(value)
