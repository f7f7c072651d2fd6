"""What the managers of both colours share: the members and rooms of this process, and the fan-out of an emit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .acks import Answer
from .members import Member, MemberState, connecting
from .packet import EVENT
from .rooms import Group, RoomsView, recipients

__all__ = ["BaseManager"]


class _NotConnected(KeyError, ValueError):
    """There is no such client in the namespace; python-socketio raises either, for rooms of an empty namespace."""


class BaseManager:
    """Knows who is in which namespace and room, on this server."""

    def __init__(self) -> None:
        self.server: Any = None
        self.groups: dict[str, Group] = {}
        """namespace -> its members and rooms."""

    # Life

    def set_server(self, server: Any) -> None:
        """Called by the server that uses this manager."""
        self.server = server

    def initialize(self) -> None:
        """Called before the first request is served; managers with a broker start to listen here."""

    # What programs look at

    @property
    def rooms(self) -> RoomsView:
        """namespace -> room -> sid -> Engine.IO sid, live and read-only; the room `None` holds everybody."""
        return RoomsView(self.groups)

    def get_namespaces(self) -> list[str]:
        """Returns the namespaces that somebody is in."""
        return list(self.groups)

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """Yields (sid, Engine.IO sid) of everybody in a room, or in one of a list of rooms."""
        group = self.groups.get(namespace)
        if group is not None:
            for member in list(recipients(group, room, None)):
                yield member.sid, member.connection.eio_sid

    def get_rooms(self, sid: str, namespace: str) -> list[Any]:
        """Returns the rooms that a client is in, that of its own sid included."""
        member = self._member(sid, namespace)
        return [] if member is None else [sid, *(member.rooms or ())]

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        """Returns whether a client is known, connected or about to be."""
        return self._member(sid, namespace) is not None

    def is_connected(self, sid: str, namespace: str) -> bool:
        """Returns whether a client is connected to a namespace."""
        member = self._member(sid, namespace)
        return member is not None and member.state is MemberState.CONNECTED

    def is_here(self, sid: str, namespace: str) -> bool:
        """Returns whether a client is connected here, or about to be, so that it can be disconnected here."""
        member = self._member(sid, namespace)
        return member is not None and member.state in (MemberState.CONNECTING, MemberState.CONNECTED)

    def is_sid_room(self, namespace: str, room: Any) -> bool:
        """Returns whether a room is that of a client's own sid."""
        return isinstance(room, str) and self._member(room, namespace) is not None

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """Returns the sid of a connection in a namespace, `None` if it is not there."""
        connection = self.server.connections.get(eio_sid)
        member = connection.members.get(namespace) if connection is not None else None
        return None if member is None else member.sid

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """Returns the Engine.IO sid of a client, `None` if it is not there."""
        member = self._member(sid, namespace)
        return None if member is None else member.connection.eio_sid

    def _member(self, sid: Any, namespace: str) -> Member | None:
        group = self.groups.get(namespace)
        return None if group is None else group.members.get(sid)

    def member(self, sid: str, namespace: str) -> Member:
        """Returns a member.

        Raises:
            KeyError: if there is no such client in the namespace.
        """
        member = self._member(sid, namespace)
        if member is None:
            raise _NotConnected(f"the client {sid!r} is not in the namespace {namespace!r}")
        return member

    # Members

    def add(self, member: Member) -> None:
        """Puts a new member into the tables."""
        group = self.groups.get(member.namespace)
        if group is None:
            group = self.groups[member.namespace] = Group()
        group.members[member.sid] = member
        group.connecting.add(member)

    def entered(self, member: Member) -> None:
        """A member has become one whom broadcasts reach."""
        group = self.groups.get(member.namespace)
        if group is not None:
            group.connecting.discard(member)

    def remove(self, member: Member) -> None:
        """Removes a member from the tables; the last one takes the namespace along."""
        group = self.groups.get(member.namespace)
        if group is not None:
            group.remove(member)
            if not group.members:
                del self.groups[member.namespace]

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """Returns the Engine.IO sid of a client that is about to leave."""
        return self.eio_sid_from_sid(sid, namespace)

    def basic_disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Removes a client from the tables."""
        member = self._member(sid, namespace)
        if member is not None:
            member.connection.members.pop(namespace, None)
            self.remove(member)

    # Rooms

    def basic_enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Puts a client into a room.

        Raises:
            ValueError: if the room is that of another client's sid, or `None`, or cannot be the name of a room.
            KeyError: if there is no such client in the namespace.
        """
        member = self.member(sid, namespace)
        if room is None or isinstance(room, float) or not _is_hashable(room):
            raise ValueError(f"{room!r} cannot be the name of a room")
        if room != sid and self.is_sid_room(namespace, room):
            raise ValueError("cannot enter a sid room")
        self.groups[namespace].enter(member, room)

    def basic_leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Takes a client out of a room; nothing happens if either is not there."""
        member = self._member(sid, namespace)
        if member is not None and _is_hashable(room):
            self.groups[namespace].leave(member, room)

    def basic_close_room(self, room: Any, namespace: str) -> None:
        """Takes everybody out of a room.

        Raises:
            ValueError: if the room is that of a client's own sid.
        """
        if self.is_sid_room(namespace, room):
            raise ValueError("cannot close a sid room")
        group = self.groups.get(namespace)
        if group is not None and room is not None and _is_hashable(room):
            group.close(room)

    # Fan-out

    def broadcast(
        self, event: str, data: Any, namespace: str, room: Any, skip_sid: Any, callback: Callable[..., Any] | None
    ) -> None:
        """Sends an event to the clients of this server that are in a room: encoded once, and never waiting."""
        group = self.groups.get(namespace)
        if group is None:
            return
        # Micro-optimization: one client by its sid is by far the most frequent recipient.
        member = group.members.get(room) if room.__class__ is str and skip_sid is None else None
        members = [member] if member is not None else list(recipients(group, room, skip_sid))
        if member is None and group.connecting:
            # Nobody hears of what goes on before being let in, but for what the own connect handler has to say.
            own = connecting.get()
            members = [member for member in members if member not in group.connecting or member is own]
        if not members:
            return
        arguments = [event, *data] if data.__class__ is tuple else [event] if data is None else [event, data]
        server = self.server
        if server.intercepted:
            for member in members:
                ack_id = None if callback is None else self._expect(member, callback)
                if member.state is MemberState.CONNECTED:
                    server.transmit(member.connection, EVENT, namespace, ack_id, arguments)
                elif member.early is not None:
                    member.early.append((ack_id, arguments))
        elif callback is None:
            message = server.encode(EVENT, namespace, None, arguments)
            for member in members:
                member.push(message)
        else:
            for member in members:
                member.push(server.encode(EVENT, namespace, self._expect(member, callback), arguments))

    @staticmethod
    def _expect(member: Member, callback: Callable[..., Any]) -> int:
        ack_id = member.expect_ack(callback)
        if isinstance(callback, Answer):
            callback.member, callback.ack_id = member, ack_id
            if member.state is MemberState.LEAVING:
                callback.abandon()
        return ack_id


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
