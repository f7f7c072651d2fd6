"""Where existing programs import `AsyncSimpleClient` from."""

from .asyncio.simple_client import AsyncSimpleClient

__all__ = ["AsyncSimpleClient"]
