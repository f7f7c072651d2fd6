"""Our clients with official servers of every age, which they recognise by themselves."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from js_client import TRANSPORTS
from node import FOLDER, OLD, VERSIONS, NodeServer

from socketio.exceptions import ConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from colours import Colour

VALUES = ["text", "é€😀\u2028", b"\x00\x04\xff", {"a": [b"1", "é", b"2" * 300], "b": None}, 5]
WAIT = 20
"""How many seconds the servers get for what takes milliseconds, on a machine that is busy."""


class Notes:
    """What a client hears, in order of arrival, each kind by itself."""

    def __init__(self, client: Any, *namespaces: str) -> None:
        self._queues: dict[tuple[str, str], asyncio.Queue[Any]] = {}
        for namespace in namespaces or ("/",):
            for event in ("connect", "disconnect", "connect_error", "back", "alive", "question", "reconnect"):
                queue = self._queues[namespace, event] = asyncio.Queue()
                client.on(event, self._handler(event, queue), namespace=namespace)

    def _handler(self, event: str, queue: asyncio.Queue[Any]) -> Any:
        async def handler(*args: Any) -> Any:
            queue.put_nowait(args)
            return ("answer", *args) if event == "question" else None

        return handler

    async def take(self, event: str, namespace: str = "/") -> tuple[Any, ...]:
        """Wait for the next event of a kind and return its arguments."""
        async with asyncio.timeout(WAIT):
            arguments: tuple[Any, ...] = await self._queues[namespace, event].get()
        return arguments


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.01)


async def test_all_that_a_client_does(colour: Colour, node_server: NodeServer, how: str) -> None:
    """Events and acknowledgements both ways, text and binary, in two namespaces; pings; and a goodbye."""
    client = colour.Client(reconnection=False)
    notes = Notes(client, "/", "/admin")
    await client.connect(node_server.url, transports=TRANSPORTS[how], wait_timeout=WAIT)
    assert client.transport() == ("polling" if how == "polling" else "websocket")
    assert client.eio.socket.revision.number == (3 if node_server.is_old else 4)
    if node_server.is_old:
        assert client.namespaces == {"/": client.sid, "/admin": f"/admin#{client.sid}"}
    for namespace in ("/", "/admin"):
        heard = await asyncio.to_thread(node_server.reports.take, type="connect", namespace=namespace)
        assert heard["sid"] == client.get_sid(namespace)
        for value in VALUES:
            assert await client.call("echo", value, namespace=namespace, timeout=WAIT) == value
            await client.emit("send back", value, namespace=namespace)
            assert await notes.take("back", namespace) == (value,)
        asked = ({"q": b"\1"}, "€")
        answer = await client.call("ask me", asked[0], namespace=namespace, timeout=WAIT)
        assert answer == ("answer", asked[0])
    await notes.take("alive")
    assert node_server.connections("/") == []  # the server has seen nothing of the client's finding out
    await client.disconnect()
    assert await notes.take("disconnect") == ("client disconnect",)
    for namespace in ("/", "/admin"):
        await asyncio.to_thread(node_server.reports.take, type="disconnect", namespace=namespace)


async def test_the_servers_goodbye(colour: Colour, node_server: NodeServer) -> None:
    client = colour.Client()
    notes = Notes(client, "/", "/admin")
    await client.connect(node_server.url, wait_timeout=WAIT)
    await client.emit("leave", namespace="/admin")
    assert await notes.take("disconnect", "/admin") == ("server disconnect",)
    assert await client.call("echo", 1, timeout=WAIT) == 1
    await client.connect_namespace("/admin", wait_timeout=WAIT)
    assert await client.call("echo", 2, namespace="/admin", timeout=WAIT) == 2
    await client.disconnect_namespace("/")
    await asyncio.to_thread(node_server.reports.take, type="disconnect", namespace="/")
    await client.connect_namespace("/", wait_timeout=WAIT)
    assert await client.call("echo", 3, timeout=WAIT) == 3
    await client.disconnect()


@pytest.mark.parametrize("how", ["polling", "websocket"])
@pytest.mark.parametrize("protocol", ["auto", 3])
async def test_auth_is_the_query_of_an_old_server(
    colour: Colour, node_servers: Callable[[str], NodeServer], how: str, protocol: Any
) -> None:
    for version in OLD:
        server = node_servers(version)
        auth = {"token": f"a b,&é {how} {protocol}", "n": 1, "sid": "not this one"}
        expected = {"token": auth["token"], "n": "1"}
        client = colour.Client(protocol=protocol)
        await client.connect(
            server.url, auth=lambda auth=auth: auth, transports=how, namespaces=["/", "/admin"], wait_timeout=WAIT
        )
        for namespace in ("/", "/admin"):
            await asyncio.to_thread(
                server.reports.take, type="connect", namespace=namespace, sid=client.get_sid(namespace), sent=expected
            )
        await client.disconnect()


async def test_a_refusal(colour: Colour, node_server: NodeServer) -> None:
    """By the middleware of a namespace, with text or data; and because there is no such namespace."""
    for auth, expected in [
        ({"refuse": "/admin"}, "not you"),
        ({"refuse": "/admin", "data": "yes"}, {"code": 7}),
    ]:
        client = colour.Client()
        notes = Notes(client, "/", "/admin")
        with pytest.raises(ConnectionError, match="/admin"):
            await client.connect(node_server.url, auth=auth, wait_timeout=WAIT)
        (told,) = await notes.take("connect_error", "/admin")
        if node_server.is_old:
            assert told == expected
        else:
            assert told["message"] == "not you"
    client = colour.Client()
    with pytest.raises(ConnectionError, match=r"/nowhere \(Invalid namespace"):
        await client.connect(node_server.url, namespaces=["/nowhere"], wait_timeout=WAIT)


async def test_who_is_refused_in_the_main_namespace_hears_it_everywhere(
    colour: Colour, node_servers: Callable[[str], NodeServer]
) -> None:
    client = colour.Client()
    notes = Notes(client, "/", "/admin")
    with pytest.raises(ConnectionError, match=r"/ \(not you\), /admin \(not you\)"):
        await client.connect(node_servers("2").url, auth={"refuse": "/"}, wait_timeout=WAIT)
    assert [await notes.take("connect_error", namespace) for namespace in ("/", "/admin")] == [("not you",)] * 2


async def test_only_what_was_asked_for_is_joined(colour: Colour, node_server: NodeServer) -> None:
    client = colour.Client()
    notes = Notes(client, "/", "/admin")
    await client.connect(node_server.url, namespaces="/admin", wait_timeout=WAIT)
    assert list(client.namespaces) == ["/admin"]
    await client.connect_namespace("/", wait_timeout=WAIT)
    assert set(client.namespaces) == {"/", "/admin"}
    await client.disconnect()
    assert [await notes.take("connect", namespace) for namespace in ("/admin", "/")] == [()] * 2


@pytest.mark.parametrize("how", ["polling", "websocket"])
async def test_a_fixed_protocol_takes_no_other_server(
    colour: Colour, node_servers: Callable[[str], NodeServer], how: str
) -> None:
    new, old = node_servers("4"), node_servers("2")
    for protocol, server, match in (
        (3, new, "400" if how == "polling" else "at once"),
        (4, old, "Engine.IO 4" if how == "polling" else "without a sid"),
    ):
        client = colour.Client(protocol=protocol)
        with pytest.raises(ConnectionError, match=match):
            await client.connect(server.url, transports=how, wait_timeout=WAIT)
    client = colour.Client(protocol=3)
    await client.connect(old.url, transports=how, wait_timeout=WAIT)
    await client.disconnect()


async def test_a_new_server_that_allows_engine_io_3(
    colour: Colour, how: str, start_node_server: Callable[..., NodeServer]
) -> None:
    server = start_node_server("4", None, "allowEIO3")
    client = colour.Client(protocol=3)
    notes = Notes(client, "/", "/admin")
    auth = {"token": "x"}
    await client.connect(server.url, auth=auth, transports=TRANSPORTS[how], wait_timeout=WAIT)
    for namespace in ("/", "/admin"):
        for value in VALUES:
            assert await client.call("echo", value, namespace=namespace, timeout=WAIT) == value
        report = await asyncio.to_thread(server.reports.take, type="connect", namespace=namespace)
        assert (report["sent"], report["eio"]) == (auth, "3")
    await notes.take("alive")
    await client.disconnect()


@pytest.mark.parametrize("order", ["2413", "1432"])
async def test_the_server_is_replaced_by_another_version(
    colour: Colour, how: str, order: str, start_node_server: Callable[..., NodeServer]
) -> None:
    """The client finds out each time it connects again, also if it speaks what the new server does not know."""
    # Socket.IO 3 opens a WebSocket for Engine.IO 3 and says nothing.
    client = colour.Client(reconnection_delay=0.02, reconnection_delay_max=0.1, request_timeout=2)
    notes = Notes(client, "/", "/admin")
    port = None
    for version in order:
        server = start_node_server(version, port)
        if port is None:
            await client.connect(server.url, auth={"a": "b"}, transports=TRANSPORTS[how], wait_timeout=WAIT)
        else:
            await notes.take("reconnect")
        port = server.port
        for namespace in ("/", "/admin"):
            assert await client.call("echo", b"\1", namespace=namespace, timeout=WAIT) == b"\1"
        assert client.eio.socket.revision.number == (3 if server.is_old else 4)
        assert client.eio.revisions.revision.number == (3 if server.is_old else 4)
        server.close()
    await client.disconnect()


@pytest.mark.parametrize("how", ["polling", "websocket"])
async def test_a_server_that_answers_no_ping(
    colour: Colour, how: str, start_node_server: Callable[..., NodeServer]
) -> None:
    server = start_node_server("2")
    client = colour.Client(reconnection=False)
    notes = Notes(client)
    await client.connect(server.url, transports=how, wait_timeout=WAIT)
    server.signal(signal.SIGSTOP)
    assert await notes.take("disconnect") == ("ping timeout",)
    await client.wait()


async def test_the_revision_is_remembered(colour: Colour, node_servers: Callable[[str], NodeServer]) -> None:
    server = node_servers("2")
    client = colour.Client()
    for _ in range(2):
        # The first time the client has to find out, and the connection that it makes for that has no query.
        server.reports.take_all()
        await client.connect(server.url, auth={"a": "b"}, transports="websocket", wait_timeout=WAIT)
        sid = client.sid
        await client.disconnect()
        await asyncio.to_thread(server.reports.take, type="disconnect", sid=sid)
    assert [report["sid"] for report in server.connections()] == [sid]


@pytest.mark.parametrize("version", VERSIONS)
async def test_engine_io_clients(colour: Colour, version: str, node_servers: Callable[[str], NodeServer]) -> None:
    """A client that knows nothing of Socket.IO sees the packets of the servers."""
    client = colour.Engine()
    received: list[Any] = []
    client.on("message", received.append)
    await client.connect(node_servers(version).url, engineio_path="socket.io")
    if version in OLD:
        await until(lambda: "0" in received)
    else:
        await client.send("0{}")
        await until(lambda: any(message.startswith("0{") for message in received))
    await client.send('20["echo","€"]')
    await until(lambda: '30["€"]' in received)
    await client.send(b"\0\1")
    await client.disconnect()


@pytest.mark.parametrize("kind", ["gevent", "eventlet"])
def test_greenlets(kind: str, node_servers: Callable[[str], NodeServer]) -> None:
    if importlib.util.find_spec(kind) is None:
        pytest.skip(f"{kind} is not installed")
    # Eventlet says of itself that it is deprecated, and uses what Python has deprecated.
    quiet = "error" if kind == "gevent" else "error::ResourceWarning"
    command = [sys.executable, "-W", quiet, str(FOLDER / "green_program.py"), kind, node_servers("2").url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.returncode) == ("done\n", 0), ended.stderr
