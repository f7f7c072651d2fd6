"""Our clients with our servers in Engine.IO 3, and with one that does not speak it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from js_client import TRANSPORTS

import socketio
from engineio.exceptions import RevisionRefusedError
from socketio.exceptions import ConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from colours import Colour
    from serving import ServerProcess

VALUES = ["text", "é€😀\u2028", b"\x00\x04\xff", {"a": [b"1", "é", b"2" * 300], "b": None}]
WAIT = 20


async def test_all_that_a_client_does(colour: Colour, how: str, server: ServerProcess) -> None:
    """Ping interval and ping timeout of the server are 0.3 and 1.5 s."""
    client = colour.Client(protocol=3)
    back: asyncio.Queue[Any] = asyncio.Queue()

    async def note(*args: Any) -> None:
        back.put_nowait(args)

    async def answer(question: Any) -> Any:
        return b"\1", question

    for namespace in ("/", "/admin"):
        client.on("back", note, namespace=namespace)
        client.on("question", answer, namespace=namespace)
    await client.connect(server.url, auth={"token": "é,&"}, transports=TRANSPORTS[how], wait_timeout=WAIT)
    assert client.namespaces == {"/": client.sid, "/admin": f"/admin#{client.sid}"}
    heard = await server.hear(type="connect", namespace="/", sid=client.sid)
    assert (heard["query"]["EIO"], heard["query"]["token"]) == ("3", "é,&")
    heard = await server.hear(type="connect", namespace="/admin", sid=f"/admin#{client.sid}")
    assert heard["auth"] == {"token": "é,&"}
    for namespace in ("/", "/admin"):
        for value in VALUES:
            assert await client.call("echo", value, namespace=namespace, timeout=WAIT) == value
            await client.emit("send_back", value, namespace=namespace)
            assert await asyncio.wait_for(back.get(), WAIT) == (value,)
        answered = await client.call("ask_me", {"q": b"\2"}, namespace=namespace, timeout=WAIT)
        assert answered == (b"\1", {"q": b"\2"})
    assert await client.call("rest", 2.2, timeout=WAIT) == "rested"
    await client.disconnect()
    await server.hear(type="disconnect", namespace="/admin", sid=f"/admin#{client.sid or heard['sid'][7:]}")


@pytest.mark.parametrize("how", ["polling", "websocket"])
async def test_a_refusal(colour: Colour, how: str, server: ServerProcess) -> None:
    client = colour.Client(protocol=3)
    with pytest.raises(ConnectionError, match=r"/ \(not welcome\)"):
        await client.connect(server.url, auth={"refuse": "yes"}, transports=how, wait_timeout=WAIT)
    await client.connect(server.url, transports=how, wait_timeout=WAIT)
    with pytest.raises(ConnectionError, match=r"/admin \(not welcome\)"):
        await client.connect_namespace("/admin", auth={"refuse": "yes"}, wait_timeout=WAIT)
    with pytest.raises(ConnectionError, match=r"/nowhere \(Invalid namespace\)"):
        await client.connect_namespace("/nowhere", wait_timeout=WAIT)
    assert await client.call("echo", 1, timeout=WAIT) == 1
    await client.disconnect()


@pytest.mark.parametrize("how", ["polling", "websocket"])
async def test_a_server_that_speaks_engine_io_4_only(
    colour: Colour, how: str, start_new_server: Callable[[str], ServerProcess]
) -> None:
    """A client that speaks nothing else is refused; one that remembers an old server in this place finds out."""
    for way in ("embedded", "werkzeug"):
        server = start_new_server(way)
        with pytest.raises(ConnectionError, match="400") as refused:
            await colour.Client(protocol=3).connect(server.url, transports=how, wait_timeout=WAIT)
        assert isinstance(refused.value.__cause__, RevisionRefusedError)
        client = colour.Client()
        await client.connect(server.url, transports=how, wait_timeout=WAIT)
        await client.disconnect()
        client.eio.revisions.settle(colour.Client(protocol=3).eio.revisions.revision)
        await client.connect(server.url, auth={"a": "b"}, transports=how, wait_timeout=WAIT)
        assert client.eio.revisions.revision.number == 4
        assert await client.call("ack_one", 1, timeout=WAIT) == 1
        await client.disconnect()


def test_the_protocol_is_an_option_of_all_clients() -> None:
    for cls in (socketio.Client, socketio.AsyncClient, socketio.SimpleClient, socketio.AsyncSimpleClient):
        for protocol in ("auto", 3, 4):
            cls(protocol=protocol)
    for cls in (socketio.Client, socketio.AsyncClient):
        with pytest.raises(ValueError, match="protocol is 3, 4 or 'auto'"):
            cls(protocol=2)
