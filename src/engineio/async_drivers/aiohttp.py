"""The driver for aiohttp, where existing programs import it from."""

from ..bindings.aiohttp import attach, handle

__all__ = ["attach", "handle"]
