"""What an asyncio server does with the events of its clients: handlers, acknowledgements, order and flow (A.5)."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from socketio import AsyncServer
from socketio.msgpack_packet import MsgPackPacket

from .clients import Client, Gone, ack, connect, event, joined, settle

CURRENT: ContextVar[str] = ContextVar("CURRENT", default="none")


@pytest.mark.parametrize("waits", ["sync", "async", "sleeps"])
@pytest.mark.parametrize(
    ("result", "values"),
    [(None, []), ((), []), ((1, "x"), [1, "x"]), ([1], [[1]]), (0, [0]), ({"a": None}, [{"a": None}])],
)
async def test_acknowledgements(waits: str, result: Any, values: list[Any]) -> None:
    """A.5 "ack of received event": None -> [], tuple -> list, else [value]."""
    server = AsyncServer()

    def plain(sid: str, *data: Any) -> Any:
        return result

    async def coroutine(sid: str, *data: Any) -> Any:
        if waits == "sleeps":
            await asyncio.sleep(0)
        return result

    server.on("e", plain if waits == "sync" else coroutine)
    client = await joined(server)
    client.send(event("e", 1, ack_id=0), event("e", 2), event("e", ack_id=9007199254740991))
    assert await client.rest() == [ack(0, *values), ack(9007199254740991, *values)]


async def test_binary_acknowledgement() -> None:
    server = AsyncServer(namespaces="*")
    server.on("e", lambda sid, data: (data, 1), namespace="/a")
    client = await joined(server, "/a")
    client.send('51-/a,7["e",{"_placeholder":true,"num":0}]', b"x")
    assert await client.rest() == ['61-/a,7[{"_placeholder":true,"num":0},1]', b"x"]


async def test_no_acknowledgement() -> None:
    """A.5: no handler at all; and a handler that fails, which is called once only and logged."""
    server = AsyncServer()
    seen: list[Any] = []

    def inside(*arguments: Any) -> None:
        seen.append(arguments)
        raise TypeError("inside")

    async def fails(*arguments: Any) -> None:
        inside(*arguments)

    server.on("plain", inside)
    server.on("coroutine", fails)
    client = await joined(server)
    client.send(event("nowhere", ack_id=1), event("plain", 1, ack_id=2), event("coroutine", 1, ack_id=3))
    assert await client.rest() == []
    assert seen == [(client.sid, 1), (client.sid, 1)] and client.closed is None


async def test_failures_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    server = AsyncServer()

    async def fails(sid: str) -> None:
        await asyncio.sleep(0)
        raise TypeError("inside")

    async def unserializable(sid: str) -> object:
        return object()

    server.on("fails", fails)
    server.on("unserializable", unserializable)
    client = await joined(server)
    client.send(event("fails", ack_id=1))
    assert await client.rest() == []
    assert "'fails'" in caplog.text and "Traceback" in caplog.text and "TypeError: inside" in caplog.text
    caplog.clear()
    client.send(event("unserializable", ack_id=2))
    assert await client.rest() == []
    assert "'unserializable'" in caplog.text and "not JSON serializable" in caplog.text


async def test_a_task_is_a_result_that_nobody_awaits() -> None:
    server = AsyncServer()
    never = asyncio.get_running_loop().create_future()
    server.on("e", lambda sid: never)
    client = await joined(server)
    client.send(event("e"))
    assert await client.rest() == []
    assert not never.done()


async def test_lookup_on_the_wire() -> None:
    """A.5 "handler resolution"; behaviours: '*' gets (event, sid, *args), and with namespace '*' the namespace too."""
    server = AsyncServer(namespaces=["/b"])
    seen: list[Any] = []

    def noting(name: str) -> Any:
        return lambda *arguments: seen.append((name, *arguments))

    server.on("own", noting("event"), namespace="/a")
    server.on("*", noting("any event"), namespace="/a")
    server.on("own", noting("any namespace"), namespace="*")
    server.on("*", noting("anything"), namespace="*")
    server.on("connect", lambda namespace, sid, environ, auth: seen.append(("connect", namespace, sid)), namespace="*")
    client = await connect(server)
    a, b = await client.join("/a"), await client.join("/b")
    for namespace in ("/a", "/b"):
        client.send(event("own", 1, namespace=namespace), event("else", 2, namespace=namespace))
    await settle()
    assert seen == [
        ("connect", "/a", a),
        ("connect", "/b", b),
        ("event", a, 1),
        ("any event", "else", a, 2),
        ("any namespace", "/b", b, 1),
        ("anything", "else", "/b", b, 2),
    ]


async def test_a_handler_registered_while_connected() -> None:
    """behaviours: re-registering a handler while connected; one handler per (namespace, event)."""
    server = AsyncServer()
    client = await joined(server)
    for answer in ("first", "second"):
        server.on("e", lambda sid, answer=answer: answer)
        client.send(event("e", ack_id=1))
        assert await client.receive() == ack(1, answer)


@pytest.mark.parametrize("name", ["connect", "disconnect", "connect_error"])
async def test_reserved_events_close_the_connection(name: str) -> None:
    """D.3: reserved event names; they never reach a handler."""
    server = AsyncServer()
    client = await joined(server)
    server.on(name, lambda *arguments: None if name == "disconnect" else pytest.fail("called by the client"))
    client.send(event(name, {}))
    with pytest.raises(Gone):
        await client.receive()


async def test_msgpack_on_the_wire() -> None:
    """The issue: serializer 'msgpack'. Whole packets in binary frames, no attachments (D.3)."""
    server = AsyncServer(serializer="msgpack")
    server.on("e", lambda sid, data: data)
    client = await connect(server)
    client.send(MsgPackPacket(0, data={"token": 1}).encode())
    answer = MsgPackPacket(encoded_packet=await client.receive())
    assert answer.packet_type == 0 and set(answer.data) == {"sid"}
    client.send(MsgPackPacket(2, data=["e", {"bytes": b"x"}], id=3).encode())
    answer = MsgPackPacket(encoded_packet=await client.receive())
    assert (answer.packet_type, answer.id, answer.data) == (3, 3, [{"bytes": b"x"}])
    client.send(MsgPackPacket(2, data=["connect", {}]).encode())
    with pytest.raises(Gone):
        await client.receive()


# Order and flow


async def test_handlers_start_in_the_order_of_arrival() -> None:
    """The issue: handlers start in the order of arrival, whether they wait or not."""
    server = AsyncServer()
    started: list[int] = []

    async def handler(sid: str, number: int) -> None:
        started.append(number)
        if number % 3 == 0:
            await asyncio.sleep(0)

    server.on("e", handler)
    server.on("sync", lambda sid, number: started.append(number))
    client = await joined(server)
    client.send(*(event("sync" if number % 5 == 0 else "e", number) for number in range(50)))
    await settle()
    assert started == list(range(50))


async def test_handlers_of_one_client_run_at_the_same_time() -> None:
    """A.5 "async_handlers" True."""
    server = AsyncServer()
    both = asyncio.Barrier(2)

    async def handler(sid: str) -> str:
        await both.wait()
        return "met"

    server.on("e", handler)
    client = await joined(server)
    client.send(event("e", ack_id=1), event("e", ack_id=2))
    assert sorted([await client.receive(), await client.receive()]) == [ack(1, "met"), ack(2, "met")]


@pytest.mark.parametrize("waits", [False, True])
async def test_one_after_the_other(waits: bool) -> None:
    """A.5 "async_handlers" False: inline in the receive loop, the connect handler included; other clients go on."""
    server = AsyncServer(async_handlers=False)
    log: list[Any] = []

    async def handler(sid: str, *data: Any) -> None:
        log.append(("begin", data[0]))
        if waits:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        log.append(("end", data[0]))

    server.on("connect", lambda sid, environ: handler(sid, "connect"))
    server.on("e", handler)
    client = await connect(server)
    client.send("0", *(event("e", number) for number in range(3)))
    await settle()
    assert log == [(what, name) for name in ("connect", 0, 1, 2) for what in ("begin", "end")]


async def test_one_after_the_other_holds_up_nobody_else() -> None:
    server = AsyncServer(async_handlers=False)
    go = asyncio.Event()

    async def slow(sid: str) -> None:
        await go.wait()

    server.on("slow", slow)
    server.on("quick", lambda sid: "quick")
    blocked, other = await joined(server), await joined(server)
    blocked.send(event("slow"), event("quick", ack_id=1))
    other.send(event("quick", ack_id=1))
    assert await other.receive() == ack(1, "quick")
    assert await blocked.rest() == []
    go.set()
    assert await blocked.receive() == ack(1, "quick")


async def test_max_in_flight_halts_and_resumes() -> None:
    """A flood of events into slow handlers stops being read instead of piling up (faults F026)."""
    server = AsyncServer(max_in_flight=4)
    gates: list[asyncio.Event] = []

    async def slow(sid: str) -> None:
        gate = asyncio.Event()
        gates.append(gate)
        await gate.wait()

    server.on("slow", slow)
    client = await joined(server)
    client.send(*[event("slow")] * 10)
    await settle()
    assert len(gates) == 4 and client.link.paused
    gates[0].set()
    await settle()
    assert len(gates) == 4 and client.link.paused
    gates[1].set()
    await settle()
    assert len(gates) == 6
    for _ in range(10):
        for gate in gates:
            gate.set()
        await settle()
    assert len(gates) == 10 and not client.link.paused


async def test_each_handler_has_its_own_context_and_task() -> None:
    server = AsyncServer()
    seen: list[str] = []

    async def handler(sid: str, name: str) -> None:
        seen.append(CURRENT.get())
        CURRENT.set(name)
        await asyncio.sleep(0)
        assert CURRENT.get() == name

    server.on("e", handler)
    client = await joined(server)
    client.send(event("e", "a"), event("e", "b"))
    await settle()
    assert seen == ["none", "none"]


# Acknowledgements of the client


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_callbacks_of_several_recipients(kind: str) -> None:
    """A.5 "callback": sync or coroutine; each recipient has its own ack id and the callback fires per recipient."""
    server = AsyncServer()
    seen: list[Any] = []

    async def coroutine(*arguments: Any) -> None:
        await asyncio.sleep(0)
        seen.append(arguments)

    clients: list[Client] = [await joined(server) for _ in range(3)]
    await server.emit("first", to=clients[0].sid, callback=print)
    await server.emit("e", 1, callback=seen.append if kind == "sync" else coroutine)
    assert await clients[0].receive() == event("first", ack_id=1)
    for number, client in enumerate(clients):
        ack_id = 2 if number == 0 else 1
        assert await client.receive() == event("e", 1, ack_id=ack_id)
        client.send(ack(ack_id, number), ack(ack_id, "again"), ack(77, "unknown"), ack(0))
    await settle()
    assert seen == ([0, 1, 2] if kind == "sync" else [(0,), (1,), (2,)])
    assert all(client.closed is None for client in clients)


async def test_callbacks_take_what_comes() -> None:
    server = AsyncServer(namespaces="*")
    seen: list[Any] = []
    client = await connect(server)
    await client.join()
    await client.join("/a")

    def callback(*arguments: Any) -> None:
        seen.append(arguments)

    for _ in range(3):
        await server.emit("e", namespace="/a", callback=callback)
    client.send(ack(1), ack(1, namespace="/a"), ack(2, 1, None, namespace="/a"))
    client.send('61-/a,3[{"_placeholder":true,"num":0}]', b"x")
    await settle()
    assert seen == [(), (1, None), (b"x",)]


async def test_an_ack_of_another_client_is_ignored() -> None:
    """faults F036."""
    server = AsyncServer()
    seen: list[Any] = []
    one, other = await joined(server), await joined(server)
    await server.emit("e", to=one.sid, callback=seen.append)
    other.send(ack(1, "stolen"))
    one.send(ack(1, "mine"))
    await settle()
    assert seen == ["mine"]


async def test_a_failing_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    server = AsyncServer()
    client = await joined(server)

    async def callback(value: int) -> None:
        raise RuntimeError("inside")

    await server.emit("e", callback=callback)
    client.send(ack(1, 1))
    await settle()
    assert "RuntimeError: inside" in caplog.text and client.closed is None
