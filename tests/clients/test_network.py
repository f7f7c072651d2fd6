"""A network that is gone for a while: the server's cable is pulled, or its name is not found."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import socketio

from .colours import Colour, in_thread, settled
from .processes import FOLDER, Server

FAST = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.2, "request_timeout": 0.5}
PORT = 5000


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class Host:
    """Another host: a network namespace with a server, at the other end of a cable."""

    def __init__(self) -> None:
        number = os.getpid() % 16_384
        self.name = f"sio{number}"
        prefix, last = f"10.213.{number >> 6}", (number & 63) * 4
        self.address = f"{prefix}.{last + 2}"
        self.url = f"http://{self.address}:{PORT}"
        self.process: subprocess.Popen[bytes] | None = None
        ip("netns", "add", self.name)
        try:
            ip("link", "add", f"{self.name}a", "type", "veth", "peer", "name", f"{self.name}b", "netns", self.name)
            ip("addr", "add", f"{prefix}.{last + 1}/30", "dev", f"{self.name}a")
            ip("-n", self.name, "addr", "add", f"{self.address}/30", "dev", f"{self.name}b")
            ip("link", "set", f"{self.name}a", "up")
            self.plug(True)
        except OSError:
            self.remove()
            raise

    def plug(self, plugged: bool) -> None:
        """Plug the cable in, or pull it: nobody is told, packets just get lost."""
        ip("-n", self.name, "link", "set", f"{self.name}b", "up" if plugged else "down")

    def start(self) -> None:
        command = ["ip", "netns", "exec", self.name, sys.executable, str(FOLDER / "event_server.py"), str(PORT)]
        self.process = subprocess.Popen(command, cwd=FOLDER, env={**os.environ, "HOST": self.address})
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((self.address, PORT), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < end, "the server did not start"
                time.sleep(0.05)

    def remove(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        ip("netns", "del", self.name)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host with a server."""
    if shutil.which("ip") is None:
        pytest.skip("ip (of iproute2) is not installed")
    try:
        host = Host()
    except OSError as exc:
        pytest.skip(f"no network of one's own can be made here: {exc}")
    try:
        host.start()
        yield host
    finally:
        host.remove()


def listen(client: Any, *names: str) -> asyncio.Queue[Any]:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    for name in names:
        client.on(name, lambda *args, name=name: heard.put_nowait((name, *args)))
    return heard


async def test_a_cable_that_is_pulled(colour: Colour, host: Host, transports: list[str]) -> None:
    client = colour.Client(**FAST, buffer_offline=True)
    heard = listen(client, "connect", "disconnect", "back")
    failed = listen(client, "reconnect_error")
    await client.connect(host.url, transports=transports)
    assert await heard.get() == ("connect",)
    waiting = asyncio.create_task(client.call("never", timeout=None))
    await in_thread(host.plug, False)
    try:
        assert (await heard.get())[0] == "disconnect"
        with pytest.raises(socketio.exceptions.DisconnectedError):
            await waiting
        for number in range(3):
            await client.emit("send back", (number, b"x"))
            await failed.get()
    finally:
        await in_thread(host.plug, True)
    assert await heard.get() == ("connect",)
    assert [await heard.get() for _ in range(3)] == [("back", number, b"x") for number in range(3)]
    assert client.transport() == transports[-1]
    await client.disconnect()
    await settled(client)


async def test_disconnecting_without_a_network(colour: Colour, host: Host, transports: list[str]) -> None:
    client = colour.Client(**FAST)
    await client.connect(host.url, transports=transports)
    await in_thread(host.plug, False)
    try:
        await client.disconnect()
        assert not client.connected
    finally:
        await in_thread(host.plug, True)
    await settled(client)


async def test_a_name_that_is_not_found_for_a_while(colour: Colour, start_server: Callable[[], Server]) -> None:
    server = await in_thread(start_server)
    urls = iter([server.url, "http://name.invalid", "http://name.invalid", server.url])
    client = colour.Client(**FAST)
    heard = listen(client, "connect", "reconnect_error", "reconnect")
    await client.connect(lambda: next(urls))
    assert await heard.get() == ("connect",)
    await client.emit("drop")
    assert [(await heard.get())[0] for _ in range(4)] == ["reconnect_error", "reconnect_error", "connect", "reconnect"]
    await client.disconnect()
    await settled(client)
