"""The applications of these tests, one function each; `python serve.py --way NAME/WAY --port PORT` serves them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import socketio


def report(**fields: Any) -> None:
    """Tells the test something, as one JSON line."""
    print(json.dumps(fields), flush=True)


def make_server(label: str, **options: Any) -> socketio.AsyncServer:
    """Returns a server that says which one it is, and what it knows of a client."""
    sio = socketio.AsyncServer(**options)

    @sio.event
    async def disconnect(sid: str, reason: str) -> None:
        report(type="disconnect", label=label, sid=sid, reason=reason)

    @sio.event
    async def who(sid: str) -> dict[str, Any]:
        environ = sio.get_environ(sid)
        assert environ is not None
        eio_sid = sio.manager.eio_sid_from_sid(sid, "/")
        return {
            "label": label,
            "link": type(sio.eio.sockets[eio_sid].link).__name__,
            "path": [environ["SCRIPT_NAME"], environ["PATH_INFO"]],
        }

    @sio.event
    async def echo(sid: str, *args: Any) -> tuple[Any, ...]:
        return args

    @sio.event
    async def to_all(sid: str, text: str) -> None:
        await sio.emit("told", [label, text])

    @sio.event
    async def state(sid: str) -> dict[str, Any]:
        environ = sio.get_environ(sid)
        assert environ is not None
        scope = environ["asgi.scope"]
        user = scope.get("user")
        return {
            "app.state": scope["app"].state.name if "app" in scope else None,
            "state": scope.get("state", {}).get("name"),
            "user": user and user.display_name,
        }

    return sio


class ScopeCopier:
    """A middleware of pure ASGI, of the kind that wraps all that it passes on."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def receive_through() -> Any:
            return await receive()

        async def send_through(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = message | {"headers": [*message["headers"], (b"x-passed-through", b"yes")]}
            await send(message)

        await self.app(dict(scope), receive_through, send_through)


def starlette() -> Any:
    """Mounts of all kinds behind middlewares of all kinds."""
    from starlette.applications import Starlette
    from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
    from starlette.middleware import Middleware
    from starlette.middleware.authentication import AuthenticationMiddleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.routing import Mount, Route, WebSocketRoute

    class ByHeader(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            name = conn.headers.get("x-user")
            if name == "mallory":
                raise AuthenticationError("not you")
            return name and (AuthCredentials(), SimpleUser(name))

    async def pass_on(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    def served(label: str, **options: Any) -> Any:
        return socketio.ASGIApp(make_server(label, cors_allowed_origins=[]), **options)

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        app.state.name = "of the application"
        yield {"name": "of the lifespan"}

    routed = served("routed", socketio_path="/routed")
    inner = Starlette(routes=[Mount("/er", served("deep"))], middleware=[Middleware(BaseHTTPMiddleware, pass_on)])
    inner.state.name = "of the inner application"
    app = Starlette(
        lifespan=lifespan,
        routes=[
            Mount("/default", served("default")),
            Mount("/whole", served("whole", socketio_path=None)),
            Mount("/with-prefix", served("with-prefix", socketio_path="/with-prefix/socket.io")),
            Mount("/named", served("named", socketio_path="live/io/")),
            Mount("/socket.io", served("same")),
            Mount("/deep", inner),
            Route("/routed/", routed, methods=["GET", "POST"]),
            WebSocketRoute("/routed/", routed),
        ],
        middleware=[
            Middleware(
                CORSMiddleware, allow_origins=["https://example.com"], allow_methods=["*"], allow_credentials=True
            ),
            Middleware(GZipMiddleware, minimum_size=200),
            Middleware(BaseHTTPMiddleware, pass_on),
            Middleware(AuthenticationMiddleware, ByHeader()),
            Middleware(ScopeCopier),
        ],
    )
    return app


def fastapi(**options: Any) -> Any:
    """The server at the root of FastAPI, behind its own routes, and below it."""
    from fastapi import FastAPI

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"name": "of the lifespan"}

    app = FastAPI(lifespan=lifespan, **options)
    app.state.name = "of the application"

    @app.get("/hello")
    async def hello() -> str:
        return "FastAPI"

    app.mount("/ws", socketio.ASGIApp(make_server("below")))
    app.mount("/", socketio.ASGIApp(make_server("root")))
    return app


def fastapi_behind() -> Any:
    """Behind the server."""
    return socketio.ASGIApp(make_server("front"), fastapi())


def fastapi_root_path() -> Any:
    """The same where the application itself names the prefix that a proxy cuts off."""
    import warnings

    warnings.filterwarnings("ignore", message="The `root_path` parameter is deprecated")
    return fastapi(root_path="/api")


def litestar() -> Any:
    """Mounted in Litestar behind what it has for CORS and compression, and in front of it."""
    from litestar import Litestar, asgi, get
    from litestar.config.compression import CompressionConfig
    from litestar.config.cors import CORSConfig
    from litestar.datastructures import State

    @get("/hello", sync_to_thread=False)
    def hello() -> str:
        return "Litestar"

    # Litestar compresses what is compressed already once more, and says so once.
    mounted = socketio.ASGIApp(make_server("mounted", cors_allowed_origins=[], http_compression=False))
    app = Litestar(
        [hello, asgi("/ws", is_mount=True, copy_scope=True)(mounted)],
        cors_config=CORSConfig(allow_origins=["https://example.com"], allow_credentials=True),
        compression_config=CompressionConfig(backend="gzip", minimum_size=200),
        state=State({"name": "of the application"}),
    )
    return socketio.ASGIApp(make_server("front"), app)


def quart() -> Any:
    """As a middleware of Quart, as its documentation has middlewares, and in front of it."""
    from quart import Quart

    app = Quart("application")

    @app.get("/hello")
    async def hello() -> str:
        return "Quart"

    @app.before_serving
    async def start() -> None:
        report(type="start")

    @app.after_serving
    async def stop() -> None:
        report(type="stop")

    app.asgi_app = socketio.ASGIApp(make_server("middleware"), app.asgi_app, socketio_path="inside")  # type: ignore[method-assign]
    return socketio.ASGIApp(make_server("front"), app)


def _django() -> Any:
    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    async def hello(request: HttpRequest) -> HttpResponse:
        return HttpResponse("Django")

    settings.configure(ROOT_URLCONF=(path("hello", hello),), ALLOWED_HOSTS=["*"], SECRET_KEY="of a test")
    django.setup()
    return get_asgi_application()


def django() -> Any:
    """In front of Django, which has no lifespan."""
    return socketio.ASGIApp(make_server("front"), _django())


def django_router() -> Any:
    """Behind a dispatcher, as the `asgi.py` of projects has it, beside Django; lifespans do not get to it."""
    mounted = socketio.ASGIApp(make_server("dispatched"), on_startup=lambda: report(type="start"))
    pages = _django()

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        own = scope["type"] == "websocket" or scope.get("path", "").startswith("/socket.io/")
        await (mounted if own else pages)(scope, receive, send)

    return dispatch


def failing(stage: str, where: str) -> Any:
    """In front of an application whose lifespan fails, or with a function of its own that does."""
    from starlette.applications import Starlette

    def fail() -> None:
        raise RuntimeError(f"no database at {stage}")

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        if stage == "startup":
            fail()
        yield
        fail()

    async def later() -> None:
        await asyncio.sleep(0)
        fail()

    if where == "function":
        return socketio.ASGIApp(make_server("failing"), **{f"on_{stage}": later})
    return socketio.ASGIApp(make_server("failing"), Starlette(lifespan=lifespan))
