"""Where existing programs import `Middleware` and `WSGIApp` from."""

from .bindings.wsgi_app import Middleware, WSGIApp

__all__ = ["Middleware", "WSGIApp"]
