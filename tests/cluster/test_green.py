"""Servers for gevent and eventlet, with the standard library patched, and what they say if it is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from ..brokers.brokers import Broker, Redis
from ..brokers.kafka import Kafka
from ..brokers.kinds import BROKERS
from ..brokers.zeromq import ZeroMQ
from .nodes import DEADLINE, Node, agree, manager_of, wait_until

SYNC = [broker for broker in BROKERS if broker.sync_manager]


@pytest.mark.parametrize("kind", ["gevent", "eventlet"])
@pytest.mark.parametrize("broker", SYNC, ids=lambda broker: broker.name, indirect=True)
def test_greenlets(broker: Broker, start_node: Callable[..., Node], kind: str) -> None:
    other = "asyncio" if manager_of(type(broker), "asyncio") else "threads"
    here, there = start_node(kind, broker, kind).client(), start_node(other, broker, kind).client()
    agree(here, there)
    here.client.emit("flow", (0, 200, 1000))
    there.client.emit("flow", (200, 400, 1000))
    for peer in (here, there):
        heard = [peer.hear("number")[0] for _ in range(400)]
        assert sorted(heard) == list(range(400))
    assert here.do("call", "question", 1, to=there.sid) == 1
    assert there.do("call", "question", 2, to=here.sid) == 2
    wait_until(lambda: here.look()["healthy"])


@pytest.mark.parametrize(
    ("kind", "which"), [("gevent", Redis), ("eventlet", Redis), ("gevent", Kafka), ("eventlet", ZeroMQ)]
)
def test_a_broker_that_is_killed(start_node: Callable[..., Node], kind: str, which: type[Broker]) -> None:
    broker = which()
    here, there = start_node(kind, broker).client(), start_node(kind, broker).client()
    agree(here, there)
    broker.kill()
    wait_until(lambda: not here.look()["healthy"])
    here.do("emit", "meanwhile", 1)
    assert here.hear("meanwhile") == [1]
    broker.start()
    assert there.hear("meanwhile") == [1]
    broker.close()


@pytest.mark.parametrize("kind", ["gevent", "eventlet"])
def test_unpatched(kind: str) -> None:
    program = f"""
import {kind}, socketio
for manager in (socketio.RedisManager, socketio.KombuManager, socketio.KafkaManager, socketio.ZmqManager):
    server = socketio.Server(client_manager=manager(), async_mode="{kind}")
    try:
        server.manager.initialize()
    except RuntimeError as exc:
        print(exc)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE)
    whose = ("Redis", "Kombu", "Kafka", "Zmq")
    said = [f"{library} requires a monkey patched socket library to work with {kind}" for library in whose]
    assert done.stdout.splitlines() == said, done.stderr
