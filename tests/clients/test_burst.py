"""A server that is killed in the middle of a burst: what was acknowledged has arrived, nothing has arrived twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

import socketio

from .colours import Colour, in_thread
from .processes import Server


async def test_a_server_that_is_killed_in_the_middle_of_a_burst(
    colour: Colour, start_any_server: Callable[[], Server], transports: list[str]
) -> None:
    server = start_any_server()
    client = colour.Client(reconnection_delay=0.05, reconnection_delay_max=0.1)
    numbers: list[int] = []
    seen = asyncio.Event()

    @client.event
    async def back(number: int) -> None:
        numbers.append(number)
        if len(numbers) == 100:
            seen.set()

    lost = asyncio.Event()
    client.on("disconnect", lost.set)
    await client.connect(server.url, transports=transports)
    calls = [asyncio.create_task(client.call("echo", number)) for number in range(500)]
    for number in range(500):
        await client.emit("send back", number)
    await seen.wait()
    await in_thread(server.kill)
    await lost.wait()
    results = await asyncio.gather(*calls, return_exceptions=True)
    for number, result in enumerate(results):
        assert result == number or isinstance(result, socketio.exceptions.DisconnectedError)
    # What came is the beginning of what was sent: nothing is missing in between and nothing is there twice.
    assert numbers == list(range(len(numbers)))
    with pytest.raises(socketio.exceptions.BadNamespaceError):
        await client.emit("x")
    await in_thread(server.start)
    while not client.connected or not client.namespaces:
        await asyncio.sleep(0.01)
    before = len(numbers)
    assert await client.call("echo", 1) == 1
    assert len(numbers) == before
    await client.disconnect()
