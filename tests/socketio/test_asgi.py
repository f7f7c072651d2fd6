"""`socketio.ASGIApp`: which requests go to the server (behaviours: the forms of `socketio_path` that programs use)."""

from __future__ import annotations

from typing import Any

import pytest

from socketio import ASGIApp, AsyncServer


async def ask(app: Any, path: str, root_path: str = "") -> bytes:
    """Returns the body of the answer to a handshake under `path`."""
    body = b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal body
        body += message.get("body", b"")

    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "root_path": root_path,
        "query_string": b"EIO=4&transport=polling",
        "headers": [],
    }
    await app(scope, receive, send)
    return body


async def other(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"other"})


@pytest.mark.parametrize(
    ("socketio_path", "own", "others"),
    [
        ("socket.io", ["/socket.io/", "/socket.io"], ["/", "/socket.iox/", "/x/socket.io/"]),
        ("/socket.io", ["/socket.io/"], ["/"]),
        ("/ws/socket.io", ["/ws/socket.io/", "/ws/socket.io"], ["/socket.io/", "/ws/"]),
        ("ws/socket.io/", ["/ws/socket.io/"], ["/ws"]),
        ("", ["/", "/anything/"], []),
        (None, ["/", "/anything/"], []),
    ],
)
async def test_paths(socketio_path: str | None, own: list[str], others: list[str]) -> None:
    server = AsyncServer()
    app = ASGIApp(server, other, socketio_path=socketio_path)
    for path in own:
        assert (await ask(app, path)).startswith(b'0{"sid":'), path
    for path in others:
        assert await ask(app, path) == b"other", path
    assert app.socketio_server is server and app.other_asgi_app is other


async def test_under_a_mount() -> None:
    """behaviours: mounted under a Starlette or FastAPI prefix, which `root_path` names."""
    app = ASGIApp(AsyncServer(), other)
    assert (await ask(app, "/prefix/socket.io/", root_path="/prefix")).startswith(b'0{"sid":')
    assert await ask(app, "/prefix/else/", root_path="/prefix") == b"other"


async def test_nothing_else() -> None:
    assert await ask(ASGIApp(AsyncServer()), "/else") == b"Not Found"


async def test_a_subclass_with_its_own_call() -> None:
    """behaviours: a subclass overriding `__call__`."""

    class App(ASGIApp):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            paths.append(scope["path"])
            await super().__call__(scope, receive, send)

    paths: list[str] = []
    assert (await ask(App(AsyncServer()), "/socket.io/")).startswith(b'0{"sid":')
    assert paths == ["/socket.io/"]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_lifespan(kind: str) -> None:
    """A.4: hooks may be sync or coroutine."""
    calls: list[str] = []

    async def later(name: str) -> None:
        calls.append(name)

    def hook(name: str) -> Any:
        return later(name) if kind == "async" else calls.append(name)

    app = ASGIApp(AsyncServer(), on_startup=lambda: hook("startup"), on_shutdown=lambda: hook("shutdown"))
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> dict[str, str]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        calls.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert calls == ["startup", "lifespan.startup.complete", "shutdown", "lifespan.shutdown.complete"]
