"""`KombuManager`: RabbitMQ for threads, gevent and eventlet, and by kombu whatever else that knows.

kombu makes the connections and declares what there is to declare. With RabbitMQ, messages are published and taken
many at a time, past kombu; see `amqp.py`.
"""

from __future__ import annotations

import importlib
import os
import socket
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, ClassVar

from .amqp import Deliveries, Publication
from .amqp_limit import SizeLimit
from .pubsub import PubSubManager

__all__ = ["KombuManager"]

CHUNK = 65_536
HEARTBEAT = 4
"""Twice as many silent seconds, and a listener takes the broker for lost."""
GOODBYE = (10, 50)
"""AMQP 0-9-1, 1.4.2.9: Connection.Close."""
TICK = 1.0
"""After how many seconds a listener looks whether a heartbeat is due."""
BIND = 10
"""After how many of these it binds its queue again."""
READABLE = ("application/json", "text/plain")
"""The types of content that kombu may decode: none that runs code."""
Batches = Iterator[Sequence[Any]]


class KombuManager(PubSubManager):
    """The manager of a server among several that have a RabbitMQ in common.

    Args:
        url: amqp://[user:password@]host[:port][/vhost], amqps (with TLS), several of them with ; between, or what
            else kombu knows, such as redis://host.
        connection_options: Options of `kombu.Connection`.
        exchange_options: Those of `kombu.Exchange`; it is a fanout exchange that RabbitMQ does not keep.
        queue_options: Those of `kombu.Queue`; it belongs to the connection, and ends with it.
        producer_options: Those of `kombu.Producer`. The processes of a channel have to have the same ones.
        options: All others; see :class:`BasePubSubManager`.

    Raises:
        RuntimeError: kombu is not installed.
    """

    name: ClassVar[str] = "kombu"
    needs_patching = True

    def __init__(
        self,
        url: str = "amqp://guest:guest@localhost:5672//",
        channel: str = "socketio",
        write_only: bool = False,
        logger: Any = None,
        json: Any = None,
        connection_options: dict[str, Any] | None = None,
        exchange_options: dict[str, Any] | None = None,
        queue_options: dict[str, Any] | None = None,
        producer_options: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        try:
            self._kombu = importlib.import_module("kombu")
        except ModuleNotFoundError as exc:
            if exc.name != "kombu":
                raise
            raise RuntimeError("kombu is not installed. Install it with: pip install 'fast-socketio[kombu]'") from exc
        self.url = url
        self.connection_options = dict(connection_options or {})
        self.exchange_options = dict(exchange_options or {})
        self.queue_options = dict(queue_options or {})
        self.producer_options = dict(producer_options or {})
        super().__init__(channel=channel, write_only=write_only, logger=logger, json=json, **options)

    def _begin(self) -> None:
        super()._begin()
        self._publisher: _Publisher | None = None
        self._subscriber: _Link | None = None
        self._publisher_in_use = threading.Lock()
        self._limit = SizeLimit()

    # What is declared

    def _connect(self, link: Callable[..., Any], **defaults: Any) -> Any:
        """Returns a link to the first of the brokers that can be reached."""
        settings = {"connect_timeout": 2 * self.publish_timeout, **defaults, **self.connection_options}
        broker = self._kombu.Connection(self.url, **settings)
        for left in reversed(range(len(broker.alt) or 1)):
            try:
                return link(broker, self.publish_timeout)
            except broker.recoverable_connection_errors:
                if not left:
                    raise
                broker.maybe_switch_next()

    def _exchange(self) -> Any:
        return self._kombu.Exchange(self.channel, **{"type": "fanout", "durable": False, **self.exchange_options})

    def _queue(self) -> Any:
        options: dict[str, Any] = {"durable": False, "exclusive": True, "auto_delete": True}
        if self.queue_options.get("durable"):  # a queue of this kind outlives its connection, but not for ever
            options = {"queue_arguments": {"x-expires": 300_000}}
        name = f"python-socketio.{uuid.uuid4()}"
        return self._kombu.Queue(**{"name": name, "exchange": self._exchange(), **options, **self.queue_options})

    # The broker

    def _publish_batch(self, messages: Sequence[bytes]) -> None:
        fitting = self._limit.fitting(messages)
        try:
            with self._publisher_in_use:
                self._publish_alone(fitting)
        except Exception as exc:
            self._limit.learn(exc)
            raise
        if len(fitting) < len(messages):
            self._limit.report(messages, self)

    def _publish_alone(self, messages: Sequence[bytes]) -> None:
        publisher = self._publisher
        try:
            if publisher is not None and publisher.blocked:
                if publisher.is_still_blocked():
                    raise TimeoutError
                self._drop_publisher()  # what it answers belongs to an earlier batch
                publisher = None
            if publisher is None:
                publisher = self._publisher = self._connect(_Publisher)
                publisher.declare(self._exchange(), self._kombu.Producer, self.producer_options)
            publisher.publish(messages, self.time_for(sum(map(len, messages))))
        except BaseException as exc:
            if isinstance(exc, TimeoutError) and publisher is not None and publisher.blocked:
                raise ConnectionError("RabbitMQ takes no messages, for want of memory or disk") from exc
            self._drop_publisher()
            raise

    def _drop_publisher(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()

    def _listen_batches(self) -> Batches:
        link = self._subscriber = self._connect(_Link, heartbeat=HEARTBEAT)
        try:
            queue = self._queue()(link.channel)
            queue.declare()
            if link.is_amqp and not self.producer_options:
                yield from link.take(queue)
            else:
                yield from link.drain(self._kombu.Consumer, queue)
        finally:
            self._subscriber = None
            link.close()

    def _disconnect_broker(self) -> None:
        if self._subscriber is not None:
            self._subscriber.wake()
        if self._publisher_in_use.acquire(blocking=False):
            self._drop_publisher()
            self._publisher_in_use.release()
        elif self._publisher is not None:
            self._publisher.wake()


class _Link:
    """A connection to a broker, with one channel, for one thread."""

    def __init__(self, broker: Any, timeout: float) -> None:
        self._transport = broker.transport
        self._connection = self._transport.establish_connection()
        self.is_amqp = broker.transport.driver_name == "py-amqp"
        self._socket: Any = None
        if self.is_amqp:
            self._socket = self._connection.transport.sock
            self._socket.settimeout(timeout)  # py-amqp would wait for ever for most answers
        self._close = weakref.finalize(self, _close, os.getpid(), self._transport, self._connection, self._socket)
        self._close.atexit = False  # another thread may be using it
        self.channel = self._transport.create_channel(self._connection)

    def take(self, queue: Any) -> Batches:
        """Yields what is delivered by RabbitMQ, as much as there is."""
        connection = self._connection
        self.channel.basic_consume(queue.name, no_ack=True)
        yield ()
        deliveries = Deliveries(connection.on_inbound_frame)
        self._socket.settimeout(TICK)
        ticks, next_tick = count(1), time.monotonic() + TICK
        while True:
            try:
                data = self._socket.recv(CHUNK)
            except TimeoutError:
                data = None
            if data:
                connection.bytes_recv += 1
                if bodies := deliveries.feed(data):
                    yield bodies
            elif data is not None:
                raise ConnectionError("RabbitMQ has closed the connection")
            if (now := time.monotonic()) >= next_tick:
                connection.heartbeat_tick()
                if not next(ticks) % BIND:
                    queue.queue_bind(nowait=True)  # an error follows if somebody has deleted the exchange
                next_tick = now + TICK

    def drain(self, consumer: Callable[..., Any], queue: Any) -> Batches:
        """Yields what is delivered by any broker, one by one, decoded by kombu."""
        arrived: list[Any] = []
        options = {"no_ack": True, "accept": READABLE, "on_message": lambda message: arrived.append(message)}
        consumer(self.channel, [queue], **options).consume()
        yield ()
        while True:
            try:
                self._transport.drain_events(self._connection, timeout=TICK)
            except TimeoutError:
                pass
            messages, arrived[:] = [_payload(message) for message in arrived], []
            yield messages
            if self.is_amqp:
                self._transport.heartbeat_check(self._connection)

    def wake(self) -> None:
        """Has the thread that waits for the connection find its end, and close it.

        With another broker than RabbitMQ it looks every second whether it has to.
        """
        if self._socket is None:
            return
        try:
            # By another object: with two threads in one TLS connection, OpenSSL crashes.
            with socket.socket(fileno=os.dup(self._socket.fileno())) as other:
                other.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended

    def close(self) -> None:
        """Closes the connection."""
        self._close()


def _payload(message: Any) -> Any:
    """Returns what a message of kombu's is about; what kombu cannot decode, or may not, is left as it is."""
    try:
        return message.payload
    except Exception:
        return message.body


def _close(pid: int, transport: Any, connection: Any, sock: socket.socket | None) -> None:
    try:
        if sock is None:
            transport.close_connection(connection)
        elif os.getpid() == pid:  # otherwise it is that of the parent, who goes on using it
            connection.send_method(GOODBYE, "BsBB", (200, "goodbye", 0, 0))
            connection.collect()
    except Exception:
        pass  # it is broken, or TLS complains that nobody has said goodbye
    if sock is not None:
        sock.close()


class _Publisher(_Link):
    """A link to publish by.

    Attributes:
        blocked: Whether RabbitMQ has said that it takes no messages for now.
    """

    def __init__(self, broker: Any, timeout: float) -> None:
        broker.heartbeat = 0  # nobody would send any between two emits
        super().__init__(broker, timeout)
        self._close.atexit = True
        self.blocked = False
        if self.is_amqp:
            self._connection.on_blocked = lambda reason: self._block(True)
            self._connection.on_unblocked = lambda: self._block(False)

    def _block(self, blocked: bool) -> None:
        self.blocked = blocked

    def declare(self, exchange: Any, producer: Callable[..., Any], options: dict[str, Any]) -> None:
        """Declares the exchange; a producer with options, or that of another broker, publishes on its own."""
        self._exchange = exchange(self.channel)
        self._exchange.declare()
        self._publication: Publication | None = None
        if self.is_amqp and not options:
            connection = self._connection
            self._publication = Publication(exchange.name, self.channel.channel_id, connection.frame_max)
        else:
            self._producer = producer(self.channel, exchange=exchange, **options)

    def publish(self, messages: Sequence[bytes], timeout: float) -> None:
        """Publishes messages, and waits for RabbitMQ to have had them."""
        if self.is_amqp:
            self._socket.settimeout(timeout)
        if self._publication is not None:
            self._socket.sendall(self._publication.encode(messages))
        else:
            for message in messages:
                self._producer.publish(message.decode())
        if self.is_amqp:
            # Its answer comes after everything that was sent before, and is none if the exchange is gone.
            self._exchange.declare(passive=True)

    def is_still_blocked(self) -> bool:
        """Takes what RabbitMQ has said meanwhile, and returns whether it still takes no messages."""
        self._socket.settimeout(0.05)
        try:
            while True:
                self._connection.drain_events()
        except TimeoutError:
            return self.blocked
