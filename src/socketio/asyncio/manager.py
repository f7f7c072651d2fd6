"""`AsyncManager`: the manager of an asyncio server that stands alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..base_manager import BaseManager
from ..members import MemberState

__all__ = ["AsyncManager"]


class AsyncManager(BaseManager):
    """Emits to the clients of this process, and moves them between rooms. All of it is done when the call returns."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.emits_locally = cls.emit is AsyncManager.emit

    emits_locally: ClassVar[bool] = True
    """Whether `emit` does nothing but `broadcast`, so that the server may call that; false for a class with its own."""

    async def close(self) -> None:
        """Called at the end of the server; managers with a broker publish what they still have, and stop to listen."""

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Returns whether a client is connected here, or about to be, so that it can be disconnected here."""
        return self.is_here(sid, namespace)

    async def pre_connect(self, eio_sid: str, namespace: str) -> str:
        """Makes a client of an Engine.IO connection known in a namespace and returns its new sid."""
        connection = self.server.connections[eio_sid]
        member = connection.members[namespace] = self.server.join(connection, namespace)
        sid: str = member.sid
        return sid

    async def connect(self, sid: str, namespace: str) -> None:
        """Completes what `pre_connect` began."""
        member = self.member(sid, namespace)
        if member.state is MemberState.CONNECTING:
            member.connection.complete(member)

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        **kwargs: Any,
    ) -> None:
        """Sends an event to everybody in a room, or in the namespace."""
        self.broadcast(event, data, namespace, room if to is None else to, skip_sid, callback)

    async def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Removes a client from the tables."""
        self.basic_disconnect(sid, namespace, **kwargs)

    async def enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Puts a client into a room; see `basic_enter_room`."""
        self.basic_enter_room(sid, namespace, room, eio_sid=eio_sid)

    async def leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Takes a client out of a room."""
        self.basic_leave_room(sid, namespace, room)

    async def close_room(self, room: Any, namespace: str) -> None:
        """Takes everybody out of a room; see `basic_close_room`."""
        self.basic_close_room(room, namespace)

    async def trigger_callback(self, sid: str, id: int, data: list[Any]) -> None:
        """Calls what waits for an acknowledgement; nothing happens if nothing does."""
        member = self._member(sid, self._namespace_of(sid))
        if member is not None:
            member.connection.receive_ack(member, id, list(data))

    def _namespace_of(self, sid: str) -> str:
        return next((name for name, group in self.groups.items() if sid in group.members), "/")
