"""`ASGIApp`: an ASGI application with a Socket.IO server on its path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engineio.bindings.asgi_app import ASGIApp as EngineASGIApp

__all__ = ["ASGIApp"]


class ASGIApp(EngineASGIApp):
    """An ASGI application: a Socket.IO server on its path, then static files, then another application.

    Args:
        socketio_server: The server.
        other_asgi_app: What gets the requests of all other paths.
        static_files: URL -> file name, or a dictionary with `filename` and `content_type`; a directory serves what
            is in it.
        socketio_path: The server's path; `None` gives it every request.
        on_startup: Called, and awaited if it is a coroutine function, when the ASGI server starts. With it, or with
            `on_shutdown`, the other application does not hear of its own lifespan.
        on_shutdown: The same when it stops.
    """

    def __init__(
        self,
        socketio_server: Any,
        other_asgi_app: Any = None,
        static_files: Mapping[str, Any] | None = None,
        socketio_path: str | None = "socket.io",
        on_startup: Callable[[], Any] | None = None,
        on_shutdown: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(
            socketio_server,
            other_asgi_app,
            static_files=static_files,
            engineio_path=socketio_path,
            on_startup=on_startup,
            on_shutdown=on_shutdown,
        )
        self.socketio_server = socketio_server
