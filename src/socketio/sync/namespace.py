"""`Namespace`: a class-based namespace of a server. Its methods default to its own namespace."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ..base_namespace import BaseServerNamespace
from ..handlers import accepted_arguments

__all__ = ["Namespace"]


class Namespace(BaseServerNamespace):
    """A class whose methods `on_<event>` are the handlers of a namespace."""

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Calls the method of an event and returns its result; a subclass may put something around it."""
        handler = self.find_method(event)
        if handler is None:
            return None
        if event in ("connect", "disconnect"):
            # The auth of connect and the reason of disconnect are for those who take them.
            surplus = len(args) - accepted_arguments(handler)
            args = args[:-1] if surplus > 0 else args
        return handler(*args)

    trigger_event.is_default = trigger_event  # type: ignore[attr-defined]  # see has_own_trigger()

    def emit(
        self,
        event: str,
        data: Any = None,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Any = None,
        ignore_queue: bool = False,
    ) -> None:
        """Emits an event; see `Server.emit`."""
        self.server.emit(
            event,
            data=data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
            ignore_queue=ignore_queue,
        )

    def send(
        self,
        data: Any,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Any = None,
        ignore_queue: bool = False,
    ) -> None:
        """Emits the event `message`; see `Server.send`."""
        self.server.send(
            data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
            ignore_queue=ignore_queue,
        )

    def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = None,
        ignore_queue: bool = False,
    ) -> Any:
        """Emits an event and waits for the acknowledgement; see `Server.call`. Without a timeout, for ever."""
        return self.server.call(
            event,
            data=data,
            to=to,
            sid=sid,
            namespace=namespace or self.namespace,
            timeout=timeout,
            ignore_queue=ignore_queue,
        )

    def enter_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Puts a client into a room; see `Server.enter_room`."""
        self.server.enter_room(sid, room, namespace=namespace or self.namespace)

    def leave_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Takes a client out of a room; see `Server.leave_room`."""
        self.server.leave_room(sid, room, namespace=namespace or self.namespace)

    def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Takes everybody out of a room; see `Server.close_room`."""
        self.server.close_room(room, namespace=namespace or self.namespace)

    def get_session(self, sid: str, namespace: str | None = None) -> dict[Any, Any]:
        """Returns the program's own data of a client; see `Server.get_session`."""
        session: dict[Any, Any] = self.server.get_session(sid, namespace=namespace or self.namespace)
        return session

    def save_session(self, sid: str, session: dict[Any, Any], namespace: str | None = None) -> None:
        """Replaces the program's own data of a client; see `Server.save_session`."""
        self.server.save_session(sid, session, namespace=namespace or self.namespace)

    def session(self, sid: str, namespace: str | None = None) -> AbstractContextManager[dict[Any, Any]]:
        """An asynchronous context manager around the session; see `Server.session`."""
        manager: AbstractContextManager[dict[Any, Any]] = self.server.session(
            sid, namespace=namespace or self.namespace
        )
        return manager

    def disconnect(self, sid: str, namespace: str | None = None) -> None:
        """Disconnects a client from the namespace; see `Server.disconnect`."""
        self.server.disconnect(sid, namespace=namespace or self.namespace)
