"""A proxy of the client tests: `python proxy.py http|socks5 PORT FILE`. It writes each target to FILE."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from pathlib import Path

# RFC 9112, 3.2.2: the absolute form is for proxies. A request is taken to begin with a chunk.
ABSOLUTE = re.compile(rb"\A(GET|POST) (?:http|ws)://([^/:]+):(\d+)")


async def greet_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int, bytes]:
    """Read the head of a request; return the target and what is to be sent there first."""
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"CONNECT"):
        host, port = head.split()[1].decode().rsplit(":", 1)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        return host, int(port), b""
    found = ABSOLUTE.match(head)
    assert found is not None
    return found[2].decode(), int(found[3]), ABSOLUTE.sub(rb"\1 ", head)


async def greet_socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int, bytes]:
    """RFC 1928, without authentication."""
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(b"\x05\x00")
    _, command, _, kind = await reader.readexactly(4)
    assert command == 1
    if kind == 1:
        host = socket.inet_ntoa(await reader.readexactly(4))
    else:
        assert kind == 3
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    port = int.from_bytes(await reader.readexactly(2), "big")
    writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    return host, port, b""


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(ABSOLUTE.sub(rb"\1 ", data))
    sink.close()


async def main(kind: str, port: int, log: Path) -> None:
    greet = {"http": greet_http, "socks5": greet_socks}[kind]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            host, target_port, first = await greet(reader, writer)
            with log.open("a") as file:
                file.write(f"{host}:{target_port}\n")
            their_reader, their_writer = await asyncio.open_connection(host, target_port)
            their_writer.write(first)
            await asyncio.gather(pump(reader, their_writer), pump(their_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
