"""What the clients under test connect to: this project's `AsyncServer` on its own `run`. Usage: server.py PORT."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import socketio

MESSAGE = "x" * 32


def create_server() -> socketio.AsyncServer:
    """Make a server with the handlers that the modes of load.py ask for."""
    sio = socketio.AsyncServer(async_mode="asgi")
    arrived: Counter[str] = Counter()

    @sio.event
    async def burst(sid: str, count: int) -> None:
        for _ in range(count):
            await sio.emit("msg", MESSAGE, to=sid)

    @sio.event
    async def sink(sid: str, data: str) -> None:
        arrived[sid] += 1

    @sio.event
    async def arrivals(sid: str, count: int) -> int:
        while arrived[sid] < count:
            await asyncio.sleep(0.001)
        return arrived.pop(sid)

    @sio.event
    async def ack(sid: str, data: str) -> str:
        return data

    return sio


if __name__ == "__main__":
    socketio.run(create_server(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
