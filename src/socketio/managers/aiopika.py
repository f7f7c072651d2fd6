"""`AsyncAioPikaManager`: RabbitMQ for asyncio.

Neither aio-pika nor the aiormq below it is used: what they do for one message (a task, and several futures and queues)
costs more than all the rest of an emit, and at the end of a connection they leave tasks and tracebacks behind. Here a
connection is one `asyncio.Protocol`.
"""

from __future__ import annotations

import asyncio
import importlib
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, ClassVar

from .amqp_limit import SizeLimit
from .amqp_session import Address, Session
from .async_pubsub import AsyncPubSubManager, close_at_end

__all__ = ["AsyncAioPikaManager"]


class AsyncAioPikaManager(AsyncPubSubManager):
    """The manager of an asyncio server among several that have a RabbitMQ in common.

    Args:
        url: See :class:`Address`.
        options: All others; see :class:`BasePubSubManager`.

    Raises:
        ValueError: the scheme of the URL is unknown.
        RuntimeError: pamqp is not installed.
    """

    name: ClassVar[str] = "asyncaiopika"

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
            importlib.import_module("pamqp.frame")
        except ModuleNotFoundError as exc:
            command = "pip install 'fast-socketio[aiopika]'"
            raise RuntimeError(f"pamqp is not installed. Install it with: {command}") from exc
        self.url = url
        self._address = Address(url)
        super().__init__(channel=channel, write_only=write_only, logger=logger, json=json, **options)

    def _begin(self) -> None:
        super()._begin()
        self._limit = SizeLimit()
        self._new_loop()

    def _new_loop(self) -> None:
        self._publisher: _Link | None = None
        self._keeper: AsyncGenerator[None, None] | None = None

    async def _connect(self) -> _Link:
        link = _Link(self._address)
        try:
            async with asyncio.timeout(2 * self.publish_timeout):
                await link.open()
                link.session.declare(self.channel)
                await link.answers()
        except BaseException:
            link.close()
            raise
        return link

    async def _publish_batch(self, messages: Sequence[bytes]) -> None:
        fitting = self._limit.fitting(messages)
        try:
            await self._publish_fitting(fitting)
        except Exception as exc:
            self._limit.learn(exc)
            raise
        if len(fitting) < len(messages):
            self._limit.report(messages, self)

    async def _publish_fitting(self, messages: Sequence[bytes]) -> None:
        link = self._publisher
        if link is None:
            link = self._publisher = await self._connect()
            if self.server is None:
                self._keeper = await close_at_end(link.close)
        try:
            async with asyncio.timeout(self.time_for(sum(map(len, messages)))):
                if link.session.blocked is not None:
                    raise _Blocked
                link.session.publish(self.channel, messages)
                await link.answers()
        except BaseException as exc:
            if link.session.blocked is not None and isinstance(exc, (TimeoutError, _Blocked)):
                raise _Blocked(f"RabbitMQ takes no messages: {link.session.blocked}") from exc
            self._publisher = None
            link.close()
            raise

    async def _listen_batches(self) -> AsyncIterator[Sequence[Any]]:
        link = await self._connect()
        try:
            async with asyncio.timeout(2 * self.publish_timeout):
                link.session.listen(self.channel, f"python-socketio.{uuid.uuid4()}")
                await link.answers()
            yield ()
            while True:
                yield await link.take()
        finally:
            link.close()

    async def _disconnect_broker(self) -> None:
        if self._keeper is not None:
            await self._keeper.aclose()
        if self._publisher is not None:
            self._publisher.close()
        self._new_loop()


class _Blocked(ConnectionError):
    """RabbitMQ has not got enough memory or disk to take messages."""


class _Link(asyncio.Protocol):
    """A connection to RabbitMQ, with one channel. One task at a time waits for it."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self.session = Session(address, self._send)
        self._transport: asyncio.Transport | None = None
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._heard = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    # Called by the event loop

    def connection_made(self, transport: Any) -> None:
        """The connection is there."""
        self._transport = transport
        self.session.start()

    def data_received(self, data: bytes) -> None:
        """RabbitMQ has said something."""
        self._heard = time.monotonic()
        try:
            self.session.receive(data)
        except Exception as exc:
            self._lose(exc)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._lose(exc or ConnectionError("RabbitMQ has closed the connection"))

    def _tick(self) -> None:
        silence = self._address.heartbeat
        if time.monotonic() - self._heard > 2 * silence:
            self._lose(ConnectionError("RabbitMQ says nothing more"))
            return
        self.session.beat()
        self._timer = self._loop.call_later(silence / 2, self._tick)

    def _send(self, data: bytes) -> None:
        if self._transport is not None and self._error is None:
            self._transport.write(data)

    def _lose(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self.session.blocked = None
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Called by tasks

    async def _until(self, condition: Callable[[], Any]) -> None:
        while not condition():
            if self._error is not None:
                raise self._error
            self._waiter = self._loop.create_future()
            await self._waiter

    async def open(self) -> None:
        """Connects.

        Raises:
            OSError: nobody is there, or RabbitMQ does not let us in.
        """
        address = self._address
        context = await asyncio.to_thread(address.make_context) if address.is_encrypted else None
        await self._loop.create_connection(lambda: self, address.host, address.port, ssl=context)
        await self._until(lambda: self.session.is_open)
        if address.heartbeat:
            self._tick()

    async def answers(self) -> None:
        """Waits for the answers to all that was asked so far."""
        session, asked = self.session, self.session.asked
        await self._until(lambda: session.answered >= asked)

    async def take(self) -> list[bytes]:
        """Waits for messages and returns those that have come."""
        session = self.session
        await self._until(lambda: session.bodies)
        messages, session.bodies = session.bodies, []
        return messages

    def close(self) -> None:
        """Closes the connection, in a second at most."""
        transport, self._transport = self._transport, None
        if transport is not None and self._error is None:
            transport.write(self.session.end())
            transport.close()
            if transport.get_write_buffer_size():
                self._loop.call_later(1.0, transport.abort)
        self._lose(ConnectionError("the connection was closed"))
