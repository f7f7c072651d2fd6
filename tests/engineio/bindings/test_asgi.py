"""Requests and WebSockets of an ASGI server: what becomes of a scope, and what a refusal looks like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engineio import AsyncServer
from engineio.asyncio.takeover import TakenOver
from engineio.bindings.asgi import SERVED, TAKEOVER
from engineio.bindings.asgi import _Source as Source

from ..asgi_calls import (
    QUERY,
    Client,
    HttpCall,
    WebSocketCall,
    get,
    http_scope,
    post,
    run,
    turn,
    websocket_scope,
)

WEBSOCKET = "EIO=4&transport=websocket"


# What is kept of a scope

SCOPES: dict[str, dict[str, Any]] = {
    "http": http_scope(query="EIO=4", root_path="/app"),
    "websocket": websocket_scope(query=WEBSOCKET),
    "subprotocols": websocket_scope(subprotocols=["a", "b"]),
    "state": http_scope(state={"database": object()}),
    "custom keys": http_scope(session={"user": "ann"}, path_params={}, auth=None, **{"my.middleware": [1]}),
    "nothing known": http_scope(client=None, server=None, raw_path=None),
    "lists": http_scope(client=["127.0.0.1", 1], server=["127.0.0.1", None], headers=[[b"host", b"example.test"]]),
    "empty": http_scope(asgi={}, server=[], headers=[], root_path="", query=""),
    "tuples": websocket_scope(headers=((b"host", b"example.test"),), subprotocols=()),
    "minimal": {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [],
        "scheme": "http",
        "http_version": "2",
    },
}


def as_lists(scope: dict[str, Any]) -> dict[str, Any]:
    """The scope with its iterables as ASGI's examples have them."""
    result = dict(scope)
    result["headers"] = [tuple(pair) for pair in scope["headers"]]
    if "subprotocols" in scope:
        result["subprotocols"] = list(scope["subprotocols"])
    return result


@pytest.mark.parametrize("name", SCOPES)
def test_the_scope_comes_back_unchanged(name: str) -> None:
    scope = SCOPES[name]
    interned: dict[Any, Any] = {}
    first, second = Source(scope, interned), Source(dict(scope), interned)
    for source in (first, second):
        again = source.scope()
        assert again == as_lists(scope)
        if "state" in scope:
            assert again["state"] is scope["state"]
    assert first.scope() is not first.scope()


def test_all_scopes_share_what_is_equal() -> None:
    interned: dict[Any, Any] = {}
    sources = [Source(scope, interned) for scope in SCOPES.values()] * 2
    for source, scope in zip(sources, list(SCOPES.values()) * 2, strict=True):
        assert source.scope() == as_lists(scope)
    fresh = [websocket_scope(headers=[(b"x-" + b"name", bytes([65]) * 3)]) for _ in range(2)]
    first, second = (Source(scope, interned).scope()["headers"][0] for scope in fresh)
    assert first is second


def test_what_is_of_no_use_after_the_request_is_not_kept() -> None:
    scope = websocket_scope(extensions={TAKEOVER: object()}, fastapi_middleware_astack=object(), app=print)
    again = Source(scope, {}).scope()
    assert again.keys() - websocket_scope().keys() == {"app"}


def test_what_is_shared_does_not_grow_for_ever() -> None:
    server = AsyncServer(async_mode="asgi")
    for number in range(10_000):
        scope = websocket_scope(query=f"t={number}")
        assert Source(scope, server.interned).scope()["query_string"] == b"t=%d" % number
    assert len(server.interned) < 5000


def test_the_environ() -> None:
    scope = http_scope("/app/engine.io/", "EIO=4", root_path="/app", session={"user": "ann"})
    environ = Source(scope, {}).build_environ()
    assert environ["PATH_INFO"] == "/engine.io/"
    assert environ["SCRIPT_NAME"] == "/app"
    assert environ["QUERY_STRING"] == "EIO=4"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["HTTP_USER_AGENT"] == "test"
    assert environ["asgi.scope"]["session"] == {"user": "ann"}
    with pytest.raises(RuntimeError):
        asyncio.run(environ["asgi.receive"]())
    with pytest.raises(RuntimeError):
        asyncio.run(environ["asgi.send"]({}))


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_the_environ_of_a_connection_is_one_object(transport: str) -> None:
    async def main() -> None:
        server = AsyncServer()
        environs: list[dict[str, Any]] = []
        server.on("connect", lambda sid, environ: environs.append(environ))
        session: dict[str, Any] = {}
        if transport == "polling":
            await get(server.handle_request, query=QUERY, session=session)
        else:
            scope = websocket_scope(query=WEBSOCKET, session=session)
            WebSocketCall(server.handle_request, scope)
            await turn()
        [environ] = environs
        [socket] = server.sockets.values()
        environ["mine"] = 1
        assert socket.environ is environ
        assert environ["asgi.scope"]["session"] is session
        await server.close()

    asyncio.run(main())


@run
async def test_the_environ_is_made_when_somebody_asks_for_it() -> None:
    server = AsyncServer()
    built: list[Any] = []
    build = server.build_environ
    server.build_environ = lambda source: built.append(source) or build(source)  # type: ignore[method-assign, func-returns-value]
    await Client(server).connect()
    assert built == []
    [socket] = server.sockets.values()
    assert socket.environ["QUERY_STRING"] == QUERY
    assert len(built) == 1


# HTTP


@run
async def test_refusals() -> None:
    server = AsyncServer()
    app = server.handle_request
    answer = await get(app, query="EIO=4&transport=nonsense")
    assert (answer.status, answer.json()) == (400, {"code": 0, "message": "Transport unknown"})
    assert answer.header(b"content-type") == [b"application/json"]
    answer = await post(app, QUERY, b"4")
    assert (answer.status, answer.json()["code"]) == (400, 2)
    answer = await get(app, query=QUERY, headers=[(b"host", b"example.test"), (b"origin", b"http://evil.test")])
    assert answer.status == 400
    assert server.sockets == {}


@run
async def test_a_preflight() -> None:
    server = AsyncServer(cors_allowed_origins="http://page.test")
    headers = [(b"host", b"example.test"), (b"origin", b"http://page.test")]
    answer = await get(server.handle_request, query=QUERY, method="OPTIONS", headers=headers)
    assert answer.status in (200, 204)
    assert answer.header(b"access-control-allow-origin") == [b"http://page.test"]
    assert server.sockets == {}


@run
async def test_the_headers_of_an_answer() -> None:
    server = AsyncServer(cookie="io", cors_allowed_origins="*", compression_threshold=10)
    headers = [(b"host", b"example.test"), (b"origin", b"http://page.test"), (b"accept-encoding", b"gzip")]
    answer = await get(server.handle_request, query=QUERY, headers=headers)
    [sid] = server.sockets
    assert answer.header(b"set-cookie") == [f"io={sid}; path=/; SameSite=Lax".encode()]
    assert answer.header(b"cache-control") == [b"no-store"]
    assert answer.header(b"content-encoding") == [b"gzip"]
    assert answer.header(b"access-control-allow-origin") == [b"http://page.test"]
    assert b"Origin" in b", ".join(answer.header(b"vary"))
    await server.send(sid, "x")
    again = await get(server.handle_request, query=f"{QUERY}&sid={sid}", headers=headers)
    assert again.header(b"set-cookie") == [], "only the handshake sets the cookie"
    assert again.text == "4x"


@pytest.mark.parametrize("length", [b"11", b"9" * 15, b"9" * 5000])
def test_a_body_that_is_announced_too_long_is_not_read(length: bytes) -> None:
    async def main() -> None:
        server = AsyncServer(max_http_buffer_size=10)
        client = Client(server)
        await client.connect()
        scope = http_scope(query=client.query, method="POST", headers=[(b"content-length", length)])
        call = HttpCall(server.handle_request, scope, [b"4" * 5], complete=False)
        answer = await call.answer()
        assert answer.status == 413
        assert call.incoming.qsize() == 1

    asyncio.run(main())


# WebSocket


@pytest.mark.parametrize(
    "query", ["EIO=4&transport=polling", "EIO=3&transport=websocket", WEBSOCKET + "&sid=unknown", ""]
)
def test_a_websocket_that_is_refused(query: str) -> None:
    async def main() -> None:
        server = AsyncServer()
        plain = WebSocketCall(server.handle_request, websocket_scope(query=query))
        await plain.task
        assert plain.take() == ["websocket.close"]
        scope = websocket_scope(query=query, extensions={"websocket.http.response": {}})
        full = WebSocketCall(server.handle_request, scope)
        await full.task
        start, body = full.sent
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 400)
        assert (body["type"], body["body"][:1]) == ("websocket.http.response.body", b"{")
        assert server.sockets == {}

    asyncio.run(main())


@run
async def test_a_websocket_from_a_foreign_page() -> None:
    server = AsyncServer()
    headers = [(b"host", b"example.test"), (b"origin", b"http://evil.test")]
    call = WebSocketCall(server.handle_request, websocket_scope(query=WEBSOCKET, headers=headers))
    await call.task
    assert call.take() == ["websocket.close"]
    assert server.sockets == {}


@pytest.mark.parametrize(
    ("origin", "scheme"),
    [("https://example.test", "https"), ("http://example.test", "http"), ("https://evil.test", None), (None, "http")],
)
def test_a_websocket_without_a_scheme(origin: str | None, scheme: str | None) -> None:
    """ASGI leaves it to the server whether it says it; daphne does not."""

    async def main() -> None:
        environs: list[dict[str, Any]] = []
        server = AsyncServer()
        server.on("connect", lambda sid, environ: environs.append(environ))
        headers = [(b"host", b"example.test")] + ([(b"origin", origin.encode())] if origin else [])
        scope = websocket_scope(query=WEBSOCKET, headers=headers)
        del scope["scheme"]
        call = WebSocketCall(server.handle_request, scope)
        await turn()
        assert call.take()[0] == ("websocket.accept" if scheme else "websocket.close")
        assert [environ["wsgi.url_scheme"] for environ in environs] == ([scheme] if scheme else [])
        call.disconnect()
        await call.task

    asyncio.run(main())


@run
async def test_a_websocket_that_is_not_one() -> None:
    server = AsyncServer()
    call = WebSocketCall(server.handle_request, websocket_scope(query=WEBSOCKET))
    call.incoming.get_nowait()
    call.disconnect()
    await call.task
    assert call.take() == []


# Takeover


class Stream:
    """A transport that the server offers: what was written to it."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


def offer(stream: Stream | None, links: list[TakenOver]) -> dict[str, Any]:
    """The extension of a server that hands `stream` over, or whose client has gone."""

    def take_over(link: TakenOver) -> bytes | None:
        links.append(link)
        if stream is None:
            return None
        link.connection_made(stream)  # type: ignore[arg-type]
        return b"HTTP/1.1 101\r\n\r\n"

    return {TAKEOVER: take_over}


@run
async def test_a_takeover() -> None:
    server = AsyncServer(max_http_buffer_size=100)
    stream, links = Stream(), list[TakenOver]()
    scope = websocket_scope(query=WEBSOCKET, extensions=offer(stream, links))
    call = WebSocketCall(server.handle_request, scope)
    await call.task
    assert call.sent == [], "the ASGI server has no part in it any more"
    await turn()
    [link] = links
    [socket] = server.sockets.values()
    assert socket.link is link
    head, _, frame = stream.written.partition(b"\r\n\r\n")
    assert head == b"HTTP/1.1 101"
    assert frame[2:].startswith(b'0{"sid":')
    assert server.transport(socket.sid) == "websocket"


@run
async def test_a_takeover_for_an_upgrade() -> None:
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    stream, links = Stream(), list[TakenOver]()
    scope = websocket_scope(query=f"{WEBSOCKET}&sid={client.sid}", extensions=offer(stream, links))
    await WebSocketCall(server.handle_request, scope).task
    assert stream.written == b"HTTP/1.1 101\r\n\r\n"
    links[0].target.receive_text(b"2probe")
    links[0].target.receive_text(b"5")
    assert stream.written.endswith(b"3probe")
    assert server.transport(client.sid) == "websocket"


@run
async def test_a_takeover_of_a_client_that_has_gone() -> None:
    server = AsyncServer()
    await WebSocketCall(server.handle_request, websocket_scope(query=WEBSOCKET, extensions=offer(None, []))).task
    assert server.sockets == {}
    client = Client(server)
    await client.connect()
    query = f"{WEBSOCKET}&sid={client.sid}"
    await WebSocketCall(server.handle_request, websocket_scope(query=query, extensions=offer(None, []))).task
    await server.send(client.sid, "still here")
    assert (await client.poll()).text == "4still here"


@run
async def test_the_options_of_a_connection_reach_its_link() -> None:
    server = AsyncServer(ws_close_timeout=1.5, send_stall_timeout=2.5, max_pending_pongs=7)
    links = list[TakenOver]()
    await WebSocketCall(server.handle_request, websocket_scope(query=WEBSOCKET, extensions=offer(Stream(), links))).task
    assert (links[0].close_timeout, links[0].stall_timeout, links[0].max_pending_pongs) == (1.5, 2.5, 7)


@run
async def test_a_server_that_was_used_is_told_when_the_asgi_server_stops() -> None:
    server = AsyncServer()
    served: set[Any] = set()
    await get(server.handle_request, query="", extensions={SERVED: served})
    assert served == {server}
