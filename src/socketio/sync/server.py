"""`Server`: a Socket.IO server for threads, gevent and eventlet. What waits here is `call()` and the handlers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from engineio.interfaces import reason
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from engineio.protocol import Socket
from engineio.sync.server import Server as EngineServer

from ..base_server import BaseServer
from ..exceptions import TimeoutError
from ..members import Member, MemberState, connecting
from ..packet import DISCONNECT, Packet
from ..protocol import Connection
from .answers import EventAnswer
from .manager import Manager

__all__ = ["Server"]

_own: ContextVar[list[Any] | None] = ContextVar("own", default=None)
"""The handlers that the caller runs itself; `None` if they are for others to run."""


class Server(BaseServer):
    """A Socket.IO server for threads, gevent and eventlet. See :class:`BaseServer` for the options, besides those of
    Engine.IO.

    All of its methods may be called from any thread.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.eio.accept = self._accept

    # Emitting

    def emit(
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
        """Sends an event. It is on its way when this returns; a client that is slow to read holds up nobody.

        Args:
            event: Its name.
            data: A tuple for several arguments, `None` for none; anything else is the only one. `bytes` go as binary.
            to: A sid, a room, or a list of them; `None` for everybody in the namespace.
            room: Another name of `to`.
            skip_sid: A sid, or several, that do not get it.
            namespace: `None` for `/`.
            callback: A function that is called with the acknowledgement of each recipient.
            ignore_queue: Whether only clients of this process get it, where there are several.

        Raises:
            TypeError: if JSON cannot hold the data.
        """
        namespace = namespace or "/"
        room = room if to is None else to
        if not self.manager.emits_locally:
            self.manager.emit(
                event, data, namespace, room=room, skip_sid=skip_sid, callback=callback, ignore_queue=ignore_queue
            )
            return
        with self.eio.core:
            self.manager.broadcast(event, data, namespace, room, skip_sid, callback)

    def send(
        self,
        data: Any,
        to: Any = None,
        room: Any = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Sends the event `message`; the arguments are those of `emit`."""
        self.emit("message", data, to, room, skip_sid, namespace, callback, ignore_queue)

    def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Sends an event to one client and returns its acknowledgement: `None`, the value, or a tuple of several.

        Args:
            event: Its name.
            data: As for `emit`.
            to: The sid of the client.
            sid: Another name of `to`.
            namespace: `None` for `/`.
            timeout: How many seconds to wait; `None` for as long as the client is connected.
            ignore_queue: As for `emit`.

        Raises:
            ValueError: if there is no client to call.
            RuntimeError: if handlers run one after the other, so that this one would keep the answer from being read.
            TimeoutError: (`socketio.exceptions`) if no answer came in time, or the client has left.
        """
        recipient = sid if to is None else to
        if recipient is None:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        answer = EventAnswer(TimeoutError(), self.eio.kind.make_event())
        self.emit(event, data, to=recipient, namespace=namespace, callback=answer, ignore_queue=ignore_queue)
        if answer.member is None and self.manager.emits_locally:
            raise TimeoutError()
        try:
            return answer.value(timeout)
        finally:
            with self.eio.core:
                answer.forget()

    # Rooms

    def enter_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Puts a client into a room; it leaves all of them when it disconnects.

        Raises:
            ValueError: if the room is that of another client's sid, or cannot be the name of a room.
            KeyError: if there is no such client in the namespace.
        """
        with self.eio.core:
            self.manager.enter_room(sid, namespace or "/", room)

    def leave_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Takes a client out of a room."""
        with self.eio.core:
            self.manager.leave_room(sid, namespace or "/", room)

    def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Takes everybody out of a room.

        Raises:
            ValueError: if the room is that of a client's own sid.
        """
        with self.eio.core:
            self.manager.close_room(room, namespace or "/")

    # Sessions

    def get_session(self, sid: str, namespace: str | None = None) -> dict[Any, Any]:
        """Returns the program's own data of a client in a namespace; changes of it are kept.

        Raises:
            KeyError: if there is no such client.
        """
        namespace = namespace or "/"
        with self.eio.core:  # two threads may be the first
            session: dict[Any, Any] = self._sessions(sid, namespace).setdefault(namespace, {})
        return session

    def save_session(self, sid: str, session: dict[Any, Any], namespace: str | None = None) -> None:
        """Replaces the program's own data of a client in a namespace.

        Raises:
            KeyError: if there is no such client.
        """
        namespace = namespace or "/"
        with self.eio.core:
            self._sessions(sid, namespace)[namespace] = session

    @contextmanager
    def session(self, sid: str, namespace: str | None = None) -> Iterator[dict[Any, Any]]:
        """A context manager that gives the session and saves it at its end."""
        session = self.get_session(sid, namespace)
        try:
            yield session
        finally:
            if self.manager.is_pre_connected(sid, namespace or "/"):
                self.save_session(sid, session, namespace)

    # Life

    def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Disconnects a client from a namespace, and runs its disconnect handler. Unknown clients are ignored.

        A client whose connect handler is running is refused, and has its disconnect event when that handler is over.
        """
        namespace = namespace or "/"
        handlers: list[Any] = []
        before = _own.set(handlers)
        try:
            with self.eio.core:
                manager = self.manager
                if manager.is_here(sid, namespace) if ignore_queue else manager.can_disconnect(sid, namespace):
                    self._disconnect(self.manager.member(sid, namespace))
        finally:
            _own.reset(before)
        for handler in handlers:
            self.eio.runner.run(*handler)

    def _disconnect(self, member: Member) -> None:
        namespace = member.namespace
        if member.state is not MemberState.CONNECTING:
            self.transmit(member.connection, DISCONNECT, namespace, None, None)
            member.connection.leave(member, reason.SERVER_DISCONNECT)
        elif member.left_by is None:
            refusal = {"message": "Connection rejected by server"}
            member.connection.refuse(namespace, refusal)
            member.connection.leave(member, reason.SERVER_DISCONNECT)

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a handler; then calls `finish(token, result, error)`."""
        own = _own.get()
        if own is None:
            self.eio.runner.submit(handler, arguments, finish, token)
        else:
            own.append((handler, arguments, finish, token))

    def submit_connect(
        self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Member
    ) -> None:
        """Runs a connect handler; then calls `finish(token, result, error)`."""

        def run() -> Any:
            before = connecting.set(token)
            try:
                return handler(*arguments)
            finally:
                connecting.reset(before)

        self.submit(run, (), finish, token)

    def handle_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Serves one request, as a WSGI application."""
        return self.eio.handle_request(environ, start_response)

    def shutdown(self) -> None:
        """Ends the server's background work; `close()` also says goodbye to the clients."""
        self.eio.shutdown()
        self._closed()

    def close(self, timeout: float = 10) -> None:
        """Closes all connections and waits, at most `timeout` seconds, for the disconnect handlers."""
        end = time.monotonic() + timeout
        self.eio.close(timeout)
        while self._has_leaving() and time.monotonic() < end:
            self.eio.sleep(0.01)
        self._closed()

    def _closed(self) -> None:
        """No handler of a client runs any more; the manager begins anew if another client comes."""
        self.manager_initialized = False
        self.manager.close()

    def _has_leaving(self) -> bool:
        with self.eio.core:
            return any(not connection.open for connection in self.connections.values())

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Starts a thread of the server's kind that does not keep the program from ending, and returns it."""
        return self.eio.start_background_task(target, *args, **kwargs)

    def sleep(self, seconds: float = 0) -> None:
        """Sleeps for some seconds."""
        self.eio.sleep(seconds)

    # Below: Engine.IO

    def _engineio_server_class(self) -> Any:
        return EngineServer

    def _default_manager(self) -> Any:
        return Manager()

    def _accept(self, socket: Socket) -> Connection:
        connection = self._make_connection(socket.sid, socket, None)
        self.schedule(connection, self.connect_timeout)
        return connection

    # Seams: programs replace the first two, and call the others

    def _send_packet(self, eio_sid: str, pkt: Packet) -> None:
        encoded = pkt.encode()
        for part in encoded if isinstance(encoded, list) else [encoded]:
            self._send_eio_packet(eio_sid, EnginePacket(MESSAGE, part))

    def _send_eio_packet(self, eio_sid: str, eio_pkt: EnginePacket) -> None:
        self.eio.send_packet(eio_sid, eio_pkt)

    # Themselves, because functools.wraps copies the attributes of a function to what wraps it.
    _send_packet.is_default = _send_packet  # type: ignore[attr-defined]
    _send_eio_packet.is_default = _send_eio_packet  # type: ignore[attr-defined]

    def _intercept(self, result: Any) -> None:
        """What a replaced `_send_packet` has returned is of no interest."""

    def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        with self.eio.core:
            self._make_connection(eio_sid, None, environ)

    def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        handlers: list[Any] = []
        before = _own.set(handlers)
        try:
            with self.eio.core:
                connection = self.connections.get(eio_sid)
                if connection is None:
                    self.logger.info("a message from the unknown connection %s", eio_sid)
                elif isinstance(data, str):
                    connection.receive_text(data.encode())
                else:
                    connection.receive_binary(data)
        finally:
            _own.reset(before)
        for handler in handlers:
            self.eio.runner.run(*handler)

    def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        with self.eio.core:
            connection = self.connections.get(eio_sid)
            if connection is not None:
                connection.closed(reason)
