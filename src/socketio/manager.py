"""Where existing programs import `Manager` from."""

from .sync.manager import Manager

__all__ = ["Manager"]
