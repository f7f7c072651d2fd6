"""The handlers of both Python servers, as an application would write them: `echo`, `ack`, `bcast` and `paced`.

One file for both, so that the load meets the same program; `socketio` is whichever package the interpreter has.
"""

from __future__ import annotations

import asyncio

import socketio

MESSAGE = "x" * 32


def create_server(mode: str = "asgi") -> socketio.AsyncServer:
    """Make a server with the four handlers and no option beside the mode."""
    sio = socketio.AsyncServer(async_mode=mode)

    @sio.event
    async def echo(sid: str, data: str) -> None:
        await sio.emit("echo", data, to=sid)

    @sio.event
    async def ack(sid: str, data: str) -> str:
        return data

    @sio.event
    async def bcast(sid: str, count: int) -> None:
        for _ in range(count):
            await sio.emit("msg", MESSAGE)

    @sio.event
    async def paced(sid: str, count: int) -> None:
        for _ in range(count):
            await sio.emit("msg", MESSAGE)
            await asyncio.sleep(0)

    return sio
