"""Who is where: the members of each namespace and of each room, and the recipients of a broadcast."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .members import Member

__all__ = ["Group", "RoomsView", "recipients"]


class Group:
    """One namespace.

    Every member is in a room of its own, named like its sid, and in the room `None` of all; these two cost nothing,
    they are only looked up.

    Attributes:
        members: sid -> member, of all that are connected or are about to be.
        rooms: room -> sid -> member. Rooms exist as long as somebody is in them.
        connecting: The members whose connect handler is running.
    """

    __slots__ = ("connecting", "members", "rooms")

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.rooms: dict[Any, dict[str, Member]] = {}
        self.connecting: set[Member] = set()

    def enter(self, member: Member, room: Any) -> None:
        """Puts a member into a room."""
        if room is None or room == member.sid:
            return
        self.rooms.setdefault(room, {})[member.sid] = member
        if member.rooms is None:
            member.rooms = {room}
        else:
            member.rooms.add(room)

    def leave(self, member: Member, room: Any) -> None:
        """Takes a member out of a room; nothing happens if it is not there."""
        rooms = member.rooms
        if rooms is None or room not in rooms:
            return
        rooms.discard(room)
        members = self.rooms[room]
        del members[member.sid]
        if not members:
            del self.rooms[room]

    def close(self, room: Any) -> None:
        """Takes everybody out of a room."""
        for member in self.rooms.pop(room, {}).values():
            assert member.rooms is not None
            member.rooms.discard(room)

    def remove(self, member: Member) -> None:
        """Takes a member out of all rooms and of the namespace."""
        for room in list(member.rooms or ()):
            self.leave(member, room)
        self.members.pop(member.sid, None)
        self.connecting.discard(member)

    def room(self, room: Any) -> Mapping[str, Member] | None:
        """Returns sid -> member of a room, `None` if nobody is in it."""
        if room is None:
            return self.members
        member = self.members.get(room) if isinstance(room, str) else None
        if member is not None:
            return {member.sid: member}
        return self.rooms.get(room)


def recipients(group: Group, room: Any, skip_sid: str | Collection[str] | None) -> Collection[Member]:
    """Returns whom a broadcast reaches, each once.

    Args:
        group: The namespace.
        room: A room, a sid, a list of them, or `None` for everybody.
        skip_sid: A sid or several that are left out.
    """
    if isinstance(room, (list, tuple, set, frozenset)):
        together: dict[str, Member] = {}
        for name in room:
            together.update(group.room(name) or {})
        members: Mapping[str, Member] = together
    else:
        members = group.room(room) or {}
    if skip_sid is None:
        return members.values()
    skipped = {skip_sid} if isinstance(skip_sid, str) else frozenset(skip_sid)
    return [member for sid, member in members.items() if sid not in skipped]


class _SidView(Mapping[str, str]):
    """sid -> Engine.IO sid of a room, as programs see it."""

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members = members

    def __getitem__(self, sid: str) -> str:
        eio_sid: str = self._members[sid].connection.eio_sid
        return eio_sid

    def __contains__(self, sid: object) -> bool:
        return sid in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return repr(dict(self))


class _RoomView(Mapping[Any, Mapping[str, str]]):
    """room -> sid -> Engine.IO sid of a namespace, with the rooms of all and of each member."""

    __slots__ = ("_group",)

    def __init__(self, group: Group) -> None:
        self._group = group

    def __getitem__(self, room: Any) -> Mapping[str, str]:
        members = self._group.room(room)
        if members is None:
            raise KeyError(room)
        return _SidView(members)

    def __iter__(self) -> Iterator[Any]:
        yield None
        yield from self._group.members
        yield from self._group.rooms

    def __len__(self) -> int:
        return 1 + len(self._group.members) + len(self._group.rooms)

    def __repr__(self) -> str:
        return repr(dict(self))


class RoomsView(Mapping[str, Mapping[Any, Mapping[str, str]]]):
    """namespace -> room -> sid -> Engine.IO sid: a live, read-only view for programs that look."""

    __slots__ = ("_groups",)

    def __init__(self, groups: Mapping[str, Group]) -> None:
        self._groups = groups

    def __getitem__(self, namespace: str) -> Mapping[Any, Mapping[str, str]]:
        return _RoomView(self._groups[namespace])

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    def __repr__(self) -> str:
        return repr(dict(self))
