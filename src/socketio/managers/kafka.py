"""`KafkaManager`: Kafka for threads, gevent and eventlet, by way of kafka-python."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from .kafka_log import FETCH, LOOK, MARK, KafkaOptions, Positions, partition_for, record_time
from .pubsub import PubSubManager

__all__ = ["KafkaManager"]

LINGER = 0.1
"""For how long the library collects messages, unless it is told to send them, in seconds."""
BATCH = 1 << 20
"""What goes to the broker in one piece, which it takes or refuses as a whole, in bytes; more than the outbox gives."""
POLL = 250
"""For how many milliseconds a thread waits for records until it looks whether it is to end."""
LARGEST = 1 << 27
"""The size of a request that the library refuses; what a broker takes is usually far less."""


class KafkaManager(KafkaOptions, PubSubManager):
    """The manager of a server among several that have a Kafka in common.

    What is published is kept by Kafka: after an outage nothing is missing. A record is written to each partition when a
    process begins to listen.

    Args:
        url: kafka://host:port[,host:port...], or a list of such.
        channel: The topic.
        kafka_options: Options of kafka-python for all connections, such as `security_protocol`.
        options: All others; see :class:`BasePubSubManager`.

    Raises:
        ValueError: the URL is none of Kafka's, or the channel cannot be the name of a topic.
        RuntimeError: kafka-python is not installed.
    """

    name: ClassVar[str] = "kafka"
    needs_patching = True
    package = "kafka-python"
    library = "kafka"
    settle = 0.0

    def _begin(self) -> None:
        super()._begin()
        self._positions = Positions()
        self._early: list[bytes] = []
        self._producer: Any = None
        self._producer_connections: set[Any] = set()
        self._partition: int | None = None

    def _make(self, kind: Any, **options: Any) -> Any:
        """Returns a producer or consumer; if it cannot be made, nothing of it is left, as there otherwise would be."""
        clients = []

        def make_client(**settings: Any) -> Any:
            clients.append(kind.DEFAULT_CONFIG["kafka_client"](**settings))
            return clients[-1]

        try:
            own = {"kafka_client": make_client, "bootstrap_timeout_ms": int(self.publish_timeout * 1000)}
            return kind(
                **{"metrics_enabled": False, **self._connection_options(self.publish_timeout), **options, **own}
            )
        except BaseException:
            for client in clients:
                client.close()
            raise

    # Publishing

    def _make_producer(self) -> Any:
        timeout = int(self.publish_timeout * 1000)
        # What fails is the outbox's to send again, which says that it does.
        return self._make(
            self._library.KafkaProducer,
            acks="all",
            enable_idempotence=False,
            retries=0,
            max_in_flight_requests_per_connection=1,
            max_block_ms=timeout,
            delivery_timeout_ms=timeout + int(LINGER * 1000),
            linger_ms=int(LINGER * 1000),
            batch_size=BATCH,
            max_request_size=LARGEST,
        )

    def _close_producer(self, producer: Any) -> None:
        try:
            producer.close(timeout=self.publish_timeout)
        except Exception as exc:  # what was not sent is known already
            self._get_logger().debug("%s: closing a producer: %r", self.name, exc)

    def _publish_batch(self, messages: Sequence[bytes]) -> None:
        if not messages or self._producer is None:
            self._drop_producer()
            self._producer, self._producer_connections = self._make_producer(), set()
        producer = self._producer
        try:
            if not self._producer_connections <= _connections_of(producer._sender._client):
                raise ConnectionError("the connection to Kafka was lost")
            partition = partition_for(self.host_id, self._partitions_of(producer), self._partition)
            self._partition = partition
            if messages:
                self._write_or_refuse(producer, partition, messages)
                self._producer_connections = _connections_of(producer._sender._client)
        except BaseException:
            self._drop_producer()
            raise

    def _partitions_of(self, producer: Any) -> set[int]:
        """Returns the partitions; a topic that is not there is made by the broker."""
        partitions: set[int] | None = producer.partitions_for(self.channel)
        if not partitions:
            raise ConnectionError(f"Kafka has no topic {self.channel!r}")
        return partitions

    def _write_or_refuse(self, producer: Any, partition: int, messages: Sequence[bytes]) -> None:
        try:
            self._write(producer, {partition: messages})
        except (self._library.errors.MessageSizeTooLargeError, self._library.errors.RecordListTooLargeError) as exc:
            if len(messages) > 1:
                for message in messages:
                    self._write_or_refuse(producer, partition, (message,))
            else:
                self._refused(messages[0], exc)

    def _write(self, producer: Any, values: Mapping[int, Sequence[bytes]]) -> dict[int, int]:
        """Writes values to partitions; returns the offset of the last one of each."""
        key = self.host_id.encode()
        futures = [
            (partition, producer.send(self.channel, value=value, key=key, partition=partition))
            for partition, some in values.items()
            for value in some
        ]
        # The library gives up by itself a little earlier.
        producer.flush(timeout=self.publish_timeout + 1.0)
        return {partition: future.get(timeout=0).offset for partition, future in futures}

    def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            self._close_producer(producer)

    def _disconnect_broker(self) -> None:
        self._drop_producer()

    # Listening

    def _listen_batches(self) -> Iterator[Sequence[Any]]:
        while not self._closing:
            yield from self._listen_until_doubtful()

    def _listen_until_doubtful(self) -> Iterator[Sequence[Any]]:
        self._positions.begin(record_time())
        timeout = int(self.publish_timeout * 1000)
        consumer = self._make(
            self._library.KafkaConsumer,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH,
        )
        try:
            self._catch_up(consumer)
            messages, self._early = self._early, []
            yield messages
            connections = _connections_of(consumer._client)
            partitions = consumer.assignment()
            next_look = time.monotonic() + LOOK
            while not self._closing:
                polled = consumer.poll(timeout_ms=POLL)
                if not connections <= _connections_of(consumer._client):
                    return
                yield self._take(consumer, polled)
                if time.monotonic() < next_look:
                    continue
                ends = {tp.partition: end for tp, end in consumer.end_offsets(partitions, timeout_ms=timeout).items()}
                there = consumer.partitions_for_topic(self.channel)
                if there != ends.keys() or self._positions.are_doubtful(ends):
                    return
                next_look = time.monotonic() + LOOK
        finally:
            consumer.close(autocommit=False, timeout_ms=timeout)

    def _catch_up(self, consumer: Any) -> None:
        """Begins to read, up to the marks; the messages before them are in `_early`, also if it fails."""
        producer = self._make_producer()
        try:
            marks = self._write(producer, dict.fromkeys(self._partitions_of(producer), (MARK,)))
        finally:
            self._close_producer(producer)
        topic = {number: self._library.TopicPartition(self.channel, number) for number in marks}
        since: dict[int, int] = {}
        if (began := self._positions.missing_since(record_time())) is not None:
            found = consumer.offsets_for_times(
                dict.fromkeys(topic.values(), began), timeout_ms=int(self.publish_timeout * 1000)
            )
            since = {tp.partition: it.offset for tp, it in found.items() if it is not None and it.timestamp >= 0}
        starts = self._positions.start(marks, since)
        consumer.assign(list(topic.values()))
        for number, offset in starts.items():
            if offset is None:
                consumer.seek_to_beginning(topic[number])
            else:
                consumer.seek(topic[number], offset)
        end = time.monotonic() + 2 * self.publish_timeout
        while not self._positions.caught_up and not self._closing:
            if time.monotonic() > end:
                raise TimeoutError("what is written to Kafka does not come back")
            self._early += self._take(consumer, consumer.poll(timeout_ms=POLL))

    def _take(self, consumer: Any, polled: Mapping[Any, Sequence[Any]]) -> list[bytes]:
        """Returns the messages among records."""
        messages: list[bytes] = []
        for tp, records in polled.items():
            taken = self._positions.take(tp.partition, records)
            if taken is None:
                consumer.seek_to_beginning(tp)
            else:
                messages += taken
        return messages


def _connections_of(client: Any) -> set[Any]:
    """Returns the connections of a client. Where the library replaces one, there may be another broker behind it."""
    return set(client._manager._conns.values())
