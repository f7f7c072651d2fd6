"""`ASGIApp`: an application that puts an Engine.IO server in front of static files and another application."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ..environ import split_path
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
        on_startup: Called, and awaited if it is a coroutine function, when the ASGI server starts. With it, or with
            `on_shutdown`, the other application does not hear of its own lifespan.
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
        self._unheard = on_startup is not None or on_shutdown is not None
        """Whether there are functions for a lifespan that has not been heard of."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, WebSocket or lifespan."""
        kind = scope["type"]
        if kind == "lifespan":
            self._unheard = False
            if self.other_asgi_app is not None and self.on_startup is None and self.on_shutdown is None:
                await self._lifespan_of_other(scope, receive, send)
            else:
                await self.lifespan(scope, receive, send)
            return
        if self._unheard:
            self._unheard = False
            logging.getLogger("engineio.server").error(
                "on_startup and on_shutdown are not called: whatever this ASGIApp is mounted in, or served by, does "
                "not pass the lifespan on to it"
            )
        if kind in ("http", "websocket") and self._is_own(scope):
            await self.engineio_server.handle_request(scope, receive, send)
        else:
            await self._serve_other(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        own = self.engineio_path
        if own is None or own == "/":
            return True
        path: str = scope["path"]
        if (path + "/").startswith(own + "/"):
            return True
        if not scope.get("root_path"):
            return False
        # A path given with the prefix of the mount, as python-socketio needs it, is right as well.
        with_mount = split_path(path, scope.get("app_root_path") or "")[1]
        return any((candidate + "/").startswith(own + "/") for candidate in (_below_mount(scope), with_mount))

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            file = self._files.find(_below_mount(scope))
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

    async def _lifespan_of_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leaves the lifespan to the other application, or sees to it if that one has none."""
        asked = False

        async def closing_first() -> MutableMapping[str, Any]:
            nonlocal asked
            asked = True
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._close_server()
            return message

        try:
            await self.other_asgi_app(scope, closing_first, send)
        except Exception as exc:
            if asked:
                raise
            # ASGI, "Lifespan": an application that does not support it raises an exception, as Django's does.
            logging.getLogger("engineio.server").info("the other application has no lifespan: %s", exc)
        if not asked:
            await self.lifespan(scope, receive, send)

    async def _close_server(self) -> None:
        close = getattr(self.engineio_server, "close", None)
        if close is not None:
            await close()


def _below_mount(scope: Scope) -> str:
    return split_path(scope["path"], scope.get("root_path") or "", scope.get("app_root_path") or "")[1]


def _read(filename: str) -> bytes:
    with open(filename, "rb") as file:
        return file.read()
