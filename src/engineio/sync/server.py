"""`Server`: the waiting around the core, for threads and whatever behaves like them.

Each request has a thread of its own, which the web server brings along: a GET waits in it for packets, a POST for its
body, a WebSocket for its whole life. Besides there is one thread for all deadlines, and those of the handlers.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..admission import BAD_REQUEST, Handshake, Poll, Post, Refusal, Upgrade
from ..admitted import Admitted
from ..base_server import BaseServer, HandlerReceiver
from ..deadlines import Deadlines
from ..flow import InFlight
from ..interfaces import Receiver
from ..packet import MESSAGE, Packet, binary_types
from ..polling_link import PendingLink, PollingLink
from ..protocol import Socket, State, reason
from ..request import Request, Response
from . import polling
from .concurrency import Concurrency
from .handler_runner import HandlerRunner
from .modes import choose_mode, load_kind

__all__ = ["Server"]

Accept = Callable[[Socket], Receiver]

LINGER = 10.0
"""For how long the thread of the deadlines waits for the next one before it ends, in seconds."""


class _Core:
    """The server's lock, which guards all of its connections. A thread that lets go of it sends what is to be sent."""

    __slots__ = ("_at_once", "_lock", "_server")

    def __init__(self, server: Server, lock: Any) -> None:
        self._server = server
        self._lock = lock
        self._at_once = not server.kind.is_green

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        try:
            if self._at_once and self._server.dirty:
                self._server.flush_dirty()
        finally:
            self._lock.release()


class Server(Concurrency, BaseServer):
    """An Engine.IO server for threads, gevent and eventlet. See :class:`BaseServer` for the options.

    Args:
        async_mode: `threading`, `gevent`, `gevent_uwsgi` or `eventlet`; `None` for the one that the program has
            imported, or else `threading`.

    Attributes:
        core: A context manager: the lock of all connections. Nobody waits for anything while holding it.
        changed: A condition of that lock.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = load_kind(self.async_mode)
        self.kind = kind
        lock = kind.make_rlock()
        self.core = _Core(self, lock)
        self.changed = kind.make_condition(lock)
        self.runner = HandlerRunner(self._settle, kind)
        self.accept: Accept | None = None
        """Set by an application protocol that takes the connections instead of the program's handlers."""
        self.dirty: list[Socket] = []
        self._due = kind.make_condition(lock)
        self._timer: Any = None
        self._wake_at = 0.0

    # Public API

    def async_modes(self) -> list[str]:
        """Returns the values that `async_mode` may have."""
        return ["eventlet", "gevent_uwsgi", "gevent", "threading"]

    def _check_async_mode(self, async_mode: str | None) -> str:
        return choose_mode() if async_mode is None else super()._check_async_mode(async_mode)

    def send(self, sid: str, data: str | bytes | Any) -> None:
        """Sends a message to one client; what is neither text nor binary goes as JSON. Unknown sids are ignored."""
        if data is not None and not isinstance(data, (str, *binary_types)):
            data = self.codec.dumps(data).decode()
        self.send_packet(sid, Packet(MESSAGE, data))

    def send_packet(self, sid: str, pkt: Packet) -> None:
        """Sends one packet to one client. Unknown sids are ignored."""
        with self.core:
            socket = self.sockets.get(sid)
            if socket is None:
                self.logger.info("cannot send to the unknown sid %s", sid)
            else:
                socket.push(pkt.outgoing())

    def get_session(self, sid: str) -> dict[Any, Any]:
        """Returns the program's own data of a connection; changes of it are kept.

        Raises:
            KeyError: if there is no such connection.
        """
        with self.core:  # two threads may be the first
            socket = self._socket(sid)
            if socket.session is None:
                socket.session = {}
            return socket.session

    def save_session(self, sid: str, session: dict[Any, Any]) -> None:
        """Replaces the program's own data of a connection.

        Raises:
            KeyError: if there is no such connection.
        """
        self._socket(sid).session = session

    @contextmanager
    def session(self, sid: str) -> Iterator[dict[Any, Any]]:
        """A context manager that gives the session and saves it at its end."""
        session = self.get_session(sid)
        try:
            yield session
        finally:
            if sid in self.sockets:
                self.save_session(sid, session)

    def disconnect(self, sid: str | None = None) -> None:
        """Closes one connection, or all of them. Unknown sids are ignored."""
        with self.core:
            for socket in list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]:
                if socket is not None:
                    socket.close()

    def handle_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Serves one request, as a WSGI application."""
        return self.binding.handle(self, environ, start_response)

    def shutdown(self) -> None:
        """Ends the server's background work; `close()` also says goodbye to the clients."""
        self.runner.stop(0)

    def close(self, timeout: float = 10) -> None:
        """Closes all connections with "service restart" and waits for the disconnect handlers.

        Args:
            timeout: For how many seconds at most.
        """
        with self.core:
            for socket in list(self.sockets.values()):
                socket.close(reason.SERVER_DISCONNECT, 1012)
        end = time.monotonic() + timeout
        while (len(self.runner) or self.leaving) and time.monotonic() < end:
            self.kind.sleep(0.01)
        self.runner.stop(1)

    @property
    def binding(self) -> Any:
        """The module that translates between WSGI and this server."""
        return importlib.import_module("engineio.bindings.wsgi")

    # protocol.Host; all of it is called with the lock

    def wake(self) -> None:
        """Has dirty sockets flushed: by the thread that holds the lock, before it lets go; or once all greenlets that
        can run have run, so that what they emit meanwhile goes out in one write to each client."""
        if self.kind.is_green:
            self.kind.start(self._flush_soon)

    def _flush_soon(self) -> None:
        with self.core:
            self.flush_dirty()

    def flush_dirty(self) -> None:
        """Has the links of dirty sockets send what there is."""
        while self.dirty:
            sockets, self.dirty = self.dirty, []
            for socket in sockets:
                socket.link.flush()

    def schedule(self, item: Any, delay: float) -> None:
        """Sets the deadline of an item."""
        if self._timer is None and self.deadlines.next() is None:
            # Programs assign other intervals before the first request.
            self.deadlines = Deadlines(self.resolution())
        when = time.monotonic() + delay
        self.deadlines.add(item, when)
        if self._timer is None:
            self._timer = self.kind.start(self._keep_time)
        elif when < self._wake_at:
            self._due.notify()

    def unschedule(self, item: Any) -> None:
        """Removes the deadline of an item."""
        self.deadlines.discard(item)

    def _keep_time(self) -> None:
        while True:
            with self.core:
                when = self.deadlines.next()
                now = time.monotonic()
                if when is None or when > now:
                    self._wake_at = now + LINGER if when is None else when
                    self._due.wait(self._wake_at - now)
                    if self.deadlines.next() is None and when is None:
                        self._timer = None
                        return
                    continue
                for item in self.deadlines.take_due(now):
                    try:
                        item.expire(now)
                    except Exception:
                        self.logger.exception("a deadline failed")

    def forget(self, socket: Socket) -> None:
        """Removes the socket from the table of sids."""
        self.sockets.pop(socket.sid, None)

    def build_environ(self, source: Any) -> dict[str, Any]:
        """Returns the WSGI environ of a handshake, which is what the binding has kept of it."""
        environ: dict[str, Any] = source
        return environ

    # Requests

    def handle_http(
        self, request: Request, environ: dict[str, Any], exchange: polling.Exchange, upgradable: bool
    ) -> Response:
        """Answers one HTTP request.

        Args:
            request: The request.
            environ: What the handlers get of it.
            exchange: What else there is of it.
            upgradable: Whether the web server can hand over a WebSocket.
        """
        if request.method == "OPTIONS":
            return self.cors.preflight(request, lambda: environ)
        return self.finish(request, self._answer(request, environ, exchange, upgradable))

    def _answer(
        self, request: Request, environ: dict[str, Any], exchange: polling.Exchange, upgradable: bool
    ) -> Response:
        with self.core:
            decision = self.admit(request, lambda: environ, websocket=False)
        if isinstance(decision, Refusal):
            return decision.response()
        if isinstance(decision, Poll):
            return polling.poll(self, decision.socket, request, exchange)
        if isinstance(decision, Post):
            return polling.post(self, decision.socket, request, exchange)
        assert isinstance(decision, Handshake)
        link = PollingLink()
        with self.core:
            socket = link.socket = self.make_socket(decision.revision, link, environ)
        refusal = self._accept(socket)
        if refusal is not None:
            return refusal
        with self.core:
            if socket.state is not State.CONNECTING:
                return BAD_REQUEST.response()
            socket.open(self.handshake(socket, upgradable), self.first_ping())
            response = None if socket.undecided else self.payload(request, socket, link.take())
        if response is None:
            polling.decide(self, socket)
            with self.core:
                response = self.payload(request, socket, link.take())
        cookie = self._cookie_template.header(socket.sid)
        return response if cookie is None else response.with_header("Set-Cookie", cookie)

    def admit_websocket(self, request: Request, environ: dict[str, Any]) -> Response | Admitted:
        """Decides about the handshake of a WebSocket: a refusal, or what to attach the accepted link to."""
        with self.core:
            decision = self.admit(request, lambda: environ, websocket=True)
        if isinstance(decision, Refusal):
            return decision.response()
        if isinstance(decision, Upgrade):
            return Admitted(self, decision.socket, upgrade=True)
        assert isinstance(decision, Handshake)
        with self.core:
            socket = self.make_socket(decision.revision, PendingLink(), environ)
        refusal = self._accept(socket)
        return Admitted(self, socket, upgrade=False) if refusal is None else refusal

    def _accept(self, socket: Socket) -> Response | None:
        """Gives the socket its receiver, unless the program's connect handler refuses it."""
        if self.accept is not None:
            with self.core:
                socket.receiver = self.accept(socket)
            return None
        limit = self.max_in_flight if self.async_handlers else 1
        socket.receiver = HandlerReceiver(self, socket, self.runner.submit, InFlight(socket, limit))
        handler = self.handlers.get("connect")
        result: Any = None
        if handler is not None:
            try:
                result = handler(socket.sid, socket.environ)
            except BaseException:  # SystemExit too: what one client sends must not end the server
                self.logger.exception("connect handler failed")
                result = False
        with self.core:
            if (result is None or result is True) and socket.state is State.CONNECTING:
                return None
            socket.reject()
        answer = "Unauthorized" if not result or result is True else result
        return Response(401, [("Content-Type", "application/json")], self.codec.dumps(answer))

    def _settle(self, finish: Callable[..., None], token: Any, result: Any, error: BaseException | None) -> None:
        """A handler is over."""
        with self.core:
            finish(token, result, error)
