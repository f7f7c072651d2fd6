"""Which manager a broker's URL means, by its scheme."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

__all__ = ["SCHEMES", "manager_for"]


class _Classes(NamedTuple):
    """The managers of one broker, as module:class in this package; `None` for a colour that it does not have."""

    sync: str | None
    asyncio: str | None


SCHEMES: dict[str, _Classes] = {
    **dict.fromkeys(
        ("redis", "rediss", "unix", "valkey", "valkeys", "redis+sentinel", "valkey+sentinel"),
        _Classes("redis:RedisManager", "redis:AsyncRedisManager"),
    ),
    **dict.fromkeys(("amqp", "amqps"), _Classes("kombu:KombuManager", "aiopika:AsyncAioPikaManager")),
    "kafka": _Classes("kafka:KafkaManager", "async_kafka:AsyncKafkaManager"),
    "zmq+tcp": _Classes("zmq:ZmqManager", None),
}
"""scheme -> its managers."""


def manager_for(url: str, is_async: bool, **options: Any) -> Any:
    """Returns a new manager.

    Args:
        url: Where the broker is.
        is_async: Whether it is for an asyncio server.
        options: Those of the manager.

    Raises:
        ValueError: the URL means no broker, or one without a manager of this colour.
        RuntimeError: the package that it needs is not installed.
    """
    scheme, separator, _ = url.partition("://")
    classes = SCHEMES.get(scheme.lower()) if separator else None
    if classes is None:
        raise ValueError(f"{scheme!r} is none of the brokers that are known: {', '.join(SCHEMES)}")
    path = classes.asyncio if is_async else classes.sync
    if path is None:
        raise ValueError(f"for {scheme} there is no manager for {'asyncio' if is_async else 'threads'}")
    module, _, name = path.partition(":")
    manager_class: Any = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    return manager_class(url, **options)
