"""`AsyncKafkaManager`: Kafka for asyncio, by way of aiokafka."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from .async_pubsub import AsyncPubSubManager, close_at_end
from .kafka_log import FETCH, LOOK, MARK, KafkaOptions, Positions, partition_for, record_time

__all__ = ["AsyncKafkaManager"]

BATCH = 1 << 20
"""What goes to the broker in one piece, which it takes or refuses as a whole, in bytes; more than the outbox gives."""
LARGEST = 1 << 27
"""The size of a request that the library refuses; what a broker takes is usually far less."""
POLL = 250
"""After how many milliseconds without records it is looked whether the connections are still there."""


class _Producer:
    """Writes to a topic: one batch at a time, once.

    aiokafka's own producer tries for a while, and over new connections: what is written then may come twice, or be
    written by a new broker without being part of the topic. What fails is the outbox's to send again, which says that
    it does.
    """

    def __init__(self, library: Any, options: dict[str, Any], topic: str, timeout: float) -> None:
        self._library = library
        self._errors = library.errors
        self._new_batch = importlib.import_module("aiokafka.record.default_records").DefaultRecordBatchBuilder
        self._request = importlib.import_module("aiokafka.protocol.produce").ProduceRequest
        self._client = importlib.import_module("aiokafka.client").AIOKafkaClient(**options)
        self._topic = topic
        self._timeout = timeout
        self._connections: set[Any] = set()

    async def start(self) -> None:
        """Connects; a topic that is not there is made by the broker."""
        async with asyncio.timeout(self._timeout):
            await self._client.bootstrap()
            await self._client.set_topics([self._topic])
            while not self.partitions:
                await asyncio.sleep(0.05)
                await self._client.force_metadata_update()

    @property
    def partitions(self) -> set[int]:
        """The partitions."""
        return self._client.cluster.partitions_for_topic(self._topic) or set()

    async def write(self, number: int, key: bytes, values: Sequence[bytes], timeout: float) -> int:
        """Writes values to a partition; returns the offset of the last one."""
        leader = self._client.cluster.leader_for_partition(self._library.TopicPartition(self._topic, number))
        if leader in (None, -1) or not self._connections <= _connections_of(self._client):
            raise ConnectionError("the connection to Kafka was lost")
        batch = self._new_batch(2, 0, 0, -1, -1, -1, LARGEST)
        now = int(record_time() * 1000)
        for offset, value in enumerate(values):
            batch.append(offset, now, key, value, [])
        request = self._request(None, -1, int(self._timeout * 1000), [(self._topic, [(number, bytes(batch.build()))])])
        async with asyncio.timeout(timeout):
            response = await self._client.send(leader, request)
        self._connections = _connections_of(self._client)
        _, code, offset, *_ = response.topics[0][1][0]
        error = self._errors.for_code(code)
        if error is not self._errors.NoError:
            raise error()
        return int(offset) + len(values) - 1

    async def stop(self) -> None:
        """Closes the connections."""
        await self._client.close()


class AsyncKafkaManager(KafkaOptions, AsyncPubSubManager):
    """The manager of an asyncio server among several that have a Kafka in common.

    The options are `KafkaManager`'s, but that `kafka_options` are those of aiokafka.
    """

    name: ClassVar[str] = "asynckafka"
    package = "aiokafka"
    library = "aiokafka"
    settle = 0.0

    def _begin(self) -> None:
        super()._begin()
        self._positions = Positions()
        self._early: list[bytes] = []
        self._partition: int | None = None
        self._new_loop()

    def _new_loop(self) -> None:
        self._producer: _Producer | None = None
        self._keeper: AsyncGenerator[None, None] | None = None

    # Publishing

    async def _make_producer(self) -> _Producer:
        options = self._connection_options(self.publish_timeout)
        producer = _Producer(self._library, options, self.channel, self.publish_timeout)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _publish_batch(self, messages: Sequence[bytes]) -> None:
        if not messages or self._producer is None:
            await self._drop_producer()
            self._producer = await self._make_producer()
            self._keeper = await close_at_end(self._producer.stop)
        self._partition = partition_for(self.host_id, self._producer.partitions, self._partition)
        if messages:
            try:
                await self._write_or_refuse(self._producer, self._partition, messages)
            except BaseException:
                await self._drop_producer()
                raise

    async def _write_or_refuse(self, producer: _Producer, partition: int, messages: Sequence[bytes]) -> None:
        timeout = self.time_for(sum(map(len, messages)))
        errors = self._library.errors
        try:
            await producer.write(partition, self.host_id.encode(), messages, timeout)
        except (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError) as exc:
            if len(messages) > 1:
                for message in messages:
                    await self._write_or_refuse(producer, partition, (message,))
            else:
                self._refused(messages[0], exc)

    async def _drop_producer(self) -> None:
        keeper = self._keeper
        self._new_loop()
        if keeper is not None:
            await keeper.aclose()

    async def _disconnect_broker(self) -> None:
        await self._drop_producer()

    # Listening

    async def _listen_batches(self) -> AsyncIterator[Sequence[Any]]:
        while True:
            listening = self._listen_until_doubtful()
            try:
                async for batch in listening:
                    yield batch
            finally:
                await listening.aclose()

    async def _listen_until_doubtful(self) -> AsyncGenerator[Sequence[Any], None]:
        self._positions.begin(record_time())
        consumer = self._library.AIOKafkaConsumer(
            **{
                "fetch_max_wait_ms": FETCH,
                **self._connection_options(self.publish_timeout),
                "group_id": None,
                "enable_auto_commit": False,
                "auto_offset_reset": "earliest",
            }
        )
        try:
            async with asyncio.timeout(self.publish_timeout):
                await consumer.start()
            await self._catch_up(consumer)
            messages, self._early = self._early, []
            yield messages
            connections = _connections_of(consumer._client)
            partitions = consumer.assignment()
            next_look = time.monotonic() + LOOK
            while True:
                polled = await consumer.getmany(timeout_ms=POLL)
                if not connections <= _connections_of(consumer._client):
                    return
                if polled:
                    yield await self._take(consumer, polled)
                if time.monotonic() < next_look:
                    continue
                async with asyncio.timeout(self.publish_timeout):
                    ends = {tp.partition: end for tp, end in (await consumer.end_offsets(partitions)).items()}
                there = consumer.partitions_for_topic(self.channel)
                if there != ends.keys() or self._positions.are_doubtful(ends):
                    return
                next_look = time.monotonic() + LOOK
        finally:
            await _stop(consumer, self.publish_timeout)

    async def _catch_up(self, consumer: Any) -> None:
        """Begins to read, up to the marks; the messages before them are in `_early`, also if it fails."""
        producer = await self._make_producer()
        try:
            key, timeout = self.host_id.encode(), self.publish_timeout
            marks = {number: await producer.write(number, key, (MARK,), timeout) for number in producer.partitions}
        finally:
            await producer.stop()
        topic = {number: self._library.TopicPartition(self.channel, number) for number in marks}
        since: dict[int, int] = {}
        if (began := self._positions.missing_since(record_time())) is not None:
            async with asyncio.timeout(self.publish_timeout):
                found = await consumer.offsets_for_times(dict.fromkeys(topic.values(), began))
            since = {tp.partition: it.offset for tp, it in found.items() if it is not None and it.timestamp >= 0}
        starts = self._positions.start(marks, since)
        consumer.assign(list(topic.values()))
        async with asyncio.timeout(2 * self.publish_timeout):
            for number, offset in starts.items():
                if offset is None:
                    await consumer.seek_to_beginning(topic[number])
                else:
                    consumer.seek(topic[number], offset)
            while not self._positions.caught_up:
                self._early += await self._take(consumer, await consumer.getmany(timeout_ms=POLL))

    async def _take(self, consumer: Any, polled: Mapping[Any, Sequence[Any]]) -> list[bytes]:
        """Returns the messages among records."""
        messages: list[bytes] = []
        for tp, records in polled.items():
            taken = self._positions.take(tp.partition, records)
            if taken is None:
                await consumer.seek_to_beginning(tp)
            else:
                messages += taken
        return messages


async def _stop(consumer: Any, timeout: float) -> None:
    """Ends a consumer, for which some seconds are enough, and its connections, whatever it raises: it takes the
    cancellation of its own tasks for that of whoever waits for it.
    """
    stopping = asyncio.ensure_future(consumer.stop())
    try:
        await asyncio.wait([stopping], timeout=timeout)
    finally:
        stopping.cancel()
        stopping.add_done_callback(lambda done: done.cancelled() or done.exception())
        await consumer._client.close()


def _connections_of(client: Any) -> set[Any]:
    """Returns the connections of a client. Where the library replaces one, there may be another broker behind it."""
    return {connection for connection in client._conns.values() if connection.connected()}
