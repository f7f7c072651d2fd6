"""`AsyncServer`: the waiting around the core, for asyncio.

Only these wait: a GET for its packets, a POST for its body, and the program's handlers. A WebSocket that is taken over
(:mod:`engineio.asyncio.takeover`) never does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from contextvars import Context
from threading import get_ident
from typing import Any, TypeVar

from ..admission import Handshake, Poll, Post, Refusal, Upgrade
from ..admitted import Admitted
from ..base_server import BaseServer, HandlerReceiver
from ..deadlines import Deadlines
from ..flow import InFlight
from ..interfaces import Receiver
from ..packet import MESSAGE, Packet, binary_types
from ..payload import Revision
from ..polling_link import PendingLink, PollingLink
from ..protocol import Socket, State, reason
from ..request import Request, Response
from . import polling
from .concurrency import Concurrency
from .handler_runner import HandlerRunner
from .modes import BINDINGS, choose_mode, framework_of, load_binding
from .polling import Exchange
from .signals import watch_signals
from .takeover import Connections

__all__ = ["AsyncServer"]

MAX_INTERNED = 4096
"""So many values of handshakes are kept for others to share."""

T = TypeVar("T")
Accept = Callable[[Socket], Receiver]


class AsyncServer(Concurrency, BaseServer):
    """An Engine.IO server for asyncio. See :class:`BaseServer` for the options.

    It belongs to the event loop that serves its first request. Coroutines of it that are awaited on another thread's
    loop are handed over to that one.

    Args:
        async_mode: `aiohttp`, `sanic`, `tornado` or `asgi`; `None` for the framework that the program has imported, or
            else `asgi`.
        close_on_signals: Whether SIGTERM and SIGINT close the server, from its first request on, before they do
            what they do without it. It takes no new clients then.
    """

    def __init__(self, *args: Any, close_on_signals: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._close_on_signals = close_on_signals
        self.runner = HandlerRunner()
        self.accept: Accept | None = None
        """Set by an application protocol that takes the connections instead of the program's handlers."""
        self.closed: Callable[[], Coroutine[Any, Any, None]] | None = None
        """Set by it, too: awaited at the end of `close()`."""
        self._interned: dict[Any, Any] = {}
        self.connections = Connections()
        """The WebSockets that have been taken over from a framework."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.thread: int | None = None
        """The thread that the server's loop runs on; `None` before the first request."""
        self.dirty: list[Socket] = []
        self._timer: asyncio.TimerHandle | None = None
        # Whose deadline it is has nothing to do with the client that happens to have set the timer, in whose context
        # frameworks keep whole requests.
        self._no_context = Context()
        self._wake_at = 0.0
        self._background: set[asyncio.Future[Any]] = set()

    # Public API

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this server are coroutines."""
        return True

    def async_modes(self) -> list[str]:
        """Returns the values that `async_mode` may have."""
        return list(BINDINGS)

    def _check_async_mode(self, async_mode: str | None) -> str:
        if async_mode is None:
            return choose_mode()
        mode = super()._check_async_mode(async_mode)
        load_binding(mode)
        return mode

    def attach(self, app: Any, engineio_path: str = "engine.io") -> None:
        """Adds the routes of this server to an application of aiohttp or Sanic.

        Args:
            app: The application.
            engineio_path: The path of the server.

        Raises:
            ValueError: if the application is of another kind.
        """
        mode = framework_of(app) or self.async_mode
        attach = getattr(load_binding(mode), "attach", None)
        if attach is None:
            raise ValueError(f"attach() is for the applications of aiohttp and Sanic, not for {app!r}")
        self.async_mode = mode
        attach(self, app, "/" + engineio_path.strip("/"))

    async def send(self, sid: str, data: str | bytes | Any) -> None:
        """Sends a message to one client; what is neither text nor binary goes as JSON. Unknown sids are ignored."""
        if data is not None and not isinstance(data, (str, *binary_types)):
            data = self.codec.dumps(data).decode()
        await self.send_packet(sid, Packet(MESSAGE, data))

    async def send_packet(self, sid: str, pkt: Packet) -> None:
        """Sends one packet to one client. Unknown sids are ignored."""
        if self.is_foreign():
            return await self.hand_over(self.send_packet(sid, pkt))
        socket = self.sockets.get(sid)
        if socket is None:
            self.logger.info("cannot send to the unknown sid %s", sid)
        else:
            socket.push(pkt.outgoing())

    async def get_session(self, sid: str) -> dict[Any, Any]:
        """Returns the program's own data of a connection; changes of it are kept.

        Raises:
            KeyError: if there is no such connection.
        """
        socket = self._socket(sid)
        if socket.session is None:
            socket.session = {}
        return socket.session

    async def save_session(self, sid: str, session: dict[Any, Any]) -> None:
        """Replaces the program's own data of a connection.

        Raises:
            KeyError: if there is no such connection.
        """
        self._socket(sid).session = session

    @asynccontextmanager
    async def session(self, sid: str) -> AsyncIterator[dict[Any, Any]]:
        """An asynchronous context manager that gives the session and saves it at its end."""
        session = await self.get_session(sid)
        try:
            yield session
        finally:
            if sid in self.sockets:
                await self.save_session(sid, session)

    async def disconnect(self, sid: str | None = None) -> None:
        """Closes one connection, or all of them. Unknown sids are ignored."""
        if self.is_foreign():
            return await self.hand_over(self.disconnect(sid))
        for socket in list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]:
            if socket is not None:
                socket.close()

    async def handle_request(self, *args: Any) -> Any:
        """Serves one request of the framework; for ASGI the arguments are (scope, receive, send)."""
        binding = load_binding("asgi") if len(args) == 3 else self.binding
        return await binding.handle(self, *args)

    async def shutdown(self) -> None:
        """Ends the server's background work; `close()` also says goodbye to the clients."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def close(self, timeout: float = 10) -> None:
        """Closes all connections with "service restart" and waits for the disconnect handlers; then, where WebSockets
        have been taken over from a framework that does not wait for them, for their ends: `ws_close_timeout` at most.

        Args:
            timeout: How many seconds the handlers get before they are cancelled.
        """
        self.begin_close()
        try:
            async with asyncio.timeout(timeout):
                await self.runner.idle()
        except TimeoutError:
            self.logger.warning("handlers are still running after %s seconds: they are cancelled", timeout)
            self.runner.cancel()
        await self.connections.wait_closed()
        if self.closed is not None:
            await self.closed()

    async def _stop(self) -> None:
        self.stopping = True
        await self.close()

    def begin_close(self) -> None:
        """Does the first half of `close()`, which does not wait."""
        for socket in list(self.sockets.values()):
            socket.close(reason.SERVER_DISCONNECT, 1012)

    # The event loop

    @property
    def binding(self) -> Any:
        """The module that translates between the framework and this server."""
        return load_binding(self.async_mode)

    def bind_loop(self) -> None:
        """Makes the running loop the server's own, unless it has one that is still in use."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop and (self._loop is None or self._loop.is_closed() or not self.sockets):
            if self._close_on_signals:
                watch_signals(loop, self._stop)
            self._loop = loop
            self.thread = get_ident()
            self._timer = None
            self.dirty = []
            if not len(self.deadlines):  # programs assign other intervals before the first request
                self.deadlines = Deadlines(self.resolution())

    def is_foreign(self) -> bool:
        """Returns whether the caller runs on another thread's loop than the server."""
        loop = self._loop
        return loop is not None and get_ident() != self.thread and loop.is_running()

    async def hand_over(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the server's loop and waits for it on the caller's."""
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    # protocol.Host

    def wake(self) -> None:
        """Has the links of dirty sockets flushed at the end of this iteration of the loop."""
        self._loop.call_soon(self._flush_dirty)  # type: ignore[union-attr]  # there is a socket, so there is a loop

    def _flush_dirty(self) -> None:
        sockets, self.dirty = self.dirty, []
        for socket in sockets:
            socket.link.flush()

    def schedule(self, item: Any, delay: float) -> None:
        """Sets the deadline of an item."""
        loop = self._loop
        assert loop is not None
        when = loop.time() + delay
        self.deadlines.add(item, when)
        if self._timer is None or when < self._wake_at:
            self._arm()

    def unschedule(self, item: Any) -> None:
        """Removes the deadline of an item."""
        self.deadlines.discard(item)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = self.deadlines.next()
        if when is not None:
            self._wake_at = when
            self._timer = self._loop.call_at(when, self._expire, context=self._no_context)  # type: ignore[union-attr]

    def _expire(self) -> None:
        self._timer = None
        now = self._loop.time()  # type: ignore[union-attr]
        for item in self.deadlines.take_due(now):
            try:
                item.expire(now)
            except Exception:
                self.logger.exception("a deadline failed")
        self._arm()

    def forget(self, socket: Socket) -> None:
        """Removes the socket from the table of sids."""
        self.sockets.pop(socket.sid, None)

    @property
    def interned(self) -> dict[Any, Any]:
        """What the handshakes of many clients have in common, for the binding to keep once."""
        if len(self._interned) > MAX_INTERNED:
            self._interned.clear()
        return self._interned

    def build_environ(self, source: Any) -> dict[str, Any]:
        """Returns the WSGI-style dictionary of a handshake, which is what the binding has kept of it."""
        environ: dict[str, Any] = source.build_environ()
        return environ

    # HTTP

    async def handle_http(self, request: Request, exchange: Exchange) -> Response:
        """Answers one HTTP request."""
        self.bind_loop()

        def environ() -> dict[str, Any]:
            return self.build_environ(exchange.source)

        if request.method == "OPTIONS":
            return self.cors.preflight(request, environ)
        return self.finish(request, await self._answer(request, exchange, environ))

    async def _answer(self, request: Request, exchange: Exchange, environ: Callable[[], dict[str, Any]]) -> Response:
        decision = self.admit(request, environ, websocket=False)
        if isinstance(decision, Refusal):
            return decision.response()
        if isinstance(decision, Poll):
            return await polling.poll(self, decision.socket, request, exchange)
        if isinstance(decision, Post):
            return await polling.post(self, decision.socket, request, exchange)
        assert isinstance(decision, Handshake)
        return await self._handshake(decision.revision, request, exchange)

    async def _handshake(self, revision: Revision, request: Request, exchange: Exchange) -> Response:
        link = PollingLink()
        socket = link.socket = self.make_socket(revision, link, exchange.source)
        refusal = await self._accept(socket)
        if refusal is not None:
            return refusal
        socket.open(self.handshake(socket), self.first_ping())
        if socket.undecided:
            await polling.decide(socket)
        response = self.payload(request, socket, link.take())
        cookie = self._cookie_template.header(socket.sid)
        return response if cookie is None else response.with_header("Set-Cookie", cookie)

    # WebSocket

    async def admit_websocket(self, request: Request, source: Any) -> Response | Admitted:
        """Decides about the handshake of a WebSocket: a refusal, or what to attach the accepted link to."""
        self.bind_loop()
        decision = self.admit(request, lambda: self.build_environ(source), websocket=True)
        if isinstance(decision, Refusal):
            return decision.response()
        if isinstance(decision, Upgrade):
            return Admitted(self, decision.socket, upgrade=True)
        assert isinstance(decision, Handshake)
        socket = self.make_socket(decision.revision, PendingLink(), source)
        refusal = await self._accept(socket)
        return Admitted(self, socket, upgrade=False) if refusal is None else refusal

    # Connections

    async def _accept(self, socket: Socket) -> Response | None:
        """Gives the socket its receiver, unless the program's connect handler refuses it."""
        if self.accept is not None:
            socket.receiver = self.accept(socket)
            return None
        limit = self.max_in_flight if self.async_handlers else 1
        socket.receiver = HandlerReceiver(self, socket, self.runner.submit, InFlight(socket, limit))
        handler = self.handlers.get("connect")
        result: Any = None
        if handler is not None:
            try:
                result = handler(socket.sid, socket.environ)
                if isinstance(result, Awaitable):
                    result = await result
            except asyncio.CancelledError:
                socket.reject()
                raise
            except BaseException:  # SystemExit too: what one client sends must not end the server
                self.logger.exception("connect handler failed")
                result = False
        if (result is None or result is True) and socket.state is State.CONNECTING:
            return None
        socket.reject()
        answer = "Unauthorized" if not result or result is True else result
        return Response(401, [("Content-Type", "application/json")], self.codec.dumps(answer))
