"""`Manager`: the manager of a server that stands alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..base_manager import BaseManager
from ..members import MemberState

__all__ = ["Manager"]


class Manager(BaseManager):
    """Emits to the clients of this process, and moves them between rooms. All of it is done when the call returns.

    What changes anything takes the server's lock, so that programs and subclasses may call it from any thread.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.emits_locally = cls.emit is Manager.emit

    emits_locally: ClassVar[bool] = True
    """Whether `emit` does nothing but `broadcast`, so that the server may call that; false for a class with its own."""

    def close(self) -> None:
        """Called at the end of the server; managers with a broker publish what they still have, and stop to listen."""

    def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Returns whether a client is connected here, or about to be, so that it can be disconnected here."""
        return self.is_here(sid, namespace)

    def pre_connect(self, eio_sid: str, namespace: str) -> str:
        """Makes a client of an Engine.IO connection known in a namespace and returns its new sid."""
        with self.server.eio.core:
            connection = self.server.connections[eio_sid]
            member = connection.members[namespace] = self.server.join(connection, namespace)
            sid: str = member.sid
            return sid

    def connect(self, sid: str, namespace: str) -> None:
        """Completes what `pre_connect` began."""
        with self.server.eio.core:
            member = self.member(sid, namespace)
            if member.state is MemberState.CONNECTING:
                member.connection.complete(member)

    def emit(
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
        with self.server.eio.core:
            self.broadcast(event, data, namespace, room if to is None else to, skip_sid, callback)

    def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Removes a client from the tables."""
        with self.server.eio.core:
            self.basic_disconnect(sid, namespace, **kwargs)

    def enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Puts a client into a room; see `basic_enter_room`."""
        with self.server.eio.core:
            self.basic_enter_room(sid, namespace, room, eio_sid=eio_sid)

    def leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Takes a client out of a room."""
        with self.server.eio.core:
            self.basic_leave_room(sid, namespace, room)

    def close_room(self, room: Any, namespace: str) -> None:
        """Takes everybody out of a room; see `basic_close_room`."""
        with self.server.eio.core:
            self.basic_close_room(room, namespace)

    def trigger_callback(self, sid: str, id: int, data: list[Any]) -> None:
        """Calls what waits for an acknowledgement; nothing happens if nothing does."""
        with self.server.eio.core:
            member = self._member(sid, self._namespace_of(sid))
            if member is not None:
                member.connection.receive_ack(member, id, list(data))

    def _namespace_of(self, sid: str) -> str:
        return next((name for name, group in self.groups.items() if sid in group.members), "/")
