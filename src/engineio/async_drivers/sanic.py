"""The driver for Sanic, where existing programs import it from."""

from ..bindings.sanic import attach, handle

__all__ = ["attach", "handle"]
