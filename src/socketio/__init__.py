"""Socket.IO for Python: events, acknowledgements, namespaces, rooms and binary data between programs and browsers."""

from __future__ import annotations

from . import base_manager as base_manager
from . import base_namespace as base_namespace
from . import base_server as base_server
from . import exceptions as exceptions
from . import packet as packet
from .asgi import ASGIApp
from .asyncio.manager import AsyncManager
from .asyncio.namespace import AsyncNamespace
from .asyncio.server import AsyncServer
from .embedded import run

__all__ = ["ASGIApp", "AsyncManager", "AsyncNamespace", "AsyncServer", "run"]
