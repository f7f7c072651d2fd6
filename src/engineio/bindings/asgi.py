"""ASGI: the requests and WebSockets of any ASGI server, translated for an Engine.IO server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from ..admitted import Admitted
from ..asyncio.message_link import MessageLink
from ..asyncio.server import AsyncServer
from ..asyncio.takeover import make_link, open_link
from ..environ import build_environ
from ..request import Request, Response

__all__ = ["SERVED", "TAKEOVER", "Receive", "Scope", "Send", "handle", "respond"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TAKEOVER = "fast_socketio.takeover"
"""The key in `scope["extensions"]` of a function that hands the transport of a WebSocket over: called with the
`TakenOver` that gets it, it returns the HTTP answer that has to be written first, or `None` if the client has gone."""

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
        await respond(await server.handle_http(_request(scope), _Exchange(scope, receive)), send)


def _request(scope: Mapping[str, Any]) -> Request:
    return Request(
        scope.get("method", "GET"),
        scope["path"],
        scope["query_string"].decode("latin-1"),
        scope["headers"],
        scope.get("scheme") or _guess_scheme(scope),
        scope.get("client"),
    )


def _guess_scheme(scope: Mapping[str, Any]) -> str:
    """Returns a scheme where there is none, as for WebSockets of daphne: that of the page, whose host is checked."""
    if scope["type"] == "http":
        return "http"
    return "wss" if any(name == b"origin" and value.startswith(b"https:") for name, value in scope["headers"]) else "ws"


async def respond(response: Response, send: Send, prefix: str = "http.response") -> None:
    """Sends a response."""
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
            await respond(admitted, send, "websocket.http.response")
        else:
            await send({"type": "websocket.close"})
        return
    if take_over is not None:
        link = make_link(server)
        head = take_over(link)
        if head is None:
            admitted.abandon()
        else:
            open_link(link, admitted, head)
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
        async with asyncio.timeout(None) as link.open:
            await _receive_messages(link, receive)
    except TimeoutError:  # the link has given up a client that does not read
        pass
    finally:
        link.open = None
        link.lost()


async def _receive_messages(link: MessageLink, receive: Receive) -> None:
    while True:
        await link.readable.wait()
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is not None:
            link.receive_text(text.encode("utf-8", "surrogatepass"))
        else:
            link.receive_binary(message.get("bytes") or b"")


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
_SPENT = ("extensions", "fastapi_middleware_astack")
"""What is of no use after the request, and would be 700 bytes of each connection: FastAPI has closed its stack."""
_KNOWN = frozenset((*_KEYS, *_SPENT))
_ABSENT: Any = range(0)
"""Stands for a key that a scope does not have: false, hashable, and an object that no scope holds."""


class _Source:
    """What is kept of a scope for the environ that a handler may ask for: less than half the memory of the scope.

    Most values are the same for all clients of a server, and headers are the same for all clients of a kind, so they
    are shared through `interned`.
    """

    __slots__ = ("more", "values")

    def __init__(self, scope: Scope, interned: dict[Any, Any]) -> None:
        share = interned.setdefault
        get = scope.get
        asgi = get("asgi", _ABSENT)
        server = get("server", _ABSENT)
        root_path = get("root_path", _ABSENT)
        raw_path = get("raw_path", _ABSENT)
        path, query_string = scope["path"], scope["query_string"]
        subprotocols = get("subprotocols", _ABSENT)
        self.values = (
            scope["type"],
            share(tuple(asgi.items()), asgi) if asgi else asgi,
            get("http_version", _ABSENT),
            get("scheme", _ABSENT),
            share(tuple(server), server) if server else server,
            get("client", _ABSENT),
            share(root_path, root_path),
            share(path, path),
            share(raw_path, raw_path),
            share(query_string, query_string),
            tuple([share(pair, pair) for pair in map(tuple, scope["headers"])]),
            tuple(subprotocols) if subprotocols else subprotocols,
            get("state", _ABSENT),
            get("method", _ABSENT),
        )
        more = scope.keys() - _KNOWN
        self.more = {key: scope[key] for key in more} if more else None

    def scope(self) -> dict[str, Any]:
        """Returns the scope again."""
        scope = {key: value for key, value in zip(_KEYS, self.values, strict=True) if value is not _ABSENT}
        scope["headers"] = list(scope["headers"])
        if "subprotocols" in scope:
            scope["subprotocols"] = list(scope["subprotocols"])
        return scope | (self.more or {})

    def build_environ(self) -> dict[str, Any]:
        """Returns the WSGI-style dictionary of a handshake."""
        scope = self.scope()
        return build_environ(_request(scope), scope=scope, receive=_no_channel, send=_no_channel)


async def _no_channel(*args: Any) -> Any:
    raise RuntimeError("the ASGI channel of a connection belongs to its server")
