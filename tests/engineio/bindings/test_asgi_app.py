"""`ASGIApp`: which part of it gets a request, and what it does at the start and the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engineio import ASGIApp, AsyncServer
from engineio.async_drivers.asgi import ASGIApp as SameApp

from ..asgi_calls import QUERY, WebSocketCall, get, http_scope, run, websocket_scope


class Named:
    """An application, or a server, that answers with its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scopes: list[dict[str, Any]] = []
        self.closed = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "http":
            body = self.name.encode()
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await receive()
            await send({"type": f"{self.name}.{scope['type']}"})

    handle_request = __call__

    async def close(self) -> None:
        self.closed += 1


def make(**options: Any) -> tuple[Any, Named, Named]:
    server, other = Named("server"), Named("other")
    options.setdefault("other_asgi_app", other)
    return ASGIApp(server, **options), server, other


def test_the_name_that_programs_import() -> None:
    assert SameApp is ASGIApp


def test_the_attributes_that_programs_read() -> None:
    server, other = AsyncServer(), Named("other")
    app = ASGIApp(server, other, {"/": "index.html"}, "/ws/engine.io/", print, print)
    assert app.engineio_server is server
    assert app.other_asgi_app is other
    assert app.static_files == {"/": "index.html"}
    assert (app.on_startup, app.on_shutdown) == (print, print)


# Paths

OWN: list[tuple[str | None, str, str]] = [
    ("engine.io", "/engine.io/", ""),
    ("engine.io", "/engine.io", ""),
    ("engine.io", "/engine.io/more", ""),
    ("/engine.io/", "/engine.io/", ""),
    ("/ws/engine.io", "/ws/engine.io/", ""),
    ("engine.io", "/app/engine.io/", "/app"),
    ("engine.io", "/a/b/engine.io", "/a/b"),
    ("engine.io", "/engine.io/", "/app"),  # the path without the prefix, as older frameworks have it
    ("app/engine.io", "/app/engine.io/", "/app"),  # with the prefix, as python-socketio needs it
    (None, "/", ""),
    (None, "/anything", "/app"),
    ("", "/", ""),
    ("", "/anything", ""),
    ("/", "/anything", ""),
]
NOT_OWN: list[tuple[str | None, str, str]] = [
    ("engine.io", "/", ""),
    ("engine.io", "/engine.iox/", ""),
    ("engine.io", "/engine", ""),
    ("engine.io", "/app/engine.io/", ""),
    ("engine.io", "/application/engine.io/", "/app"),
    ("engine.io", "/app/engine.iox/", "/app"),
    ("engine.io", "/app/", "/app"),
]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(("own", "cases"), [(True, OWN), (False, NOT_OWN)])
def test_paths(kind: str, own: bool, cases: list[tuple[str | None, str, str]]) -> None:
    async def main() -> None:
        for engineio_path, path, root_path in cases:
            app, server, other = make(engineio_path=engineio_path)
            if kind == "http":
                await get(app, path, root_path=root_path)
            else:
                await WebSocketCall(app, websocket_scope(path, root_path=root_path)).task
            assert (len(server.scopes), len(other.scopes)) == ((1, 0) if own else (0, 1)), (engineio_path, path)
            [scope] = server.scopes + other.scopes
            assert (scope["path"], scope["root_path"]) == (path, root_path), "a scope is passed on as it is"

    asyncio.run(main())


@run
async def test_nothing_else() -> None:
    app, _, _ = make(other_asgi_app=None)
    answer = await get(app, "/nothing")
    assert (answer.status, answer.text) == (404, "Not Found")
    assert answer.header(b"content-type") == [b"text/plain"]
    call = WebSocketCall(app, websocket_scope("/nothing"))
    await call.task
    assert call.take() == ["websocket.close"]


@run
async def test_a_whole_connection_under_a_mount() -> None:
    server = AsyncServer()
    environs: list[dict[str, Any]] = []
    server.on("connect", lambda sid, environ: environs.append(environ))
    app = ASGIApp(server, engineio_path="/ws/")
    answer = await get(app, "/app/ws/", QUERY, root_path="/app")
    assert answer.status == 200
    assert environs[0]["PATH_INFO"] == "/ws/"
    assert environs[0]["SCRIPT_NAME"] == "/app"
    await server.close()


# Static files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<p>index</p>")
    (tmp_path / "app.js").write_text("app()")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "index.html").write_text("<p>public</p>")
    (tmp_path / "public" / "data.json").write_text("{}")
    return tmp_path


def with_files(folder: Path, other: Any) -> Any:
    files = {
        "/": str(folder / "index.html"),
        "/app.js": str(folder / "app.js"),
        "/plain": {"filename": str(folder / "app.js"), "content_type": "text/x-mine"},
        "/gone": str(folder / "gone.html"),
        "/public": str(folder / "public"),
    }
    return make(static_files=files, other_asgi_app=other)[0]


@pytest.mark.parametrize("root_path", ["", "/mount"])
def test_static_files(folder: Path, root_path: str) -> None:
    async def main() -> None:
        app = with_files(folder, None)
        expected = {
            "/": (b"<p>index</p>", b"text/html"),
            "/app.js": (b"app()", b"application/javascript"),
            "/plain": (b"app()", b"text/x-mine"),
            "/public/": (b"<p>public</p>", b"text/html"),
            "/public/data.json": (b"{}", b"application/json"),
        }
        for path, (body, content_type) in expected.items():
            answer = await get(app, root_path + path, root_path=root_path)
            assert (answer.status, answer.body) == (200, body), path
            assert answer.header(b"content-type")[0].startswith(content_type)
        for path in ("/gone", "/public/gone", "/other", "/public/../secret"):
            assert (await get(app, root_path + path, root_path=root_path)).status == 404, path

    asyncio.run(main())


def test_other_methods_and_paths_go_to_the_other_application(folder: Path) -> None:
    async def main() -> None:
        other = Named("other")
        app = with_files(folder, other)
        assert (await get(app, "/app.js")).text == "app()"
        assert (await get(app, "/app.js", method="HEAD")).status == 200
        assert other.scopes == []
        assert (await get(app, "/app.js", method="POST")).text == "other"
        assert (await get(app, "/else")).text == "other"
        await WebSocketCall(app, websocket_scope("/app.js")).task
        assert [scope["type"] for scope in other.scopes] == ["http", "http", "websocket"]

    asyncio.run(main())


def test_a_subclass_may_answer_otherwise() -> None:
    class Mine(ASGIApp):
        async def not_found(self, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 418, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    async def main() -> None:
        assert (await get(Mine(Named("server")), "/nothing")).status == 418

    asyncio.run(main())


# Lifespan


async def lifespan(app: Any, *events: str) -> list[dict[str, Any]]:
    """Runs the application for its lifespan; what it has sent."""
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    for event in events or ("startup", "shutdown"):
        incoming.put_nowait({"type": f"lifespan.{event}"})
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, incoming.get, send)
    return sent


def hook(calls: list[str], name: str, form: str) -> Callable[[], Any]:
    async def coroutine() -> None:
        await asyncio.sleep(0)
        calls.append(name)

    return coroutine if form == "async" else lambda: calls.append(name)


@pytest.mark.parametrize("form", ["sync", "async"])
@pytest.mark.parametrize("given", [("startup", "shutdown"), ("startup",), ("shutdown",)])
def test_the_functions_of_the_lifespan(form: str, given: tuple[str, ...]) -> None:
    async def main() -> None:
        calls: list[str] = []
        hooks = {f"on_{name}": hook(calls, name, form) for name in given}
        app, server, other = make(**hooks)
        sent = await lifespan(app)
        assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert calls == list(given)
        assert other.scopes == [], "with a function of its own it does not ask the other application"
        assert server.closed == 1

    asyncio.run(main())


@pytest.mark.parametrize("form", ["sync", "async"])
@pytest.mark.parametrize("stage", ["startup", "shutdown"])
def test_a_function_of_the_lifespan_that_fails(stage: str, form: str, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise ValueError("no database")

    async def fails_later() -> None:
        fails()

    async def main() -> None:
        logging.getLogger("engineio.server").setLevel(logging.ERROR)
        app, _, _ = make(**{f"on_{stage}": fails if form == "sync" else fails_later})
        sent = await lifespan(app)
        assert sent[-1] == {"type": f"lifespan.{stage}.failed", "message": "no database"}
        assert len(sent) == (1 if stage == "startup" else 2)

    asyncio.run(main())
    assert "no database" in caplog.text


@run
async def test_the_lifespan_of_the_server_alone() -> None:
    app, server, _ = make(other_asgi_app=None)
    sent = await lifespan(app)
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert server.closed == 1


@run
async def test_the_lifespan_of_the_other_application() -> None:
    heard: list[str] = []

    async def other(scope: Any, receive: Any, send: Any) -> None:
        heard.append((await receive())["type"])
        await send({"type": "lifespan.startup.complete"})
        heard.append((await receive())["type"])
        heard.append(f"closed {server.closed}")
        await send({"type": "lifespan.shutdown.complete"})

    app, server, _ = make(other_asgi_app=other)
    sent = await lifespan(app)
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    # Clients hear of the end while the application still has its database.
    assert heard == ["lifespan.startup", "lifespan.shutdown", "closed 1"]


@pytest.mark.parametrize("how", ["raises", "returns"])
def test_another_application_without_a_lifespan(how: str) -> None:
    async def other(scope: Any, receive: Any, send: Any) -> None:
        if how == "raises":
            raise ValueError(f"can only handle http, not {scope['type']}")

    async def main() -> None:
        app, server, _ = make(other_asgi_app=other)
        sent = await lifespan(app)
        assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert server.closed == 1

    asyncio.run(main())


@run
async def test_another_application_that_fails_in_its_lifespan() -> None:
    async def other(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise ValueError("no database")

    app, _, _ = make(other_asgi_app=other)
    with pytest.raises(ValueError, match="no database"):  # what that means, the ASGI server decides
        await lifespan(app)


def test_functions_of_a_lifespan_that_does_not_come(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        for options in ({}, {"on_startup": print}, {"on_shutdown": print}):
            app, _, _ = make(**options)
            caplog.clear()
            for _ in range(2):
                await get(app, "/else")
            assert caplog.text.count("are not called") == len(options)

    logging.getLogger("engineio.server").setLevel(logging.ERROR)
    asyncio.run(main())


@run
async def test_a_server_that_cannot_be_closed() -> None:
    class Proxy:
        """Forwards what it knows, as the proxies of some programs do."""

    app = ASGIApp(Proxy())
    sent = await lifespan(app)
    assert sent[-1] == {"type": "lifespan.shutdown.complete"}


def test_a_scope_of_another_kind_goes_to_the_other_application() -> None:
    async def main() -> None:
        app, server, _ = make()
        scope = http_scope("/") | {"type": "webtransport"}
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "webtransport.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)
        assert sent == [{"type": "other.webtransport"}]
        assert server.scopes == []

    asyncio.run(main())
