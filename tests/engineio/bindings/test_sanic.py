"""What only Sanic has: its request in the environ, middlewares, proxies in its configuration, ASGI servers."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("sanic")

from sanic import Request, Sanic
from sanic.response import HTTPResponse, text

import engineio
from engineio.asyncio.takeover import TakenOver
from engineio.bindings import sanic

from . import live as uvicorn_live
from .live import DEADLINE, handshake, head_of
from .live_attached import LIMITS, OPEN, Live, poll, request, talk


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_the_request_in_the_environ(transport: str) -> None:
    apps: list[Sanic] = []

    def program(app: Sanic) -> None:
        @app.on_request
        async def user(request: Request) -> None:
            request.ctx.user = "ann"

        apps.append(app)

    with Live("sanic", program) as live, live.client() as client:
        headers = (b"X-Token: secret", b"Cookie: a=b; c=d")
        (talk if transport == "websocket" else poll)(client, *headers)
        environ = live.environs.get(timeout=DEADLINE)
        http = environ["sanic.request"]
        assert isinstance(http, Request)
        assert (http.ctx.user, http.headers["x-token"]) == ("ann", "secret")
        assert (http.cookies.get("a"), http.cookies.get("c")) == ("b", "d")
        assert (http.args.get("EIO"), http.path, http.method) == ("4", "/engine.io/", "GET")
        assert (http.app, http.match_info) == (apps[0], {})
        assert http.route.name == f"{apps[0].name}.engineio_engine_io"
        assert (http.ip, http.port) == client.sock.getsockname()
        assert environ["HTTP_COOKIE"] == "a=b; c=d"


def test_middlewares() -> None:
    """A request middleware may answer in the place of the server; what one for responses does comes too late."""

    def program(app: Sanic) -> None:
        @app.on_request
        async def guard(request: Request) -> HTTPResponse | None:
            return text("who are you?", 403) if "x-token" not in request.headers else None

        @app.on_response
        async def late_header(request: Request, response: HTTPResponse) -> None:
            response.headers["x-late"] = "1"

    with Live("sanic", program) as live, live.client() as client, live.client() as stranger, live.client() as poller:
        answer = stranger.ask(handshake(OPEN))
        assert (head_of(answer)[0], answer.endswith(b"who are you?")) == (403, True)
        talk(client, b"X-Token: secret")
        answer = poller.ask(request("GET", OPEN.replace("websocket", "polling"), b"X-Token: secret"))
        assert head_of(answer)[1]["x-late"] == "1"


def test_client_behind_a_proxy() -> None:
    def program(app: Sanic) -> None:
        app.config.PROXIES_COUNT = 1

    with Live("sanic", program) as live, live.client() as client, live.client() as direct:
        talk(client, b"X-Forwarded-For: 192.0.2.7")
        environ = live.environs.get(timeout=DEADLINE)
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.7", "0")
        talk(direct)
        assert live.environs.get(timeout=DEADLINE)["REMOTE_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("target", "status"),
    [("/engine.io?EIO=4&transport=websocket", 101), ("http://localhost" + OPEN, 101), ("/other" + OPEN, 404)],
    ids=["no slash", "absolute", "another path"],
)
def test_targets(target: str, status: int) -> None:
    with Live("sanic") as live, live.client() as client:
        assert head_of(client.ask(handshake(target)))[0] == status
        if status == 101:
            environ = live.environs.get(timeout=DEADLINE)
            assert (environ["PATH_INFO"].rstrip("/"), environ["QUERY_STRING"]) == ("/engine.io", OPEN.partition("?")[2])


@pytest.mark.parametrize("way", ["httptools", "option"])
def test_under_an_asgi_server(way: str) -> None:
    """Sanic is an application then, of which the server takes the ASGI messages."""
    app = Sanic(f"asgi_{way}", configure_logging=False)
    app.config.TOUCHUP = False
    eio = engineio.AsyncServer(**LIMITS)
    environs: list[dict[str, Any]] = []
    eio.on("connect", lambda sid, environ: environs.append(environ))
    eio.on("message", eio.send)
    eio.attach(app)
    with uvicorn_live.Live(app, way, lifespan="on") as live, live.client() as client, live.client() as poller:
        talk(client)
        assert environs[0]["asgi.scope"]["type"] == "websocket"
        links = uvicorn_live.on_loop(live, lambda: [socket.link for socket in eio.sockets.values()])
        assert isinstance(links[0], TakenOver) is (way == "option")
        target = poll(poller)
        assert poller.ask(request("POST", target, b"Content-Length: 6", body=b"4hello")).endswith(b"ok")
        assert poller.ask(request("GET", target)).endswith(b"4hello")
        assert live.errors() == []


def test_driver_that_programs_import() -> None:
    assert importlib.import_module("engineio.async_drivers.sanic").attach is sanic.attach
