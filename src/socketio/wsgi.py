"""`WSGIApp`: a WSGI application with a Socket.IO server on its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineio.bindings.wsgi_app import WSGIApp as EngineWSGIApp

__all__ = ["Middleware", "WSGIApp"]


class WSGIApp(EngineWSGIApp):
    """A WSGI application: a Socket.IO server on its path, then static files, then another application.

    Args:
        socketio_app: The server.
        wsgi_app: What gets the requests of all other paths.
        static_files: URL -> file name, or a dictionary with `filename` and `content_type`; a directory serves what
            is in it.
        socketio_path: The server's path.
    """

    def __init__(
        self,
        socketio_app: Any,
        wsgi_app: Any = None,
        static_files: Mapping[str, Any] | None = None,
        socketio_path: str = "socket.io",
    ) -> None:
        super().__init__(socketio_app, wsgi_app, static_files=static_files, engineio_path=socketio_path)


class Middleware(WSGIApp):
    """The old name of `WSGIApp`, without static files."""

    def __init__(self, socketio_app: Any, wsgi_app: Any = None, socketio_path: str = "socket.io") -> None:
        super().__init__(socketio_app, wsgi_app, socketio_path=socketio_path)
