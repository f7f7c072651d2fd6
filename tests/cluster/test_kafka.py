"""What only Kafka has: partitions, logs that are kept, and logs that begin anew."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from ..brokers.brokers import HOST, Broker
from ..brokers.kafka import Kafka, KafkaSpy
from .nodes import DEADLINE, FOLDER, KINDS, Node, agree, wait_until


def emit(number: int) -> bytes:
    """Returns the message of an emit."""
    return json.dumps({"method": "emit", "event": "number", "data": [number], "namespace": "/"}).encode()


@pytest.fixture(scope="module")
def kafka(get_broker: Callable[[type[Broker]], Broker]) -> Broker:
    """The Kafka of all tests."""
    return get_broker(Kafka)


@pytest.fixture
def own_kafka() -> Iterator[Kafka]:
    """A Kafka for one test alone."""
    broker = Kafka()
    yield broker
    broker.close()


def spy_on(broker: Broker, channel: str) -> KafkaSpy:
    """Returns a spy."""
    spy = broker.spy(channel)
    assert isinstance(spy, KafkaSpy)
    return spy


def test_partitions(kafka: Broker, start_node: Callable[..., Node]) -> None:
    spy = spy_on(kafka, "partitions")
    for number in range(8):
        spy.publish(emit(-1), number % 4)  # before there was anybody
    peers = [start_node(kind, kafka, "partitions").client() for kind in KINDS]
    agree(*peers)
    for peer in peers:
        host_id = peer.look()["host_id"]
        spy.seek(lambda partition: spy.producer.send(spy.channel, b"{}", partition=partition).get().offset)
        for number in range(100):
            peer.do("emit", "own", number)
        records = spy.records(100)
        assert {record.key for record in records} == {host_id.encode()}
        assert len({record.partition for record in records}) == 1  # where their order is kept
        assert [json.loads(record.value)["data"] for record in records] == [[number] for number in range(100)]
        for other in peers:
            assert [other.hear("own") for _ in range(100)] == [[number] for number in range(100)]
    for garbage in (None, b"", b"{", b"\xff", b"[]"):
        spy.publish(garbage, 1)
    for number in range(8):
        spy.publish(emit(number), number % 4)
    for peer in peers:
        assert sorted(peer.hear("number")[0] for _ in range(8)) == list(range(8))
        assert peer.look()["ignored"] == 4  # a record without a value is none
    spy.close()


def test_a_log_that_begins_anew(own_kafka: Kafka, start_node: Callable[..., Node]) -> None:
    peers = [start_node(kind, own_kafka).client() for kind in KINDS]
    agree(*peers)
    sent = 0
    for count in (3, 60):  # shorter than the one before, and longer
        own_kafka.kill()
        own_kafka.start()
        spy = spy_on(own_kafka, "socketio")
        for number in range(sent, sent + count):
            spy.publish(emit(number), number % 4)
        for peer in peers:
            assert sorted(peer.hear("number")[0] for _ in range(count)) == list(range(sent, sent + count))
        sent += count
        spy.close()
        wait_until(lambda: all(peer.look()["healthy"] for peer in peers))


def test_a_topic_that_is_made_anew_with_more_partitions(own_kafka: Kafka, start_node: Callable[..., Node]) -> None:
    from kafka import KafkaAdminClient
    from kafka.admin import NewTopic
    from kafka.errors import TopicAlreadyExistsError

    peers = [start_node(kind, own_kafka).client() for kind in KINDS]
    agree(*peers)
    admin = KafkaAdminClient(bootstrap_servers=f"{HOST}:{own_kafka.port}")

    def make() -> bool:
        admin.delete_topics(["socketio"])
        try:
            admin.create_topics([NewTopic("socketio", num_partitions=6, replication_factor=1)])
        except TopicAlreadyExistsError:  # somebody asked for it in between
            return False
        return True

    wait_until(make)
    spy = spy_on(own_kafka, "socketio")
    assert len(spy.topic) == 6
    spy.seek(lambda partition: 0)
    hosts = {peer.look()["host_id"].encode() for peer in peers}
    while hosts:  # until each process has looked at a partition that is new
        hosts -= spy.markers(5)
    for number in range(12):
        spy.publish(emit(number), number % 6)
    for peer in peers:
        assert sorted(peer.hear("number")[0] for _ in range(12)) == list(range(12))
    spy.close()
    admin.close()


def test_a_message_that_the_broker_refuses_is_dropped(kafka: Broker, start_node: Callable[..., Node]) -> None:
    node = start_node("threads", kafka, "refused", manager="small_kafka:KafkaManager")
    peer, other = node.client(), start_node("asyncio", kafka, "refused").client()
    agree(peer, other)
    peer.do("emit", "data", "b" * 5_000)
    wait_until(lambda: peer.look()["dropped"] == 1)
    peer.do("emit", "data", "c")
    assert other.hear("data") == ["c"]
    assert peer.look()["healthy"]
    assert "is dropped" in node.log()


def test_forks(kafka: Broker, start_node: Callable[..., Node]) -> None:
    peer = start_node("threads", kafka, "forks").client()
    agree(peer)
    for what, expected in (("fork", ["before", "child", "parent", "after"]), ("pool", list(range(-1, 20)))):
        command = [sys.executable, "-W", "ignore", str(FOLDER / "scripts.py"), what, kafka.url, "forks"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        assert (done.returncode, done.stderr) == (0, "")
        assert sorted(str(peer.hear("script")[0]) for _ in expected) == sorted(map(str, expected))


@pytest.mark.parametrize("manager", ["KafkaManager", "AsyncKafkaManager"])
def test_scripts(own_kafka: Kafka, start_node: Callable[..., Node], manager: str) -> None:
    peer = start_node("asyncio", own_kafka).client()
    agree(peer)
    # kafka-python leaves sockets open that it could not connect.
    warnings = "default::ResourceWarning" if manager == "AsyncKafkaManager" else "ignore"
    command = [sys.executable, "-W", warnings, str(FOLDER / "scripts.py")]
    ours = [*command, "use_any", own_kafka.url, "socketio", manager]
    done = subprocess.run(ours, capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert [peer.hear("script") for _ in range(4)] == [[{"a": [b"1", None]}], ["two", b"2"], [], [[]]]
    outage = subprocess.Popen(
        [*command, "emit_through_an_outage", own_kafka.url, "socketio", manager],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert outage.stdout is not None
    assert outage.stdin is not None
    assert outage.stdout.readline() == "emitted\n"
    assert peer.hear("script") == ["before"]
    own_kafka.kill()
    outage.stdin.write("\n")
    outage.stdin.flush()
    assert outage.stdout.readline() == "failing\n"
    own_kafka.start()
    _, errors = outage.communicate("\n", timeout=DEADLINE)
    assert outage.returncode == 0
    own = {"KafkaManager": "kafka:", "AsyncKafkaManager": "asynckafka:"}[manager]
    assert [line for line in errors.splitlines() if not line.startswith(own)] == []
    assert [peer.hear("script"), peer.hear("script")] == [["meanwhile"], ["after"]]
