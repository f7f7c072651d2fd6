"""Engine.IO for Python: messages over HTTP long-polling and WebSocket. It carries Socket.IO, and stands alone."""

from __future__ import annotations

from . import exceptions, json, packet, payload, static_files
from .asyncio.server import AsyncServer
from .bindings.asgi import ASGIApp

__all__ = ["ASGIApp", "AsyncServer", "exceptions", "json", "packet", "payload", "static_files"]
