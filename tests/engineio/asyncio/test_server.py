"""`AsyncServer`: handlers, sessions and sending, by calls without a server."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from engineio import AsyncServer
from engineio.packet import MESSAGE, Packet

from ..asgi_calls import (
    QUERY,
    Client,
    WebSocketCall,
    get,
    run,
    turn,
    websocket_scope,
)

# Handlers


@run
async def test_the_handlers() -> None:
    server = AsyncServer()
    heard: list[Any] = []

    @server.on("connect")
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        heard.append(("connect", sid, environ["QUERY_STRING"]))

    @server.on("message")
    async def message(sid: str, data: Any) -> None:
        heard.append((sid, data))

    @server.on("disconnect")
    async def disconnect(sid: str, reason: str) -> None:
        heard.append(("disconnect", sid, reason))

    client = Client(server)
    answer = await client.connect()
    sid = client.sid
    assert heard == [("connect", sid, QUERY)]
    assert answer.header(b"content-type") == [b"text/plain; charset=UTF-8"]
    assert (await client.post(b"4text\x1ebAAE=\x1e4\xe2\x82\xac")).text == "ok"
    await turn()
    assert heard[1:] == [(sid, "text"), (sid, b"\x00\x01"), (sid, "€")]
    poll = client.begin_poll()
    await turn()
    assert (await client.post(b"1")).text == "ok"
    assert (await poll.answer()).text == "6"
    await turn()
    assert heard[4:] == [("disconnect", sid, "client disconnect")]
    assert (await client.poll()).status == 400


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        (None, 200, None),
        (True, 200, None),
        (False, 401, "Unauthorized"),
        ({"reason": "full", "n": 1}, 401, {"reason": "full", "n": 1}),
        ("go away", 401, "go away"),
    ],
)
def test_what_a_connect_handler_returns(asynchronous: bool, result: Any, status: int, body: Any) -> None:
    async def main() -> None:
        server = AsyncServer()
        heard: list[Any] = []

        def connect(sid: str, environ: dict[str, Any]) -> Any:
            return result

        async def async_connect(sid: str, environ: dict[str, Any]) -> Any:
            await asyncio.sleep(0)
            return result

        server.on("connect", async_connect if asynchronous else connect)
        server.on("disconnect", lambda sid, reason: heard.append(reason))
        answer = await Client(server).connect()
        assert answer.status == status
        if status == 401:
            assert answer.json() == body
            assert answer.header(b"content-type") == [b"application/json"]
            assert server.sockets == {}
        call = WebSocketCall(server.handle_request, websocket_scope(query="EIO=4&transport=websocket"))
        await turn()
        assert call.take()[0] == ("websocket.accept" if status == 200 else "websocket.close")
        call.disconnect()
        await call.task
        await turn()
        assert len(heard) == (1 if status == 200 else 0)

    asyncio.run(main())


@pytest.mark.parametrize("kind", [ValueError, BaseException, SystemExit, KeyboardInterrupt])
def test_a_connect_handler_that_raises(kind: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        server = AsyncServer(logger=logging.getLogger("test"))

        async def connect(sid: str, environ: dict[str, Any]) -> None:
            raise kind("secret")

        server.on("connect", connect)
        answer = await Client(server).connect()
        assert (answer.status, answer.json()) == (401, "Unauthorized")
        assert server.sockets == {}

    asyncio.run(main())
    assert "secret" in caplog.text


@run
async def test_a_connect_handler_that_sends() -> None:
    server = AsyncServer()

    @server.on("connect")
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        await server.send(sid, "early")

    answer = await get(server.handle_request, query=QUERY)
    handshake, message = answer.text.split("\x1e")
    assert handshake.startswith('0{"sid":')
    assert message == "4early"


@pytest.mark.parametrize("result", [None, False])
def test_a_connect_handler_that_disconnects(result: bool | None) -> None:
    async def main() -> None:
        server = AsyncServer()

        async def connect(sid: str, environ: dict[str, Any]) -> bool | None:
            await server.disconnect(sid)
            return result

        server.on("connect", connect)
        answer = await Client(server).connect()
        assert answer.status == 401
        assert server.sockets == {}
        call = WebSocketCall(server.handle_request, websocket_scope(query="EIO=4&transport=websocket"))
        await call.task
        assert call.take() == ["websocket.close"]

    asyncio.run(main())


@run
async def test_a_disconnect_handler_without_reason() -> None:
    server = AsyncServer()
    heard: list[Any] = []
    server.on("disconnect", lambda sid: heard.append(sid))
    client = Client(server)
    await client.connect()
    await client.post(b"1")
    await turn()
    assert heard == [client.sid]


def test_a_type_error_inside_a_disconnect_handler_is_no_reason_to_call_it_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []

    async def main() -> None:
        server = AsyncServer(logger=logging.getLogger("test"))

        @server.on("disconnect")
        async def disconnect(sid: str, reason: str = "") -> None:
            heard.append(reason)
            raise TypeError("from the handler")

        client = Client(server)
        await client.connect()
        await client.post(b"1")
        await turn()

    asyncio.run(main())
    assert heard == ["client disconnect"]
    assert "from the handler" in caplog.text


def test_messages_that_are_json_reach_the_handler_decoded() -> None:
    """As programs written for python-engineio expect: objects and lists are decoded, integers stay text."""

    async def main() -> None:
        server = AsyncServer()
        heard: list[Any] = []
        server.on("message", lambda sid, data: heard.append(data))
        client = Client(server)
        await client.connect()
        await client.post(b'4{"a":1}\x1e4[1]\x1e4hello\x1e412\x1e4true\x1e4{"a"\x1e4')
        await turn()
        assert heard == [{"a": 1}, [1], "hello", "12", "true", '{"a"', ""]

    asyncio.run(main())


def test_a_message_handler_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        server = AsyncServer(logger=logging.getLogger("test"))
        heard: list[str] = []

        @server.on("message")
        async def message(sid: str, data: str) -> None:
            if data == "bad":
                raise ValueError("from the handler")
            heard.append(data)

        client = Client(server)
        await client.connect()
        assert (await client.post(b"4bad\x1e4good")).text == "ok"
        await turn()
        assert heard == ["good"]

    asyncio.run(main())
    assert "from the handler" in caplog.text


# Sending and sessions


@run
async def test_send() -> None:
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    for data in ("text €", b"\x00", bytearray(b"\x01"), {"a": [1]}, [], 5, None):
        await server.send(client.sid, data)
    await server.send_packet(client.sid, Packet(MESSAGE, {"b": 2}))
    await server.send_packet(client.sid, Packet(MESSAGE, b"\x02"))
    assert (await client.poll()).text.split("\x1e") == [
        "4text €",
        "bAA==",
        "bAQ==",
        '4{"a":[1]}',
        "4[]",
        "45",
        "4",
        '4{"b":2}',
        "bAg==",
    ]
    await server.send("unknown", "ignored")
    await server.send_packet("unknown", Packet(MESSAGE, "ignored"))
    await server.disconnect("unknown")


@run
async def test_the_json_module_of_the_server_encodes_messages() -> None:
    class Json:
        @staticmethod
        def dumps(data: Any, **options: Any) -> str:
            return json.dumps({"wrapped": data}, **options)

        loads = staticmethod(json.loads)

    server = AsyncServer(json=Json)
    other = AsyncServer()
    clients = [Client(server), Client(other)]
    texts = []
    for client in clients:
        answer = await get(client.server.handle_request, query=QUERY)
        client.sid = next(iter(client.server.sockets))
        assert answer.status == 200
        await client.server.send(client.sid, [1])
        texts.append((await client.poll()).text)
    assert texts == ['4{"wrapped":[1]}', "4[1]"]


@run
async def test_sessions() -> None:
    server = AsyncServer()
    left: list[Any] = []

    @server.on("connect")
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        await server.save_session(sid, {"user": "ann"})

    @server.on("disconnect")
    async def disconnect(sid: str, reason: str) -> None:
        left.append(await server.get_session(sid))
        await asyncio.sleep(0)
        left.append((await server.get_session(sid))["user"])

    client, other = Client(server), Client(server)
    await client.connect()
    await other.connect()
    sid = client.sid
    assert await server.get_session(sid) == {"user": "ann"}
    async with server.session(sid) as session:
        session["n"] = 1
    (await server.get_session(sid))["m"] = 2
    assert await server.get_session(sid) == {"user": "ann", "n": 1, "m": 2}
    assert await server.get_session(other.sid) == {"user": "ann"}
    await client.post(b"1")
    await turn()
    assert left == [{"user": "ann", "n": 1, "m": 2}, "ann"]
    for call in (server.get_session(sid), server.save_session(sid, {}), server.get_session("unknown")):
        with pytest.raises(KeyError):
            await call
    with pytest.raises(KeyError):
        async with server.session(sid):
            raise AssertionError("not reached")
    assert server.leaving == {}


@run
async def test_a_session_of_a_client_that_leaves_meanwhile() -> None:
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    async with server.session(client.sid) as session:
        session["a"] = 1
        await client.post(b"1")


@run
async def test_transport() -> None:
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    assert server.transport(client.sid) == "polling"
    with pytest.raises(KeyError):
        server.transport("unknown")
