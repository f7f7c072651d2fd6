"""Engine.IO for Python: messages over HTTP long-polling and WebSocket. It carries Socket.IO, and stands alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import base_client as base_client
from . import exceptions as exceptions
from . import json as json
from . import packet as packet
from . import payload as payload
from . import static_files as static_files
from .asyncio.client import AsyncClient
from .asyncio.server import AsyncServer
from .bindings.asgi_app import ASGIApp
from .bindings.wsgi_app import Middleware, WSGIApp
from .sync.client import Client
from .sync.server import Server

if TYPE_CHECKING:
    from .bindings.tornado import get_tornado_handler

__all__ = [
    "ASGIApp",
    "AsyncClient",
    "AsyncServer",
    "Client",
    "Middleware",
    "Server",
    "WSGIApp",
    "get_tornado_handler",
]


def __getattr__(name: str) -> Any:
    """Imports Tornado for the programs that use it; without Tornado `get_tornado_handler` is `None`."""
    if name != "get_tornado_handler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .bindings.tornado import get_tornado_handler
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] == "tornado":
            return None
        raise
    return get_tornado_handler
