"""`engineio.AsyncClient` on its own, against an Engine.IO server in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

import engineio

from .bad_servers import answer, handshake, running
from .colours import Colour


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[engineio.AsyncServer, str]]:
    """Runs a server that echoes, on a free port."""
    eio = engineio.AsyncServer(**options)

    @eio.on("message")
    async def message(sid: str, data: Any) -> None:
        if data == "close me":
            await eio.disconnect(sid)
        else:
            await eio.send(sid, data)

    config = uvicorn.Config(engineio.ASGIApp(eio), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined,method-assign]
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield eio, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def test_messages_and_the_end(colour: Colour, transports: list[str]) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    client = colour.Engine()
    client.on("connect", lambda: heard.put_nowait("connect"))
    client.on("message", heard.put_nowait)

    @client.on("disconnect")
    async def disconnect(reason: str) -> None:
        await asyncio.sleep(0.01)
        heard.put_nowait(("disconnect", reason))

    async with serving() as (_, url):
        await client.connect(url, transports=transports)
        assert client.state == "connected"
        assert client.transport() == client.current_transport == transports[-1]
        assert client.sid
        assert (client.ping_interval, client.ping_timeout) == (25, 20)
        assert await heard.get() == "connect"
        for data, back in (("text €", "text €"), (b"\x00\xff", b"\x00\xff"), ({"a": 1}, '{"a":1}')):
            await client.send(data)
            assert await heard.get() == back
        with pytest.raises(ValueError, match="not in a disconnected state"):
            await client.connect(url)
        await client.disconnect()
        assert heard.get_nowait() == ("disconnect", "client disconnect")
        assert client.state == "disconnected"
        await client.disconnect()
        await client.connect(url, transports=transports)
        assert await heard.get() == "connect"
        await client.send("close me")
        assert (await heard.get())[0] == "disconnect"
        await client.wait()


async def test_an_upgrade_that_fails_leaves_polling(colour: Colour) -> None:
    async with serving() as (_, url):
        client = colour.Engine(websocket_extra_options={"headers": {"Sec-WebSocket-Version": "7"}})
        heard: asyncio.Queue[Any] = asyncio.Queue()
        client.on("message", heard.put_nowait)
        await client.connect(url)
        assert client.transport() == "polling"
        await client.send("still here")
        assert await heard.get() == "still here"
        await client.disconnect()


async def test_cookies_go_along_with_an_upgrade(colour: Colour) -> None:
    heads: list[bytes] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        if head.startswith(b"POST"):
            writer.write(answer(b"ok"))
        elif b"sid=" not in head:
            opened = handshake(upgrades=["websocket"], pingInterval=25000)
            writer.write(answer(opened, headers="Set-Cookie: sticky=7; Path=/\r\n"))
        elif b"transport=websocket" in head:
            writer.write(answer(b"no", "400 Bad Request"))
        else:
            await reader.read()

    engine = colour.Engine()
    async with running(serve) as url:
        await engine.connect(url)
        await engine.send("x")
        await engine.disconnect()
    assert len(heads) >= 4  # the handshake, a poll, that of the WebSocket, and what was sent
    assert all((b"sticky=7" in head) == (b"sid=" in head) for head in heads)


async def test_a_refused_client_gets_the_reason(colour: Colour) -> None:
    async with serving() as (eio, url):
        eio.on("connect", lambda sid, environ: {"why": "not today"})
        with pytest.raises(engineio.exceptions.ConnectionError) as caught:
            await colour.Engine().connect(url)
        assert caught.value.args[1] == {"why": "not today"}
