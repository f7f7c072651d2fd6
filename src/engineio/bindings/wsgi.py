"""WSGI (PEP 3333): a request as a value, its answer, and the sockets that the web servers keep under various names."""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from ..admission import BAD_REQUEST, METHOD_NOT_ALLOWED, Refusal
from ..request import Request, Response
from ..sync.server import Server
from ..sync.socket_link import SocketLink

__all__ = ["StartResponse", "find_socket", "handle", "read_request", "respond"]

StartResponse = Callable[..., Any]

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, 1.3: what a handshake's key is hashed with."""

CHUNK = 65536


def handle(server: Server, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Serves one request."""
    request = read_request(environ)
    connection = find_socket(server.async_mode, environ)
    if request.query("transport") == "websocket" and (request.header(b"upgrade") or "").lower() == "websocket":
        return _serve_websocket(server, request, environ, connection, start_response)

    def read_body(limit: int) -> bytes | None:
        return _read_body(environ, limit)

    response = server.handle_http(request, environ, read_body, connection is not None)
    return respond(response, start_response)


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
    if async_mode in ("gevent", "eventlet"):
        return importlib.import_module(f"engineio.bindings.{async_mode}").find_socket(environ)
    return None


def _read_body(environ: dict[str, Any], limit: int) -> bytes | None:
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        size = int(length)
        return environ["wsgi.input"].read(size) if size <= limit else None
    if not environ.get("wsgi.input_terminated"):
        return b""
    chunks: list[bytes] = []
    size = 0
    while chunk := environ["wsgi.input"].read(CHUNK):
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def respond(response: Response, start_response: StartResponse) -> Iterable[bytes]:
    """Gives an answer to the web server."""
    status = HTTPStatus(response.status)
    headers = [*response.headers, ("Content-Length", str(len(response.body)))]
    start_response(f"{response.status} {status.phrase}", headers)
    return [response.body]


def _serve_websocket(
    server: Server, request: Request, environ: dict[str, Any], connection: Any, start_response: StartResponse
) -> Iterable[bytes]:
    refusal = _check_handshake(request)
    if refusal is None and connection is None:
        server.logger.info("the web server cannot hand over a WebSocket")
        refusal = BAD_REQUEST.response()
    if refusal is not None:
        return respond(refusal, start_response)
    admitted = server.admit_websocket(request, environ)
    if isinstance(admitted, Response):
        return respond(admitted, start_response)
    key = (request.header(b"sec-websocket-key") or "").encode()
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    link = SocketLink(server, connection)
    with server.core:
        if environ.get("wsgi.websocket") is None:  # the handler of gevent-websocket has answered before we are asked
            link.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
        admitted.attach(link)
    link.serve()
    if "eventlet.input" in environ:
        importlib.import_module("engineio.bindings.eventlet").leave_unanswered()
    # The web server means to write an answer now. The connection is shut down, so that it finds nobody there, which
    # all of them take as they take any client that has gone.
    start_response("200 OK", [("Content-Length", "0"), ("Connection", "close")])
    return [b""]


def _check_handshake(request: Request) -> Response | None:
    """Returns the refusal of a handshake that RFC 6455, 4.2.1, does not allow."""
    if request.method != "GET":
        return METHOD_NOT_ALLOWED.response()
    if "upgrade" not in (request.header(b"connection") or "").lower():
        return BAD_REQUEST.response()
    if request.header(b"sec-websocket-version") != "13":
        return Refusal(426, 3, "Bad request").response().with_header("Sec-WebSocket-Version", "13")
    try:
        key = base64.b64decode(request.header(b"sec-websocket-key") or "", validate=True)
    except binascii.Error:
        key = b""
    return None if len(key) == 16 else BAD_REQUEST.response()
