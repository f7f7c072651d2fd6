"""The handlers of a Tornado application for a Socket.IO server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tornado.websocket import WebSocketHandler

    from .asyncio.server import AsyncServer

__all__ = ["get_tornado_handler"]


def get_tornado_handler(socketio_server: AsyncServer) -> type[WebSocketHandler]:
    """Returns the class of the request handlers of a server, for a route of a Tornado application.

    Raises:
        ImportError: if Tornado is not installed.
    """
    from engineio.bindings.tornado import get_tornado_handler as get_engineio_handler

    return get_engineio_handler(socketio_server.eio)
