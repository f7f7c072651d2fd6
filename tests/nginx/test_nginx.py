"""Behind nginx, with the configuration of the examples."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests
import websocket
from js_client import TRANSPORTS, Clients, Driver
from serving import DEADLINE, ServerProcess

import socketio

from .conftest import CONFIGURATION, FOLDER, Nginx

StartNginx = Callable[..., Nginx]
StartWorker = Callable[[str], ServerProcess]
BIG = ("text " * 80_000, bytes(range(256)) * 1_200)
"""Close to the million bytes that a POST may hold."""


@asynccontextmanager
async def connected(
    url: str, how: str = "upgrade", address: str | None = None, **headers: str
) -> AsyncIterator[socketio.AsyncClient]:
    """A client that comes from an address of this machine."""
    sockets: list[socket.socket] = []

    def make_socket(info: Any) -> socket.socket:
        sockets.append(socket.socket(*info[:3]))
        return sockets[-1]

    jar = aiohttp.CookieJar(unsafe=True)  # it keeps the cookies of addresses, too
    connector = aiohttp.TCPConnector(local_addr=address and (address, 0), ssl=False, socket_factory=make_socket)
    try:
        async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
            client = socketio.AsyncClient(reconnection=False, http_session=session)
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            try:
                await client.connect(url, transports=TRANSPORTS[how], headers=fields, wait_timeout=DEADLINE)
                assert client.transport() == ("polling" if how == "polling" else "websocket")
                yield client
            finally:
                await client.disconnect()
    finally:
        while any(sock.fileno() != -1 for sock in sockets):  # aiohttp does not wait for the end of TLS
            await asyncio.sleep(0.01)


async def ask(client: socketio.AsyncClient, event: str, *args: Any) -> Any:
    return await client.call(event, args, timeout=DEADLINE)


@pytest.mark.parametrize("how", TRANSPORTS)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_clients_reach_a_worker(nginx: Nginx, how: str, tls: bool) -> None:
    async with connected(nginx.tls_url if tls else nginx.url, how) as client:
        assert await ask(client, "transport") == client.transport()
        assert await ask(client, "echo", *BIG) == BIG


@pytest.mark.parametrize("how", TRANSPORTS)
def test_the_official_client_reaches_a_worker(nginx: Nginx, driver: Driver, how: str) -> None:
    clients = Clients(driver, nginx, how)  # type: ignore[arg-type]  # it needs no more than the URL
    socket = clients.connect()
    assert socket.call("echo", *BIG) == list(BIG)
    clients.close()


# Who is who


@pytest.mark.parametrize("how", TRANSPORTS)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_handlers_see_the_client_and_not_nginx(nginx: Nginx, how: str, tls: bool) -> None:
    url = nginx.tls_url if tls else nginx.url
    async with connected(url, how, "127.0.7.1", X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="gopher") as client:
        assert await ask(client, "environ") == {
            "REMOTE_ADDR": "127.0.7.1",  # and not what the client says of itself
            "wsgi.url_scheme": "https" if tls else "http",
            "HTTP_HOST": url.partition("//")[2],
            "HTTP_X_FORWARDED_FOR": "203.0.113.9, 127.0.7.1",
            "HTTP_X_FORWARDED_PROTO": "https" if tls else "http",
        }


@pytest.mark.parametrize("how", ["polling", "websocket"])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_the_origin_is_that_of_the_page(nginx: Nginx, how: str, tls: bool) -> None:
    """The page that came through nginx is of the same origin, with its scheme and port, and no other one is."""
    url, other = (nginx.tls_url, nginx.url) if tls else (nginx.url, nginx.tls_url)
    async with connected(url, how, Origin=url) as client:
        assert await ask(client, "echo", 1) == 1
    scheme, _, rest = url.partition("://")
    for origin in (other, f"{'http' if tls else 'https'}://{rest}", f"{scheme}://127.0.0.1", "https://evil.example"):
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(url, how, Origin=origin):
                pass


# Sticky sessions

ADDRESSES = [f"127.0.{network}.1" for network in range(1, 13)]
"""Of different networks: `ip_hash` looks at the first three numbers of an address."""


async def check_both_are_used(nginx: Nginx, workers: list[int], how: str, clients: list[dict[str, str]]) -> None:
    """Connects clients until each of the workers has some, and sees that all of them stay where they are."""
    used: set[int] = set()
    async with AsyncExitStack() as stack:
        for options in clients:
            client = await stack.enter_async_context(connected(nginx.url, how, **options))
            asked = {await ask(client, "who") for _ in range(5)}
            assert len(asked) == 1
            used |= asked
            if used == set(workers):
                return
    raise AssertionError(f"all {len(clients)} clients came to {used}")


@pytest.mark.parametrize("how", TRANSPORTS)
async def test_sticky_by_address(nginx: Nginx, workers: list[int], how: str) -> None:
    await check_both_are_used(nginx, workers, how, [{"address": address} for address in ADDRESSES])


@pytest.mark.parametrize("how", ["polling", "upgrade"])
async def test_sticky_by_the_address_that_another_proxy_has_seen(
    start_nginx: StartNginx, workers: list[int], how: str
) -> None:
    nginx = start_nginx(workers, uncomment=("hash $http_x_forwarded_for",), comment=("ip_hash;",))
    clients = [{"X_Forwarded_For": f"203.0.113.{number}"} for number in range(1, 31)]
    await check_both_are_used(nginx, workers, how, clients)


@pytest.mark.parametrize("how", ["polling", "upgrade"])
async def test_sticky_by_a_cookie(start_nginx: StartNginx, workers: list[int], how: str) -> None:
    nginx = start_nginx(workers, uncomment=("hash $route", "add_header Set-Cookie"), comment=("ip_hash;",))
    # The key is a random number: in one of 2^59 runs all come to the same worker.
    await check_both_are_used(nginx, workers, how, [{}] * 60)


async def test_a_worker_that_ends(start_nginx: StartNginx, start_worker: StartWorker) -> None:
    """Its clients connect again, and get to the other one."""
    first, second = start_worker("embedded"), start_worker("embedded")
    nginx = start_nginx([first.port, second.port])
    connections: asyncio.Queue[int] = asyncio.Queue()
    client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.5)

    @client.event
    async def connect() -> None:
        connections.put_nowait(await client.call("who"))

    await client.connect(nginx.url)
    try:
        had = await connections.get()
        await asyncio.to_thread((first if had == first.port else second).terminate)
        assert await connections.get() == (second if had == first.port else first).port
    finally:
        await client.disconnect()


# Clients that vanish


def test_a_client_that_goes_while_its_poll_waits(start_nginx: StartNginx, start_worker: StartWorker) -> None:
    worker = start_worker("embedded")
    url = start_nginx([worker.port, worker.port]).url + "/socket.io/"
    with requests.Session() as session:
        session.params = {"EIO": "4", "transport": "polling"}
        session.params["sid"] = json.loads(session.get(url, timeout=DEADLINE).text[1:])["sid"]
        session.post(url, "40", timeout=DEADLINE)
        sid = json.loads(session.get(url, timeout=DEADLINE).text[2:])["sid"]
        with pytest.raises(requests.ReadTimeout):
            session.get(url, timeout=0.2)
    worker.reports.take(type="disconnect", sid=sid, reason="transport close")


def test_a_websocket_that_breaks_off(start_nginx: StartNginx, start_worker: StartWorker) -> None:
    worker = start_worker("embedded")
    nginx = start_nginx([worker.port, worker.port])
    link = websocket.create_connection(nginx.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket")
    assert link.recv().startswith("0{")
    link.send("40")
    sid = json.loads(link.recv()[2:])["sid"]
    link.shutdown()
    worker.reports.take(type="disconnect", sid=sid, reason="transport close")


# Other servers


@pytest.mark.parametrize("way", ["uvicorn", "werkzeug", "gevent"])
async def test_other_web_servers(way: str, start_nginx: StartNginx, start_worker: StartWorker) -> None:
    worker = start_worker(way)
    nginx = start_nginx([worker.port, worker.port])
    for how in TRANSPORTS:
        async with connected(nginx.url, how, "127.0.7.1", Origin=nginx.url) as client:
            assert await ask(client, "transport") == client.transport()
            assert await ask(client, "echo", *BIG) == BIG
            environ = await ask(client, "environ")
            assert environ["HTTP_X_FORWARDED_FOR"] == "127.0.7.1"
            # Under WSGI it is for a middleware of the application (Werkzeug's ProxyFix) to believe the header.
            assert environ["REMOTE_ADDR"] == ("127.0.7.1" if way == "uvicorn" else "127.0.0.1")


async def test_a_unix_socket(start_nginx: StartNginx, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    worker = subprocess.Popen([sys.executable, str(FOLDER / "worker.py"), "--uds", str(path)], env=environment)
    try:
        while not await accepts(path):
            assert worker.poll() is None
            await asyncio.sleep(0.05)
        nginx = start_nginx([path, path])
        for how in TRANSPORTS:
            async with connected(nginx.url, how, "127.0.7.1", Origin=nginx.url) as client:
                assert (await ask(client, "environ"))["REMOTE_ADDR"] == "127.0.7.1"
    finally:
        worker.terminate()
        assert worker.wait(DEADLINE) == 0


async def accepts(path: Path) -> bool:
    """Says whether somebody listens on a Unix socket."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


# Limits


def test_what_is_too_large_does_not_get_to_a_worker(nginx: Nginx) -> None:
    parameters = {"EIO": "4", "transport": "polling"}
    with requests.post(nginx.url + "/socket.io/", b"4" * 2**21, params=parameters, timeout=DEADLINE) as answer:
        assert (answer.status_code, answer.headers["Server"].partition("/")[0]) == (413, "nginx")


def test_the_limits_suit_the_defaults_of_the_server() -> None:
    """A poll, and a WebSocket on which nothing but pings come, are quiet for the ping interval."""
    text = CONFIGURATION.read_text()
    defaults = socketio.AsyncServer().eio
    for name in ("proxy_read_timeout", "proxy_send_timeout"):
        [seconds] = re.findall(rf"^ *{name} (\d+)s;", text, re.M)
        assert int(seconds) > defaults.ping_interval + defaults.ping_timeout
    [megabytes] = re.findall(r"^ *client_max_body_size (\d+)m;", text, re.M)
    assert int(megabytes) * 2**20 > defaults.max_http_buffer_size
