"""Where existing programs import `RedisManager` from."""

from .managers.redis import RedisManager, parse_redis_sentinel_url

__all__ = ["RedisManager", "parse_redis_sentinel_url"]
