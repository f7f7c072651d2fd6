"""`ASGIApp`: an application that puts an Engine.IO server in front of static files and another application."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ..request import Response
from ..static_files import StaticFile, StaticFiles
from .asgi import Receive, Scope, Send, respond

__all__ = ["ASGIApp"]


class ASGIApp:
    """An ASGI application: an Engine.IO server on its path, then static files, then another application.

    Args:
        engineio_server: The server.
        other_asgi_app: What gets the requests of all other paths.
        static_files: URL -> file name, or a dictionary with `filename` and `content_type`; a directory serves what
            is in it.
        engineio_path: The server's path; `None` gives it every request.
        on_startup: Called, and awaited if it is a coroutine function, when the ASGI server starts.
        on_shutdown: The same when it stops.
    """

    def __init__(
        self,
        engineio_server: Any,
        other_asgi_app: Any = None,
        static_files: Mapping[str, Any] | None = None,
        engineio_path: str | None = "engine.io",
        on_startup: Callable[[], Any] | None = None,
        on_shutdown: Callable[[], Any] | None = None,
    ) -> None:
        self.engineio_server = engineio_server
        self.other_asgi_app = other_asgi_app
        self.static_files = static_files
        self.engineio_path = None if engineio_path is None else "/" + engineio_path.strip("/")
        self.on_startup = on_startup
        self.on_shutdown = on_shutdown
        self._files = StaticFiles(static_files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, WebSocket or lifespan."""
        kind = scope["type"]
        if kind == "lifespan":
            if self.other_asgi_app is not None and self.on_startup is None and self.on_shutdown is None:
                await self.other_asgi_app(scope, self._closing_first(receive), send)
            else:
                await self.lifespan(scope, receive, send)
        elif kind in ("http", "websocket") and self._is_own(scope):
            await self.engineio_server.handle_request(scope, receive, send)
        else:
            await self._serve_other(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        own = self.engineio_path
        if own is None or own == "/":
            return True
        path: str = scope["path"]
        # Under a mount the path includes the prefix, which root_path names.
        root_path = scope.get("root_path") or ""
        if path.startswith(own + "/") or path == own:
            return True
        return bool(root_path) and path.startswith(root_path) and (path[len(root_path) :] + "/").startswith(own + "/")

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            root_path = scope.get("root_path") or ""
            if root_path and path.startswith(root_path + "/"):
                path = path[len(root_path) :]
            file = self._files.find(path)
            if file is not None and scope["method"] in ("GET", "HEAD"):
                return await self.serve_static_file(file, receive, send)
        if self.other_asgi_app is not None:
            await self.other_asgi_app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        else:
            await self.not_found(receive, send)

    async def serve_static_file(self, static_file: StaticFile, receive: Receive, send: Send) -> None:
        """Answers with the content of a file."""
        try:
            content = await asyncio.to_thread(_read, static_file.filename)
        except OSError:
            return await self.not_found(receive, send)
        await respond(Response(200, [("Content-Type", static_file.content_type)], content), send)

    async def not_found(self, receive: Receive, send: Send) -> None:
        """Answers that there is nothing."""
        await respond(Response(404, [("Content-Type", "text/plain")], b"Not Found"), send)

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the start-up and shut-down functions."""
        while True:
            message = await receive()
            stage = "startup" if message["type"] == "lifespan.startup" else "shutdown"
            try:
                if stage == "shutdown":
                    await self._close_server()
                hook = self.on_startup if stage == "startup" else self.on_shutdown
                result = hook() if hook is not None else None
                if inspect.isawaitable(result):
                    await result
            except Exception as exc:
                logging.getLogger("engineio.server").exception("%s failed", stage)
                await send({"type": f"lifespan.{stage}.failed", "message": str(exc)})
                return
            await send({"type": f"lifespan.{stage}.complete"})
            if stage == "shutdown":
                return

    def _closing_first(self, receive: Receive) -> Receive:
        async def closing_first() -> MutableMapping[str, Any]:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._close_server()
            return message

        return closing_first

    async def _close_server(self) -> None:
        close = getattr(self.engineio_server, "close", None)
        if close is not None:
            await close()


def _read(filename: str) -> bytes:
    with open(filename, "rb") as file:
        return file.read()
