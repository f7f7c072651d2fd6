"""Where existing programs import `AsyncNamespace` from."""

from .asyncio.namespace import AsyncNamespace

__all__ = ["AsyncNamespace"]
