"""Where existing programs import `SimpleClient` from."""

from .sync.simple_client import SimpleClient

__all__ = ["SimpleClient"]
