"""Clients of an asyncio server without sockets: a WebSocket in memory, packets in and out as they are on the wire."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

from engineio.admitted import Admitted
from engineio.bindings.asgi import _Source
from engineio.packet import Outgoing
from engineio.request import Request
from socketio import AsyncServer

__all__ = ["Client", "Gone", "Link", "ack", "connect", "event", "joined", "settle"]


class Gone(Exception):
    """The server has closed the connection; the argument is the close code."""


async def settle() -> None:
    """Lets everything happen that can happen without waiting."""
    for _ in range(25):
        await asyncio.sleep(0)


def event(name: Any, *args: Any, namespace: str = "/", ack_id: int | None = None) -> str:
    """Returns an EVENT packet."""
    prefix = "" if namespace == "/" else namespace + ","
    return f"2{prefix}{'' if ack_id is None else ack_id}{json.dumps([name, *args], separators=(',', ':'))}"


def ack(ack_id: int, *args: Any, namespace: str = "/") -> str:
    """Returns an ACK packet."""
    prefix = "" if namespace == "/" else namespace + ","
    return f"3{prefix}{ack_id}{json.dumps(list(args), separators=(',', ':'))}"


class Link:
    """The WebSocket between the two (an `engineio.interfaces.DirectLink`)."""

    name = "websocket"

    def __init__(self) -> None:
        self.target: Any = None
        self.sent: list[str | bytes] = []
        self.changed = asyncio.Event()
        self.closed: tuple[int, str] | None = None
        self.paused = False
        self._kept: deque[str | bytes] = deque()

    def flush(self) -> None:
        self._write(self.target.take())

    def send(self, message: Outgoing) -> None:
        self._write([message])

    def close(self, code: int, reason: str) -> None:
        self._write(self.target.take())
        if self.closed is None:
            self.closed = code, reason

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        while self._kept and not self.paused:
            self._give(self._kept.popleft())

    def deliver(self, message: str | bytes) -> None:
        """Gives a message to the server, as soon as it reads."""
        if self.paused:
            self._kept.append(message)
        else:
            self._give(message)

    def _give(self, message: str | bytes) -> None:
        if self.closed is not None:
            return
        if isinstance(message, str):
            self.target.receive_text(message.encode())
        else:
            self.target.receive_binary(message)

    def _write(self, messages: list[Outgoing]) -> None:
        for message in messages:
            if message.text is not None:
                self.sent.append(message.text.decode())
            self.sent += message.attachments
        self.changed.set()


class Client:
    """One client. What it sends and receives are Socket.IO packets, and `bytes` for attachments."""

    def __init__(self, link: Link, eio_sid: str) -> None:
        self.link = link
        self.eio_sid = eio_sid
        self.sid = ""
        """Its sid in the namespace that it joined last."""
        self._read = 0

    def send(self, *packets: str | bytes) -> None:
        """Sends packets."""
        for packet in packets:
            self.link.deliver("4" + packet if isinstance(packet, str) else packet)

    async def receive(self) -> Any:
        """Returns the next packet.

        Raises:
            Gone: the connection is closed.
        """
        link = self.link
        while self._read == len(link.sent):
            if link.closed is not None:
                raise Gone(link.closed[0])
            link.changed.clear()
            await link.changed.wait()
        message = link.sent[self._read]
        self._read += 1
        if isinstance(message, bytes):
            return message
        assert message[0] == "4", message
        return message[1:]

    async def rest(self) -> list[Any]:
        """Returns all that was not received yet and comes without further ado."""
        await settle()
        rest = []
        while self._read < len(self.link.sent):
            rest.append(await self.receive())
        return rest

    async def join(self, namespace: str = "/", auth: Any = None) -> str:
        """Joins a namespace and returns the sid there."""
        prefix = "" if namespace == "/" else namespace + ","
        self.send("0" + prefix + ("" if auth is None else json.dumps(auth)))
        answer = await self.receive()
        assert answer.startswith("0" + prefix + '{"sid":'), answer
        self.sid = json.loads(answer[1 + len(prefix) :])["sid"]
        return self.sid

    def lose(self) -> None:
        """The connection breaks."""
        self.link.target.lost()

    @property
    def closed(self) -> int | None:
        """The close code, `None` while it is open."""
        return None if self.link.closed is None else self.link.closed[0]


async def handshake(server: AsyncServer, headers: tuple[tuple[bytes, bytes], ...] = (), query: str = "") -> Admitted:
    """Asks for a WebSocket, and returns what it is to be attached to."""
    query = "EIO=4&transport=websocket" + query
    scope: dict[str, Any] = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/socket.io/",
        "query_string": query.encode(),
        "headers": [(b"host", b"server.test"), *headers],
        "client": ("192.0.2.7", 4321),
        "server": ("server.test", 80),
    }
    request = Request("GET", "/socket.io/", query, scope["headers"], "ws", scope["client"])
    admitted = await server.eio.admit_websocket(request, _Source(scope, {}))
    assert isinstance(admitted, Admitted), admitted
    return admitted


async def connect(server: AsyncServer, *, headers: tuple[tuple[bytes, bytes], ...] = (), query: str = "") -> Client:
    """Opens a connection that has joined no namespace yet."""
    admitted = await handshake(server, headers, query)
    link = Link()
    admitted.attach(link)
    while not link.sent:
        await asyncio.sleep(0)
    first = link.sent.pop(0)
    assert isinstance(first, str)
    return Client(link, json.loads(first[1:])["sid"])


async def joined(server: AsyncServer, namespace: str = "/") -> Client:
    """Opens a connection and joins a namespace."""
    client = await connect(server)
    await client.join(namespace)
    return client
