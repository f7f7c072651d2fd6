"""WSGI (PEP 3333): a request as a value, its answer, and the sockets that the web servers keep under various names."""

from __future__ import annotations

import contextlib
import importlib
import socket
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from ..admission import BAD_REQUEST, check_handshake
from ..request import Request, Response, switching_protocols
from ..sync.server import Server
from ..sync.socket_link import SocketLink
from ..sync.stream import shut_down

__all__ = ["StartResponse", "find_socket", "handle", "read_request", "respond"]

StartResponse = Callable[..., Any]

CHUNK = 65536

SOCKETS = {"gevent": "gevent", "eventlet": "eventlet", "gevent_uwsgi": "uwsgi"}
"""Mode -> the binding that knows where its web server keeps the socket of a request."""


def handle(server: Server, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Serves one request."""
    request = read_request(environ)
    connection = find_socket(server.async_mode, environ)
    if connection is not None:
        with contextlib.suppress(OSError):  # a Unix socket has no such option
            # gevent and Werkzeug send the body of an answer behind its headers, and Nagle's algorithm would keep it
            # until the client has acknowledged those: a POST and a poll took 92 ms, and take 2 ms.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    try:
        if (request.header(b"upgrade") or "").lower() == "websocket":
            return _serve_websocket(server, request, environ, connection, start_response)
        exchange = WSGIExchange(server, environ, connection)
        response = server.handle_http(request, environ, exchange, connection is not None)
        if "uwsgi.version" in environ:  # which closes the connection after each answer, and does not say so
            response = response.with_header("Connection", "close")
        answer = respond(response, start_response)
        return [] if request.method == "HEAD" else answer
    finally:
        if getattr(connection, "is_duplicate", False):
            connection.close()


class WSGIExchange:
    """An HTTP request: see :class:`engineio.sync.polling.Exchange`.

    Args:
        server: What answers it.
        environ: Its environ.
        connection: Its socket, or `None`: then neither a body that does not come nor a client that goes is noticed.
    """

    __slots__ = ("_connection", "_environ", "_kind", "_waiter")

    def __init__(self, server: Server, environ: dict[str, Any], connection: Any) -> None:
        self._kind = server.kind
        self._environ = environ
        self._connection = connection
        self._waiter: Any = None

    def read_body(self, limit: int) -> bytes | None:
        """Returns the body, or `None` if it is longer than so many bytes."""
        environ = self._environ
        length = environ.get("CONTENT_LENGTH") or ""
        # eventlet does not say so, but knows, as the others, where a body ends.
        chunked = environ.get("wsgi.input_terminated") or "eventlet.input" in environ
        if length:
            if not (length.isascii() and length.isdigit()):
                raise ConnectionError("the request has no valid length")
            if int(length) > limit:
                return None
        elif not chunked:
            return b""
        # One byte more than is allowed, but not two: they may never come.
        left = int(length) if length else limit + 1
        chunks: list[bytes] = []
        try:
            while left and (chunk := environ["wsgi.input"].read(min(left, CHUNK))):
                left -= len(chunk)
                chunks.append(chunk)
        except ValueError as exc:  # of eventlet, about what should be the size of a chunk
            raise ConnectionError("the body is broken") from exc
        if length:
            if left:
                raise ConnectionError("the body has ended too early")
        elif not left:
            return None
        return b"".join(chunks)

    def stop_reading(self) -> None:
        """Ends what comes from the client; an answer can still be sent."""
        if self._connection is not None:
            shut_down(self._connection, socket.SHUT_RD)

    def has_gone(self) -> bool:
        """Returns whether the client has closed the connection; with TLS that is not known."""
        connection = self._connection
        if connection is None:
            return False
        if self._waiter is None:
            self._waiter = self._kind.make_waiter(connection, False)
        try:
            return self._waiter.wait(0) and not connection.recv(1, socket.MSG_PEEK)
        except ValueError:  # "non-zero flags not allowed in calls to recv() on SSLSocket"
            return False
        except OSError:
            return True


def read_request(environ: dict[str, Any]) -> Request:
    """Returns the request of a WSGI environ."""
    headers = [
        (key[5:].lower().replace("_", "-").encode("latin-1"), str(value).encode("latin-1"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    headers += [
        (name, str(environ[key]).encode("latin-1"))
        for name, key in ((b"content-type", "CONTENT_TYPE"), (b"content-length", "CONTENT_LENGTH"))
        if environ.get(key)
    ]
    address, port = environ.get("REMOTE_ADDR"), str(environ.get("REMOTE_PORT") or "0")
    return Request(
        environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", ""),
        environ.get("QUERY_STRING", ""),
        headers,
        environ.get("wsgi.url_scheme", "http"),
        (address, int(port) if port.isdigit() else 0) if address else None,
    )


def find_socket(async_mode: str, environ: dict[str, Any]) -> Any:
    """Returns the socket of a request, or `None` where the web server does not show it."""
    for name in ("werkzeug.socket", "gunicorn.socket"):
        if environ.get(name) is not None:
            return environ[name]
    binding = SOCKETS.get(async_mode)
    return None if binding is None else importlib.import_module(f"engineio.bindings.{binding}").find_socket(environ)


def respond(response: Response, start_response: StartResponse) -> Iterable[bytes]:
    """Gives an answer to the web server."""
    status = HTTPStatus(response.status)
    headers = [*response.headers, ("Content-Length", str(len(response.body)))]
    start_response(f"{response.status} {status.phrase}", headers)
    return [response.body]


def _serve_websocket(
    server: Server, request: Request, environ: dict[str, Any], connection: Any, start_response: StartResponse
) -> Iterable[bytes]:
    refusal = check_handshake(request)
    if refusal is None and connection is None:
        server.logger.info("the web server cannot hand over a WebSocket")
        refusal = BAD_REQUEST.response()
    if refusal is not None:
        return respond(refusal, start_response)
    admitted = server.admit_websocket(request, environ)
    if isinstance(admitted, Response):
        return respond(admitted, start_response)
    link = SocketLink(server, connection)
    with server.core:
        if environ.get("wsgi.websocket") is None:  # the handler of gevent-websocket has answered before we are asked
            link.write(switching_protocols(request.merged_headers()[b"sec-websocket-key"]))
        admitted.attach(link)
    link.serve()
    if "eventlet.input" in environ:
        importlib.import_module("engineio.bindings.eventlet").leave_unanswered()
    if getattr(connection, "is_duplicate", False):  # uWSGI is content with no answer, and complains of nobody there
        return []
    # The web server means to write an answer now. The connection is shut down, so that it finds nobody there, which
    # all of them take as they take any client that has gone.
    start_response("200 OK", [("Content-Length", "0"), ("Connection", "close")])
    return [b""]
