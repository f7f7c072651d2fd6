"""Where existing programs import `AsyncManager` from."""

from .asyncio.manager import AsyncManager

__all__ = ["AsyncManager"]
