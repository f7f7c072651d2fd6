"""Servers that do the wrong thing: a function of the request, as bytes, and the stream, on a free port."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

Serve = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def handshake(**content: Any) -> bytes:
    """Returns a polling handshake."""
    usual = {"sid": "abc", "upgrades": [], "pingInterval": 300, "pingTimeout": 200, "maxPayload": 1000}
    return b"0" + json.dumps({**usual, **content}).encode()


def answer(body: bytes, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """Returns an HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n{headers}\r\n"
    return head.encode() + body


def always(response: bytes) -> Serve:
    """Returns a server that answers each request alike."""

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response)

    return serve


async def hold(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing until the client is gone."""
    await reader.read()


async def hang_up(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes."""
    writer.close()


def accept(head: bytes, writer: asyncio.StreamWriter, frames: bytes) -> None:
    """Opens a WebSocket and sends these bytes."""
    lines = head.split(b"\r\n")
    key = next(line[18:].strip() for line in lines if line.lower().startswith(b"sec-websocket-key:"))
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n" + frames)


def websocket(*frames: bytes) -> Serve:
    """Returns a server that opens a WebSocket, sends these bytes, and says nothing more."""

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accept(head, writer, b"".join(frames))
        await reader.read()

    return serve


def talking(opened: bytes, connected: bytes, *frames: bytes) -> Serve:
    """Returns a server that opens a WebSocket and says these things, each part after the client has said something."""

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accept(head, writer, opened)
        await reader.read(65536)
        writer.write(connected)
        await reader.read(65536)
        writer.write(b"".join(frames))
        await reader.read()

    return serve


@asynccontextmanager
async def running(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Runs a server and gives its URL."""
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        head += await reader.readexactly(int(line.partition(b":")[2]))
                await serve(head, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await server.wait_closed()


def wanting_a_certificate(certificate: Path) -> ssl.SSLContext:
    """Returns what a server has that knows one client, whose certificate is also its own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    context.load_cert_chain(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
