"""Where existing programs import `AsyncRedisManager` from."""

from .managers.redis import AsyncRedisManager

__all__ = ["AsyncRedisManager"]
