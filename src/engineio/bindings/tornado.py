"""Tornado: the requests of its HTTP server, translated for an Engine.IO server, and the sockets of its WebSockets."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any, ClassVar, cast
from urllib.parse import unquote

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest, split_host_and_port
from tornado.iostream import SSLIOStream
from tornado.web import RequestHandler, stream_request_body
from tornado.websocket import WebSocketHandler

from ..admission import FORBIDDEN, check_handshake
from ..admitted import Admitted
from ..asyncio.server import AsyncServer
from ..asyncio.takeover import TakenOver, make_link, open_link
from ..environ import describe
from ..request import Request, Response, switching_protocols
from .tornado_stream import StreamTransport

__all__ = ["get_tornado_handler", "handle"]

LINGER = 2.0
"""How long a client may go on sending a body after it was answered, in seconds: if the connection were closed at once,
the answer would be lost with what has not been read."""

Address = tuple[str, int] | None


def get_tornado_handler(engineio_server: AsyncServer) -> type[WebSocketHandler]:
    """Returns the class of the request handlers of a server, for a route of a Tornado application."""

    class Handler(_Handler):
        server = engineio_server

    return Handler


async def handle(server: AsyncServer, handler: RequestHandler) -> None:
    """Serves the request that any handler of the application has been given."""
    if _is_websocket(handler.request):
        await _serve_websocket(server, handler)
    else:
        exchange = _Exchange(handler)
        exchange.receive(handler.request.body or b"")
        exchange.end()
        await _serve_http(server, handler, exchange)


@stream_request_body
class _Handler(WebSocketHandler):
    """What Tornado makes for each request of the server's path.

    A WebSocket is not left to Tornado, which `open` and `on_message` are for, but has its socket detached.
    """

    server: ClassVar[AsyncServer]

    _exchange: _Exchange | None = None
    _answering: asyncio.Task[Response] | None = None
    _opening = False

    def check_xsrf_cookie(self) -> None:
        """Requires nothing: `cors_allowed_origins` keeps other sites out, and no client of Socket.IO has the cookie."""

    def check_trusted_origin(self, origin: str) -> bool:
        """Allows all: `cors_allowed_origins` decides."""
        return True

    def check_origin(self, origin: str) -> bool:
        """Returns whether `cors_allowed_origins` allows the origin of this request; a subclass may be stricter."""
        source = _Source(self)
        return self.server.cors.allows(_read_request(self, source.client), source.build_environ)

    def get_compression_options(self) -> dict[str, Any] | None:
        """Says that Tornado's own WebSockets could be compressed, as existing programs expect."""
        return {}

    def compute_etag(self) -> None:
        """No two answers to a poll are the same."""

    # Before and while the body arrives

    def prepare(self) -> Awaitable[None] | None:
        """Begins to answer the request before its body comes. A subclass calls it once it lets the request pass."""
        connection = _connection(self.request)
        connection.set_max_body_size(sys.maxsize)  # Tornado would answer 400, and the server answers 413
        connection.set_body_timeout(self.server.body_timeout + LINGER)
        if self.request.method == "POST":
            self._begin()
        elif _is_websocket(self.request):
            # Waiting for a body, which there is not, would be 5 % of what opening a connection costs.
            return self._open_websocket()
        return None

    def data_received(self, chunk: bytes) -> None:
        """Takes a part of the body; only a POST has a use for it."""
        if self.request.method == "POST":
            self._begin().receive(chunk)

    def _begin(self) -> _Exchange:
        exchange = self._exchange
        if exchange is None:
            exchange = self._exchange = _Exchange(self)
            request = _read_request(self, exchange.source.client)
            self._answering = asyncio.ensure_future(self.server.handle_http(request, exchange))
            self._answering.add_done_callback(self._answer_early)
        return exchange

    def _answer_early(self, answering: asyncio.Task[Response]) -> None:
        """Sends an answer that did not wait for the end of the body."""
        exchange = self._exchange
        if exchange is None or exchange.whole or exchange.gone or answering.cancelled():
            return
        exchange.answered = True
        _write(self, answering.result())
        self.set_header("Connection", "close")
        self.flush()
        asyncio.get_running_loop().call_later(LINGER, self._stop_listening)

    def _stop_listening(self) -> None:
        if not self._finished:
            self.finish()  # closes the connection, because the body has not ended

    def on_connection_close(self) -> None:
        """The client has gone before it was answered."""
        RequestHandler.on_connection_close(self)  # ends the wait for the body, which WebSocketHandler forgets
        if self._exchange is not None:
            self._exchange.lose()
        super().on_connection_close()

    def on_finish(self) -> None:
        """Cuts the references in a circle, which would be left to the garbage collector."""
        self._exchange = self._answering = None

    # Requests

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Answers a handshake or a poll, or opens a WebSocket."""
        if _is_websocket(self.request):
            await self._open_websocket()
        else:
            self._exchange = _Exchange(self)
            await _serve_http(self.server, self, self._exchange)

    head = put = patch = delete = options = get

    async def post(self, *args: Any, **kwargs: Any) -> None:
        """Answers a POST, whose body has arrived."""
        exchange = self._begin()
        exchange.end()
        assert self._answering is not None
        response = await self._answering
        if exchange.gone or self._finished:
            return
        if exchange.answered:
            _finish(self)
        else:
            _respond(self, response)

    async def _open_websocket(self) -> None:
        if self._opening:  # by `prepare`, for a client that has gone meanwhile
            return
        self._opening = True
        origin = self.request.headers.get("Origin")
        if (
            origin is not None
            and type(self).check_origin is not _Handler.check_origin
            and not self.check_origin(origin)
        ):
            _respond(self, FORBIDDEN.response())
        else:
            await _serve_websocket(self.server, self)


# HTTP


async def _serve_http(server: AsyncServer, handler: RequestHandler, exchange: _Exchange) -> None:
    response = await server.handle_http(_read_request(handler, exchange.source.client), exchange)
    if not exchange.gone:
        _respond(handler, response)


def _respond(handler: RequestHandler, response: Response) -> None:
    _write(handler, response)
    _finish(handler)


def _finish(handler: RequestHandler) -> None:
    connection = _connection(handler.request)
    closes = handler._headers.get("Connection") == "close"
    written = handler.finish()
    if closes:  # Tornado does not see that it has been said
        written.add_done_callback(lambda _: connection.close())


def _write(handler: RequestHandler, response: Response) -> None:
    handler.set_status(response.status)
    handler.clear_header("Content-Type")
    for name, value in response.headers:
        handler.add_header(name, value)
    handler.set_header("Content-Length", str(len(response.body)))
    handler.write(response.body)


class _Exchange:
    """One HTTP request.

    Attributes:
        whole: Whether all of its body has arrived.
        answered: Whether it was answered before that; the rest is not wanted.
        gone: Whether its client is.
    """

    __slots__ = ("_body", "_changed", "_length", "answered", "gone", "source", "whole")

    def __init__(self, handler: RequestHandler) -> None:
        self.source = _Source(handler)
        self.whole = False
        self.answered = False
        self.gone = False
        self._body = bytearray()
        self._length = handler.request.headers.get("Content-Length", "0")
        self._changed = asyncio.Event()

    def receive(self, chunk: bytes) -> None:
        """Takes a part of the body."""
        if not self.answered:
            self._body += chunk
            self._changed.set()

    def end(self) -> None:
        """The body is complete."""
        self.whole = True
        self._changed.set()

    def lose(self) -> None:
        """The client has gone."""
        self.gone = True
        self._changed.set()

    async def read_body(self, limit: int) -> bytes | None:
        """Returns the body, or `None` as soon as it is known to be longer than `limit` bytes."""
        # Longer numbers than any limit has digits need no conversion, whose cost grows with them.
        if len(self._length) > 18 or (self._length.isdecimal() and int(self._length) > limit):
            return None
        while len(self._body) <= limit:
            if self.whole:
                return bytes(self._body)
            if self.gone:
                raise ConnectionResetError("the client has gone before the end of the body")
            await self._wait()
        return None

    async def wait_closed(self) -> None:
        """Returns when the client has gone."""
        while not self.gone:
            await self._wait()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()


# WebSocket


async def _serve_websocket(server: AsyncServer, handler: RequestHandler) -> None:
    source = _Source(handler)
    request = _read_request(handler, source.client)
    answer: Response | Admitted | None = check_handshake(request)
    if answer is None:
        answer = await server.admit_websocket(request, source)
    if isinstance(answer, Response):
        _respond(handler, answer)
    elif _connection(handler.request).stream.closed():
        answer.abandon()
    else:
        await _take_over(server, handler, answer)


async def _take_over(server: AsyncServer, handler: RequestHandler, admitted: Admitted) -> None:
    """Takes the socket of a request away from Tornado, and has asyncio serve it."""
    request = handler.request
    stream = handler.detach()
    # The handler lives as long as the connection, in `environ`; what else Tornado has made for it need not.
    request.connection = request.server_connection = None
    handler._break_cycles()
    link = make_link(server)
    server.connections.add(link)
    start = _Start(
        link,
        admitted,
        switching_protocols(request.headers["Sec-WebSocket-Key"].encode("latin-1")),
        bytes(stream._read_buffer[-stream._read_buffer_size :]) if stream._read_buffer_size else b"",
    )
    if isinstance(stream, SSLIOStream):
        # asyncio has a TLS of its own and cannot go on with an `ssl.SSLSocket`: it stays with Tornado's stream.
        StreamTransport(stream, start)
        return
    stream.io_loop.remove_handler(stream.fileno())
    sock, stream.socket = stream.socket, None  # type: ignore[assignment]  # as Tornado does itself
    try:
        await asyncio.get_running_loop().connect_accepted_socket(lambda: start, sock)
    except BaseException:
        sock.close()
        admitted.abandon()
        raise


class _Start(asyncio.Protocol):
    """The protocol of a detached socket until it has a transport: what is to be done then, before anything is read.

    Args:
        link: Who gets the transport.
        admitted: The decision about the handshake.
        head: The answer that accepts it.
        early: What the client has sent behind its handshake already.
    """

    __slots__ = ("admitted", "early", "head", "link")

    def __init__(self, link: TakenOver, admitted: Admitted, head: bytes, early: bytes) -> None:
        self.link = link
        self.admitted = admitted
        self.head = head
        self.early = early

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answers the handshake and leaves the transport to the link."""
        link = self.link
        link.connection_made(transport)
        transport.set_protocol(link)
        open_link(link, self.admitted, self.head)
        if self.early:
            link.receive_data(self.early)


# Requests and their environ


def _is_websocket(request: HTTPServerRequest) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _read_request(handler: RequestHandler, client: Address) -> Request:
    request = handler.request
    return Request(
        request.method or "",
        unquote(request.path),
        request.query,
        [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.get_all()],
        request.protocol,
        client,
    )


class _Source:
    """What is kept of a request for the environ that a handler may ask for."""

    __slots__ = ("client", "handler")

    def __init__(self, handler: RequestHandler) -> None:
        self.handler = handler
        self.client = _client(handler.request)

    def build_environ(self) -> dict[str, Any]:
        """Returns the WSGI-style dictionary of the request."""
        request = self.handler.request
        host, port = split_host_and_port(request.host)
        environ = describe(
            _read_request(self.handler, self.client),
            "tornado",
            raw_path=request.path,
            http_version=request.version.removeprefix("HTTP/"),
            server=(host, port or (443 if request.protocol == "https" else 80)),
        )
        environ["tornado.handler"] = self.handler
        return environ


def _client(request: HTTPServerRequest) -> Address:
    """Returns the address of the client; of one behind a proxy (with `xheaders`) the port is not known."""
    address = cast(Any, _connection(request).context).address
    if not isinstance(address, tuple):  # a Unix socket
        return None
    return (address[0], address[1]) if address[0] == request.remote_ip else (request.remote_ip or "", 0)


def _connection(request: HTTPServerRequest) -> HTTP1Connection:
    return cast(HTTP1Connection, request.connection)
