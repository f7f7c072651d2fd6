"""`run`: the embedded server."""

from __future__ import annotations

from typing import Any

from .asgi import ASGIApp
from .base_server import BaseServer

__all__ = ["run"]


def run(app_or_server: Any, host: str = "127.0.0.1", port: int = 5000, **options: Any) -> None:
    """Serves an application until SIGTERM or Ctrl-C, on uvicorn with uvloop and httptools.

    WebSockets of a Socket.IO server are taken over from uvicorn, wherever in the application the server is mounted:
    they cost no task and no queue.

    Args:
        app_or_server: An ASGI application, or an `AsyncServer`, which is served under `/socket.io/`.
        host: The address to listen on.
        port: The port; 0 for any that is free.
        options: As for `uvicorn.Config`.

    Raises:
        RuntimeError: if uvicorn is not installed.
    """
    try:
        from engineio.bindings import embedded
    except ImportError as exc:
        raise RuntimeError(str(exc)) from exc
    app = ASGIApp(app_or_server) if isinstance(app_or_server, BaseServer) else app_or_server
    embedded.run(app, host=host, port=port, **options)
