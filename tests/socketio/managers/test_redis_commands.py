"""The URLs of Redis."""

from __future__ import annotations

import pytest

import socketio
from socketio.managers.by_url import manager_for
from socketio.redis_manager import parse_redis_sentinel_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+sentinel://a:1", ([("a", 1)], None, {})),
        ("valkey+sentinel://a:1,b:2/", ([("a", 1), ("b", 2)], None, {})),
        ("redis+sentinel://a:1,b:2/3/name", ([("a", 1), ("b", 2)], "name", {"db": 3})),
        ("redis+sentinel://:p%40@a:1/0/name", ([("a", 1)], "name", {"password": "p@", "db": 0})),
        ("redis+sentinel://u:p@[::1]:1/0", ([("::1", 1)], None, {"username": "u", "password": "p", "db": 0})),
    ],
)
def test_sentinels(url: str, expected: object) -> None:
    assert parse_redis_sentinel_url(url) == expected


@pytest.mark.parametrize(
    "url", ["redis://a:1", "redis+sentinel:a:1", "redis+sentinel://a", "redis+sentinel://a:b", "x"]
)
def test_bad_sentinels(url: str) -> None:
    with pytest.raises(ValueError, match="Invalid Redis Sentinel URL"):
        parse_redis_sentinel_url(url)


@pytest.mark.parametrize("manager", [socketio.RedisManager, socketio.AsyncRedisManager])
def test_unknown_schemes(manager: type) -> None:
    with pytest.raises(ValueError, match="Unsupported Redis URL scheme: http"):
        manager("http://localhost")


def test_managers_by_url() -> None:
    assert type(manager_for("redis://x", is_async=False)) is socketio.RedisManager
    manager = manager_for("rediss://x", is_async=True, channel="c", write_only=True)
    assert (type(manager), manager.channel, manager.write_only) == (socketio.AsyncRedisManager, "c", True)
    for url in ("redis", "nonsense://x", ""):
        with pytest.raises(ValueError, match="none of the brokers"):
            manager_for(url, is_async=False)
