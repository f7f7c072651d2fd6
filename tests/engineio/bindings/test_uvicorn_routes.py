"""Ordinary WebSocket routes beside a server that takes its own over: they behave as under uvicorn alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import fastapi
import pytest
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse

import engineio

from .live import DEADLINE, OURS, OWN, TAKING, WAYS, Client, Live, handshake, head_of
from .test_uvicorn_handshakes import comparable


def make_app() -> tuple[fastapi.FastAPI, asyncio.Queue[Any]]:
    """Return an application, and what its routes say of the end of their WebSockets."""
    heard: asyncio.Queue[Any] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"made": "at startup"}

    app = fastapi.FastAPI(lifespan=lifespan)
    app.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))
    app.mount("/live", engineio.ASGIApp(engineio.AsyncServer(async_mode="asgi")))

    @app.websocket("/echo")
    async def echo(ws: fastapi.WebSocket) -> None:
        await ws.accept()
        try:
            while True:
                message = await ws.receive()
                if message["type"] == "websocket.disconnect":
                    heard.put_nowait(message)
                    return
                if (text := message.get("text")) is not None:
                    await ws.send_text(text)
                else:
                    await ws.send_bytes(message["bytes"])
        except BaseException as exc:
            heard.put_nowait(repr(exc))
            raise

    @app.websocket("/chosen")
    async def chosen(ws: fastapi.WebSocket) -> None:
        offered = ws.scope["subprotocols"]
        await ws.accept(subprotocol=offered[-1], headers=[(b"x-extra", b"1"), (b"set-cookie", b"a=b")])
        await ws.send_json(offered)
        await ws.close(1000)

    @app.websocket("/scope/{name}")
    async def scope(ws: fastapi.WebSocket, name: str) -> None:
        await ws.accept()
        plain = {k: v for k, v in ws.scope.items() if isinstance(v, (str, bytes, list, tuple, dict, type(None)))}
        plain["client"] = plain["client"][0]
        plain["server"] = plain["server"][0]
        plain["extensions"] = sorted(key for key in plain["extensions"] if not key.startswith("fast_socketio."))
        await ws.send_text(json.dumps(plain, default=repr))
        await ws.send_text(json.dumps([name, ws.state.made, ws.cookies, ws.query_params["x"], ws.url.path]))
        await ws.close(1001, "end of the list")

    @app.websocket("/close/{code}")
    async def close(ws: fastapi.WebSocket, code: int) -> None:
        await ws.accept()
        await ws.close(code, "because")
        heard.put_nowait(await ws.receive())

    @app.websocket("/refuse")
    async def refuse(ws: fastapi.WebSocket) -> None:
        await ws.close(4000, "no")

    @app.websocket("/refuse-after-a-message")
    async def refuse_late(ws: fastapi.WebSocket) -> None:
        await ws.receive()
        await asyncio.sleep(0)
        await ws.close()

    @app.websocket("/deny")
    async def deny(ws: fastapi.WebSocket) -> None:
        await ws.send_denial_response(JSONResponse({"no": 1}, 401, {"www-authenticate": "Basic"}))

    @app.websocket("/raise")
    async def raise_(ws: fastapi.WebSocket) -> None:
        raise ValueError("before")

    @app.websocket("/raise-accepted")
    async def raise_accepted(ws: fastapi.WebSocket) -> None:
        await ws.accept()
        await ws.send_text("once")
        raise ValueError("after")

    @app.websocket("/raise-close")
    async def raise_close(ws: fastapi.WebSocket) -> None:
        raise fastapi.WebSocketException(code=1008)

    @app.websocket("/silent")
    async def silent(ws: fastapi.WebSocket) -> None:
        pass

    @app.websocket("/silent-connected")
    async def silent_connected(ws: fastapi.WebSocket) -> None:
        await ws.receive()

    @app.websocket("/return-accepted")
    async def return_accepted(ws: fastapi.WebSocket) -> None:
        await ws.accept()

    @app.websocket("/result")
    async def result(ws: fastapi.WebSocket) -> str:
        await ws.accept()
        return "ignored"

    @app.websocket("/waiting")
    async def waiting(ws: fastapi.WebSocket) -> None:
        await ws.receive()
        heard.put_nowait("connected")
        heard.put_nowait(await ws.receive())
        try:
            await ws.send({"type": "websocket.accept"})
        except Exception as exc:
            heard.put_nowait(type(exc).__name__)

    @app.websocket("/working")
    async def working(ws: fastapi.WebSocket) -> None:
        heard.put_nowait(go := asyncio.Event())
        await go.wait()
        try:
            await ws.accept()
            await ws.receive_text()
        except (fastapi.WebSocketDisconnect, OSError, RuntimeError) as exc:
            heard.put_nowait(exc)

    return app, heard


class Serving:
    """A live server with that application."""

    def __init__(self, way: str) -> None:
        app, self.heard = make_app()
        self.live = Live(app, way)

    def hear(self) -> Any:
        """Return what a route has said."""
        loop = self.live.server.servers[0].get_loop()
        return asyncio.run_coroutine_threadsafe(self.heard.get(), loop).result(DEADLINE)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Serving]]:
    with contextlib.ExitStack() as stack:
        servings = {way: Serving(way) for way in WAYS}
        for serving in servings.values():
            stack.enter_context(serving.live)
        yield servings


ROUTES: dict[str, tuple[int, bytes]] = {
    "/chosen": (101, handshake("/chosen", b"Sec-WebSocket-Protocol: one, two ,three")),
    "/scope": (101, handshake("/scope/a%20b?x=%C3%A9", b"Cookie: c=1; d=2", b"Origin: http://localhost")),
    "/close/1000": (101, handshake("/close/1000")),
    "/close/4321": (101, handshake("/close/4321")),
    "/refuse": (403, handshake("/refuse")),
    "/refuse-after-a-message": (403, handshake("/refuse-after-a-message")),
    "/deny": (401, handshake("/deny")),
    "/raise": (500, handshake("/raise")),
    "/raise-accepted": (101, handshake("/raise-accepted")),
    "/raise-close": (403, handshake("/raise-close")),
    "/silent": (500, handshake("/silent")),
    "/silent-connected": (500, handshake("/silent-connected")),
    "/return-accepted": (101, handshake("/return-accepted")),
    "/result": (101, handshake("/result")),
    "/nowhere": (403, handshake("/nowhere")),
}


def transcript(serving: Serving, request: bytes) -> tuple[bytes, list[Any], list[str]]:
    """Return the answer, all frames and the errors in the log."""
    logged = len(serving.live.errors())
    with serving.live.client() as client:
        answer = client.ask(request)
        frames: list[Any] = []
        if answer.startswith(b"HTTP/1.1 101"):
            while (frame := client.receive()) is not None:
                frames.append(frame)
                if frame[0] == 8:
                    client.send(frame[1], 8)
        assert not answer or client.receive() is None
    return comparable(answer), frames, serving.live.errors()[logged:]


@pytest.mark.parametrize("way", OURS)
@pytest.mark.parametrize("route", ROUTES)
def test_route_answers_as_under_uvicorn(servers: dict[str, Serving], way: str, route: str) -> None:
    status, request = ROUTES[route]
    expected = transcript(servers[OWN[way]], request)
    if route == "/deny" and way in TAKING:
        expected[2].clear()  # uvicorn takes the answer for none, and says so
    assert transcript(servers[way], request) == expected
    assert head_of(expected[0])[0] == status
    if route.startswith("/close"):
        assert servers[way].hear() == servers[OWN[way]].hear()


@pytest.mark.parametrize("way", WAYS)
def test_echo(servers: dict[str, Serving], way: str) -> None:
    with servers[way].live.client() as client:
        assert head_of(client.ask(handshake("/echo")))[0] == 101
        for text in ("one", "", "é\0", "x" * 70_000):
            client.send(text)
            assert client.receive() == (1, text.encode())
        for data in (b"one", b"", bytes(range(256)) * 300):
            client.send(data, 2)
            assert client.receive() == (2, data)
        client.send("fragmen", fin=False)
        client.send(b"ping", 9)
        client.send("ted", 0)
        assert client.receive() == (10, b"ping")
        assert client.receive() == (1, b"fragmented")
        client.close(4001, "enough")
        assert client.rest() == [(8, (4001).to_bytes(2, "big") + b"enough")]
    assert servers[way].hear() == {"type": "websocket.disconnect", "code": 4001, "reason": "enough"}


def ends(client: Client, how: str) -> None:
    if how == "close without a code":
        client.send(b"", 8)
    elif how == "unmasked frame":
        client.sock.sendall(b"\x81\x01a")
    elif how == "no text":
        client.send(b"\xff")
    if how != "gone":
        client.rest()
    client.sock.close()


@pytest.mark.parametrize("way", OURS)
@pytest.mark.parametrize("how", ["gone", "close without a code", "unmasked frame", "no text"])
def test_end(servers: dict[str, Serving], way: str, how: str) -> None:
    for each in (way, OWN[way]):
        with servers[each].live.client() as client:
            assert head_of(client.ask(handshake("/echo")))[0] == 101
            client.send("x")
            assert client.receive() == (1, b"x")
            ends(client, how)
    assert servers[way].hear() == servers[OWN[way]].hear()


@pytest.mark.parametrize("way", WAYS)
def test_client_gone_while_the_route_waits_for_it(servers: dict[str, Serving], way: str) -> None:
    with servers[way].live.client() as client:
        client.sock.sendall(handshake("/waiting"))
        assert servers[way].hear() == "connected"
    assert servers[way].hear()["type"] == "websocket.disconnect"
    assert servers[way].hear()


@pytest.mark.parametrize("way", WAYS)
def test_client_gone_while_the_route_works(servers: dict[str, Serving], way: str) -> None:
    serving = servers[way]
    loop = serving.live.server.servers[0].get_loop()
    before = len(serving.live.errors())
    with serving.live.client() as client:
        client.sock.sendall(handshake("/working"))
        go = serving.hear()
    loop.call_soon_threadsafe(go.set)
    assert isinstance(serving.hear(), (fastapi.WebSocketDisconnect, OSError))
    assert serving.live.errors()[before:] == []


@pytest.mark.parametrize("way", WAYS)
def test_stop_with_routes_under_way(way: str) -> None:
    serving = Serving(way)
    with serving.live, serving.live.client() as client, serving.live.client() as other, serving.live.client() as third:
        assert head_of(client.ask(handshake("/echo")))[0] == 101
        other.sock.sendall(handshake("/working"))
        go = serving.hear()
        third.sock.sendall(handshake("/waiting"))
        assert serving.hear() == "connected"
        serving.live.server.should_exit = True
        assert client.receive() == (8, (1012).to_bytes(2, "big"))
        assert head_of(other.answer())[0] == 500
        assert head_of(third.answer())[0] == 500
        serving.live.server.servers[0].get_loop().call_soon_threadsafe(go.set)
    assert serving.live.server.server_state.connections == set()
    assert not [message for message in serving.live.errors() if "Cancel" in message]
