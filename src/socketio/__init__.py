"""Socket.IO for Python: events, acknowledgements, namespaces, rooms and binary data between programs and browsers."""

from __future__ import annotations

from . import base_manager, base_namespace, base_server, exceptions, packet
from .asgi import ASGIApp
from .asyncio.manager import AsyncManager
from .asyncio.namespace import AsyncNamespace
from .asyncio.server import AsyncServer
from .embedded import run

__all__ = ["ASGIApp", "AsyncManager", "AsyncNamespace", "AsyncServer", "run"]
