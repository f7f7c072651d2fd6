"""Where existing programs import `ASGIApp` from."""

from ..bindings.asgi_app import ASGIApp

__all__ = ["ASGIApp"]
