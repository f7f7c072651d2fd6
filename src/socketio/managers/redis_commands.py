"""What the managers of both colours know of Redis: its URLs, its commands, and what a subscriber receives."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from .resp import Failure, command

__all__ = [
    "PING",
    "count_answers",
    "encode_publish",
    "library",
    "make_client",
    "make_connection",
    "messages_of",
    "parse_redis_sentinel_url",
]

PING = command(b"PING")


def parse_redis_sentinel_url(url: str) -> tuple[list[tuple[str, int]], str | None, dict[str, Any]]:
    """Returns what a URL says of Sentinels: their addresses, the name of the service, and options of the connection.

    Args:
        url: redis+sentinel://[user:password@]host:port[,host:port...][/db[/service]], or valkey+sentinel.

    Raises:
        ValueError: it is no such URL.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("redis+sentinel", "valkey+sentinel"):
        raise ValueError("Invalid Redis Sentinel URL")
    netloc, _, path = rest.partition("?")[0].partition("/")
    credentials, _, addresses = netloc.rpartition("@")
    sentinels = []
    for address in addresses.split(","):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"Invalid Redis Sentinel URL: {address!r} is not host:port")
        sentinels.append((host.strip("[]"), int(port)))
    options: dict[str, Any] = {}
    if credentials:
        parts = urlsplit(f"//{credentials}@host")
        if parts.username:
            options["username"] = unquote(parts.username)
        if parts.password:
            options["password"] = unquote(parts.password)
    db, _, service = path.partition("/")
    if db:
        options["db"] = int(db)
    return sentinels, service.partition("/")[0] or None, options


def library(url: str, is_async: bool) -> Any:
    """Returns the module that a URL needs.

    Raises:
        ValueError: the scheme is unknown.
        RuntimeError: the module is not installed.
    """
    scheme = url.partition("://")[0].lower()
    names = {
        **dict.fromkeys(("redis", "rediss", "redis+sentinel"), ("redis",)),
        **dict.fromkeys(("valkey", "valkeys", "valkey+sentinel"), ("valkey",)),
        "unix": ("redis", "valkey"),
    }.get(scheme)
    if names is None:
        raise ValueError(f"Unsupported Redis URL scheme: {scheme}")
    for name in names:
        try:
            importlib.import_module(f"{name}.sentinel")
            return importlib.import_module(f"{name}.asyncio" if is_async else name)
        except ModuleNotFoundError as exc:
            if exc.name != name:
                raise
    package = names[0]
    raise RuntimeError(f'{package.capitalize()} package is not installed (Run "pip install {package}")')


def make_client(url: Any, options: dict[str, Any], channel: str, timeout: float, is_async: bool) -> Any:
    """Returns a client of redis-py's, which has the settings of the connections."""
    if not isinstance(url, str):
        return url() if not hasattr(url, "connection_pool") else url
    module = library(url, is_async)
    # Version 2 of the protocol: a subscriber's messages are shorter, and nothing comes unasked.
    options = {"protocol": 2, "socket_connect_timeout": timeout, "socket_timeout": timeout, **options}
    if "+sentinel" not in url.partition("://")[0]:
        client_class = getattr(module, "Redis", None) or module.Valkey
        return client_class.from_url(url, **options)
    sentinels, service, more = parse_redis_sentinel_url(url)
    package = importlib.import_module(f"{module.__name__}.sentinel")
    return package.Sentinel(sentinels, **{**options, **more}).master_for(service or channel)


def make_connection(client: Any) -> Any:
    """Returns a connection of redis-py's with the settings of a client, outside of its pool and without its retries."""
    pool = client.connection_pool
    return pool.connection_class(**{**pool.connection_kwargs, "retry": None})


def encode_publish(channel: bytes, messages: Sequence[bytes]) -> bytes:
    """Returns the commands that publish messages, or ask whether Redis is there if there are none."""
    if not messages:
        return PING
    head = b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$" % (len(channel), channel)
    return b"".join([b"%b%d\r\n%b\r\n" % (head, len(message), message) for message in messages])


def count_answers(replies: Iterable[Any]) -> int:
    """Returns how many commands were answered.

    Raises:
        Failure: one was refused.
    """
    answered = 0
    for reply in replies:
        if isinstance(reply, Failure):
            raise reply
        answered += not isinstance(reply, list)  # a list is something that nobody has asked for
    return answered


def messages_of(replies: Iterable[Any]) -> list[bytes]:
    """Returns the messages among what a subscriber receives.

    Raises:
        Failure: it was refused.
    """
    found = []
    for reply in replies:
        if isinstance(reply, Failure):
            raise reply
        if isinstance(reply, list) and len(reply) == 3 and reply[0] == b"message":
            found.append(reply[2])
    return found
