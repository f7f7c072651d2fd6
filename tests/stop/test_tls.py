"""HTTPS and wss under each server, with a certificate of an own authority."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from serving import DEADLINE, ServerProcess

import socketio

from .test_stop import PROGRAM

WAYS = ("uvicorn", "embedded", "hypercorn", "daphne", "granian", "tornado")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and the key and the certificate of a server that it has signed."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    new = "req -newkey rsa:2048 -nodes"
    commands = [
        f"{new} -x509 -days 2 -subj /CN=authority -keyout authority.key -out authority",
        f"{new} -subj /CN=localhost -keyout key -out request",
        "x509 -req -days 2 -in request -CA authority -CAkey authority.key -extfile names -out certificate",
    ]
    for command in commands:
        subprocess.run(["openssl", *command.split()], check=True, capture_output=True, cwd=folder)
    return folder


@pytest.fixture(params=WAYS)
def server(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerProcess]:
    """The application under each server."""
    if request.param != "embedded":
        pytest.importorskip(request.param)
    monkeypatch.setenv("TLS", str(folder))
    server = ServerProcess(PROGRAM, request.param)
    yield server
    server.close()


def test_conversation(server: ServerProcess, folder: Path) -> None:
    async def talk() -> None:
        context = ssl.create_default_context(cafile=str(folder / "authority"))
        origin = f"https://localhost:{server.port}"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
            for transports in (["polling"], ["websocket"], None):
                client = socketio.AsyncClient(http_session=http, reconnection=False)
                # The origin is the server's own, which it finds to be so.
                await client.connect(origin, transports=transports, headers={"Origin": origin}, wait_timeout=DEADLINE)
                assert client.transport() == ("polling" if transports == ["polling"] else "websocket")
                for data in ("héllo", b"\0\xff", "x" * 200_000):
                    assert await client.call("echo", data, timeout=DEADLINE) == data
                assert await client.call("scheme", timeout=DEADLINE) == "https"
                await client.disconnect()
            with pytest.raises(socketio.exceptions.ConnectionError):
                await socketio.AsyncClient(http_session=http).connect(
                    origin, transports=["websocket"], headers={"Origin": "https://elsewhere.example"}
                )

    asyncio.run(talk())
