"""`AsyncServer`: a Socket.IO server for asyncio. What waits here is `call()`, `disconnect()` and the handlers."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from threading import get_ident
from typing import Any, TypeVar

from engineio.asyncio.server import AsyncServer as EngineServer
from engineio.interfaces import reason
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from engineio.protocol import Socket

from ..base_server import BaseServer
from ..exceptions import TimeoutError
from ..members import Member, MemberState, connecting
from ..packet import DISCONNECT, Packet
from ..protocol import Connection
from .answers import AwaitedAnswer
from .manager import AsyncManager

__all__ = ["AsyncServer"]

T = TypeVar("T")


class AsyncServer(BaseServer):
    """A Socket.IO server for asyncio. See :class:`BaseServer` for the options, besides those of Engine.IO.

    It belongs to the event loop that serves its first request; an `emit` that is awaited on another thread's loop is
    handed over to that one.
    """

    def __init__(
        self,
        client_manager: Any = None,
        logger: Any = False,
        json: Any = None,
        async_handlers: bool = True,
        namespaces: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            client_manager=client_manager,
            logger=logger,
            json=json,
            async_handlers=async_handlers,
            namespaces=namespaces,
            **kwargs,
        )
        self._connecting: dict[Member, asyncio.Task[Any]] = {}
        self._leaving: dict[Member, asyncio.Future[None]] = {}
        self._intercepts: list[Coroutine[Any, Any, Any]] = []
        self._intercepting = asyncio.Lock()
        self._interceptor: asyncio.Task[Any] | None = None
        self.submit = self.eio.runner.submit  # type: ignore[method-assign]  # one call less for every event
        self.eio.accept = self._accept
        self.eio.closed = self._closed

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this server are coroutines."""
        return True

    # Emitting

    async def emit(
        self,
        event: str,
        data: Any = None,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Coroutine version of `Server.emit`; `callback` may be a coroutine function."""
        if get_ident() != self.eio.thread and self.eio.is_foreign():
            await self.eio.hand_over(self.emit(event, data, to, room, skip_sid, namespace, callback, ignore_queue))
            return
        manager = self.manager
        if manager.emits_locally:
            # Micro-optimization: one coroutine less, 0.2 us of the 5 that an echo takes.
            manager.broadcast(event, data, namespace or "/", room if to is None else to, skip_sid, callback)
        else:
            await manager.emit(
                event,
                data,
                namespace or "/",
                room=room if to is None else to,
                skip_sid=skip_sid,
                callback=callback,
                ignore_queue=ignore_queue,
            )
        if self.intercepted:
            await self._finish_intercepts()

    async def send(
        self,
        data: Any,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Coroutine version of `Server.send`."""
        await self.emit("message", data, to, room, skip_sid, namespace, callback, ignore_queue)

    async def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Coroutine version of `Server.call`."""
        if self.eio.is_foreign():
            return await self.eio.hand_over(self.call(event, data, to, sid, namespace, timeout, ignore_queue))
        recipient = sid if to is None else to
        if recipient is None:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        answer = AwaitedAnswer(TimeoutError())
        await self.emit(event, data, to=recipient, namespace=namespace, callback=answer, ignore_queue=ignore_queue)
        if answer.member is None and self.manager.emits_locally:
            raise TimeoutError()
        try:
            async with asyncio.timeout(timeout):
                return await answer.value()
        except builtins.TimeoutError:
            raise TimeoutError() from None
        finally:
            answer.forget()

    # Rooms

    async def enter_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Coroutine version of `Server.enter_room`."""
        if self.eio.is_foreign():
            await self.eio.hand_over(self.enter_room(sid, room, namespace))
            return
        await self.manager.enter_room(sid, namespace or "/", room)

    async def leave_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Coroutine version of `Server.leave_room`."""
        if self.eio.is_foreign():
            await self.eio.hand_over(self.leave_room(sid, room, namespace))
            return
        await self.manager.leave_room(sid, namespace or "/", room)

    async def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Coroutine version of `Server.close_room`."""
        if self.eio.is_foreign():
            await self.eio.hand_over(self.close_room(room, namespace))
            return
        await self.manager.close_room(room, namespace or "/")

    # Sessions

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[Any, Any]:
        """Coroutine version of `Server.get_session`."""
        namespace = namespace or "/"
        session: dict[Any, Any] = self._sessions(sid, namespace).setdefault(namespace, {})
        return session

    async def save_session(self, sid: str, session: dict[Any, Any], namespace: str | None = None) -> None:
        """Coroutine version of `Server.save_session`."""
        namespace = namespace or "/"
        self._sessions(sid, namespace)[namespace] = session

    @asynccontextmanager
    async def session(self, sid: str, namespace: str | None = None) -> AsyncIterator[dict[Any, Any]]:
        """An asynchronous context manager that gives the session and saves it at its end."""
        session = await self.get_session(sid, namespace)
        try:
            yield session
        finally:
            if self.manager.is_pre_connected(sid, namespace or "/"):
                await self.save_session(sid, session, namespace)

    # Life

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Disconnects a client from a namespace and waits for the disconnect handler. Unknown clients are ignored.

        A client whose connect handler is running is refused, and has its disconnect event when that handler is over.
        """
        if self.eio.is_foreign():
            await self.eio.hand_over(self.disconnect(sid, namespace, ignore_queue))
            return
        namespace = namespace or "/"
        manager = self.manager
        if not (manager.is_here(sid, namespace) if ignore_queue else await manager.can_disconnect(sid, namespace)):
            return
        member: Member = self.manager.member(sid, namespace)
        if member.state is MemberState.CONNECTING:
            if member.left_by is None:
                refusal = {"message": "Connection rejected by server"}
                member.connection.refuse(namespace, refusal)
                member.connection.leave(member, reason.SERVER_DISCONNECT)
            return
        self.transmit(member.connection, DISCONNECT, namespace, None, None)
        member.connection.leave(member, reason.SERVER_DISCONNECT)
        if member.state is not MemberState.GONE:
            future = self._leaving.setdefault(member, asyncio.get_running_loop().create_future())
            await asyncio.shield(future)

    def submit_connect(
        self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Member
    ) -> None:
        """Runs a connect handler; then calls `finish(token, result, error)`."""
        self.submit(self._run_connect, (handler, arguments, token), finish, token)

    async def _run_connect(self, handler: Callable[..., Any], arguments: tuple[Any, ...], member: Member) -> Any:
        connecting.set(member)
        result = handler(*arguments)
        if asyncio.iscoroutine(result):
            self._connecting[member] = asyncio.current_task()  # type: ignore[assignment]  # a task runs this
            try:
                result = await result
            finally:
                del self._connecting[member]
        return result

    def cancel_connect(self, member: Member) -> None:
        """Cancels the connect handler of a member, if it waits."""
        task = self._connecting.get(member)
        if task is not None:
            task.cancel()

    def left(self, member: Member) -> None:
        """Removes a member."""
        super().left(member)
        future = self._leaving.pop(member, None)
        if future is not None and not future.done():
            future.set_result(None)

    def attach(self, app: Any, socketio_path: str = "socket.io") -> None:
        """Adds the routes of this server to an application of aiohttp or Sanic.

        Args:
            app: The application.
            socketio_path: The path of the server.

        Raises:
            ValueError: if the application is of another kind.
        """
        self.eio.attach(app, socketio_path)

    async def handle_request(self, *args: Any) -> Any:
        """Serves one request of the framework; for ASGI the arguments are (scope, receive, send)."""
        return await self.eio.handle_request(*args)

    async def shutdown(self) -> None:
        """Ends the server's background work; `close()` also says goodbye to the clients."""
        await self.eio.shutdown()
        await self._closed()

    async def _closed(self) -> None:
        """No handler of a client runs any more; the manager begins anew if another client comes."""
        self.manager_initialized = False
        await self.manager.close()

    async def close(self, timeout: float = 10) -> None:
        """Closes all connections and waits, at most `timeout` seconds, for the disconnect handlers."""
        await self.eio.close(timeout)

    def start_background_task(
        self, target: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any
    ) -> asyncio.Task[T]:
        """Starts a task; the server keeps it from being collected until it is done."""
        task: asyncio.Task[T] = self.eio.start_background_task(target, *args, **kwargs)
        return task

    async def sleep(self, seconds: float = 0) -> None:
        """Sleeps for some seconds."""
        await self.eio.sleep(seconds)

    # Below: Engine.IO

    def _engineio_server_class(self) -> Any:
        return EngineServer

    def _default_manager(self) -> Any:
        return AsyncManager()

    def _accept(self, socket: Socket) -> Connection:
        connection = self._make_connection(socket.sid, socket, None)
        self.schedule(connection, self.connect_timeout)
        return connection

    # Seams: programs replace the first two, and call the others

    async def _send_packet(self, eio_sid: str, pkt: Packet) -> None:
        encoded = pkt.encode()
        for part in encoded if isinstance(encoded, list) else [encoded]:
            result: Any = self._send_eio_packet(eio_sid, EnginePacket(MESSAGE, part))
            if asyncio.iscoroutine(result):  # a program's own may be a plain function
                await result

    async def _send_eio_packet(self, eio_sid: str, eio_pkt: EnginePacket) -> None:
        await self.eio.send_packet(eio_sid, eio_pkt)

    # Themselves, because functools.wraps copies the attributes of a function to what wraps it.
    _send_packet.is_default = _send_packet  # type: ignore[attr-defined]
    _send_eio_packet.is_default = _send_eio_packet  # type: ignore[attr-defined]

    def _intercept(self, result: Any) -> None:
        if asyncio.iscoroutine(result):
            self._intercepts.append(result)
            self.submit(self._finish_intercepts, (), self._intercept_done, None)

    async def _finish_intercepts(self) -> None:
        task = asyncio.current_task()
        if self._interceptor is task:
            return  # a replaced method emits: that goes out after what it is about
        async with self._intercepting:
            self._interceptor = task
            try:
                while self._intercepts:
                    await self._intercepts.pop(0)
            finally:
                self._interceptor = None

    def _intercept_done(self, token: None, result: Any, error: BaseException | None) -> None:
        if error is not None:
            self.logger.error("a replaced _send_packet failed", exc_info=error)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        self.eio.bind_loop()
        self._make_connection(eio_sid, None, environ)

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        connection = self.connections.get(eio_sid)
        if connection is None:
            self.logger.info("a message from the unknown connection %s", eio_sid)
            return
        self.eio.bind_loop()
        if isinstance(data, str):
            connection.receive_text(data.encode())
        else:
            connection.receive_binary(data)
        while any(member.state is MemberState.CONNECTING for member in connection.members.values()) or (
            connection.count and not self.async_handlers
        ):
            await asyncio.sleep(0)
        await self._finish_intercepts()

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        connection = self.connections.get(eio_sid)
        if connection is not None:
            connection.closed(reason)
