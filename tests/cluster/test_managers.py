"""Managers of Redis in this process, on servers without clients."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest

import socketio

from ..brokers.brokers import HOST, Redis, free_port
from .nodes import wait_until


def connections(redis: Redis, channel: str) -> Any:
    """Returns how many listen on a channel."""
    return redis.ask("PUBSUB", "NUMSUB", channel)[1]


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine, which must not leave a task."""

    async def main() -> None:
        await coroutine
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


async def until_healthy(manager: Any) -> None:
    """Waits until a manager hears and is heard."""
    while not manager.healthy:
        await asyncio.sleep(0.01)


def test_threads_end_with_the_server(redis_server: Redis) -> None:
    before = threading.enumerate()
    manager = socketio.RedisManager(redis_server.url, channel="threads end")
    server = socketio.Server(client_manager=manager, async_mode="threading")
    for _ in range(2):  # it can begin anew
        manager.initialize()
        wait_until(lambda: manager.healthy)
        assert connections(redis_server, "threads end") == 1
        spy = redis_server.spy("threads end")
        server.emit("x", 1)
        assert json.loads(spy.messages(1)[0])["event"] == "x"
        spy.close()
        assert manager.flush(5)
        server.shutdown()
        assert not manager.healthy
        wait_until(lambda: set(threading.enumerate()) <= set(before))
        wait_until(lambda: connections(redis_server, "threads end") == 0)


def test_tasks_end_with_the_server(redis_server: Redis) -> None:
    async def main() -> None:
        manager = socketio.AsyncRedisManager(redis_server.url, channel="tasks end")
        server = socketio.AsyncServer(client_manager=manager)
        for _ in range(2):
            manager.initialize()
            await until_healthy(manager)
            spy = redis_server.spy("tasks end")
            await server.emit("x", 1)
            assert await manager.flush(5)
            assert json.loads(spy.messages(1)[0])["event"] == "x"
            spy.close()
            await server.shutdown()
            assert not manager.healthy
        await server.close()

    run(main())
    assert connections(redis_server, "tasks end") == 0


def test_the_format_on_the_broker(redis_server: Redis) -> None:
    spy = redis_server.spy("format")
    manager = socketio.RedisManager(redis_server.url, channel="format", write_only=True)
    manager.host_id = "me"
    manager.emit("x", (1, "two"), room=("a", "b"), skip_sid={"c"}, namespace="/n")
    manager.emit("x", b"1")
    manager.disconnect("sid")
    manager.enter_room("sid", "/", "a")
    manager.leave_room("sid", "/", "a")
    manager.close_room("a", "/n")
    one, binary, disconnect, enter, leave, close = map(json.loads, spy.messages(6))
    assert one == {
        "method": "emit",
        "event": "x",
        "data": [1, "two"],
        "binary": False,
        "namespace": "/n",
        "room": ["a", "b"],
        "skip_sid": ["c"],
        "callback": None,
        "host_id": "me",
        "seq": 1,
    }
    assert (binary["binary"], binary["data"]) == (True, [[{"_placeholder": True, "num": 0}], "MQ=="])
    assert disconnect == {"method": "disconnect", "sid": "sid", "namespace": "/", "host_id": "me", "seq": 3}
    assert (enter["method"], enter["room"]) == ("enter_room", "a")
    assert (leave["method"], leave["room"]) == ("leave_room", "a")
    assert close == {"method": "close_room", "room": "a", "namespace": "/n", "host_id": "me", "seq": 6}
    manager.close()
    spy.close()


def test_what_cannot_be_emitted(redis_server: Redis) -> None:
    manager = socketio.RedisManager(redis_server.url, write_only=True)
    for room in ("a", None):
        with pytest.raises(RuntimeError, match="Callbacks can only be issued from the context of a server"):
            manager.emit("x", None, room=room, callback=print)
    with pytest.raises(ValueError, match="too large for other processes"):
        manager.emit("x", b"x" * (26 * 1024 * 1024))
    with pytest.raises(TypeError):
        manager.emit("x", object())
    assert len(manager.outbox) == 0
    manager.emit("x", 1)
    assert manager.healthy
    assert manager.redis.echo("own command") == b"own command"
    manager.redis.close()
    manager.close()

    async def main() -> None:
        own = socketio.AsyncRedisManager(redis_server.url, write_only=True)
        with pytest.raises(RuntimeError, match="Callbacks can only be issued from the context of a server"):
            await own.emit("x", None, room="a", callback=print)
        server = socketio.AsyncServer(client_manager=socketio.AsyncRedisManager(redis_server.url))
        with pytest.raises(ValueError, match="Cannot use callback without a room set"):
            await server.emit("x", callback=print)

    run(main())


def test_closed_managers_may_emit_again() -> None:
    redis = Redis(started=False)
    manager = socketio.RedisManager(redis.url, write_only=True)
    manager.closing_timeout = 0.1
    for number in range(3):
        manager.emit("x", number)
        manager.close()
    redis.start()
    spy = redis.spy("socketio")
    manager.emit("x", 3)
    assert [json.loads(message)["data"] for message in spy.messages(4)] == [[0], [1], [2], [3]]
    manager.close()
    spy.close()
    redis.close()


def test_a_broker_that_is_not_there() -> None:
    url = f"redis://{HOST}:{free_port()}"
    manager = socketio.RedisManager(url)
    server = socketio.Server(client_manager=manager, async_mode="threading")
    server.emit("x")
    began = time.monotonic()
    for _ in range(1000):
        server.emit("x")
    assert time.monotonic() - began < 10  # nobody waits for it: that would take minutes
    assert not manager.flush(0.1)
    assert not manager.healthy
    manager.outbox.clear()
    server.shutdown()

    async def main() -> None:
        own = socketio.AsyncRedisManager(url, write_only=True)
        await own.emit("x", 1)
        assert not own.healthy
        assert not await own.flush(0.1)
        own.outbox.clear()
        await own.close()

    run(main())


def test_without_an_event_loop(redis_server: Redis) -> None:
    manager = socketio.AsyncRedisManager(redis_server.url)
    server = socketio.AsyncServer(client_manager=manager)
    server.manager_initialized = True
    server.manager.initialize()
    assert not server.manager_initialized  # the first client will have it done


def test_a_cancelled_emit_is_published_later(redis_server: Redis) -> None:
    spy = redis_server.spy("cancelled")

    async def main() -> None:
        manager = socketio.AsyncRedisManager(redis_server.url, channel="cancelled", write_only=True)
        await manager.emit("x", 0)
        redis_server.pause()
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await manager.emit("x", 1)
        finally:
            redis_server.resume()
        await manager.emit("x", 2)
        await manager.close()

    run(main())
    found = [json.loads(message) for message in spy.messages(4)]
    assert [message["data"][0] for message in found] == [0, 1, 1, 2]
    assert [message.get("again") for message in found] == [None, None, True, None]
    spy.close()
