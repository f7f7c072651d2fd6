"""Fixtures of the tests of several servers: brokers, servers on them, clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

pytest.register_assert_rewrite(
    "tests.cluster.nodes", "tests.brokers.brokers", "tests.brokers.rabbitmq", "tests.brokers.kafka"
)

from ..brokers.brokers import Broker, Redis  # noqa: E402
from ..brokers.kinds import BROKERS  # noqa: E402
from ..brokers.rabbitmq import RabbitMQ  # noqa: E402
from .nodes import KINDS, Node, manager_of  # noqa: E402


@pytest.fixture(scope="session")
def get_broker() -> Iterator[Callable[[type[Broker]], Broker]]:
    """A function that returns a broker of a class, started when the first test needs it."""
    brokers: dict[type[Broker], Broker] = {}

    def get(kind: type[Broker]) -> Broker:
        if kind not in brokers:
            try:
                brokers[kind] = kind()
            except AssertionError:  # somebody else had one of its ports in the meantime
                brokers[kind] = kind()
        return brokers[kind]

    yield get
    for broker in brokers.values():
        broker.close()


@pytest.fixture(scope="session", params=BROKERS, ids=lambda kind: kind.name)
def broker(request: pytest.FixtureRequest, get_broker: Callable[[type[Broker]], Broker]) -> Broker:
    """A broker of each class, for the tests that leave it alone."""
    return get_broker(request.param)


@pytest.fixture(scope="session")
def redis_server(get_broker: Callable[[type[Broker]], Broker]) -> Redis:
    """The Redis among them."""
    redis = get_broker(Redis)
    assert isinstance(redis, Redis)
    return redis


@pytest.fixture(scope="session")
def rabbit(get_broker: Callable[[type[Broker]], Broker]) -> RabbitMQ:
    """The RabbitMQ among them."""
    rabbit = get_broker(RabbitMQ)
    assert isinstance(rabbit, RabbitMQ)
    return rabbit


@pytest.fixture
def start_node() -> Iterator[Callable[..., Node]]:
    """A function that starts a server for one test alone; see `Node` for its arguments."""
    nodes: list[Node] = []

    def start(*args: object, **kwargs: object) -> Node:
        nodes.append(Node(*args, **kwargs))
        return nodes[-1]

    yield start
    for node in nodes:
        node.close()


@pytest.fixture(scope="module")
def nodes(broker: Broker) -> Iterator[list[Node]]:
    """A cluster of two servers, one of each colour that the broker has a manager for."""
    kinds = [kind for kind in KINDS if manager_of(type(broker), kind)]
    started = [Node(kind, broker, "cluster") for kind in (kinds * 2)[:2]]
    yield started
    for node in started:
        node.close()
