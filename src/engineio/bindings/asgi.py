"""ASGI: requests and WebSockets of any ASGI server, and `ASGIApp`, which puts a server in front of other things."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from ..asyncio.server import Admitted, AsyncServer
from ..asyncio.takeover import TakenOver
from ..environ import build_environ as build_wsgi_environ
from ..packet import Outgoing
from ..protocol import reason
from ..request import Request, Response
from ..static_files import StaticFile, StaticFiles

__all__ = ["TAKEOVER", "ASGIApp", "build_environ", "handle"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TAKEOVER = "fast_socketio.takeover"
"""The key in `scope["extensions"]` of a function that hands the transport of a WebSocket over to a protocol."""

SERVED = "fast_socketio.served"
"""The key in `scope["extensions"]` of a set of servers that the ASGI server closes when it begins to stop."""

# Connections


async def handle(server: AsyncServer, scope: Scope, receive: Receive, send: Send) -> None:
    """Serves one HTTP request or WebSocket of the server's path."""
    served = (scope.get("extensions") or {}).get(SERVED)
    if served is not None:
        served.add(server)
    if scope["type"] == "websocket":
        await _handle_websocket(server, scope, receive, send)
    else:
        await _respond(await server.handle_http(_request(scope), _Exchange(scope, receive)), send)


def _request(scope: Mapping[str, Any]) -> Request:
    return Request(
        scope.get("method", "GET"),
        scope["path"],
        scope["query_string"].decode("latin-1"),
        scope["headers"],
        scope["scheme"],
        scope.get("client"),
    )


async def _respond(response: Response, send: Send, prefix: str = "http.response") -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": prefix + ".start", "status": response.status, "headers": headers})
    await send({"type": prefix + ".body", "body": response.body})


class _Exchange:
    """One HTTP request."""

    __slots__ = ("_receive", "_scope", "source")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self.source = _Source(scope, {})

    async def read_body(self, limit: int) -> bytes | None:
        """Returns the body, or `None` as soon as it is known to be longer than `limit` bytes."""
        for name, value in self._scope["headers"]:
            # Longer numbers than any limit has digits need no conversion, whose cost grows with them.
            if name == b"content-length" and (len(value) > 18 or int(value) > limit):
                return None
        chunks = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("the client has gone before the end of the body")
            chunks += message.get("body", b"")
            if len(chunks) > limit:
                return None
            if not message.get("more_body", False):
                return bytes(chunks)

    async def wait_closed(self) -> None:
        """Returns when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _handle_websocket(server: AsyncServer, scope: Scope, receive: Receive, send: Send) -> None:
    if (await receive())["type"] != "websocket.connect":
        return
    extensions = scope.get("extensions") or {}
    take_over = extensions.get(TAKEOVER)
    admitted = await server.admit_websocket(_request(scope), _Source(scope, server.interned))
    if isinstance(admitted, Response):
        if "websocket.http.response" in extensions and admitted.status != 403:
            await _respond(admitted, send, "websocket.http.response")
        else:
            await send({"type": "websocket.close"})
        return
    if take_over is not None:
        link = TakenOver(
            server.max_http_buffer_size,
            close_timeout=server.ws_close_timeout,
            stall_timeout=server.send_stall_timeout,
            max_pending_pongs=server.max_pending_pongs,
        )
        if take_over(link):
            admitted.attach(link)
        else:
            admitted.abandon()
        return
    await _serve_messages(server, admitted, receive, send)


async def _serve_messages(server: AsyncServer, admitted: Admitted, receive: Receive, send: Send) -> None:
    link = MessageLink(server, send)
    try:
        await send({"type": "websocket.accept"})
    except Exception:  # what the ASGI server raises for a client that has gone is its own
        admitted.abandon()
        raise
    admitted.attach(link)
    try:
        while True:
            await link.readable.wait()
            message = await receive()
            if message["type"] == "websocket.disconnect":
                break
            text = message.get("text")
            if text is not None:
                link.receive_text(text.encode("utf-8", "surrogatepass"))
            else:
                link.receive_binary(message.get("bytes") or b"")
    finally:
        link.lost()


class MessageLink:
    """A WebSocket that an ASGI server keeps in its own hands: messages in and out, no frames."""

    __slots__ = ("_closing", "_send", "_sending", "_server", "_urgent", "readable", "target")

    name = "websocket"

    def __init__(self, server: AsyncServer, send: Send) -> None:
        self.target: Any = None
        self.readable = asyncio.Event()
        self.readable.set()
        self._server = server
        self._send = send
        self._sending = False
        self._urgent: list[Outgoing] = []
        self._closing: tuple[int, str] | None = None

    def receive_text(self, data: bytes) -> None:
        """Takes a text message, unless it is too long."""
        if self._closing is None and self._fits(data):
            self.target.receive_text(data)

    def receive_binary(self, data: bytes) -> None:
        """Takes a binary message, unless it is too long."""
        if self._closing is None and self._fits(data):
            self.target.receive_binary(data)

    def _fits(self, data: bytes) -> bool:
        if len(data) > self._server.max_http_buffer_size:
            self.target.fail(reason.TRANSPORT_ERROR, 1009)
            return False
        return True

    def send(self, message: Outgoing) -> None:
        """Sends one message past the outbox."""
        self._urgent.append(message)
        self._start()

    def flush(self) -> None:
        """Sends the outbox of the socket, in the order of calls."""
        self._start()

    def _start(self) -> None:
        # No task of its own: the runner steps the coroutine, which with most servers does not wait.
        if not self._sending:
            self._sending = True
            self._server.runner.submit(self._drain, (), self._drained, None)

    async def _drain(self) -> None:
        while True:
            messages, self._urgent = self._urgent, []
            if self._closing is None:
                messages += self.target.take()
            if not messages:
                break
            for message in messages:
                if message.text is not None:
                    await self._send({"type": "websocket.send", "text": message.text.decode()})
                for attachment in message.attachments:
                    await self._send({"type": "websocket.send", "bytes": attachment})
        if self._closing is not None:
            code, why = self._closing
            await self._send({"type": "websocket.close", "code": code, "reason": why})

    def _drained(self, token: Any, result: Any, error: BaseException | None) -> None:
        self._sending = False
        if error is not None and self._closing is None:
            # Each ASGI server raises something of its own for a client that has gone; receive() tells it as well.
            self._server.logger.debug("cannot send: %r", error)
            self.lost()
        elif self._urgent or (self._closing is None and getattr(self.target, "outbox", None)):
            self._start()

    def close(self, code: int, reason: str) -> None:
        """Sends the outbox, then closes the WebSocket."""
        if self._closing is None:
            self._urgent += self.target.take()
            self._closing = code, reason
            self.readable.set()
            if not self._sending:
                self._start()

    def lost(self) -> None:
        """The WebSocket is gone."""
        if self._closing is None:
            self._closing = 1006, ""
            self._urgent.clear()
        self.target.lost(reason.TRANSPORT_CLOSE)

    def pause_reading(self) -> None:
        """Has the ASGI server keep what arrives."""
        self.readable.clear()

    def resume_reading(self) -> None:
        """Takes messages again."""
        self.readable.set()


# Environ

_KEYS = (
    "type",
    "asgi",
    "http_version",
    "scheme",
    "server",
    "client",
    "root_path",
    "path",
    "raw_path",
    "query_string",
    "headers",
    "subprotocols",
    "state",
    "method",
)
_MAX_INTERNED = 4096


class _Source:
    """What is kept of a scope for the environ that a handler may ask for: less than half the memory of the scope.

    Most values are the same for all clients of a server, and headers are the same for all clients of a kind, so they
    are shared through `interned`.
    """

    __slots__ = ("more", "values")

    def __init__(self, scope: Scope, interned: dict[Any, Any]) -> None:
        if len(interned) > _MAX_INTERNED:
            interned.clear()
        share = interned.setdefault
        get = scope.get
        asgi = get("asgi") or {}
        self.values = (
            get("type"),
            share(tuple(asgi.items()), asgi),
            get("http_version"),
            get("scheme"),
            share(get("server"), get("server")),
            get("client"),
            share(get("root_path"), get("root_path")),
            share(get("path"), get("path")),
            share(get("raw_path"), get("raw_path")),
            share(get("query_string"), get("query_string")),
            tuple([share(pair, pair) for pair in map(tuple, get("headers") or ())]),
            tuple(get("subprotocols") or ()),
            get("state"),
            get("method"),
        )
        more = {key: value for key, value in scope.items() if key not in _KEYS and key != "extensions"}
        self.more = more or None

    def scope(self) -> dict[str, Any]:
        """Returns the scope again."""
        scope = {key: value for key, value in zip(_KEYS, self.values, strict=True) if value is not None}
        scope["headers"] = list(scope["headers"])
        scope["subprotocols"] = list(scope["subprotocols"])
        return scope | (self.more or {})


async def _no_channel(*args: Any) -> Any:
    raise RuntimeError("the ASGI channel of a connection belongs to its server")


def build_environ(source: _Source) -> dict[str, Any]:
    """Returns the WSGI-style dictionary of a handshake."""
    scope = source.scope()
    return build_wsgi_environ(_request(scope), scope=scope, receive=_no_channel, send=_no_channel)


# Applications


class ASGIApp:
    """An ASGI application: an Engine.IO server on its path, then static files, then another application.

    Args:
        engineio_server: The server.
        other_asgi_app: What gets the requests of all other paths.
        static_files: URL -> file name, or a dictionary with `filename` and `content_type`; a directory serves what
            is in it.
        engineio_path: The server's path; `None` gives it every request.
        on_startup: Called, and awaited if it is a coroutine function, when the ASGI server starts.
        on_shutdown: The same when it stops.
    """

    def __init__(
        self,
        engineio_server: Any,
        other_asgi_app: Any = None,
        static_files: Mapping[str, Any] | None = None,
        engineio_path: str | None = "engine.io",
        on_startup: Callable[[], Any] | None = None,
        on_shutdown: Callable[[], Any] | None = None,
    ) -> None:
        self.engineio_server = engineio_server
        self.other_asgi_app = other_asgi_app
        self.static_files = static_files
        self.engineio_path = None if engineio_path is None else "/" + engineio_path.strip("/")
        self.on_startup = on_startup
        self.on_shutdown = on_shutdown
        self._files = StaticFiles(static_files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, WebSocket or lifespan."""
        kind = scope["type"]
        if kind == "lifespan":
            if self.other_asgi_app is not None and self.on_startup is None and self.on_shutdown is None:
                await self.other_asgi_app(scope, self._closing_first(receive), send)
            else:
                await self.lifespan(scope, receive, send)
        elif kind in ("http", "websocket") and self._is_own(scope):
            await self.engineio_server.handle_request(scope, receive, send)
        else:
            await self._serve_other(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        own = self.engineio_path
        if own is None or own == "/":
            return True
        path: str = scope["path"]
        # Under a mount the path includes the prefix, which root_path names.
        root_path = scope.get("root_path") or ""
        if path.startswith(own + "/") or path == own:
            return True
        return bool(root_path) and path.startswith(root_path) and (path[len(root_path) :] + "/").startswith(own + "/")

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            root_path = scope.get("root_path") or ""
            if root_path and path.startswith(root_path + "/"):
                path = path[len(root_path) :]
            file = self._files.find(path)
            if file is not None and scope["method"] in ("GET", "HEAD"):
                return await self.serve_static_file(file, receive, send)
        if self.other_asgi_app is not None:
            await self.other_asgi_app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        else:
            await self.not_found(receive, send)

    async def serve_static_file(self, static_file: StaticFile, receive: Receive, send: Send) -> None:
        """Answers with the content of a file."""
        try:
            content = await asyncio.to_thread(_read, static_file.filename)
        except OSError:
            return await self.not_found(receive, send)
        await _respond(Response(200, [("Content-Type", static_file.content_type)], content), send)

    async def not_found(self, receive: Receive, send: Send) -> None:
        """Answers that there is nothing."""
        await _respond(Response(404, [("Content-Type", "text/plain")], b"Not Found"), send)

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the start-up and shut-down functions."""
        while True:
            message = await receive()
            stage = "startup" if message["type"] == "lifespan.startup" else "shutdown"
            try:
                if stage == "shutdown":
                    await self._close_server()
                hook = self.on_startup if stage == "startup" else self.on_shutdown
                result = hook() if hook is not None else None
                if inspect.isawaitable(result):
                    await result
            except Exception as exc:
                logging.getLogger("engineio.server").exception("%s failed", stage)
                await send({"type": f"lifespan.{stage}.failed", "message": str(exc)})
                return
            await send({"type": f"lifespan.{stage}.complete"})
            if stage == "shutdown":
                return

    def _closing_first(self, receive: Receive) -> Receive:
        async def closing_first() -> MutableMapping[str, Any]:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._close_server()
            return message

        return closing_first

    async def _close_server(self) -> None:
        close = getattr(self.engineio_server, "close", None)
        if close is not None:
            await close()


def _read(filename: str) -> bytes:
    with open(filename, "rb") as file:
        return file.read()
