"""`RedisManager` and `AsyncRedisManager`: Redis and Valkey, and their Sentinels.

redis-py makes the connections, with all that belongs to it: addresses, passwords, TLS, Sentinels. Its commands and its
subscriber are not used: what they cost for one message (60 to 100 us) is more than all the rest that an emit costs.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from .async_pubsub import AsyncPubSubManager, close_at_end
from .pubsub import PubSubManager
from .redis_commands import (
    PING,
    Publisher,
    library,
    make_client,
    make_connection,
    messages_of,
    parse_redis_sentinel_url,
)
from .resp import Replies, command

__all__ = ["AsyncRedisManager", "RedisManager", "parse_redis_sentinel_url"]

CHUNK = 65_536
HEARTBEAT = 1.0
"""After how many silent seconds a subscriber asks whether Redis is there."""
SILENCE = 3.0
"""After how many silent seconds it is not."""


class _Options:
    """The options that both colours have in common, and the client that has them."""

    is_async: ClassVar[bool]
    channel: str
    publish_timeout: float
    _client: Any

    def __init__(
        self,
        url: Any = "redis://localhost:6379/0",
        channel: str = "socketio",
        write_only: bool = False,
        logger: Any = None,
        json: Any = None,
        redis_options: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.redis_url = url
        self.redis_options = dict(redis_options or {})
        if isinstance(url, str):
            library(url, self.is_async)
        super().__init__(channel=channel, write_only=write_only, logger=logger, json=json, **options)  # type: ignore[call-arg]  # of the manager

    @property
    def redis(self) -> Any:
        """A client of redis-py's with the settings of this manager, also for commands of the program."""
        if self._client is None:
            options = self.redis_options, self.channel, self.publish_timeout
            self._client = make_client(self.redis_url, *options, self.is_async)
        return self._client


class _Connection:
    """A connection to Redis."""

    def __init__(self, client: Any, channel: bytes) -> None:
        self._connection = make_connection(client)
        self._connection.connect()
        self._socket: Any = self._connection._sock
        self._replies = Replies(channel)

    def send(self, data: bytes, timeout: float) -> None:
        """Sends commands."""
        self._socket.settimeout(timeout)
        self._socket.sendall(data)

    def receive(self, timeout: float) -> Iterable[Any]:
        """Waits for replies and returns what has come.

        Raises:
            TimeoutError: nothing came in time.
            ConnectionError: the connection is closed.
        """
        self._socket.settimeout(timeout)
        data = self._socket.recv(CHUNK)
        if not data:
            raise ConnectionError("Redis has closed the connection")
        return self._replies.feed(data)

    def close(self) -> None:
        """Closes the connection; who waits for it is woken."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._connection.disconnect()


class RedisManager(_Options, PubSubManager):
    """The manager of a server among several that have a Redis (or Valkey) in common.

    Args:
        url: redis://[user:password@]host[:port][/db], rediss (with TLS), unix:///path, valkey, valkeys, or
            redis+sentinel://[user:password@]host:port[,host:port...]/db/service, valkey+sentinel. Or a client of
            redis-py's, or a function that returns one, whose settings are used.
        redis_options: Options of `redis.Redis.from_url`, or `redis.sentinel.Sentinel`.
        options: All others; see :class:`BasePubSubManager`.

    Raises:
        ValueError: the scheme of the URL is unknown.
        RuntimeError: redis-py is not installed.
    """

    name: ClassVar[str] = "redis"
    is_async = False
    needs_patching = True

    def _begin(self) -> None:
        super()._begin()
        self._commands = Publisher(self.channel)
        self._client: Any = None
        self._publisher: _Connection | None = None
        self._subscriber: _Connection | None = None

    def _connect(self) -> _Connection:
        return _Connection(self.redis, self.channel.encode())

    def _publish_batch(self, messages: Sequence[bytes]) -> bool | None:
        connection = self._publisher
        if connection is None:
            connection = self._publisher = self._connect()
        try:
            data = self._commands.encode(messages)
            end = time.monotonic() + self.time_for(len(data))
            connection.send(data, end - time.monotonic())
            while not self._commands.receive(connection.receive(max(end - time.monotonic(), 0.001))):
                pass
        except BaseException:
            self._publisher = None
            connection.close()
            raise
        return self._commands.all_back()

    def _listen_batches(self) -> Iterator[Sequence[Any]]:
        connection = self._subscriber = self._connect()
        try:
            connection.send(command(b"SUBSCRIBE", self.channel.encode()), self.publish_timeout)
            yield messages_of(connection.receive(self.publish_timeout))
            heard = time.monotonic()
            while True:
                try:
                    replies = connection.receive(HEARTBEAT)
                except TimeoutError:
                    if time.monotonic() - heard >= SILENCE:
                        raise
                    connection.send(PING, self.publish_timeout)
                    continue
                heard = time.monotonic()
                yield messages_of(replies)
        finally:
            self._subscriber = None
            connection.close()

    def _disconnect_broker(self) -> None:
        for connection in (self._subscriber, self._publisher):
            if connection is not None:
                connection.close()


class _AsyncConnection:
    """A connection to Redis for asyncio."""

    def __init__(self, client: Any, channel: bytes) -> None:
        self._connection = make_connection(client)
        self._replies = Replies(channel)

    async def connect(self, timeout: float) -> None:
        """Opens the connection."""
        try:
            async with asyncio.timeout(timeout):
                await self._connection.connect()
        except BaseException:
            self.close()
            raise
        self._reader: asyncio.StreamReader = self._connection._reader
        self._writer: asyncio.StreamWriter = self._connection._writer

    async def send(self, data: bytes) -> None:
        """Sends commands."""
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self) -> Iterable[Any]:
        """Waits for replies and returns what has come.

        Raises:
            ConnectionError: the connection is closed.
        """
        data = await self._reader.read(CHUNK)
        if not data:
            raise ConnectionError("Redis has closed the connection")
        return self._replies.feed(data)

    def close(self) -> None:
        """Closes the connection at once."""
        writer = self._connection._writer
        if writer is not None:
            self._connection._reader = self._connection._writer = None
            writer.transport.abort()


class AsyncRedisManager(_Options, AsyncPubSubManager):
    """The manager of an asyncio server among several that have a Redis in common; the options are `RedisManager`'s."""

    name: ClassVar[str] = "aioredis"
    is_async = True

    def _begin(self) -> None:
        super()._begin()
        self._commands = Publisher(self.channel)
        self._new_loop()

    def _new_loop(self) -> None:
        self._client: Any = None
        self._publisher: _AsyncConnection | None = None
        self._keeper: AsyncGenerator[None, None] | None = None

    async def _connect(self) -> _AsyncConnection:
        connection = _AsyncConnection(self.redis, self.channel.encode())
        await connection.connect(2 * self.publish_timeout)
        return connection

    async def _publish_batch(self, messages: Sequence[bytes]) -> bool | None:
        connection = self._publisher
        if connection is None:
            connection = self._publisher = await self._connect()
            if self.server is None:
                self._keeper = await close_at_end(connection.close)
        try:
            data = self._commands.encode(messages)
            async with asyncio.timeout(self.time_for(len(data))):
                await connection.send(data)
                while not self._commands.receive(await connection.receive()):
                    pass
        except BaseException:
            self._publisher = None
            connection.close()
            raise
        return self._commands.all_back()

    async def _listen_batches(self) -> AsyncIterator[Sequence[Any]]:
        connection = await self._connect()
        try:
            async with asyncio.timeout(self.publish_timeout):
                await connection.send(command(b"SUBSCRIBE", self.channel.encode()))
                replies = await connection.receive()
            yield messages_of(replies)
            heard = time.monotonic()
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        replies = await connection.receive()
                except TimeoutError:
                    if time.monotonic() - heard >= SILENCE:
                        raise
                    await connection.send(PING)
                    continue
                heard = time.monotonic()
                yield messages_of(replies)
        finally:
            connection.close()

    async def _disconnect_broker(self) -> None:
        if self._keeper is not None:
            await self._keeper.aclose()
        if self._publisher is not None:
            self._publisher.close()
        self._new_loop()
