"""Where existing programs import `Client` from."""

from .sync.client import Client

__all__ = ["Client"]
