"""Engine.IO for Python: messages over HTTP long-polling and WebSocket. It carries Socket.IO, and stands alone."""

from __future__ import annotations

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

__all__ = ["ASGIApp", "AsyncClient", "AsyncServer", "Client", "Middleware", "Server", "WSGIApp"]
