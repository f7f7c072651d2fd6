"""A broker that is killed, paused, not there yet, or drops connections: what is emitted meanwhile arrives, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from ..brokers.brokers import Broker, Own
from ..brokers.kinds import BROKERS
from .nodes import KINDS, Node, Peer, agree, manager_of, wait_until

RATE = 1000


@pytest.fixture(scope="module")
def shared() -> Iterator[dict[type[Broker], Broker]]:
    """The brokers that tests share because they start slowly."""
    brokers: dict[type[Broker], Broker] = {}
    yield brokers
    for broker in brokers.values():
        broker.close()


@pytest.fixture(params=[broker for broker in BROKERS if broker is not Own], ids=lambda kind: kind.name)
def some_broker(request: pytest.FixtureRequest, shared: dict[type[Broker], Broker]) -> Iterator[Broker]:
    """A broker that nobody else uses meanwhile."""
    kind: type[Broker] = request.param
    broker = shared.get(kind) or kind(started=False)
    if kind.starts_slowly:
        shared[kind] = broker
    yield broker
    if not kind.starts_slowly:
        broker.close()


@pytest.fixture
def own_broker(some_broker: Broker) -> Broker:
    """A broker that is not there."""
    some_broker.kill()
    return some_broker


@pytest.fixture
def running_broker(some_broker: Broker) -> Broker:
    """A broker that is there."""
    if some_broker.process is None:
        some_broker.start()
    return some_broker


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, some_broker: Broker, start_node: Callable[..., Node]) -> tuple[Peer, Peer]:
    """A client of a server of each colour, and one of another server."""
    kinds = [kind for kind in (request.param, *KINDS) if manager_of(type(some_broker), kind)]
    if request.param not in kinds:
        pytest.skip(f"{some_broker.name} has no manager for {request.param}")
    other = next((kind for kind in kinds if kind != request.param), request.param)
    return start_node(request.param, some_broker).client(), start_node(other, some_broker).client()


def numbers_until(peer: Peer, last: int) -> list[int]:
    """Returns the numbers that a client hears, up to the last."""
    numbers: list[int] = []
    while not numbers or numbers[-1] != last:
        event, *args = peer.hear()
        if event == "number":
            numbers.append(args[0])
    return numbers


def assert_once_in_order(numbers: list[int], count: int, lost: int) -> None:
    """Asserts that numbers have come in order, none twice, and all but a few."""
    assert numbers == sorted(set(numbers))
    assert len(numbers) >= count - lost, [pair for pair in pairwise(numbers) if pair[1] - pair[0] > 1]


def test_killed_while_events_flow(own_broker: Broker, pair: tuple[Peer, Peer]) -> None:
    here, there = pair
    assert not here.look()["healthy"]
    here.do("emit", "too early", 1)
    assert here.hear("too early") == [1]  # nobody waits for a broker that is not there
    own_broker.start()
    wait_until(lambda: here.look()["healthy"] and there.look()["healthy"])
    assert there.hear("too early") == [1]
    agree(here, there)
    before = here.look()

    here.client.emit("flow", (0, 2 * RATE, RATE))
    for number in range(RATE // 2):
        assert there.hear("number") == [number]
    own_broker.kill()
    wait_until(lambda: not here.look()["healthy"])
    wait_until(lambda: not there.look()["healthy"])
    here.do("emit", "local")
    wait_until(lambda: ("local",) in here.heard.queue)
    own_broker.start()
    # What was on its way through the broker when it died is lost: what one process publishes in a few milliseconds.
    assert_once_in_order(numbers_until(there, 2 * RATE - 1), 3 * RATE // 2, own_broker.lost)
    assert numbers_until(here, 2 * RATE - 1) == list(range(2 * RATE))
    wait_until(lambda: here.look()["waiting"] == 0)
    after = here.look()
    assert after["healthy"]
    assert (after["dropped"], after["ignored"]) == (0, 0)
    assert after["connections"] == before["connections"]
    wait_until(lambda: here.look()["threads"] <= before["threads"])  # those of requests come and go


def test_paused(running_broker: Broker, pair: tuple[Peer, Peer]) -> None:
    here, there = pair
    agree(here, there)
    running_broker.pause()
    for number in range(100):
        here.do("emit", "number", number)
    assert numbers_until(here, 99) == list(range(100))
    wait_until(lambda: not here.look()["healthy"])
    wait_until(lambda: not there.look()["healthy"])
    running_broker.resume()
    assert numbers_until(there, 99) == list(range(100))
    wait_until(lambda: here.look()["healthy"])


# What waits is the same for all brokers, and some take their time to start.
@pytest.mark.parametrize("some_broker", BROKERS[:1], ids=lambda kind: kind.name, indirect=True)
def test_what_does_not_fit_is_dropped(own_broker: Broker, start_node: Callable[..., Node]) -> None:
    kind = next(kind for kind in KINDS if manager_of(type(own_broker), kind))
    here = start_node(kind, own_broker, outage_buffer=10_000)
    peer, other = here.client(), start_node(kind, own_broker).client()
    for number in range(100):
        peer.do("emit", "number", number)
    assert peer.look()["dropped"] > 50
    assert here.log().count("dropped") == 1
    own_broker.start()
    numbers = numbers_until(other, 99)
    assert numbers == list(range(numbers[0], 100))


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_a_server_publishes_what_disconnect_handlers_emit(
    running_broker: Broker, start_node: Callable[..., Node], kind: str
) -> None:
    if manager_of(type(running_broker), kind) is None:
        pytest.skip(f"{running_broker.name} has no manager for {kind}")
    here, there = start_node(kind, running_broker), start_node(kind, running_broker)
    leaving, staying = here.client(), there.client()
    agree(leaving, staying)
    sid = leaving.sid
    if kind == "asyncio":
        assert here.stop() == 0
    else:
        leaving.client.emit("do", ("close", [], {}))
    assert staying.hear("left") == [sid]
