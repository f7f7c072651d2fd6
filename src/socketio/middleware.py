"""Where existing programs import `Middleware` and `WSGIApp` from."""

from .wsgi import Middleware, WSGIApp

__all__ = ["Middleware", "WSGIApp"]
