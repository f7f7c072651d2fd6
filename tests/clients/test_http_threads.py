"""What a `Client` makes of the options that concern HTTP: sessions, cookies, headers, certificates, proxies."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import engineio
import socketio

from .bad_servers import answer, handshake, hold, running, wanting_a_certificate
from .colours import Threads
from .processes import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Our server."""
    server = Server("python")
    yield server
    server.kill()


def refused() -> Any:
    return pytest.raises(engineio.exceptions.ConnectionError)


@pytest.mark.parametrize("way", ["session", "factory"])
def test_a_session_of_the_program(server: Server, transports: list[str], way: str) -> None:
    class Session(requests.Session):
        closed = False

        def close(self) -> None:
            self.closed = True
            super().close()

    sessions: list[Session] = []

    def make() -> Session:
        sessions.append(Session())
        sessions[-1].cookies.set("from", "session")
        sessions[-1].headers["Authorization"] = "Bearer 1"
        return sessions[-1]

    client = socketio.Client(http_session=make() if way == "session" else make)
    for _ in range(2):
        client.connect(server.url, transports=transports)
        assert client.transport() == transports[-1]
        assert client.call("cookie") == "from=session"
        client.disconnect()
    assert len(sessions) == (1 if way == "session" else 2)
    for session in sessions:
        assert session.closed == (way != "session")
        session.close()


def test_a_poll_in_a_session_of_the_program_ends_with_the_connection(server: Server) -> None:
    before = threading.active_count()
    with requests.Session() as session:
        client = socketio.Client(http_session=session)
        client.connect(server.url, transports="polling")
        client.disconnect()
        assert threading.active_count() == before


async def test_cookies_outlive_the_connection() -> None:
    heads: list[bytes] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(handshake() + b"\x1e1", headers="Set-Cookie: sticky=7; Path=/\r\n"))

    client = Threads.Engine()
    async with running(serve) as url:
        for _ in range(2):
            with refused():
                await client.connect(url, headers={"Cookie": "own=1", "X-Token": "t"})
        with refused():
            await client.connect(url, headers={"Cookie": "own=1; sticky=8", "X-Token": "t"}, transports="websocket")
    assert b"sticky" not in heads[0]
    assert b"sticky=7" in heads[1]
    assert b"own=1; sticky=8\r\n" in heads[2]
    assert all(b"own=1" in head and b"X-Token: t" in head for head in heads)


async def test_cookies_of_a_websocket_are_kept() -> None:
    heads: list[bytes] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(websocket_answer(head, "Set-Cookie: sticky=7; Path=/; HttpOnly\r\n"))

    client = Threads.Engine()
    async with running(serve) as url:
        for _ in range(2):
            with refused():
                await client.connect(url, transports="websocket")
    assert b"Cookie: sticky=7\r\n" not in heads[0]
    assert b"Cookie: sticky=7\r\n" in heads[1]


def websocket_answer(head: bytes, headers: str) -> bytes:
    """Return the answer that opens a WebSocket, and a close frame behind it."""
    from websockets.utils import accept_key

    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
    accept = accept_key(lines["Sec-WebSocket-Key"])
    status = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{status}Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n".encode() + b"\x88\x00"


@pytest.mark.parametrize("extra", [{"Cookie": "extra=1"}, ["Cookie: extra=1"]])
def test_headers_are_sent_with_every_request(server: Server, transports: list[str], extra: Any) -> None:
    client = socketio.Client(websocket_extra_options={"header": extra})
    url = server.url + "/socket.io/?page=1"
    client.connect(url, headers=lambda: {"Cookie": "a=b"}, transports=transports)
    assert client.call("cookie") == ("extra=1" if transports == ["websocket"] else "a=b")
    client.disconnect()


async def test_requests_have_a_timestamp_unless_unwanted() -> None:
    heads: list[bytes] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head.split()[1])
        writer.write(answer(b"", "500 No"))

    async with running(serve) as url:
        for wanted in (True, False):
            with refused():
                await Threads.Engine(timestamp_requests=wanted).connect(url + "?x=1", engineio_path="/p/")
    assert heads[0].startswith(b"/p/?x=1&transport=polling&EIO=4&t=")
    assert heads[1] == b"/p/?x=1&transport=polling&EIO=4"


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_an_own_authority_and_a_client_certificate(certificate: Path, transport: str) -> None:
    subjects: list[Any] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subjects.append(writer.get_extra_info("peercert")["subject"])
        writer.write(answer(b"", "500 No"))

    async with running(serve, wanting_a_certificate(certificate)) as url:
        with requests.Session() as session:
            session.verify, session.cert = str(certificate), str(certificate)
            with pytest.raises(engineio.exceptions.ConnectionError, match="status code 500"):
                await Threads.Engine(http_session=session).connect(url, transports=transport)
            session.cert = None
            with refused():
                await Threads.Engine(http_session=session).connect(url, transports=transport)
        gc.collect()  # urllib3 closes the connections of a closed session then
        await asyncio.sleep(0.1)
    assert subjects == [((("commonName", "x"),),)]


def test_tls_with_an_own_authority(transports: list[str], certificate: Path) -> None:
    server = Server("python", str(certificate))
    try:
        with requests.Session() as session:
            session.verify = str(certificate)
            client = socketio.Client(http_session=session)
            client.connect(server.url, transports=transports)
            # Both directions at once, and more than the buffers hold.
            answers: list[Any] = []
            threads = [
                threading.Thread(target=lambda: answers.append(client.call("echo", b"x" * 700_000))) for _ in range(6)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert answers == [b"x" * 700_000] * 6
            client.disconnect()
    finally:
        server.kill()


@pytest.mark.parametrize("kind", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize("way", ["session", "environment"])
def test_a_proxy(
    server: Server,
    transports: list[str],
    kind: str,
    way: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / "targets"
    proxy = Server(kind.removesuffix("h"), str(log))
    url = f"{kind}://127.0.0.1:{proxy.port}"
    monkeypatch.setenv("no_proxy", "" if way == "environment" else "127.0.0.1")
    if way == "environment":
        monkeypatch.setenv("http_proxy", url)
    session = requests.Session()
    if way == "session":
        # Otherwise what the environment says of servers without a proxy holds for those of the session, too.
        session.trust_env = False
        session.proxies = {"http": url}
    client = socketio.Client(http_session=session if way == "session" else None)
    client.connect(server.url, transports=transports)
    assert client.transport() == transports[-1]
    assert client.call("echo", b"x") == b"x"
    client.disconnect()
    session.close()
    proxy.kill()
    targets = log.read_text().split()
    assert len(targets) >= len(transports)
    assert set(targets) == {f"127.0.0.1:{server.port}"}


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_proxy_of_the_environment_is_passed_by_where_it_says_so(
    server: Server, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    client = socketio.Client()
    client.connect(server.url, transports=transport)
    client.disconnect()


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_handshake_can_be_given_up(transport: str) -> None:
    engine = Threads.Engine(request_timeout=30)
    asked = asyncio.Event()

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await hold(head, reader, writer)

    async with running(serve) as url:
        connecting = asyncio.create_task(engine.connect(url, transports=transport))
        await asked.wait()
        await engine.disconnect()
        with refused():
            await connecting
