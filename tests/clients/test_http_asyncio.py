"""What an `AsyncClient` makes of the options that concern HTTP: sessions, cookies, headers, certificates, proxies."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import engineio
import socketio

from .bad_servers import answer, handshake, running
from .colours import in_thread
from .processes import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Our server."""
    server = Server("python")
    yield server
    server.kill()


@pytest.mark.parametrize("way", ["session", "factory", "coroutine"])
async def test_a_session_of_the_program(server: Server, transports: list[str], way: str) -> None:
    sessions: list[aiohttp.ClientSession] = []

    def make() -> aiohttp.ClientSession:
        sessions.append(aiohttp.ClientSession(cookies={"from": "session"}, cookie_jar=aiohttp.CookieJar(unsafe=True)))
        return sessions[-1]

    async def make_later() -> aiohttp.ClientSession:
        return make()

    option: Any = {"session": make, "factory": lambda: make, "coroutine": lambda: make_later}[way]()
    client = socketio.AsyncClient(http_session=option)
    for _ in range(2):
        await client.connect(server.url, transports=transports)
        cookies = await client.call("cookie")
        assert cookies is None or "from=session" in cookies
        await client.disconnect()
    assert len(sessions) == (1 if way == "session" else 2)
    for session in sessions:
        assert session.closed == (way != "session")
        await session.close()


async def test_cookies_outlive_the_connection() -> None:
    heads: list[bytes] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(handshake() + b"\x1e1", headers="Set-Cookie: sticky=7; Path=/\r\n"))

    client = engineio.AsyncClient()
    async with running(serve) as url:
        for _ in range(2):
            with pytest.raises(engineio.exceptions.ConnectionError):
                await client.connect(url, headers={"Cookie": "own=1", "X-Token": "t"})
    assert b"sticky" not in heads[0]
    assert b"sticky=7" in heads[1]
    assert all(b"own=1" in head and b"X-Token: t" in head for head in heads)


async def test_headers_are_sent_with_every_request(server: Server, transports: list[str]) -> None:
    client = socketio.AsyncClient(websocket_extra_options={"headers": {"Cookie": "extra=1"}})

    async def headers() -> dict[str, str]:
        return {"Cookie": "a=b"}

    await client.connect(server.url + "/socket.io/?page=1", headers=headers, transports=transports)
    assert await client.call("cookie") == ("extra=1" if transports == ["websocket"] else "a=b")
    await client.disconnect()


async def test_requests_have_a_timestamp_unless_unwanted() -> None:
    heads: list[bytes] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head.split()[1])
        writer.write(answer(b"", "500 No"))

    async with running(serve) as url:
        for wanted in (True, False):
            with pytest.raises(engineio.exceptions.ConnectionError):
                await engineio.AsyncClient(timestamp_requests=wanted).connect(url + "?x=1", engineio_path="/p/")
    assert heads[0].startswith(b"/p/?x=1&transport=polling&EIO=4&t=")
    assert heads[1] == b"/p/?x=1&transport=polling&EIO=4"


async def test_an_own_authority_and_a_client_certificate(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    await in_thread(subprocess.run, command, check=True, capture_output=True)
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    theirs.load_cert_chain(certificate, key)
    theirs.verify_mode = ssl.CERT_REQUIRED
    ours = ssl.create_default_context(cafile=str(certificate))
    ours.load_cert_chain(certificate, key)
    subjects: list[Any] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subjects.append(writer.get_extra_info("peercert")["subject"])
        writer.write(answer(handshake() + b"\x1e1"))

    async with (
        running(serve, theirs) as url,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ours)) as session,
    ):
        with pytest.raises(engineio.exceptions.ConnectionError, match="closed the connection at once"):
            await engineio.AsyncClient(http_session=session).connect(url)
    assert subjects == [((("commonName", "x"),),)]


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_proxy(server: Server, transport: str) -> None:
    heads: list[bytes] = []

    async def proxy(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head.split(b"\r\n")[0])
        their_reader, their_writer = await asyncio.open_connection("127.0.0.1", server.port)
        if head.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            # RFC 9112, 3.2.2: the absolute form is for proxies; the requests after the first one keep it here, and the
            # server does not mind.
            their_writer.write(re.sub(rb" (?:http|ws)://[^/]+", b" ", head, count=1))

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        try:
            await asyncio.gather(pump(reader, their_writer), pump(their_reader, writer))
        finally:
            their_writer.close()

    async with running(proxy) as url, aiohttp.ClientSession(proxy=url) as session:
        client = socketio.AsyncClient(http_session=session)
        await client.connect(server.url, transports=transport)
        assert await client.call("echo", b"x") == b"x"
        await client.disconnect()
    assert heads
    assert all(server.url.partition("//")[2].encode() in head for head in heads)


def test_aiohttp_is_needed_to_connect_only() -> None:
    program = """
import asyncio, sys
sys.modules["aiohttp"] = None
import socketio
client = socketio.AsyncClient()
try:
    asyncio.run(client.connect("http://127.0.0.1:1", retry=True))
except RuntimeError as exc:
    print(exc)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=30)
    assert 'pip install "fast-socketio[asyncio_client]"' in done.stdout, done.stderr
