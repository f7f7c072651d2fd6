"""Many clients at once: coroutines that come over either transport, join rooms, and leave politely or not."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from .raw_client import TEXT, close_frame, frame, request_bytes, target, upgrade_bytes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DEADLINE = 30.0
"""How long one step of one client may take, in seconds."""


class Visitor:
    """One client of the crowd."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sid = ""
        self.received = b""

    async def open(self) -> None:
        async with asyncio.timeout(DEADLINE):
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def until(self, mark: bytes) -> None:
        """Read until `mark` has come since the last mark."""
        async with asyncio.timeout(DEADLINE):
            while mark not in self.received:
                data = await self.reader.read(65536)
                if not data:
                    raise ConnectionError(f"closed while waiting for {mark!r}: {self.received[-200:]!r}")
                self.received += data
        self.received = self.received.partition(mark)[2]

    def reset(self) -> None:
        """Leave with a reset."""
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass

    # WebSocket

    async def join_by_websocket(self) -> None:
        """Connect to `/` over WebSocket."""
        await self.open()
        self.writer.write(upgrade_bytes(target("websocket")))
        await self.until(b'0{"sid":"')
        self.send("40")
        await self.until(b'40{"sid":')

    def send(self, packet: str) -> None:
        self.writer.write(frame(TEXT, packet.encode()))

    # polling

    async def request(self, method: str, body: bytes | None = None) -> bytes:
        self.writer.write(request_bytes(method, target("polling", self.sid or None), body=body))
        async with asyncio.timeout(DEADLINE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            answer = await self.reader.readexactly(length)
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise ConnectionError(f"{head!r} {answer!r}")
        return answer

    async def join_by_polling(self) -> None:
        """Connect to `/` over polling."""
        await self.open()
        self.sid = json.loads((await self.request("GET"))[1:].split(b"\x1e")[0])["sid"]
        await self.request("POST", b"40")
        answer = await self.request("GET")
        if not answer.startswith(b"40{"):
            raise ConnectionError(f"no CONNECT: {answer!r}")


async def visit_by_websocket(port: int, number: int) -> None:
    """Come, join a room, and leave in one of five ways."""
    visitor = Visitor(port)
    await visitor.join_by_websocket()
    visitor.send(f'421["join","room {number % 50}"]')
    way = number % 5
    if way == 0:
        visitor.reset()
        return
    await visitor.until(b"431[")
    if way == 1:
        visitor.send("1")
    elif way == 2:
        visitor.send("41")
    elif way == 3:
        visitor.writer.write(close_frame(1000))
    await visitor.close()


async def visit_by_polling(port: int, number: int) -> None:
    """Come, join a room, and leave by a close packet, by giving up a poll, or by a bad packet."""
    visitor = Visitor(port)
    await visitor.join_by_polling()
    await visitor.request("POST", f'421["join","room {number % 50}"]'.encode())
    way = number % 3
    if way == 0:
        await visitor.request("POST", b"1")
    elif way == 1:
        while b"431[" not in await visitor.request("GET"):
            pass
        visitor.writer.write(request_bytes("GET", target("polling", visitor.sid)))
        await visitor.writer.drain()
        await asyncio.sleep(0.05)
        visitor.reset()
        return
    else:
        try:
            await visitor.request("POST", b"4x")
        except ConnectionError:
            pass  # 400, as it should
    await visitor.close()


async def run_all(visits: list[Callable[[], Awaitable[None]]], at_once: int) -> list[BaseException]:
    """Run all visits, `at_once` at a time, and return what went wrong."""
    failures: list[BaseException] = []
    queue = iter(visits)

    async def worker() -> None:
        for visit in queue:
            try:
                await visit()
            except (OSError, TimeoutError, EOFError, ValueError) as exc:
                failures.append(exc)

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return failures
