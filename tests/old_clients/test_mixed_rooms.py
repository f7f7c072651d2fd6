"""Clients of every age in one room: each hears each broadcast exactly once."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import socketio

if TYPE_CHECKING:
    from collections.abc import Callable

    from js_client import Clients
    from serving import ServerProcess

AGES = [("1", "polling"), ("1", "websocket"), ("2", "websocket"), ("2", "upgrade"), ("3", "polling"), ("4", "upgrade")]
SAID = [
    ["text", "é€😀\u2028"],
    [b"\x00\x04\xff"],
    [{"a": [b"1", "é", {"b": b"2" * 3000}]}, b""],
    ["x" * 20_000],
    [],
    ["the end"],
]
WAIT = 20


class Ear:
    """One of our own clients, as a member of the room."""

    def __init__(self, url: str, protocol: Any, transports: str) -> None:
        self.heard: list[list[Any]] = []
        self.over = threading.Event()
        self.client = socketio.Client(protocol=protocol)
        self.client.on("said", self.hear)
        self.client.connect(url, transports=transports, wait_timeout=WAIT)

    def hear(self, *args: Any) -> None:
        self.heard.append(list(args))
        if args == ("the end",):
            self.over.set()


def test_everybody_hears_everything_once(server: ServerProcess, open_clients: Callable[[str, str], Clients]) -> None:
    """Each of the official clients speaks once, and our own; all hear all of it, in order."""
    theirs = [open_clients(version, how).connect() for version, how in AGES]
    theirs.append(open_clients("2", "polling").connect(options={"forceBase64": True}))
    ours = [Ear(server.url, 3, "polling"), Ear(server.url, 3, "websocket"), Ear(server.url, "auto", "websocket")]
    try:
        for client in theirs:
            client.call("join", "room")
        for ear in ours:
            ear.client.call("join", "room", timeout=WAIT)
        for speaker in theirs:
            for words in SAID:
                speaker.call("say", "room", *words)
            for client in theirs:
                assert [client.receive("said") for _ in SAID] == SAID
            for ear in ours:
                assert ear.over.wait(WAIT)
                ear.over.clear()
                assert ear.heard == SAID
                ear.heard.clear()
        asyncio.run(speak_as_asyncio(server.url))
        for client in theirs:
            assert client.receive("said") == [b"\1", "our own"]
            assert client.driver.reports.take_all(type="event", socket=client.name) == []
    finally:
        for ear in ours:
            ear.client.disconnect()


async def speak_as_asyncio(url: str) -> None:
    """The last word is that of a client for asyncio that speaks Engine.IO 3."""
    async with asyncio.timeout(WAIT):
        client = socketio.AsyncClient(protocol=3)
        await client.connect(url, wait_timeout=WAIT)
        await client.call("say", ("room", b"\1", "our own"))
        await client.disconnect()
