"""`AsyncNamespace`: a class-based namespace of an asyncio server. Its methods default to its own namespace."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

from ..base_namespace import BaseServerNamespace
from ..handlers import accepted_arguments

__all__ = ["AsyncNamespace"]


class AsyncNamespace(BaseServerNamespace):
    """A class whose methods `on_<event>`, coroutines or not, are the handlers of a namespace."""

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this class are coroutines."""
        return True

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Calls the method of an event and returns its result; a subclass may put something around it."""
        handler = self.find_method(event)
        if handler is None:
            return None
        if event in ("connect", "disconnect"):
            # The auth of connect and the reason of disconnect are for those who take them.
            surplus = len(args) - accepted_arguments(handler)
            args = args[:-1] if surplus > 0 else args
        result = handler(*args)
        if asyncio.iscoroutine(result):
            result = await result
        return result

    trigger_event.is_default = trigger_event  # type: ignore[attr-defined]  # see has_own_trigger()

    async def emit(
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
        """Emits an event; see `AsyncServer.emit`."""
        await self.server.emit(
            event,
            data=data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
            ignore_queue=ignore_queue,
        )

    async def send(
        self,
        data: Any,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Any = None,
        ignore_queue: bool = False,
    ) -> None:
        """Emits the event `message`; see `AsyncServer.send`."""
        await self.server.send(
            data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
            ignore_queue=ignore_queue,
        )

    async def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = None,
        ignore_queue: bool = False,
    ) -> Any:
        """Emits an event and waits for the acknowledgement; see `AsyncServer.call`. Without a timeout, for ever."""
        return await self.server.call(
            event,
            data=data,
            to=to,
            sid=sid,
            namespace=namespace or self.namespace,
            timeout=timeout,
            ignore_queue=ignore_queue,
        )

    async def enter_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Puts a client into a room; see `AsyncServer.enter_room`."""
        await self.server.enter_room(sid, room, namespace=namespace or self.namespace)

    async def leave_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Takes a client out of a room; see `AsyncServer.leave_room`."""
        await self.server.leave_room(sid, room, namespace=namespace or self.namespace)

    async def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Takes everybody out of a room; see `AsyncServer.close_room`."""
        await self.server.close_room(room, namespace=namespace or self.namespace)

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[Any, Any]:
        """Returns the program's own data of a client; see `AsyncServer.get_session`."""
        session: dict[Any, Any] = await self.server.get_session(sid, namespace=namespace or self.namespace)
        return session

    async def save_session(self, sid: str, session: dict[Any, Any], namespace: str | None = None) -> None:
        """Replaces the program's own data of a client; see `AsyncServer.save_session`."""
        await self.server.save_session(sid, session, namespace=namespace or self.namespace)

    def session(self, sid: str, namespace: str | None = None) -> AbstractAsyncContextManager[dict[Any, Any]]:
        """An asynchronous context manager around the session; see `AsyncServer.session`."""
        manager: AbstractAsyncContextManager[dict[Any, Any]] = self.server.session(
            sid, namespace=namespace or self.namespace
        )
        return manager

    async def disconnect(self, sid: str, namespace: str | None = None) -> None:
        """Disconnects a client from the namespace; see `AsyncServer.disconnect`."""
        await self.server.disconnect(sid, namespace=namespace or self.namespace)
