"""What an `AsyncClient` does when its server goes away, comes back, or says nothing any more."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import socketio

from .colours import Colour, asked, in_thread, settled
from .processes import FOLDER, Server

FAST = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.2}


def listen(client: Any, *names: str) -> asyncio.Queue[Any]:
    """Returns what is heard of some events."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    for name in names:
        client.on(name, lambda *args, name=name: heard.put_nowait((name, *args)))
    return heard


async def test_a_server_that_is_killed_and_comes_back(
    colour: Colour, start_any_server: Callable[[], Server], transports: list[str]
) -> None:
    server = start_any_server()
    client = colour.Client(**FAST, request_timeout=1)
    heard = listen(
        client, "connect", "disconnect", "connect_error", "reconnect_attempt", "reconnect_error", "reconnect"
    )
    urls = []

    async def url() -> str:
        urls.append(server.url)
        return server.url

    await client.connect(url, transports=transports)
    assert await heard.get() == ("connect",)
    waiting = asyncio.create_task(client.call("never"))
    await asked(client)
    await in_thread(server.kill)
    assert await heard.get() == ("disconnect", "transport error")
    with pytest.raises(socketio.exceptions.DisconnectedError):
        await waiting
    assert await heard.get() == ("reconnect_attempt", 1)
    assert (await heard.get())[0] == "connect_error"
    assert (await heard.get())[0] == "reconnect_error"
    await in_thread(server.start)
    while (event := await heard.get())[0] != "connect":
        assert event[0] in ("reconnect_attempt", "connect_error", "reconnect_error")
    assert (await heard.get())[0] == "reconnect"
    assert len(urls) > 2
    assert await client.call("echo", "again") == "again"
    await client.disconnect()


async def test_a_server_that_was_stopped(
    colour: Colour, start_any_server: Callable[[], Server], transports: list[str]
) -> None:
    server = start_any_server()
    client = colour.Client(**FAST, request_timeout=0.3)
    heard = listen(client, "connect", "disconnect")
    await client.connect(server.url, transports=transports)
    assert await heard.get() == ("connect",)
    server.signal(signal.SIGSTOP)
    try:
        assert await heard.get() == ("disconnect", "ping timeout")
        await asyncio.sleep(0.5)
    finally:
        server.signal(signal.SIGCONT)
    assert await heard.get() == ("connect",)
    assert await client.call("echo", 1) == 1
    await client.disconnect()


async def test_disconnecting_from_a_server_that_was_stopped(
    colour: Colour, start_server: Callable[[], Server], transports: list[str]
) -> None:
    server = start_server()
    client = colour.Client(request_timeout=0.3)
    await client.connect(server.url, transports=transports)
    server.signal(signal.SIGSTOP)
    try:
        await client.disconnect()
    finally:
        server.signal(signal.SIGCONT)


async def test_attempts_come_to_an_end(colour: Colour, start_server: Callable[[], Server]) -> None:
    server = start_server()
    client = colour.Client(**FAST, reconnection_attempts=2)
    heard = listen(client, "reconnect_attempt", "reconnect_failed", "__disconnect_final")
    await client.connect(server.url)
    await in_thread(server.kill)
    await client.wait()
    expected = ["reconnect_attempt", "reconnect_attempt", "reconnect_failed", "__disconnect_final"]
    assert [(await heard.get())[0] for _ in expected] == expected
    assert not client.connected


async def test_no_reconnection_unless_wanted(colour: Colour, start_server: Callable[[], Server]) -> None:
    server = start_server()
    client = colour.Client(reconnection=False)
    heard = listen(client, "disconnect", "__disconnect_final")
    await client.connect(server.url)
    await in_thread(server.kill)
    await client.wait()
    assert await heard.get() == ("disconnect", "transport error")
    assert await heard.get() == ("__disconnect_final",)


async def test_the_offline_buffer_is_sent_in_order(
    colour: Colour, start_server: Callable[[], Server], transports: list[str]
) -> None:
    server = start_server()
    client = colour.Client(**FAST, buffer_offline=True)
    heard = listen(client, "back", "disconnect")
    await client.emit("send back", "before")
    await client.connect(server.url, transports=transports)
    assert await heard.get() == ("back", "before")
    await in_thread(server.kill)
    assert (await heard.get())[0] == "disconnect"
    for number in range(5):
        await client.emit("send back", (number, b"x"))
    call = asyncio.create_task(client.call("echo", "called"))
    while len(client._offline) < 6:
        await asyncio.sleep(0.001)
    await in_thread(server.start)
    assert [await heard.get() for _ in range(5)] == [("back", number, b"x") for number in range(5)]
    assert await call == "called"
    await client.disconnect()


async def test_retrying_the_first_connection(colour: Colour, start_server: Callable[[], Server]) -> None:
    server = start_server()
    await in_thread(server.kill)
    client = colour.Client(**FAST)
    heard = listen(client, "connect_error", "connect")
    connecting = asyncio.create_task(client.connect(server.url, retry=True))
    assert (await heard.get())[0] == "connect_error"
    await in_thread(server.start)
    await connecting
    assert client.connected
    await client.disconnect()


@pytest.mark.parametrize("end", ["shutdown", "event"])
async def test_attempts_can_be_aborted(colour: Colour, start_server: Callable[[], Server], end: str) -> None:
    server = start_server()
    await in_thread(server.kill)
    client = colour.Client(reconnection_delay=100, reconnection_delay_max=100)
    abort = client._reconnect_abort = threading.Event() if end == "event" else None
    heard = listen(client, "connect_error")
    connecting = asyncio.create_task(client.connect(server.url, retry=True))
    await heard.get()
    if abort is not None:
        abort.set()
    else:
        await client.shutdown()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await connecting
    await client.wait()


async def test_shutdown_ends_a_reconnection(colour: Colour, start_server: Callable[[], Server]) -> None:
    server = start_server()
    client = colour.Client(reconnection_delay=100, reconnection_delay_max=100)
    heard = listen(client, "disconnect", "__disconnect_final")
    await client.connect(server.url)
    await in_thread(server.kill)
    assert (await heard.get())[0] == "disconnect"
    await client.shutdown()
    await client.wait()
    assert await heard.get() == ("__disconnect_final",)


async def test_disconnecting_while_the_program_looks_for_the_url(
    colour: Colour, start_server: Callable[[], Server]
) -> None:
    server = start_server()
    client = colour.Client(**FAST)
    count = 0
    disconnecting: list[asyncio.Task[None]] = []

    async def url() -> str:
        nonlocal count
        count += 1
        if count == 2:
            disconnecting.append(asyncio.create_task(client.disconnect()))
            while not client._stopping:
                await asyncio.sleep(0.001)
        return server.url

    heard = listen(client, "connect", "__disconnect_final")
    await client.connect(url)
    assert await heard.get() == ("connect",)
    await client.emit("drop")
    await client.wait()
    await disconnecting[0]
    assert not client.connected
    assert client.eio.state == "disconnected"
    assert await heard.get() == ("__disconnect_final",)
    await settled(client)


async def test_a_failing_function_of_the_program_is_called_again(
    colour: Colour, start_server: Callable[[], Server]
) -> None:
    server = start_server()
    client = colour.Client(**FAST)
    heard = listen(client, "connect", "reconnect_error")
    tokens = iter([{"token": 1}, None, {"token": 2}])

    def auth() -> Any:
        token = next(tokens)
        if token is None:
            raise KeyError("no token today")
        return token

    await client.connect(server.url, auth=auth)
    assert await heard.get() == ("connect",)
    await client.emit("drop")
    assert (await heard.get())[0] == "reconnect_error"
    assert await heard.get() == ("connect",)
    await client.disconnect()


async def test_disconnecting_inside_a_handler(colour: Colour, start_server: Callable[[], Server]) -> None:
    server = start_server()
    client = colour.Client()

    @client.event
    async def disconnect() -> None:
        await client.disconnect()

    @client.event
    async def back() -> None:
        await client.disconnect()

    await client.connect(server.url)
    await client.emit("send back")
    await client.wait()
    await settled(client)
    assert not client.connected


async def test_disconnecting_inside_the_connect_handler(colour: Colour, start_server: Callable[[], Server]) -> None:
    server = start_server()
    client = colour.Client()
    client.on("connect", client.disconnect)
    await client.connect(server.url)
    await client.wait()
    await settled(client)
    assert not client.connected


async def test_cancelling_connect_leaves_nothing(start_server: Callable[[], Server], transports: list[str]) -> None:
    server = start_server()
    server.signal(signal.SIGSTOP)
    client = socketio.AsyncClient()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.connect(server.url, transports=transports)
    server.signal(signal.SIGCONT)
    await client.connect(server.url, transports=transports)
    await client.disconnect()


def test_an_interrupt_disconnects(start_server: Callable[[], Server]) -> None:
    program = """
import asyncio, sys, socketio
client = socketio.AsyncClient()
client.on("disconnect", lambda reason: print(reason, flush=True))
async def main():
    await client.connect(sys.argv[1])
    print("connected", flush=True)
    try:
        await client.wait()
    finally:
        await client.disconnect()
asyncio.run(main())
"""
    command = [sys.executable, "-W", "error", "-c", program, start_server().url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=FOLDER) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"
        os.kill(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert output == "client disconnect\n"
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT
