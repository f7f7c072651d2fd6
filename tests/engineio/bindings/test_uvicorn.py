"""The takeover: wherever a server is mounted, its WebSockets get the raw transport, and know whose they are."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import ssl
import subprocess
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import fastapi
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

import engineio
from engineio.asyncio.takeover import TakenOver

from .live import DEADLINE, TAKING, WAYS, Client, Live, handshake, head_of, on_loop
from .server_process import ServerProcess

OPEN = "/engine.io/?EIO=4&transport=websocket"


class Echo:
    """An Engine.IO server that echoes, and what its handlers hear."""

    def __init__(self, **options: Any) -> None:
        self.server = engineio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", **options)
        self.environs: queue.Queue[dict[str, Any]] = queue.Queue()
        self.ends: queue.Queue[str] = queue.Queue()
        self.server.on("connect", self.connect)
        self.server.on("message", self.server.send)
        self.server.on("disconnect", lambda sid, reason: self.ends.put(reason))

    async def connect(self, sid: str, environ: dict[str, Any]) -> None:
        self.environs.put(environ)

    def app(self, **options: Any) -> Any:
        return engineio.ASGIApp(self.server, **options)

    def links(self, live: Live) -> list[type]:
        """Return of what kind the transports are."""
        kinds: list[type] = on_loop(live, lambda: [type(socket.link) for socket in self.server.sockets.values()])
        return kinds


def talk(client: Client, target: str = OPEN, *headers: bytes) -> dict[str, str]:
    """Open a connection, have one message echoed and return the headers of the answer."""
    status, found = head_of(client.ask(handshake(target, *headers)))
    assert status == 101
    opcode, packet = client.receive() or (0, b"")
    assert opcode == 1
    assert packet.startswith(b'0{"sid":')
    client.send("4héllo")
    assert client.receive() == (1, "4héllo".encode())
    client.send(b"\0\xff", 2)
    assert client.receive() == (2, b"\0\xff")
    return found


class Around:
    """A middleware that wraps the channel, as many do."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            await send(message)

        async def receiving() -> Any:
            return await receive()

        await self.app(dict(scope), receiving, sending)


def starlette_app(echo: Echo) -> Any:
    middleware = [
        Middleware(CORSMiddleware, allow_origins=["*"]),
        Middleware(GZipMiddleware),
        Middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request)),
        Middleware(Around),
    ]
    return Starlette(routes=[Mount("/engine.io", echo.app(engineio_path=None))], middleware=middleware)


def fastapi_app(echo: Echo) -> Any:
    app = fastapi.FastAPI()
    app.add_middleware(Around)
    app.mount("/deep/down", echo.app())
    return app


def fastapi_root_app(echo: Echo) -> Any:
    app = fastapi.FastAPI()
    app.mount("/", echo.app())
    return app


APPS: dict[str, tuple[Any, str]] = {
    "itself": (Echo.app, OPEN),
    "starlette": (starlette_app, OPEN),
    "fastapi": (fastapi_app, "/deep/down" + OPEN),
    "fastapi at /": (fastapi_root_app, OPEN),
    "in front of fastapi": (lambda echo: echo.app(other_asgi_app=fastapi.FastAPI()), OPEN),
}


@pytest.mark.parametrize("way", TAKING)
@pytest.mark.parametrize("where", APPS)
def test_takeover(where: str, way: str) -> None:
    make, target = APPS[where]
    echo = Echo()
    with Live(make(echo), way) as live:
        with live.client() as client:
            talk(client, target)
            assert echo.links(live) == [TakenOver]
            assert len(on_loop(live, lambda: list(live.server.server_state.connections))) == 1
            assert not on_loop(live, lambda: list(live.server.server_state.tasks))
            client.close(1000)
            assert client.rest() == [(8, b"\x03\xe8")]
        assert echo.ends.get(timeout=DEADLINE) == "transport close"
        assert on_loop(live, lambda: list(live.server.server_state.connections)) == []
    assert live.errors() == []


@pytest.mark.parametrize("way", ["httptools", "embedded-sansio"])
def test_without_takeover(way: str) -> None:
    echo = Echo()
    with Live(echo.app(), way) as live, live.client() as client:
        talk(client)
        assert echo.links(live) != [TakenOver]
        live.server.should_exit = True
        frames = client.rest()
        assert [frame[0] for frame in frames] == [8]
    assert live.errors() == []


@pytest.mark.parametrize("way", TAKING)
def test_stop_tells_clients(way: str) -> None:
    echo = Echo()
    with Live(echo.app(), way) as live, live.client() as client:
        talk(client)
        live.server.should_exit = True
        opcode, payload = client.receive() or (0, b"")
        assert (opcode, payload[:2]) == (8, (1012).to_bytes(2, "big"))
        client.close(1012)
        assert client.receive() is None
    assert echo.ends.get(timeout=DEADLINE) == "server disconnect"
    assert live.server.server_state.connections == set()
    assert live.errors() == []


@pytest.mark.parametrize("way", TAKING)
def test_refused_by_the_connect_handler(way: str) -> None:
    echo = Echo()
    echo.server.on("connect", lambda sid, environ: False)
    with Live(echo.app(), way) as live:
        with live.client() as client:
            assert head_of(client.ask(handshake(OPEN)))[0] == 401
            assert client.receive() is None
        assert on_loop(live, lambda: len(echo.server.sockets)) == 0
    assert live.errors() == []


@pytest.mark.parametrize("way", TAKING)
def test_client_gone_before_the_answer(way: str) -> None:
    echo = Echo()
    asked: queue.Queue[asyncio.Event] = queue.Queue()

    @echo.server.on("connect")
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        go = asyncio.Event()
        asked.put(go)
        await go.wait()

    with Live(echo.app(), way) as live:

        def handshakes() -> int:
            return len(live.server.server_state.connections) + len(live.server.server_state.tasks)

        with live.client() as client:
            client.sock.sendall(handshake(OPEN))
            go = asked.get(timeout=DEADLINE)
            assert on_loop(live, handshakes) == 2
        while on_loop(live, handshakes) > 1:  # each look takes a turn of the loop
            pass
        on_loop(live, go.set)
        while on_loop(live, handshakes):
            pass
        assert on_loop(live, lambda: len(echo.server.sockets)) == 0
    assert live.errors() == []


@pytest.mark.parametrize("way", TAKING)
def test_default_headers(way: str) -> None:
    echo = Echo()
    with Live(echo.app(), way, headers=[("x-mine", "1")]) as live, live.client() as client:
        found = talk(client)
        assert found["server"] == "uvicorn"
        assert found["x-mine"] == "1"
        assert parsedate_to_datetime(found["date"])
    with Live(echo.app(), way, server_header=False, date_header=False) as live, live.client() as client:
        assert set(talk(client)) == {"upgrade", "connection", "sec-websocket-accept"}


@pytest.mark.parametrize("way", WAYS)
def test_root_path(way: str) -> None:
    echo = Echo()
    with Live(echo.app(), way, root_path="/api") as live, live.client() as client:
        talk(client)
        environ = echo.environs.get(timeout=DEADLINE)
        assert environ["SCRIPT_NAME"] == "/api"
        assert environ["PATH_INFO"] == "/engine.io/"
        assert environ["RAW_URI"] == "/api" + OPEN


@pytest.mark.parametrize("way", WAYS)
def test_environ_names_the_client(way: str) -> None:
    echo = Echo()
    with Live(echo.app(), way) as live, live.client() as client:
        talk(client, OPEN, b"X-Mine: 1")
        environ = echo.environs.get(timeout=DEADLINE)
        host, port = client.sock.getsockname()
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (host, str(port))
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (host, str(live.port))
        assert environ["HTTP_X_MINE"] == "1"
        assert environ["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize("way", ["httptools", "embedded", "option-h11"])
@pytest.mark.parametrize(
    ("options", "address", "scheme"),
    [
        ({}, "203.0.113.9", "https"),  # uvicorn's default trusts 127.0.0.1
        ({"forwarded_allow_ips": "127.0.0.0/8"}, "203.0.113.9", "https"),
        ({"forwarded_allow_ips": "*"}, "198.51.100.1", "https"),
        ({"forwarded_allow_ips": "192.0.2.1"}, "127.0.0.1", "http"),
        ({"proxy_headers": False}, "127.0.0.1", "http"),
    ],
)
def test_forwarded_for(way: str, options: dict[str, Any], address: str, scheme: str) -> None:
    echo = Echo()
    with Live(echo.app(), way, **options) as live, live.client() as client:
        talk(client, OPEN, b"X-Forwarded-For: 198.51.100.1, 203.0.113.9", b"X-Forwarded-Proto: https")
        environ = echo.environs.get(timeout=DEADLINE)
        assert environ["REMOTE_ADDR"] == address
        assert environ["wsgi.url_scheme"] == scheme


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run(
        [*command.split(), "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True
    )
    return folder


@contextlib.contextmanager
def secure(echo: Echo, certificate: Path, way: str) -> Iterator[tuple[Live, ssl.SSLContext]]:
    options = {"ssl_certfile": certificate / "cert.pem", "ssl_keyfile": certificate / "key.pem"}
    with Live(echo.app(), way, **options) as live:
        yield live, ssl.create_default_context(cafile=str(certificate / "cert.pem"))


@pytest.mark.parametrize("way", TAKING)
def test_tls(certificate: Path, way: str) -> None:
    echo = Echo()
    with secure(echo, certificate, way) as (live, context):
        with live.client(context) as client:
            talk(client)
            assert echo.links(live) == [TakenOver]
            assert echo.environs.get(timeout=DEADLINE)["wsgi.url_scheme"] == "https"
            big = "4" + "é" * 400_000
            client.send(big)
            assert client.receive() == (1, big.encode())
            client.close(1000)
            assert client.rest() == [(8, b"\x03\xe8")]
        assert echo.ends.get(timeout=DEADLINE) == "transport close"
        with live.client(context) as client:
            talk(client)
        assert echo.ends.get(timeout=DEADLINE) == "transport close"
        with live.client(context) as client:
            talk(client)
            live.server.should_exit = True
            opcode, payload = client.receive() or (0, b"")
            assert (opcode, payload[:2]) == (8, (1012).to_bytes(2, "big"))
            client.close(1012)
            assert client.receive() is None
        assert echo.ends.get(timeout=DEADLINE) == "server disconnect"
    assert live.server.server_state.connections == set()
    assert live.errors() == []


PROGRAM = """
import engineio

server = engineio.AsyncServer(async_mode="asgi")
links = []


@server.on("message")
async def message(sid, data):
    await server.send(sid, type(server.sockets[sid].link).__name__)


app = engineio.ASGIApp(server)
"""


@pytest.mark.parametrize("options", [(), ("--http", "h11", "--loop", "asyncio")])
def test_command_line(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = ("-m", "uvicorn", "--ws", "engineio.bindings.uvicorn:TakeoverProtocol", "--port", "0", *options)
    with ServerProcess(*command, "program:app", cwd=tmp_path) as process:
        live = Live(None, "httptools")
        live.port = process.port
        with live.client() as client:
            assert head_of(client.ask(handshake(OPEN)))[0] == 101
            assert (client.receive() or (0, b""))[1].startswith(b"0{")
            client.send("4x")
            assert client.receive() == (1, b"4TakenOver")
            process.signal(15)
            opcode, payload = client.receive() or (0, b"")
            assert (opcode, payload[:2]) == (8, (1012).to_bytes(2, "big"))
            client.close(1012)
            assert client.receive() is None
        process.wait()
        assert "Traceback" not in process.output
