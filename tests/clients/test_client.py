"""`AsyncClient` against our server and the official ones, over every transport."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import socketio

from .colours import Colour, asked
from .processes import Server

ARGUMENTS = (1, "two €", [None, True], {"four": {"five": 5.5}}, b"\x00\xff", {"deep": [b"x" * 3000]})


class Events(asyncio.Queue[Any]):
    """What a client hears, but for `auth`."""

    def __init__(self, client: Any, namespace: str = "*") -> None:
        super().__init__()
        client.on("*", self.hear, namespace=namespace)
        for event in ("connect", "disconnect", "connect_error", "reconnect"):
            client.on(event, self._hear_of(event), namespace=namespace)

    def _hear_of(self, event: str) -> Any:
        return lambda *args: self.hear(event, *args)

    def hear(self, event: str, *args: Any) -> None:
        if event != "auth":
            self.put_nowait((event, *args))


async def test_events_and_acknowledgements(colour: Colour, server: Server, transports: list[str]) -> None:
    client = colour.Client()
    events = Events(client)

    @client.event
    async def question(data: Any) -> Any:
        await asyncio.sleep(0)
        return {"answer": data}, b"yes"

    await client.connect(server.url, transports=transports)
    assert client.transport() == transports[-1]
    assert client.connected
    assert client.get_sid() != client.sid
    assert await events.get() == ("connect", "/")
    assert await client.call("echo", ARGUMENTS) == ARGUMENTS
    assert await client.call("echo", "one") == "one"
    assert await client.call("echo", ()) is None
    await client.emit("send back", ARGUMENTS)
    assert await events.get() == ("back", "/", *ARGUMENTS)
    answer = await client.call("ask me", b"?")
    assert answer in (({"answer": b"?"}, b"yes"), [{"answer": b"?"}, b"yes"])
    acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    await client.emit("echo", ("call", "back"), callback=lambda *args: acknowledged.set_result(args))
    assert await acknowledged == ("call", "back")
    await client.disconnect()
    assert await events.get() == ("disconnect", "/", "client disconnect")
    assert not client.connected
    with pytest.raises(socketio.exceptions.BadNamespaceError):
        await client.emit("x")
    await client.wait()


async def test_bursts_stay_in_order_over_pings(colour: Colour, server: Server, transports: list[str]) -> None:
    client = colour.Client()
    numbers: asyncio.Queue[int] = asyncio.Queue()
    client.on("number", numbers.put_nowait)
    client.on("back", numbers.put_nowait)
    await client.connect(server.url, transports=transports)
    await client.emit("burst", 500)
    assert [await numbers.get() for _ in range(500)] == list(range(500))
    for number in range(300):
        await client.emit("send back", number)
    assert [await numbers.get() for _ in range(300)] == list(range(300))
    await asyncio.sleep(1.6)  # longer than the server waits for a pong
    assert await client.call("echo", "alive") == "alive"
    await client.disconnect()


async def test_a_body_larger_than_the_server_takes_is_split(colour: Colour, server: Server) -> None:
    client = colour.Client()
    await client.connect(server.url, transports=["polling"])
    answers = [client.call("echo", bytes([number]) * 200_000) for number in range(8)]
    assert [answer[0] for answer in await asyncio.gather(*answers)] == list(range(8))
    await client.disconnect()


async def test_namespaces_and_auth(colour: Colour, server: Server, transports: list[str]) -> None:
    client = colour.Client()
    auths: asyncio.Queue[Any] = asyncio.Queue()

    async def auth() -> Any:
        return {"token": 5}

    client.on("auth", lambda *args: auths.put_nowait(args), namespace="*")
    await client.connect(server.url, transports=transports, namespaces=["/", "/other"], auth=auth)
    heard = [await auths.get() for _ in range(2)]
    assert sorted(heard, key=lambda entry: entry[0]) == [("/", {"token": 5}), ("/other", {"token": 5})]
    assert set(client.namespaces) == {"/", "/other"}
    assert await client.call("echo", b"x", namespace="/other") == b"x"
    await client.disconnect_namespace("/other")
    with pytest.raises(socketio.exceptions.BadNamespaceError):
        await client.emit("echo", namespace="/other")
    # The official server closes a connection on which DISCONNECT and CONNECT of one namespace come in one chunk.
    assert await client.call("echo", 0) == 0
    await client.connect_namespace("/other", auth={"token": 6})
    assert await auths.get() == ("/other", {"token": 6})
    with pytest.raises(socketio.exceptions.ConnectionError, match="Already connected"):
        await client.connect_namespace("/other")
    with pytest.raises(socketio.exceptions.ConnectionError, match="Invalid namespace"):
        await client.connect_namespace("/unknown")
    assert await client.call("echo", 1) == 1
    await client.disconnect()


async def test_a_refusal(colour: Colour, server: Server, transports: list[str]) -> None:
    client = colour.Client()
    events = Events(client)
    with pytest.raises(socketio.exceptions.ConnectionError, match=r"One or more namespaces .*not you"):
        await client.connect(server.url, transports=transports, auth={"refuse": True})
    assert await events.get() == ("connect_error", "/", {"message": "not you", "data": {"code": 7}})
    assert not client.connected
    await client.connect(server.url, transports=transports)
    await client.disconnect()


async def test_the_server_disconnects_the_client(colour: Colour, server: Server, transports: list[str]) -> None:
    client = colour.Client()
    events = Events(client)
    await client.connect(server.url, transports=transports)
    assert await events.get() == ("connect", "/")
    await client.emit("leave")
    assert await events.get() == ("disconnect", "/", "server disconnect")
    await client.wait()
    assert not client.connected


async def test_a_dropped_connection_is_made_again(colour: Colour, server: Server, transports: list[str]) -> None:
    client = colour.Client(reconnection_delay=0.01)
    events = Events(client)
    await client.connect(server.url, transports=transports)
    assert await events.get() == ("connect", "/")
    waiting = asyncio.create_task(client.call("never", timeout=None))
    await asked(client)
    await client.emit("drop")
    assert (await events.get())[:2] == ("disconnect", "/")
    with pytest.raises(socketio.exceptions.DisconnectedError):
        await waiting
    assert await events.get() == ("connect", "/")
    assert await events.get() == ("reconnect", "/", 1)
    assert await client.call("echo", 1) == 1
    await client.disconnect()


async def test_a_call_without_an_answer_times_out(colour: Colour, server: Server) -> None:
    client = colour.Client()
    await client.connect(server.url)
    with pytest.raises(socketio.exceptions.TimeoutError):
        await client.call("never", timeout=0.05)
    assert client.connection.members["/"].acks == {}
    await client.disconnect()


async def test_the_simple_client(colour: Colour, server: Server, transports: list[str]) -> None:
    async with colour.SimpleClient(reconnection_delay=0.01) as client:
        await client.connect(server.url, transports=transports, auth={"a": 1})
        assert await client.receive() == ["auth", {"a": 1}]
        assert client.sid
        assert client.transport == transports[-1]
        await client.emit("send back", ("one", 2))
        assert await client.receive(timeout=5) == ["back", "one", 2]
        assert await client.call("echo", b"x") == b"x"
        with pytest.raises(socketio.exceptions.TimeoutError):
            await client.receive(timeout=0.01)
        with pytest.raises(RuntimeError, match="Already connected"):
            await client.connect(server.url)
        await client.emit("drop")
        assert await client.receive(timeout=10) == ["auth", {"a": 1}]
        assert await client.call("echo", 5) == 5
        await client.emit("leave")
        with pytest.raises(socketio.exceptions.DisconnectedError):
            await client.receive()
        with pytest.raises(socketio.exceptions.DisconnectedError):
            await client.emit("x")


async def test_a_class_based_namespace(server: Server) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()

    class Other(socketio.AsyncClientNamespace):
        def on_connect(self) -> None:
            heard.put_nowait("connect")

        async def on_back(self, data: Any) -> None:
            heard.put_nowait(data)

        async def on_disconnect(self) -> None:
            await asyncio.sleep(0.01)
            heard.put_nowait("disconnect")

    client = socketio.AsyncClient()
    namespace = Other("/other")
    client.register_namespace(namespace)
    await client.connect(server.url)
    assert await heard.get() == "connect"
    await namespace.emit("send back", "x")
    assert await heard.get() == "x"
    assert await namespace.call("echo", "y") == "y"
    await namespace.disconnect()
    assert heard.get_nowait() == "disconnect"


async def test_connecting_without_waiting(colour: Colour, server: Server) -> None:
    client = colour.Client()
    events = Events(client)
    await client.connect(server.url + "/page?a=1", transports="websocket", namespaces="/other", wait=False)
    assert client.connected
    assert await events.get() == ("connect", "/other")
    assert client.get_sid("/other")
    assert client.get_sid() is None
    await client.disconnect()
    # Nobody waits for a refusal either; what the client can hear of it is `connect_error`.
    await client.connect(server.url, namespaces=["/unknown"], wait=False)
    assert (await events.get())[0] == "disconnect"
    assert (await events.get())[:2] == ("connect_error", "/unknown")
    await client.disconnect()
