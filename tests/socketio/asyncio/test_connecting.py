"""How clients join and leave an asyncio server: the connect and disconnect rows of api-contract A.5 and behaviours."""

from __future__ import annotations

import asyncio
import builtins
import json
from typing import Any

import pytest

from socketio import AsyncServer
from socketio.exceptions import ConnectionRefusedError

from .clients import connect, event, joined, settle


@pytest.mark.parametrize("arity", ["two", "three", "default", "any"])
@pytest.mark.parametrize("auth", [None, {"token": 1}])
async def test_connect_handlers(arity: str, auth: Any) -> None:
    """behaviours: (sid, environ), (sid, environ, auth), (sid, environ, auth=None)."""
    server = AsyncServer()
    seen: list[tuple[Any, ...]] = []

    async def two(sid: str, environ: Any) -> None:
        seen.append((sid, environ))

    async def three(sid: str, environ: Any, auth: Any) -> None:
        seen.append((sid, environ, auth))

    def default(sid: str, environ: Any, auth: Any = None) -> None:
        seen.append((sid, environ, auth))

    def variable(*arguments: Any) -> None:
        seen.append(arguments)

    server.on("connect", {"two": two, "three": three, "default": default, "any": variable}[arity])
    client = await connect(server)
    sid = await client.join(auth=auth)
    environ = server.get_environ(sid)
    assert seen == [(sid, environ) if arity == "two" else (sid, environ, auth)]
    assert seen[0][1] is environ


async def test_sids() -> None:
    """A.5 "sids": 20 characters; the sid of a namespace is not that of Engine.IO."""
    server = AsyncServer()
    client = await connect(server)
    sids = {client.eio_sid, await client.join(), server.manager.sid_from_eio_sid(client.eio_sid, "/")}
    assert len(sids) == 2 and {len(sid) for sid in sids} == {20}


REFUSALS: list[tuple[Any, dict[str, Any]]] = [
    (False, {"message": "Connection rejected by server"}),
    (ConnectionRefusedError(), {"message": "Connection rejected by server"}),
    (ConnectionRefusedError("no"), {"message": "no"}),
    (ConnectionRefusedError("no", {"a": 1}), {"message": "no", "data": {"a": 1}}),
    (ConnectionRefusedError("no", 1, 2), {"message": "no", "data": [1, 2]}),
    (builtins.ConnectionRefusedError("secret"), {"message": "Connection refused by server"}),
    (RuntimeError("secret"), {"message": "Connection refused by server"}),
    (ConnectionRefusedError("no", object()), {"message": "Connection refused by server"}),
]


@pytest.mark.parametrize(("outcome", "payload"), REFUSALS)
@pytest.mark.parametrize("namespace", ["/", "/chat"])
@pytest.mark.parametrize("waits", [False, True])
async def test_refusal(outcome: Any, payload: Any, namespace: str, waits: bool) -> None:
    """A.5 "connect handler": a refused namespace keeps the transport open. Nothing that was emitted is delivered."""
    server = AsyncServer()

    async def refuse(sid: str, environ: Any) -> Any:
        await server.enter_room(sid, "room", namespace)
        for to in (sid, "room", None):
            await server.emit("early", to=to, namespace=namespace)
        if waits:
            await asyncio.sleep(0)
        if outcome is False:
            return False
        raise outcome

    server.on("connect", refuse, namespace=namespace)
    server.on("disconnect", lambda sid: pytest.fail("it never was connected"), namespace=namespace)
    client = await connect(server)
    prefix = "" if namespace == "/" else namespace + ","
    for _ in range(2):
        client.send("0" + prefix)
        packet = await client.receive()
        assert packet[: 1 + len(prefix)] == "4" + prefix
        assert json.loads(packet[1 + len(prefix) :]) == payload
    await server.emit("late", namespace=namespace)
    assert await client.rest() == [] and client.closed is None
    assert not server.manager.groups


async def test_other_exceptions_are_logged_with_their_traceback(caplog: pytest.LogCaptureFixture) -> None:
    server = AsyncServer()

    async def fail(sid: str, environ: Any) -> None:
        raise RuntimeError("inside")

    server.on("connect", fail)
    client = await connect(server)
    client.send("0")
    assert await client.receive() == '4{"message":"Connection refused by server"}'
    assert "Traceback" in caplog.text and "RuntimeError: inside" in caplog.text
    caplog.clear()
    server.on("connect", lambda sid, environ: False)
    client.send("0")
    await client.receive()
    assert caplog.text == ""


@pytest.mark.parametrize("waits", [False, True])
async def test_what_a_connect_handler_emits_follows_connect(waits: bool) -> None:
    """D.3: the CONNECT reply precedes any event emitted in the handler; to its sid, its room, and to everybody."""
    server = AsyncServer()

    async def handler(sid: str, environ: Any) -> None:
        await server.emit("to sid", to=sid)
        await server.enter_room(sid, "room")
        assert sorted(server.rooms(sid)) == sorted([sid, "room"])
        if waits:
            await asyncio.sleep(0)
        await server.emit("to room", b"x", room="room")
        await server.emit("to all")

    server.on("connect", handler)
    first = await joined(server)
    assert len(await first.rest()) == 4
    second = await joined(server)
    assert await second.rest() == [
        event("to sid"),
        '51-["to room",{"_placeholder":true,"num":0}]',
        b"x",
        event("to all"),
    ]
    assert len(await first.rest()) == 3


async def test_packets_sent_during_the_connect_handler_wait() -> None:
    server = AsyncServer()
    seen: list[Any] = []
    go = asyncio.Event()

    async def handler(sid: str, environ: Any) -> None:
        await go.wait()
        seen.append("connected")

    server.on("connect", handler)
    server.on("e", lambda sid, *args: seen.append(args))
    client = await connect(server)
    client.send("0", event("e", 1), '51-["e",{"_placeholder":true,"num":0}]', b"x", event("e", 2))
    await settle()
    assert seen == []
    go.set()
    assert (await client.receive()).startswith('0{"sid"')
    await settle()
    assert seen == ["connected", (1,), (b"x",), (2,)]


@pytest.mark.parametrize("outcome", [True, False])
async def test_always_connect(outcome: bool) -> None:
    """A.5 "always_connect": CONNECT first; on rejection DISCONNECT (without data: D.3 allows none)."""
    server = AsyncServer(always_connect=True)
    go = asyncio.Event()

    async def handler(sid: str, environ: Any) -> bool:
        await server.emit("early", to=sid)
        await go.wait()
        return outcome

    server.on("connect", handler)
    client = await connect(server)
    await client.join()
    assert await client.rest() == [event("early")]
    go.set()
    assert await client.rest() == ([] if outcome else ["1"])
    assert client.closed is None and bool(server.manager.groups) is outcome


async def test_unknown_namespace() -> None:
    server = AsyncServer(namespaces=["/a"])
    client = await connect(server)
    client.send("0/random,", "0/a,", "0")
    assert await client.receive() == '4/random,{"message":"Invalid namespace"}'
    assert (await client.receive()).startswith('0/a,{"sid"')
    assert await client.receive() == '4{"message":"Invalid namespace"}'


async def test_every_namespace() -> None:
    server = AsyncServer(namespaces="*")
    client = await connect(server)
    sids = [await client.join(name) for name in ("/", "/a", "/b/c")]
    assert len(set(sids)) == 3


async def test_second_connect_closes_the_connection() -> None:
    """D.3: a second CONNECT to the same namespace; the disconnect event has the transport error as its reason."""
    server = AsyncServer()
    why = asyncio.get_running_loop().create_future()
    server.on("disconnect", lambda sid, reason: why.set_result(reason))
    client = await joined(server)
    client.send("0")
    assert await why == "transport error"
    assert client.closed == 1002


async def test_nobody_joins_in_time() -> None:
    """D.3: no namespace within the connect timeout -> close."""
    server = AsyncServer(connect_timeout=0)
    late, quick = await connect(server), await joined(server)
    while late.closed is None:
        await late.link.changed.wait()
        late.link.changed.clear()
    assert quick.closed is None
    await server.close()


# Leaving


@pytest.mark.parametrize("how", ["client disconnect", "server disconnect", "transport close"])
@pytest.mark.parametrize("arity", ["one", "two", "default"])
async def test_disconnect_handlers(how: str, arity: str) -> None:
    """A.5 "disconnect handler"; behaviours: rooms, get_session, get_environ and transport still work inside."""
    server = AsyncServer()
    seen: list[Any] = []

    async def look(sid: str) -> None:
        await asyncio.sleep(0)
        environ = server.get_environ(sid)
        assert environ is not None and environ is server.environ[environ["eio"]]
        seen.append((sorted(server.rooms(sid)), await server.get_session(sid), environ["mine"], server.transport(sid)))
        await server.emit("to nobody", to=sid)

    async def one(sid: str) -> None:
        await look(sid)
        seen.append(None)

    async def two(sid: str, reason: str) -> None:
        await look(sid)
        seen.append(reason)

    async def default(sid: str, reason: str | None = None) -> None:
        await two(sid, "" if reason is None else reason)

    server.on("disconnect", {"one": one, "two": two, "default": default}[arity])
    client = await joined(server)
    sid = client.sid
    await server.enter_room(sid, "room")
    await server.save_session(sid, {"name": "x"})
    environ = server.get_environ(sid)
    assert environ is not None
    environ |= {"mine": 1, "eio": client.eio_sid}
    if how == "client disconnect":
        client.send("1")
    elif how == "server disconnect":
        await server.disconnect(sid)
        assert len(seen) == 2, "disconnect() waits for the handler"
    else:
        client.lose()
    await settle()
    assert seen == [(sorted([sid, "room"]), {"name": "x"}, 1, "websocket"), None if arity == "one" else how]
    assert server.rooms(sid) == [] and server.get_environ(sid) is None and not server.manager.groups
    with pytest.raises(KeyError):
        await server.get_session(sid)
    # A.5 "disconnect": namespace-level; the transport stays open.
    assert await client.rest() == (["1"] if how == "server disconnect" else [])
    if how != "transport close":
        assert client.closed is None
        assert await client.join() != sid


async def test_a_disconnect_handler_that_returns_a_task() -> None:
    """behaviours: it may be sync and return a Task, which must not be awaited or mistaken for a result."""
    server = AsyncServer()
    go = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    def handler(sid: str) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(go.wait()))
        return tasks[0]

    server.on("disconnect", handler)
    client = await joined(server)
    await server.disconnect(client.sid)
    assert not tasks[0].done() and not server.manager.groups
    go.set()
    await tasks[0]


@pytest.mark.parametrize("how", ["client disconnect", "transport close"])
@pytest.mark.parametrize("accepts", [True, False])
async def test_leaving_during_the_connect_handler(how: str, accepts: bool) -> None:
    """Exactly one disconnect event for who was accepted, none for who was refused; nothing is left (faults F055)."""
    server = AsyncServer()
    go = asyncio.Event()
    seen: list[Any] = []

    async def handler(sid: str, environ: Any) -> bool:
        await go.wait()
        await server.emit("e", to=sid)
        return accepts

    server.on("connect", handler)
    server.on("disconnect", lambda sid, reason: seen.append(reason))
    client = await connect(server)
    client.send("0")
    await settle()
    if how == "client disconnect":
        client.send("1")
    else:
        client.lose()
    go.set()
    assert await client.rest() == []
    assert seen == ([how] if accepts else [])
    client.lose()
    await settle()
    assert len(seen) == accepts and not server.manager.groups and not server.environ


async def test_disconnect_in_its_own_handlers() -> None:
    """faults F055: disconnect inside its own event handler; the disconnect event comes exactly once."""
    server = AsyncServer()
    seen: list[str] = []

    async def leave(sid: str) -> None:
        await server.disconnect(sid)
        seen.append("left")

    async def left(sid: str, reason: str) -> None:
        await server.disconnect(sid)
        seen.append(reason)

    server.on("leave", leave)
    server.on("disconnect", left)
    client = await joined(server)
    client.send(event("leave", ack_id=1))
    assert await client.rest() == ["1"]
    assert seen == ["server disconnect", "left"]


@pytest.mark.parametrize("accepts", [True, False])
async def test_disconnect_in_the_connect_handler(accepts: bool) -> None:
    """faults F055: the client is refused; a handler that goes on as if nothing was has its disconnect event, once."""
    server = AsyncServer()
    seen: list[str] = []

    async def handler(sid: str, environ: Any) -> bool:
        await server.disconnect(sid)
        await server.disconnect(sid)
        await server.emit("e", to=sid)
        return accepts

    server.on("connect", handler)
    server.on("disconnect", lambda sid, reason: seen.append(reason))
    client = await connect(server)
    client.send("0")
    assert await client.rest() == ['4{"message":"Connection rejected by server"}']
    assert seen == (["server disconnect"] if accepts else [])
    assert client.closed is None and not server.manager.groups


async def test_disconnect_of_one_namespace() -> None:
    server = AsyncServer(namespaces="*")
    client = await connect(server)
    main, chat = await client.join(), await client.join("/chat")
    await server.disconnect(chat, namespace="/chat")
    await server.disconnect(chat, namespace="/chat")
    await server.disconnect("nobody")
    await server.disconnect(main, namespace="/chat")
    assert await client.rest() == ["1/chat,"]
    assert server.manager.is_connected(main, "/")
