"""Sanic: its requests, translated for an Engine.IO server, and the transports of its own server, taken over."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import Any
from urllib.parse import unquote

from sanic import HTTPResponse, Sanic
from sanic import Request as SanicRequest
from sanic.compat import Header
from sanic.exceptions import SanicException
from sanic.models.server_types import ConnInfo

from ..asyncio.framework import announces_more_than, serve_websocket
from ..asyncio.server import AsyncServer
from ..asyncio.takeover import TakenOver
from ..environ import Environ, describe
from ..request import Request, Response
from . import asgi

__all__ = ["attach", "handle"]


def attach(server: AsyncServer, app: Sanic[Any, Any], path: str) -> None:
    """Adds the routes of a server to an application, and its end to that of the application."""

    async def serve(request: SanicRequest[Any, Any]) -> HTTPResponse | None:
        return await handle(server, request)

    # With these Sanic leaves the body to the handler, and takes no answer for one: the handler has sent it itself.
    serve.is_stream = serve.is_websocket = True  # type: ignore[attr-defined]

    async def stop(app: Sanic[Any, Any]) -> None:
        await server.close()

    async def stopped(app: Sanic[Any, Any]) -> None:
        # Sanic accepts connections until what is to be done before its stop is done.
        await server.close()
        await server.connections.wait_closed()

    name = "engineio" + re.sub(r"\W", "_", path)
    app.add_route(serve, path + "/", methods=["GET", "POST", "OPTIONS"], name=name)
    app.before_server_stop(stop)
    app.after_server_stop(stopped)


async def handle(server: AsyncServer, request: SanicRequest[Any, Any]) -> HTTPResponse | None:
    """Serves one request; returns `None` if it has been answered."""
    if request.app.asgi:  # Sanic is an application then, with the messages of a web server in its hands
        channel: Any = request.transport
        await asgi.handle(server, channel.scope, channel.receive, channel.send)
        return None
    exchange = _Exchange(server, request)
    asked = exchange.request
    if asked.merged_headers().get(b"upgrade", b"").lower() == b"websocket":
        refusal = await serve_websocket(server, asked, exchange.source, partial(_take_over, request))
        return None if refusal is None else _answer(request, refusal)
    return _answer(request, await server.handle_http(asked, exchange))


def _answer(http: SanicRequest[Any, Any], response: Response) -> HTTPResponse:
    headers = Header(response.headers)
    if headers.pop("connection", None) == "close":
        # Sanic reads what is left of a body before it goes on, but no more of it than is allowed.
        stream: Any = http.stream
        stream.keep_alive = False
        stream.request_max_size = 0
    return HTTPResponse(response.body, response.status, headers)


class _Exchange:
    """One HTTP request."""

    __slots__ = ("_http", "request", "source")

    def __init__(self, server: AsyncServer, http: SanicRequest[Any, Any]) -> None:
        self._http = http
        self.source = _Source(http, server.interned)
        self.request = self.source.request()

    async def read_body(self, limit: int) -> bytes | None:
        """Returns the body, or `None` as soon as it is known to be longer than `limit` bytes."""
        if announces_more_than(limit, self.request):
            return None
        chunks = bytearray()
        stream: Any = self._http.stream
        try:
            while chunk := await stream.read():
                chunks += chunk
                if len(chunks) > limit:
                    return None
        except SanicException as exc:
            raise ConnectionError("the body is broken") from exc
        except asyncio.CancelledError:
            stream.request_body = None  # else Sanic would wait for the rest of it from a client that has gone
            raise
        return bytes(chunks)

    async def wait_closed(self) -> None:
        """Never returns: when the client has gone, Sanic cancels whoever serves it."""
        await asyncio.get_running_loop().create_future()


# WebSocket


def _take_over(http: SanicRequest[Any, Any], link: TakenOver) -> bytes | None:
    """Gives the transport of a request to a link, and has Sanic forget it.

    Returns:
        What the client has sent behind its request, or `None` if it has gone.
    """
    transport: Any = http.transport
    if transport.is_closing():
        return None
    protocol: Any = transport.get_protocol()
    early = bytes(protocol.recv_buffer)
    protocol.recv_buffer.clear()
    link.connection_made(transport)
    transport.set_protocol(link)
    if not transport.is_reading():  # there was so much of it that Sanic has stopped
        transport.resume_reading()
    # Sanic's protocol without a transport is one that has been aborted: the task of the request ends without writing.
    protocol.connections.discard(protocol)
    protocol.transport = None
    # A method of its own, which would leave the stream, the request and the protocol to the garbage collector.
    stream: Any = http.stream
    stream.response_func = None
    return early


# Environ


class _Source:
    """What is kept of a request for the environ that a handler may ask for: a tenth of the memory of the request.

    Headers and paths are the same for all clients of a kind, so they are shared through `interned`.
    """

    __slots__ = ("app", "client", "context", "headers", "match", "method", "route", "target", "transport", "version")

    def __init__(self, http: SanicRequest[Any, Any], interned: dict[Any, Any]) -> None:
        headers = []
        for line in http.head.split(b"\r\n")[1:]:
            pair = interned.get(line)
            if pair is None:
                name, _, value = line.partition(b":")
                pair = interned[line] = name.lower(), value.strip()
            headers.append(pair)
        self.headers = headers
        target = http.raw_url
        self.target: bytes = interned.setdefault(target, target)
        self.method = http.method
        self.version = http.version
        self.app = http.app
        self.transport = http.transport
        self.route = http.route
        self.match = http.match_info or None
        self.context = http._ctx
        self.client = _client(http)

    def request(self) -> Request:
        """Returns the request as the core sees it."""
        path, _, query = self.target.decode("ascii").partition("?")
        if not path.startswith("/"):  # RFC 9112, 3.2.2: "absolute-form"
            path = "/" + path.partition("://")[2].partition("/")[2]
        if "%" in path:
            path = unquote(path)
        scheme = "https" if self.transport.get_extra_info("sslcontext") else "http"
        return Request(self.method, path, query, self.headers, scheme, self.client)

    def build_environ(self) -> dict[str, Any]:
        """Returns the WSGI-style dictionary of a handshake."""
        server = self.transport.get_extra_info("sockname")
        environ = describe(
            self.request(),
            "sanic",
            raw_path=self.target.decode("ascii").partition("?")[0],
            http_version=self.version,
            server=server if isinstance(server, tuple) else None,
        )
        return Environ(environ, "sanic.request", self._http)

    def _http(self) -> SanicRequest[Any, Any]:
        """Returns Sanic's request again, as far as there still is one: its connection is not Sanic's any more."""
        lines = [name + b": " + value for name, value in self.headers]
        http: SanicRequest[Any, Any] = self.app.request_class(
            url_bytes=self.target,
            headers=Header([(name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in self.headers]),
            version=self.version,
            method=self.method,
            transport=self.transport,
            app=self.app,
            head=b"\r\n".join([b"%s %s HTTP/%s" % (self.method.encode(), self.target, self.version.encode()), *lines]),
        )
        http.conn_info = ConnInfo(self.transport)
        http.route = self.route
        http._match_info = self.match or {}
        http._ctx = self.context
        return http


def _client(http: SanicRequest[Any, Any]) -> tuple[str, int] | None:
    """Returns the address and port of the client, as the configured proxies tell it."""
    config = http.app.config
    if config.FORWARDED_SECRET or config.REAL_IP_HEADER or config.PROXIES_COUNT:
        address = http.remote_addr
        if address:
            return address, 0
    info = http.conn_info
    return (info.client_ip, info.client_port) if info is not None and info.client_ip else None
