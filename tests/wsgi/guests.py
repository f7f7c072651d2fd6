"""A crowd: many raw WebSocket clients in one event loop, each with no more than it takes to stay connected."""

from __future__ import annotations

import asyncio
import struct

from ..faults.raw_client import TEXT, frame, target, upgrade_bytes

AT_ONCE = 100
"""How many connect at the same time."""


class Guest(asyncio.Protocol):
    """One client: it joins the namespace `/`, answers pings, and counts what it is told.

    Attributes:
        told: How many events it has received.
        pings: How many pings it has answered.
        closed: Whether its connection is over.
    """

    def __init__(self) -> None:
        self.told = self.pings = 0
        self.closed = False
        self._received = b""
        self._open = False
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(upgrade_bytes(target("websocket")))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._open:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head, head
            self._open, self._received = True, rest
        while (message := self._take()) is not None:
            self._receive(message)

    def _take(self) -> bytes | None:
        """Returns the payload of the next frame; `None` if it is not complete."""
        received = self._received
        if len(received) < 2:
            return None
        size, start = received[1], 2
        if size == 126:
            if len(received) < 4:
                return None
            (size,) = struct.unpack_from("!H", received, 2)
            start = 4
        if len(received) < start + size:
            return None
        self._received = received[start + size :]
        return received[start : start + size]

    def _receive(self, message: bytes) -> None:
        if message == b"2":
            self.pings += 1
            self.send("3")
        elif message.startswith(b"0{"):
            self.send("40")
        elif message.startswith(b"40{"):
            self.joined.set_result(None)
        elif message.startswith(b"42"):
            self.told += 1

    def send(self, packet: str) -> None:
        """Sends a packet."""
        self.transport.write(frame(TEXT, packet.encode()))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.joined.done():
            self.joined.set_exception(exc or ConnectionError("closed"))


async def invite(port: int, count: int) -> list[Guest]:
    """Connects as many clients."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def come() -> Guest:
        async with gate, asyncio.timeout(30):
            _, guest = await asyncio.get_running_loop().create_connection(Guest, "127.0.0.1", port)
            await guest.joined
            return guest

    return await asyncio.gather(*(come() for _ in range(count)))


async def until(condition: object, seconds: float = 15.0) -> None:
    """Waits until a function returns something true."""
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
