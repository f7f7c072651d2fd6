"""Where existing programs import `AsyncServer` from."""

from .asyncio.server import AsyncServer

__all__ = ["AsyncServer"]
