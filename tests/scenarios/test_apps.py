"""The app around the server: static files, other apps, mounts, lifespan, and what handlers learn of a request."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import pytest
from protocol_client import ProtocolClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import ServerProcess

    Connect = Callable[[str], ProtocolClient]

MOUNTS = {
    "/mounted/socket.io": "mounted in another app",
    "/api/ws": "without a path of its own, mounted at a path of two parts",
    "/outer/inner/ws": "mounted in an app that is mounted itself",
}


async def fetch(url: str) -> tuple[int, str, str]:
    """Return the status, content type without parameters, and text of what is at a URL, spelled exactly so."""
    from yarl import URL

    async with aiohttp.ClientSession() as http, http.get(URL(url, encoded=True)) as response:
        return response.status, response.content_type, await response.text()


@pytest.mark.parametrize(
    ("path", "content_type", "text"),
    [
        ("/", "text/html", "<!doctype html><title>Index</title>\n"),
        ("/data", "application/x-data", "plain data\n"),
        ("/static/data.txt", "text/plain", "plain data\n"),
        ("/static/code.js", "application/javascript", "export const one = 1;\n"),
        ("/static/", "text/html", "<!doctype html><title>Index</title>\n"),
    ],
)
async def test_static_files(server: ServerProcess, path: str, content_type: str, text: str) -> None:
    """Files by name, with a content type, and a directory with its index.html."""
    assert await fetch(server.url + path) == (200, content_type, text)


@pytest.mark.parametrize(
    "path",
    [
        "/static/missing",
        "/static/../server_app.py",
        "/static/%2e%2e/server_app.py",
        "/static/..%2fserver_app.py",
        "/static/..%5cserver_app.py",
        "/static//etc/passwd",
        "/static/%00",
    ],
)
async def test_no_other_file_is_served(server: ServerProcess, path: str) -> None:
    """What is not below the directory is not there."""
    status, _, text = await fetch(server.url + path)
    assert status == 404
    assert "import" not in text


async def test_other_paths_go_to_the_other_app(server: ServerProcess) -> None:
    """`other_asgi_app`, `wsgi_app`."""
    assert await fetch(server.url + "/hello") == (200, "text/plain", "hello")
    assert (await fetch(server.url + "/nowhere"))[0] == 404
    assert (await fetch(server.url + "/engine.ioo/?EIO=4&transport=polling"))[0] == 404


@pytest.mark.parametrize("path", MOUNTS, ids=MOUNTS.values())
async def test_mounted(client: Connect, path: str) -> None:
    """Handshake, events and upgrade below another app."""
    async with client(path) as sio:
        await sio.handshake()
        assert (await sio.post("40")).text == "ok"
        await sio.poll_packets(2)
        async with sio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            await ws.send("5", '421["message-with-ack",1]')
            assert await ws.receive_past_pings() == "431[1]"
        async with sio.websocket_session() as ws:
            await ws.send("40")
            await ws.receive_many(2)
            await ws.send('42["message",2]')
            assert await ws.receive() == '42["message-back",2]'


@pytest.mark.binding
@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_get_environ(client: Connect, server: ServerProcess, transport: str) -> None:
    """A WSGI style dict with the real address of the client."""
    async with client("patient") as sio, AsyncExitStack() as stack:
        headers = {"X-Some-Header": "some value"}

        async def environ(name: str) -> str:
            await sio.post(f'420["environ","{name}"]')
            return (await sio.poll_packets(1))[0]

        if transport == "polling":
            await sio.handshake(headers=headers, token="some token")
            await sio.post("40")
            await sio.poll_packets(2)
            ask = environ
        else:
            ws = await stack.enter_async_context(sio.websocket_session(headers=headers, token="some token"))
            await ws.send("40")
            await ws.receive_many(2)

            async def ask(name: str) -> str:
                await ws.send(f'420["environ","{name}"]')
                return str(await ws.receive_past_pings())

            # Werkzeug has it as a number.
            assert (await ask("REMOTE_PORT")).replace('"', "") == f"430[{ws.local_port}]"
        assert await ask("REMOTE_ADDR") == '430["127.0.0.1"]'
        assert await ask("REQUEST_METHOD") == '430["GET"]'
        assert await ask("PATH_INFO") == '430["/patient/"]'
        assert await ask("HTTP_X_SOME_HEADER") == '430["some value"]'
        assert await ask("HTTP_HOST") == f'430["{server.address}"]'
        assert "token=some+token" in (await ask("QUERY_STRING")).replace("%20", "+")


async def test_lifespan(own_server: ServerProcess) -> None:
    """`on_startup` runs before the first request, `on_shutdown` at the end; either may be a coroutine function."""
    await own_server.hear(type="startup")
    async with ProtocolClient(own_server.url, "/calm/") as eio:
        await eio.handshake()
    own_server.terminate()
    await own_server.hear(type="shutdown")


async def test_sigterm_with_clients(own_server: ServerProcess) -> None:
    """Every client is closed and its disconnect handler runs."""
    async with ProtocolClient(own_server.url, "/calm/") as eio, eio.websocket_session() as ws:
        own_server.process.terminate()
        await ws.wait_closed()
        await own_server.hear(type="disconnect", sid=eio.sid)
        await own_server.hear(type="shutdown")
