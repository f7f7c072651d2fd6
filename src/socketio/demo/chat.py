"""The state of the demo's chat: who is in which room and what was said there; no I/O, no server.

Everything that comes from a browser goes through :func:`clean_line` or :func:`clean_text` first, so that nothing here
is longer than its limit and nothing but text.
"""

from __future__ import annotations

import time
import unicodedata
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Chat", "ChatError", "Member", "MemberView", "MessageView", "RoomView", "clean_line", "clean_text"]

NAME_LIMIT: Final = 24
"""The longest nickname and the longest name of a room, in characters."""
TEXT_LIMIT: Final = 2000
"""The longest message, in characters."""
ROOM_LIMIT: Final = 50
"""How many rooms there can be at once."""
MEMBER_LIMIT: Final = 200
"""How many members one room can have."""
HISTORY_LIMIT: Final = 50
"""How many messages a room keeps for those who come later."""
PERMANENT_ROOMS: Final = ("lobby", "coffee", "python")
"""Rooms that are there even when nobody is in them."""


class MemberView(TypedDict):
    """A member as the browsers see it."""

    id: int
    nickname: str


class MessageView(TypedDict):
    """A message as the browsers see it; `at` is in milliseconds since the epoch."""

    id: int
    member: int
    nickname: str
    text: str
    at: int


class RoomView(TypedDict):
    """A room as the browsers see it."""

    name: str
    count: int


class ChatError(Exception):
    """What was asked for is not possible; the message is for the person at the browser."""


@dataclass(slots=True)
class Member:
    """One browser window that is in a room."""

    id: int
    nickname: str
    room: str
    client: str
    """What the page calls itself; a page that comes back is known by it. Empty: it did not say."""


@dataclass(slots=True)
class _Room:
    members: dict[str, Member] = field(default_factory=dict)
    """sid -> member, in the order of arrival."""
    history: deque[MessageView] = field(default_factory=lambda: deque(maxlen=HISTORY_LIMIT))


class Chat:
    """The rooms, their members and their last messages. One sid is in one room at a time."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Room] = {name: _Room() for name in PERMANENT_ROOMS}
        self._member_of: dict[str, Member] = {}
        self._member_ids = count(1)
        # Starts at the clock, so that a page which outlives a restart of the server never sees an id twice.
        self._message_ids = count(time.time_ns() // 1_000_000)

    def member(self, sid: str) -> Member | None:
        """Return what `sid` is in its room, or `None` when it is in none."""
        return self._member_of.get(sid)

    def rooms(self) -> list[RoomView]:
        """Return every room with the number of its members."""
        return [{"name": name, "count": len(room.members)} for name, room in self._rooms.items()]

    def members(self, name: str) -> list[MemberView]:
        """Return who is in a room, in the order of arrival."""
        room = self._rooms.get(name)
        return [{"id": m.id, "nickname": m.nickname} for m in room.members.values()] if room else []

    def history(self, name: str) -> list[MessageView]:
        """Return the last messages of a room, oldest first."""
        room = self._rooms.get(name)
        return list(room.history) if room else []

    def sids_of_client(self, client: str) -> list[str]:
        """Return the sids under which a page is still listed; more than one only while an old connection dies."""
        return [sid for sid, member in self._member_of.items() if client and member.client == client]

    def join(self, sid: str, name: str, nickname: str, client: str = "") -> Member:
        """Put `sid` into a room, which is made when it is not there; it must be in none.

        A nickname that is taken in the room gets a number.

        Raises:
            ChatError: the room is full, or there are too many rooms.
        """
        room = self._rooms.get(name)
        if room is None:
            if len(self._rooms) >= ROOM_LIMIT:
                raise ChatError("There are too many rooms already; join one of them.")
            room = self._rooms[name] = _Room()
        if len(room.members) >= MEMBER_LIMIT:
            raise ChatError(f"The room {name} is full.")
        member = Member(next(self._member_ids), _free_name(nickname, room.members.values()), name, client)
        room.members[sid] = self._member_of[sid] = member
        return member

    def rename(self, member: Member, nickname: str) -> str:
        """Give a member another nickname, with a number when it is taken, and return it."""
        # Its own name does not count as taken: a change of case, or none at all, needs no number.
        others = [other for other in self._rooms[member.room].members.values() if other is not member]
        member.nickname = _free_name(nickname, others)
        return member.nickname

    def leave(self, sid: str) -> Member | None:
        """Take `sid` out of its room and return what it was there; an empty room that is not permanent goes too."""
        member = self._member_of.pop(sid, None)
        if member is None:
            return None
        room = self._rooms[member.room]
        del room.members[sid]
        if not room.members and member.room not in PERMANENT_ROOMS:
            del self._rooms[member.room]
        return member

    def say(self, member: Member, text: str) -> MessageView:
        """Keep a message in the history of the member's room and return it."""
        message: MessageView = {
            "id": next(self._message_ids),
            "member": member.id,
            "nickname": member.nickname,
            "text": text,
            "at": time.time_ns() // 1_000_000,
        }
        self._rooms[member.room].history.append(message)
        return message


def clean_line(value: object, what: str) -> str:
    """Return a nickname or a room's name on one line, without what cannot be printed.

    Raises:
        ChatError: it is not text, is empty, or is longer than `NAME_LIMIT`.
    """
    if not isinstance(value, str):
        raise ChatError(f"The {what} must be text.")
    # Before the loop: a huge value is not worth looking at character by character.
    if len(value) > 4 * NAME_LIMIT:
        raise ChatError(f"The {what} is longer than {NAME_LIMIT} characters.")
    line = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", value))
    line = " ".join(line.split())
    if not line:
        raise ChatError(f"The {what} is empty.")
    if len(line) > NAME_LIMIT:
        raise ChatError(f"The {what} is longer than {NAME_LIMIT} characters.")
    return line


def clean_text(value: object) -> str:
    """Return a message without control characters (line feeds stay) and without space around it.

    Raises:
        ChatError: it is not text, is empty, or is longer than `TEXT_LIMIT`.
    """
    if not isinstance(value, str):
        raise ChatError("The message must be text.")
    if len(value) > TEXT_LIMIT:
        raise ChatError(f"The message is longer than {TEXT_LIMIT} characters.")
    text = "".join(c for c in value if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs")).strip()
    if not text:
        raise ChatError("The message is empty.")
    return text


def _free_name(nickname: str, members: Iterable[Member]) -> str:
    taken = {member.nickname.casefold() for member in members}
    if nickname.casefold() not in taken:
        return nickname
    for number in count(2):
        ending = f" {number}"
        candidate = nickname[: NAME_LIMIT - len(ending)] + ending
        if candidate.casefold() not in taken:
            return candidate
    raise AssertionError("count() does not end")
