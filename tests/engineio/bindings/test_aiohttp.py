"""What only aiohttp has: its request in the environ, middlewares, sub-applications, handlers that are cancelled."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("sanic")

from aiohttp import web

from engineio.bindings import aiohttp

from .live import DEADLINE, handshake, head_of
from .live_attached import OPEN, Live, poll, request, talk

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def user(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keeps who it is in the request, as authentication does."""
    request["user"] = "ann"
    return await handler(request)


@pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_the_request_in_the_environ(transport: str) -> None:
    apps: list[web.Application] = []

    def program(app: web.Application) -> None:
        app.middlewares.append(user)
        apps.append(app)

    with Live("aiohttp", program) as live, live.client() as client:
        headers = (b"X-Token: secret", b"Cookie: a=b; c=d")
        (talk if transport == "websocket" else poll)(client, *headers)
        environ = live.environs.get(timeout=DEADLINE)
        http = environ["aiohttp.request"]
        assert isinstance(http, web.Request)
        assert (http["user"], http.headers["x-token"], dict(http.cookies)) == ("ann", "secret", {"a": "b", "c": "d"})
        assert (http.query["EIO"], http.path, http.method, http.scheme) == ("4", "/engine.io/", "GET", "http")
        assert (http.app, dict(http.match_info)) == (apps[0], {})
        assert http.remote == environ["REMOTE_ADDR"] == "127.0.0.1"
        assert http.transport is not None
        assert http.transport.get_extra_info("peername") == client.sock.getsockname()
        assert str(http.url) == f"http://localhost{http.path_qs}"
        assert live.call(http.read) == b""


@web.middleware
async def late_header(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Changes the answer."""
    answer = await handler(request)
    answer.headers["X-Late"] = "1"
    answer.set_cookie("late", "1")
    return answer


@web.middleware
async def another_answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers itself when it has seen the answer."""
    answer = await handler(request)
    return web.Response(text="mine") if answer.status == 101 else answer


@web.middleware
async def failure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Fails when it has seen the answer."""
    answer = await handler(request)
    if answer.status == 101:
        raise web.HTTPForbidden
    return answer


@pytest.mark.parametrize("middleware", [late_header, another_answer, failure])
def test_middlewares_after_the_takeover(middleware: Any) -> None:
    """Whatever they make of the answer, nothing of it gets into the WebSocket."""
    with Live("aiohttp", lambda app: app.middlewares.append(middleware)) as live, live.client() as client:
        talk(client)
        client.send("4still there")
        assert client.receive() == (1, b"4still there")


def test_middleware_of_a_polling_answer() -> None:
    with Live("aiohttp", lambda app: app.middlewares.append(late_header)) as live, live.client() as client:
        assert head_of(client.ask(request("GET", OPEN.replace("websocket", "polling"))))[1]["x-late"] == "1"


def test_cancelled_handlers() -> None:
    """For aiohttp the client of a taken over WebSocket has gone, and it cancels the handler."""
    with Live("aiohttp", runner={"handler_cancellation": True}) as live, live.client() as client:
        talk(client)
        with live.client() as poller:
            poller.sock.sendall(request("GET", poll(poller)))
        assert live.ends.get(timeout=DEADLINE) == "transport close"


@web.middleware
async def behind_a_proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Does what a program does that trusts its proxy."""
    return await handler(request.clone(remote="192.0.2.7", scheme="https"))


def test_client_behind_a_proxy() -> None:
    with Live("aiohttp", lambda app: app.middlewares.append(behind_a_proxy)) as live, live.client() as client:
        talk(client)
        environ = live.environs.get(timeout=DEADLINE)
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.7", "0")
        assert environ["wsgi.url_scheme"] == environ["aiohttp.request"].scheme == "https"
        assert environ["aiohttp.request"].remote == "192.0.2.7"


def test_sub_application() -> None:
    live = Live("aiohttp")

    def program(app: web.Application) -> None:
        inner = web.Application()
        live.eio.attach(inner, "/{version}/engine.io/")
        app.add_subapp("/api", inner)

    live._program = program
    with live, live.client() as client:
        target = OPEN.replace("/engine.io/", "/api/v%201/engine.io/")
        talk(client, target=target)
        environ = live.environs.get(timeout=DEADLINE)
        assert (environ["PATH_INFO"], environ["RAW_URI"]) == ("/api/v 1/engine.io/", target)
        assert environ["aiohttp.request"].match_info["version"] == "v 1"


@pytest.mark.parametrize(
    ("target", "status"),
    [("/engine.io?EIO=4&transport=websocket", 101), ("http://localhost" + OPEN, 101), ("/other" + OPEN, 404)],
    ids=["no slash", "absolute", "another path"],
)
def test_targets(target: str, status: int) -> None:
    with Live("aiohttp") as live, live.client() as client:
        assert head_of(client.ask(handshake(target)))[0] == status
        if status == 101:
            environ = live.environs.get(timeout=DEADLINE)
            assert (environ["PATH_INFO"].rstrip("/"), environ["QUERY_STRING"]) == ("/engine.io", OPEN.partition("?")[2])


def test_driver_that_programs_import() -> None:
    assert importlib.import_module("engineio.async_drivers.aiohttp").attach is aiohttp.attach
