"""aiohttp.web: its requests, translated for an Engine.IO server, and its transports, taken over for WebSockets."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from urllib.parse import unquote

from aiohttp import EMPTY_PAYLOAD, web
from aiohttp.http import RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ..asyncio.framework import announces_more_than, serve_websocket
from ..asyncio.server import AsyncServer
from ..asyncio.takeover import TakenOver
from ..environ import Environ, describe
from ..request import Request, Response

__all__ = ["attach", "handle"]


def attach(server: AsyncServer, app: web.Application, path: str) -> None:
    """Adds the routes of a server to an application, and its end to that of the application."""

    async def serve(request: web.Request) -> web.StreamResponse:
        return await handle(server, request)

    async def stop(app: web.Application) -> None:
        await server.close()
        await server.connections.wait_closed()

    for method in ("GET", "POST", "OPTIONS"):
        for endpoint in {path.rstrip("/") + "/", path}:
            app.router.add_route(method, endpoint, serve)
    app.on_shutdown.append(stop)


async def handle(server: AsyncServer, request: web.Request) -> web.StreamResponse:
    """Serves one request."""
    exchange = _Exchange(server, request)
    asked = exchange.request
    if asked.merged_headers().get(b"upgrade", b"").lower() == b"websocket":
        refusal = await serve_websocket(server, asked, exchange.source, partial(_take_over, request))
        # A client whose WebSocket is refused has no use for the connection.
        return _Taken() if refusal is None else _answer(refusal.with_header("Connection", "close"))
    answer = _answer(await server.handle_http(asked, exchange))
    if not request.content.is_eof():
        # aiohttp reads the rest of a body for some seconds after the answer, even if the client has gone meanwhile.
        _Watch.of(request).gone.add_done_callback(lambda _: request.content.feed_eof())
    return answer


def _answer(response: Response) -> web.Response:
    answer = web.Response(status=response.status, headers=response.headers, body=response.body)
    if answer.headers.get("Connection") == "close":
        answer.force_close()
    return answer


class _Exchange:
    """One HTTP request."""

    __slots__ = ("_http", "request", "source")

    def __init__(self, server: AsyncServer, http: web.Request) -> None:
        self._http = http
        self.source = _Source(http, server.interned)
        self.request = self.source.request()

    async def read_body(self, limit: int) -> bytes | None:
        """Returns the body, or `None` as soon as it is known to be longer than `limit` bytes."""
        if announces_more_than(limit, self.request):
            return None
        chunks = bytearray()
        try:
            while chunk := await self._http.content.readany():
                chunks += chunk
                if len(chunks) > limit:
                    return None
        except web.RequestPayloadError as exc:
            raise ConnectionError("the body is broken") from exc
        return bytes(chunks)

    async def wait_closed(self) -> None:
        """Returns when the client has gone."""
        await asyncio.shield(_Watch.of(self._http).gone)


class _Watch(asyncio.Protocol):
    """The protocol of aiohttp, and a look at the end of the connection, of which aiohttp does not tell its handlers.

    Attributes:
        gone: Done when the connection is over.
    """

    __slots__ = ("_protocol", "gone")

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    def of(cls, request: web.Request) -> _Watch:
        """Returns the watch over the connection of a request."""
        transport = request.transport
        watch = transport and transport.get_protocol()
        if not isinstance(watch, cls):
            watch = cls(request.protocol)
            if transport is None or transport.is_closing():
                watch.gone.set_result(None)
            else:
                transport.set_protocol(watch)
        return watch

    def data_received(self, data: bytes) -> None:
        """Passes data on."""
        self._protocol.data_received(data)

    def eof_received(self) -> Any:
        """Passes the end of data on."""
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Passes on that the client does not read."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Passes on that it reads again."""
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone, or the server has closed the connection."""
        self._protocol.connection_lost(exc)
        if not self.gone.done():
            self.gone.set_result(None)


# WebSocket


def _take_over(http: web.Request, link: TakenOver) -> bytes | None:
    """Gives the transport of a request to a link, and has aiohttp forget it.

    Returns:
        What the client has sent behind its request, or `None` if it has gone.
    """
    protocol: Any = http.protocol
    transport = protocol.transport
    if transport is None or transport.is_closing():
        return None
    early: bytes = protocol._message_tail
    protocol._message_tail = b""
    link.connection_made(transport)
    transport.set_protocol(link)
    if not transport.is_reading():  # there was so much of it that aiohttp has stopped
        transport.resume_reading()
    # For aiohttp the client has gone now: it stops its timer, lets go of its parser, and ends the task of the request
    # without writing. All references between them are cut, so that nothing is left for the garbage collector.
    protocol.transport = None
    protocol.keep_alive(False)
    protocol.connection_lost(None)
    return early


class _Taken(web.StreamResponse):
    """What aiohttp and its middlewares get as the answer to a request that has been answered already."""

    def __init__(self) -> None:
        super().__init__(status=101)
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:
        """Writes nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Writes nothing."""


# Environ


class _Source:
    """What is kept of a request for the environ that a handler may ask for: a tenth of the memory of the request.

    Headers and paths are the same for all clients of a kind, so they are shared through `interned`.
    """

    __slots__ = ("client", "headers", "loop", "match", "method", "scheme", "state", "target", "transport", "version")

    def __init__(self, http: web.Request, interned: dict[Any, Any]) -> None:
        headers = []
        for pair in http.raw_headers:
            known = interned.get(pair)
            if known is None:
                known = interned[pair] = pair[0].lower(), pair[1]
            headers.append(known)
        self.headers = headers
        self.loop = asyncio.get_running_loop()
        target = http.raw_path
        if not target.startswith("/"):  # RFC 9112, 3.2.2: "absolute-form"
            target = http.path_qs
        self.target: str = interned.setdefault(target, target)
        self.method = http.method
        self.version = http.version
        self.scheme = http.scheme
        self.transport = http.transport
        peer = self.transport and self.transport.get_extra_info("peername")
        remote = http.remote
        self.client: tuple[str, int] | None = None
        if isinstance(peer, tuple):
            # A middleware that trusts a proxy may have put another address in the place of the peer's.
            self.client = (peer[0], peer[1]) if remote == peer[0] else (remote or "", 0)
        elif remote:
            self.client = remote, 0
        match: Any = http.match_info
        self.match = match or interned.setdefault(match.route, match)
        self.state: dict[Any, Any] | None = dict(http.items()) if len(http) else None

    def request(self) -> Request:
        """Returns the request as the core sees it."""
        path, _, query = self.target.partition("?")
        if "%" in path:
            path = unquote(path)
        return Request(self.method, path, query, self.headers, self.scheme, self.client)

    def build_environ(self) -> dict[str, Any]:
        """Returns the WSGI-style dictionary of a handshake."""
        transport = self.transport
        server = transport and transport.get_extra_info("sockname")
        environ = describe(
            self.request(),
            "aiohttp",
            raw_path=self.target.partition("?")[0],
            http_version=f"{self.version.major}.{self.version.minor}",
            server=server if isinstance(server, tuple) else None,
        )
        return Environ(environ, "aiohttp.request", self._http)

    def _http(self) -> web.Request:
        """Returns aiohttp's request again, as far as there still is one: its connection is not aiohttp's any more."""
        headers = CIMultiDict(
            [(name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in self.headers]
        )
        message = RawRequestMessage(
            self.method,
            self.target,
            self.version,
            CIMultiDictProxy(headers),
            tuple(self.headers),
            False,
            None,
            True,
            False,
            URL(self.target, encoded=True),
        )
        protocol: Any = _Former(self.transport)
        missing: Any = None
        remote = self.client[0] if self.client else None
        http = web.Request(
            message,
            EMPTY_PAYLOAD,
            protocol,
            missing,
            missing,
            self.loop,
            state=self.state,
            scheme=self.scheme,
            remote=remote,
        )
        http._match_info = self.match
        return http


class _Former:
    """What a request knows of its connection when that is somebody else's."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        info = transport.get_extra_info if transport is not None else lambda name: None
        self.peername = info("peername")
        self.sockname = info("sockname")
        self.ssl_context = info("sslcontext")
