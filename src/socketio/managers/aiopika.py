"""`AsyncAioPikaManager`: RabbitMQ for asyncio.

aiormq, which aio-pika is made of, makes the connections and declares what there is to declare. A batch of messages is
published as one piece of bytes; see `amqp.py`. aio-pika's own connections, which come back by themselves, and what they
keep of each message cost more than all the rest that an emit costs.
"""

from __future__ import annotations

import asyncio
import importlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, ClassVar

from .amqp import Publication
from .async_pubsub import AsyncPubSubManager

__all__ = ["AsyncAioPikaManager"]

HEARTBEAT = 5
"""Of a connection whose URL says nothing else, in seconds; three times that in silence, and the broker is lost."""


class AsyncAioPikaManager(AsyncPubSubManager):
    """The manager of an asyncio server among several that have a RabbitMQ in common.

    Args:
        url: amqp://[user:password@]host[:port][/vhost][?heartbeat=seconds], or amqps (with TLS, and `cafile`,
            `certfile`, `keyfile`, `no_verify_ssl` in its query).
        options: All others; see :class:`BasePubSubManager`.

    Raises:
        RuntimeError: aiormq is not installed.
    """

    name: ClassVar[str] = "asyncaiopika"
    settle = 2.0

    def __init__(
        self,
        url: str = "amqp://guest:guest@localhost:5672//",
        channel: str = "socketio",
        write_only: bool = False,
        logger: Any = None,
        json: Any = None,
        **options: Any,
    ) -> None:
        try:
            self._aiormq = importlib.import_module("aiormq.connection")
        except ModuleNotFoundError as exc:
            if exc.name != "aiormq":
                raise
            command = "pip install 'fast-socketio[aiopika]'"
            raise RuntimeError(f"aiormq is not installed. Install it with: {command}") from exc
        self.url = url
        super().__init__(channel=channel, write_only=write_only, logger=logger, json=json, **options)

    def _begin(self) -> None:
        super()._begin()
        self._new_loop()

    def _new_loop(self) -> None:
        self._publisher: _Link | None = None
        self._keeper: AsyncGenerator[None, None] | None = None

    async def _connect(self) -> _Link:
        link = _Link(self._aiormq, self.url)
        try:
            async with asyncio.timeout(2 * self.publish_timeout):
                await link.open()
                await link.channel.exchange_declare(self.channel, exchange_type="fanout")
        except BaseException:
            await link.close()
            raise
        return link

    async def _publish_batch(self, messages: Sequence[bytes]) -> None:
        link = self._publisher
        if link is not None and link.blocked:
            if await link.is_blocked():
                raise ConnectionError("RabbitMQ takes no messages, its memory or disk is full")
            await link.close()
            link = None
        if link is None:
            link = self._publisher = await self._connect()
            if self.server is None:
                self._keeper = _keep(link)
                await anext(self._keeper)
        try:
            async with asyncio.timeout(self.time_for(sum(map(len, messages)))):
                await link.publish(self.channel, messages)
        except BaseException as exc:
            link.blocked = isinstance(exc, TimeoutError) and await link.is_blocked()
            if not link.blocked:
                self._publisher = None
                await link.close()
            raise

    async def _listen_batches(self) -> AsyncIterator[Sequence[Any]]:
        link = await self._connect()
        try:
            async with asyncio.timeout(2 * self.publish_timeout):
                await link.listen(self.channel, f"python-socketio.{uuid.uuid4()}")
            yield ()
            while True:
                yield await link.take()
        finally:
            await link.close()

    async def _disconnect_broker(self) -> None:
        if self._keeper is not None:
            await self._keeper.aclose()
        if self._publisher is not None:
            await self._publisher.close()
        self._new_loop()


async def _keep(link: _Link) -> AsyncGenerator[None, None]:
    """Closes a connection when its event loop ends: `asyncio.run` closes the generators that are left."""
    try:
        yield
    finally:
        await link.close()


class _Link:
    """A connection to RabbitMQ, with one channel.

    Args:
        aiormq: The module `aiormq.connection`.
        url: Of the broker.

    Attributes:
        blocked: Whether it was left because RabbitMQ had said that it takes no messages.
    """

    def __init__(self, aiormq: Any, url: str) -> None:
        self._aiormq = aiormq
        self.blocked = False
        self._connection = aiormq.Connection(url, transport_factory=self)
        if "heartbeat" not in self._connection.url.query:
            address = self._connection.url.update_query(heartbeat=HEARTBEAT)
            self._connection = aiormq.Connection(address, transport_factory=self)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._arrived: list[bytes] = []
        self._changed = asyncio.Event()
        self._lost = False

    async def create(self, url: Any, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Returns the streams that aiormq is to use: the transport factory of its connection."""
        assert self._streams is not None
        return self._streams

    async def open(self) -> None:
        """Connects. The streams are opened beforehand: aiormq would log an error for each attempt.

        Raises:
            Exception: of whatever kind.
        """
        connection, context = self._connection, None
        if connection.url.scheme == "amqps":
            loop = asyncio.get_running_loop()
            provider = self._aiormq.SSLContextProvider(ssl_context=None, ssl_certs=connection.ssl_certs, loop=loop)
            context = await provider.get_context()
        self._streams = await asyncio.open_connection(connection.url.host, connection.url.port, ssl=context)
        await connection.connect()
        self.channel = await connection.channel(publisher_confirms=False)

    async def publish(self, exchange: str, messages: Sequence[bytes]) -> None:
        """Publishes messages, and waits for RabbitMQ to have had them."""
        if messages:
            frame_max = self._connection.connection_tune.frame_max
            data = Publication(exchange, self.channel.number, frame_max).encode(messages)
            await self.channel.write_queue.put(self._aiormq.ChannelFrame(payload=data, should_close=False))
        # Its answer comes after everything that was sent before, and is none if the exchange is gone.
        await self.channel.exchange_declare(exchange, passive=True)

    async def is_blocked(self) -> bool:
        """Returns whether RabbitMQ has said that it takes no messages for now."""
        try:
            async with asyncio.timeout(0):
                await self._connection.ready()
        except TimeoutError:
            return True
        return False

    async def listen(self, exchange: str, queue: str) -> None:
        """Has messages delivered to a queue that ends with this connection."""
        channel = self.channel
        await channel.queue_declare(queue, exclusive=True, auto_delete=True)
        await channel.queue_bind(queue, exchange)
        channel.on_consumer_cancel_callbacks.add(self._lose)
        await channel.basic_consume(queue, self._arrive, no_ack=True)
        channel.closing.add_done_callback(self._lose)

    async def _arrive(self, message: Any) -> None:
        self._arrived.append(message.body)
        self._changed.set()

    def _lose(self, why: Any) -> None:
        self._lost = True
        self._changed.set()

    async def take(self) -> list[bytes]:
        """Waits for messages and returns those that have come.

        Raises:
            ConnectionError: there will be none any more.
        """
        await self._changed.wait()
        if not self._arrived and self._lost:
            raise ConnectionError("RabbitMQ has closed the connection, or the queue is gone")
        if not self._lost:
            self._changed.clear()
        messages, self._arrived = self._arrived, []
        return messages

    async def close(self) -> None:
        """Closes the connection, politely if RabbitMQ answers at once."""
        if self._streams is None:
            return
        try:
            async with asyncio.timeout(0.5):
                await self._connection.close()
        except Exception:
            pass
        self._streams[1].transport.abort()
