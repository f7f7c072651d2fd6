"""Many clients, clients that do not read, handlers that take their time, and ends that nobody has announced."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import time
from collections.abc import Callable

import pytest
from serving import DEADLINE

import socketio

from ..faults.raw_client import RawWebSocket, target
from .guests import invite, until
from .processes import FOLDER, WsgiProcess

Start = Callable[[str], WsgiProcess]

FEW = 4
"""How many threads a server has beside those of its connections: deadlines, and handlers that it runs."""


def test_a_crowd_of_threads(start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_OPTIONS", json.dumps({"ping_interval": 2, "ping_timeout": 10}))
    server = start_server("werkzeug")
    before = server.threads

    async def run() -> None:
        guests = await invite(server.port, 500)
        assert 500 <= server.threads - before <= 500 + FEW  # one for each connection
        await until(lambda: all(guest.pings for guest in guests))
        guests[0].send('42["tell",null,"news"]')
        await until(lambda: sum(guest.told for guest in guests) == 499)
        assert not any(guest.closed for guest in guests)
        for guest in guests:
            guest.transport.abort()
        await until(lambda: server.threads - before <= FEW)

    asyncio.run(run())


@pytest.mark.parametrize("way", ["gevent", "eventlet"])
def test_a_crowd_of_greenlets(way: str, start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_OPTIONS", json.dumps({"ping_interval": 2, "ping_timeout": 20}))
    server = start_server(way)
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(5000, files - 500) if way == "gevent" else 900  # eventlet.wsgi takes no more than 1,024 at a time

    async def run() -> None:
        guests = await invite(server.port, count)
        guests[0].send('42["tell",null,"news"]')
        await until(lambda: sum(guest.told for guest in guests) == count - 1)
        await until(lambda: all(guest.pings for guest in guests))
        assert not any(guest.closed for guest in guests)
        assert server.threads <= 2  # gevent has one that looks up names
        for guest in guests:
            guest.transport.abort()

    asyncio.run(run())
    client = socketio.Client()
    client.connect(server.url, transports=["websocket"])
    assert client.call("echo", "still there") == "still there"
    end = time.monotonic() + 15
    while (left := client.call("count")) > 1:
        assert time.monotonic() < end, left
    client.disconnect()


@pytest.mark.parametrize("way", ["werkzeug", "gunicorn-gthread", "gevent", "eventlet"])
def test_a_client_that_does_not_read(way: str, start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"ping_interval": 25, "max_send_queue": 100_000, "send_stall_timeout": 60}
    monkeypatch.setenv("SERVER_OPTIONS", json.dumps(options))
    server = start_server(way)
    slow = RawWebSocket(server.port, target("websocket"), receive_buffer=4096)
    slow.receive()
    slow.send("40")
    slow.receive()
    teller, other = socketio.Client(reconnection=False), socketio.Client(reconnection=False)
    told: list[str] = []
    other.on("told", told.append)
    for client in (teller, other):
        client.connect(server.url, transports=["websocket"])
    for number in range(160):
        started = time.monotonic()
        teller.call("tell", (None, "x" * 50_000))
        while len(told) <= number:
            assert time.monotonic() < started + 2.0
            time.sleep(0.001)
    assert slow.close_code() in (1013, 1006)  # the latter if the close frame would wait behind what is not read
    slow.close()
    for client in (teller, other):
        client.disconnect()


@pytest.mark.parametrize("way", ["werkzeug", "gevent"])
def test_blocked_handlers_stop_no_heartbeats(way: str, start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_OPTIONS", json.dumps({"ping_interval": 0.2, "ping_timeout": 0.6}))
    server = start_server(way)
    busy, other = socketio.Client(reconnection=False), socketio.Client(reconnection=False)
    ends: list[str] = []
    for client in (busy, other):
        client.on("disconnect", ends.append)
        client.connect(server.url, transports=["websocket"])
    for _ in range(20):
        busy.emit("block", 1.5)
    end = time.monotonic() + 1.3
    while time.monotonic() < end:
        assert other.call("echo", "quick", timeout=1) == "quick"
        time.sleep(0.05)
    assert busy.call("echo", "late", timeout=5) == "late"
    assert ends == []
    for client in (busy, other):
        client.disconnect()


@pytest.mark.parametrize("way", ["gunicorn-gthread", "gunicorn-gevent"])
@pytest.mark.parametrize("goodbye", [False, True])
def test_the_end_of_a_worker(way: str, goodbye: bool, start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """gunicorn waits for open connections until its time is up; with a line in its settings they are closed at once."""
    if goodbye:
        monkeypatch.setenv("GUNICORN_CMD_ARGS", f"--config {FOLDER / 'gunicorn_conf.py'}")
    server = start_server(way)
    polling = socketio.Client(reconnection=False)
    polling.connect(server.url, transports=["polling"])
    raw = RawWebSocket(server.port, target("websocket"))
    raw.receive()
    started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert raw.close_code() == (1012 if goodbye else 1006)
    raw.close()
    assert server.process.wait(DEADLINE) == 0
    assert time.monotonic() - started < (1.9 if goodbye else 5)
    polling.wait()
