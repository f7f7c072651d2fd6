"""Where existing programs import `Server` from."""

from .sync.server import Server

__all__ = ["Server"]
