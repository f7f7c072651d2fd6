"""Where existing programs import `AsyncClient` from."""

from .asyncio.client import AsyncClient

__all__ = ["AsyncClient"]
