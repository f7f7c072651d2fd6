"""Where existing programs import `get_tornado_handler` of Engine.IO from."""

from ..bindings.tornado import get_tornado_handler

__all__ = ["get_tornado_handler"]
