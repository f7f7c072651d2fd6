"""What an `AsyncClient` makes of the options that concern HTTP: sessions, cookies, headers, certificates, proxies."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp_socks import ProxyConnector

import engineio
import socketio

from .bad_servers import answer, handshake, running, wanting_a_certificate
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


async def test_an_own_authority_and_a_client_certificate(certificate: Path) -> None:
    ours = ssl.create_default_context(cafile=str(certificate))
    ours.load_cert_chain(certificate)
    subjects: list[Any] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subjects.append(writer.get_extra_info("peercert")["subject"])
        writer.write(answer(handshake() + b"\x1e1"))

    async with (
        running(serve, wanting_a_certificate(certificate)) as url,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ours)) as session,
    ):
        with pytest.raises(engineio.exceptions.ConnectionError, match="closed the connection at once"):
            await engineio.AsyncClient(http_session=session).connect(url)
    assert subjects == [((("commonName", "x"),),)]


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_a_proxy(server: Server, transports: list[str], kind: str, tmp_path: Path) -> None:
    log = tmp_path / "targets"
    proxy = await in_thread(Server, kind, str(log))
    if kind == "http":
        session = aiohttp.ClientSession(proxy=proxy.url)
    else:
        session = aiohttp.ClientSession(connector=ProxyConnector.from_url(f"socks5://127.0.0.1:{proxy.port}"))
    async with session:
        client = socketio.AsyncClient(http_session=session)
        await client.connect(server.url, transports=transports)
        assert client.transport() == transports[-1]
        assert await client.call("echo", b"x") == b"x"
        await client.disconnect()
    await in_thread(proxy.kill)
    targets = log.read_text().split()
    assert len(targets) >= len(transports)
    assert set(targets) == {f"127.0.0.1:{server.port}"}


async def test_tls_with_an_own_authority(transports: list[str], certificate: Path) -> None:
    server = await in_thread(Server, "python", str(certificate))
    try:
        ours = ssl.create_default_context(cafile=str(certificate))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ours)) as session:
            client = socketio.AsyncClient(http_session=session)
            await client.connect(server.url, transports=transports)
            assert await client.call("echo", b"x" * 300_000) == b"x" * 300_000
            await client.disconnect()
    finally:
        await in_thread(server.kill)


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
    assert 'pip install "fast-socketio[asyncio-client]"' in done.stdout, done.stderr
