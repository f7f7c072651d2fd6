"""What the managers of both colours know of Redis: its URLs, its commands, and what a subscriber receives."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from .resp import Failure, command

__all__ = [
    "PING",
    "Publisher",
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


class Publisher:
    """What is published on a channel, and what Redis answers: how many have heard it.

    Args:
        channel: The channel.
    """

    def __init__(self, channel: str) -> None:
        self._channel = channel.encode()
        self._head = b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$" % (len(self._channel), self._channel)
        self._question = command(b"PUBSUB", b"NUMSUB", self._channel)
        self._audience = 0
        self._listening = 0
        self._asks = False
        self._knows = False
        self._missing = 0

    def encode(self, messages: Sequence[bytes]) -> bytes:
        """Returns the commands that publish messages; if there are none, the question how many listen."""
        self._asks = not messages
        self._missing = len(messages) or 1
        if self._asks:
            return self._question
        head = self._head
        return b"".join([b"%b%d\r\n%b\r\n" % (head, len(message), message) for message in messages])

    def receive(self, replies: Iterable[Any]) -> bool:
        """Takes answers; returns whether they were the last.

        Raises:
            Failure: a command was refused.
        """
        for reply in replies:
            if isinstance(reply, Failure):
                if not (self._asks and str(reply).startswith("NOPERM")):
                    raise reply
                self._knows = False
            elif self._asks and isinstance(reply, list) and reply[:1] == [self._channel]:
                self._listening = reply[1]
                self._knows = True
            elif not self._asks and isinstance(reply, int):
                self._audience = reply
            else:
                continue  # nothing that was asked for
            self._missing -= 1
        return self._missing <= 0

    def all_back(self) -> bool | None:
        """Returns whether as many listen as have heard the last message; `None` if there is no telling."""
        if not self._asks or not self._knows:
            return None
        if not self._audience:
            return None if self._listening else False
        return self._listening >= self._audience


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
