"""Emitting from processes without a server: scripts that end at once, threads, forks, Celery."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..brokers.brokers import Redis
from .nodes import DEADLINE, FOLDER, Node, Peer, agree, wait_until


@pytest.fixture(scope="module")
def node(redis_server: Redis) -> Iterator[Node]:
    """A server."""
    node = Node("asyncio", redis_server, "scripts")
    yield node
    node.close()


@pytest.fixture
def peer(node: Node) -> Peer:
    """A client of it, which is in the room `a`."""
    peer = node.client()
    agree(peer)
    peer.do("enter_room", peer.sid, "a")
    return peer


def start(what: str, redis: Redis, *args: str, channel: str = "scripts") -> subprocess.Popen[str]:
    """Starts a script."""
    return subprocess.Popen(
        [sys.executable, "-W", "default", str(FOLDER / "scripts.py"), what, redis.url, channel, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(what: str, redis: Redis, *args: str) -> str:
    """Runs a script and returns what it has printed; it must not complain."""
    process = start(what, redis, *args)
    printed, errors = process.communicate(timeout=DEADLINE)
    assert (process.returncode, errors) == (0, "")
    return printed


def test_a_script_that_ends_at_once(peer: Peer, redis_server: Redis) -> None:
    run("emit_once", redis_server)
    assert peer.hear("script") == [{"data": b"1"}]


def test_threads(peer: Peer, redis_server: Redis) -> None:
    run("emit_from_threads", redis_server)
    heard = [tuple(peer.hear("script")) for _ in range(200)]
    for number in range(4):
        assert [item for item in heard if item[0] == number] == [(number, count) for count in range(50)]


def test_event_loops(peer: Peer, redis_server: Redis) -> None:
    run("emit_from_loops", redis_server)
    assert [peer.hear("script"), peer.hear("script")] == [[0], [1]]


def test_rooms_and_disconnect(peer: Peer, redis_server: Redis) -> None:
    text = "Callbacks can only be issued from the context of a server.\n"
    assert run("command", redis_server, peer.sid) == text * 2
    assert peer.hear() == ("in b",)
    assert peer.hear("disconnect") == ["server disconnect"]


@pytest.mark.parametrize("what", ["fork", "pool"])
def test_forks(peer: Peer, redis_server: Redis, what: str) -> None:
    run(what, redis_server)
    expected = ["before", "child", "parent", "after"] if what == "fork" else list(range(-1, 20))
    heard = [peer.hear("script")[0] for _ in expected]
    assert heard[0] == expected[0]
    assert sorted(heard) == sorted(expected)


def test_a_broker_that_comes_while_the_script_runs(start_node: Callable[..., Node]) -> None:
    redis = Redis(started=False)
    peer = start_node("threads", redis, "scripts").client()
    script = start("emit_to_nobody", redis)
    assert script.stdout is not None
    assert script.stdout.readline() == "emitted\n"
    redis.start()
    wait_until(lambda: peer.look()["healthy"])
    script.communicate("end\n", timeout=DEADLINE)  # the last words are published at the end of the program
    assert [peer.hear("script") for _ in range(3)] == [[0], [1], [2]]
    redis.close()


def test_celery(redis_server: Redis, start_node: Callable[..., Node]) -> None:
    celery = Path(sys.executable).with_name("celery")
    if not celery.exists():
        pytest.skip("Celery is not installed")
    peer = start_node("asyncio", redis_server, "celery").client()
    agree(peer)
    environment = {**os.environ, "BROKER": redis_server.url}
    options = ["--concurrency", "2", "--pool", "prefork", "--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
    worker = subprocess.Popen([celery, "-A", "celery_app", "worker", *options], cwd=FOLDER, env=environment)
    try:
        assert peer.hear("task") == ["before the fork"]
        send = "import celery_app; [celery_app.emit.delay(number) for number in range(20)]"
        subprocess.run([sys.executable, "-c", send], cwd=FOLDER, env=environment, check=True, timeout=DEADLINE)
        assert peer.hear("task") == ["before the fork"]  # of the process that sends the tasks
        heard = [peer.hear("task")[0] for _ in range(40)]
        assert sorted(number for number, _ in heard) == sorted([*range(20)] * 2)
        assert worker.pid not in {pid for _, pid in heard}
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(DEADLINE)
