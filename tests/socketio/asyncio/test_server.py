"""What programs call of an asyncio server: emit, call, rooms, sessions, tasks, and all of it from other threads."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any

import pytest

from socketio import AsyncServer
from socketio.exceptions import TimeoutError

from .clients import Client, Link, ack, connect, event, handshake, joined, settle


class Name(str, Enum):  # noqa: UP042  # what programs write
    HELLO = "hello"


BYTES = '{"_placeholder":true,"num":0}'


@pytest.mark.parametrize(
    ("name", "data", "packets"),
    [
        ("e", None, ['2["e"]']),
        ("e", (), ['2["e"]']),
        ("e", 1, ['2["e",1]']),
        ("e", (1, [2], None), ['2["e",1,[2],null]']),
        ("e", [1, 2], ['2["e",[1,2]]']),
        ("e", {"a": {"b": "\u20ac"}}, ['2["e",{"a":{"b":"\u20ac"}}]']),
        ("e", "", ['2["e",""]']),
        ("e", b"x", [f'51-["e",{BYTES}]', b"x"]),
        ("e", bytearray(b"x"), [f'51-["e",{BYTES}]', b"x"]),
        ("e", {"a": [b"x", (b"y",)]}, [f'52-["e",{{"a":[{BYTES},[{BYTES[:-2]}1}}]]}}]', b"x", b"y"]),
        ("e", (b"x", 1), [f'51-["e",{BYTES},1]', b"x"]),
        (Name.HELLO, Name.HELLO, ['2["hello","hello"]']),
    ],
)
@pytest.mark.parametrize("namespace", ["/", "/a"])
async def test_emit_data(name: str, data: Any, packets: list[Any], namespace: str) -> None:
    """A.5 "emit data"; behaviours: bytes = attachment, event names of an Enum."""
    server = AsyncServer(namespaces="*")
    client = await joined(server, namespace)
    await server.emit(name, data, namespace=None if namespace == "/" else namespace)
    if namespace != "/":
        packets = [
            packet if isinstance(packet, bytes) else packet.replace("[", namespace + ",[", 1) for packet in packets
        ]
    assert await client.rest() == packets


async def test_emit_refuses_what_json_cannot_hold() -> None:
    server = AsyncServer()
    client = await joined(server)
    with pytest.raises(TypeError):
        await server.emit("e", object())
    await server.emit("e")
    assert await client.rest() == [event("e")]


async def crowd(server: AsyncServer) -> list[Client]:
    """Four clients, of which 0 and 1 are in "x", 1 and 2 in "y"."""
    clients = [await joined(server) for _ in range(4)]
    for number, room in ((0, "x"), (1, "x"), (1, "y"), (2, "y")):
        await server.enter_room(clients[number].sid, room)
    return clients


@pytest.mark.parametrize(
    ("options", "reached"),
    [
        ({}, [0, 1, 2, 3]),
        ({"to": "x"}, [0, 1]),
        ({"room": "x"}, [0, 1]),
        ({"to": "x", "room": "y"}, [0, 1]),
        ({"to": 3}, [3]),
        ({"room": 3}, [3]),
        ({"to": ["x", "y"]}, [0, 1, 2]),
        ({"room": ["y", 3]}, [1, 2, 3]),
        ({"to": []}, []),
        ({"to": "nowhere"}, []),
        ({"to": ["nowhere", "x"]}, [0, 1]),
        ({"skip_sid": 0}, [1, 2, 3]),
        ({"skip_sid": [0, 3]}, [1, 2]),
        ({"skip_sid": []}, [0, 1, 2, 3]),
        ({"to": "x", "skip_sid": 1}, [0]),
        ({"to": ["x", "y"], "skip_sid": [1, 2]}, [0]),
        ({"to": 1, "skip_sid": 1}, []),
        ({"namespace": "/nowhere"}, []),
        ({"ignore_queue": True, "to": "y"}, [1, 2]),
    ],
)
@pytest.mark.parametrize("method", ["emit", "send"])
async def test_recipients(options: dict[str, Any], reached: list[int], method: str) -> None:
    """A.5 "emit data": to/room (to wins), a list of rooms = union, skip_sid str or list, unknown ones are ignored."""
    server = AsyncServer()
    clients = await crowd(server)

    def named(value: Any) -> Any:
        if type(value) is int:
            return clients[value].sid
        return [named(item) for item in value] if isinstance(value, list) else value

    options = {name: named(value) for name, value in options.items()}
    if method == "emit":
        await server.emit("message", 1, **options)
    else:
        await server.send(1, **options)
    received = [await client.rest() for client in clients]
    assert received == [[event("message", 1)] if number in reached else [] for number in range(4)]


async def test_positional_arguments() -> None:
    """A.1: emit(event, data, to, room, skip_sid, namespace, callback, ignore_queue) in this order."""
    server = AsyncServer(namespaces="*")
    client = await joined(server, "/a")
    other = await joined(server, "/a")
    seen: list[Any] = []
    await server.emit("e", 1, None, None, other.sid, "/a", seen.append, False)
    await server.send(2, client.sid, None, None, "/a", None, True)
    assert await client.rest() == ['2/a,1["e",1]', '2/a,["message",2]'] and await other.rest() == []
    client.send("3/a,1[5]")
    await settle()
    assert seen == [5]


async def test_coroutines_may_be_awaited_later() -> None:
    """behaviours: emit and call may be called in a plain function and awaited later (real coroutines)."""
    server = AsyncServer()
    client = await joined(server)
    later = server.emit("e", to=client.sid)
    assert inspect.iscoroutine(later)
    assert await client.rest() == []
    await later
    assert await client.rest() == [event("e")]
    for name in ("emit", "send", "call", "enter_room", "leave_room", "close_room", "get_session", "save_session"):
        assert inspect.iscoroutinefunction(getattr(server, name)), name
    for name in ("disconnect", "shutdown", "handle_request", "sleep"):
        assert inspect.iscoroutinefunction(getattr(server, name)), name


# call()


@pytest.mark.parametrize(("values", "result"), [((), None), ((1,), 1), ((None,), None), (([],), []), ((1, 2), (1, 2))])
@pytest.mark.parametrize("parameter", ["to", "sid"])
async def test_call(values: tuple[Any, ...], result: Any, parameter: str) -> None:
    """A.5 "call()": returns None / value / tuple."""
    server = AsyncServer()
    client = await joined(server)
    answer = asyncio.create_task(server.call("e", (1, 2), **{parameter: client.sid}))
    assert await client.receive() == event("e", 1, 2, ack_id=1)
    client.send(ack(1, *values), ack(1, "again"))
    assert await answer == result


async def test_call_times_out() -> None:
    """A.5: TimeoutError of socketio.exceptions; a late answer is like an unknown one, and nothing is kept."""
    server = AsyncServer()
    client = await joined(server)
    with pytest.raises(TimeoutError):
        await server.call("e", to=client.sid, timeout=0)
    assert await client.receive() == event("e", ack_id=1)
    client.send(ack(1, "late"))
    await settle()
    assert client.closed is None and not server.manager.member(client.sid, "/").acks


@pytest.mark.parametrize("how", ["lose", "leave", "gone", "cancel"])
async def test_call_without_an_answer(how: str) -> None:
    """A client that leaves ends the wait; behaviours: call(timeout=None) waits for ever and may be cancelled."""
    server = AsyncServer()
    client = await joined(server)
    member = server.manager.member(client.sid, "/")
    if how == "gone":
        client.lose()
        await settle()
    answer = asyncio.create_task(server.call("e", to=client.sid, timeout=None))
    await settle()
    assert answer.done() is (how == "gone")
    if how == "cancel":
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer
    else:
        if how == "lose":
            client.lose()
        elif how == "leave":
            client.send("1")
        with pytest.raises(TimeoutError):
            await answer
    assert not member.acks


async def test_call_in_its_own_disconnect_handler() -> None:
    """Whoever is leaving answers nothing more: the handler is not kept waiting for itself."""
    server = AsyncServer()
    seen: list[Any] = []

    async def handler(sid: str) -> None:
        try:
            await server.call("e", to=sid, timeout=None)
        except TimeoutError:
            seen.append("timeout")

    server.on("disconnect", handler)
    client = await joined(server)
    client.lose()
    await settle()
    assert seen == ["timeout"] and not server.manager.groups


async def test_call_needs_a_client() -> None:
    """A.5: ValueError('Cannot use call() to broadcast.'), RuntimeError if async_handlers is False."""
    server = AsyncServer()
    with pytest.raises(ValueError, match=r"Cannot use call\(\) to broadcast\."):
        await server.call("e")
    with pytest.raises(RuntimeError):
        await AsyncServer(async_handlers=False).call("e", to="sid")


async def test_call_inside_a_handler() -> None:
    server = AsyncServer()

    async def handler(sid: str) -> Any:
        return await server.call("question", to=sid)

    server.on("e", handler)
    client = await joined(server)
    client.send(event("e", ack_id=5))
    assert await client.receive() == event("question", ack_id=1)
    client.send(ack(1, "answer"))
    assert await client.receive() == ack(5, "answer")


# Rooms and sessions


async def test_rooms() -> None:
    server = AsyncServer()
    clients = await crowd(server)
    sids = [client.sid for client in clients]
    assert server.rooms(sids[1])[0] == sids[1] and sorted(server.rooms(sids[1])[1:]) == ["x", "y"]
    await server.leave_room(sids[1], "x")
    await server.leave_room(sids[1], "nowhere")
    await server.close_room("y")
    await server.close_room("nowhere")
    assert [server.rooms(sid) for sid in sids] == [[sids[0], "x"], [sids[1]], [sids[2]], [sids[3]]]
    for broken in (server.enter_room(sids[0], sids[1]), server.close_room(sids[0]), server.enter_room(sids[0], None)):
        with pytest.raises(ValueError, match="room"):
            await broken
    with pytest.raises(KeyError):
        await server.enter_room("nobody", "x")
    await server.leave_room("nobody", "x")


async def test_sessions() -> None:
    """A.5 "sessions": a dict per Engine.IO sid and namespace; session() is a context manager that saves."""
    server = AsyncServer(namespaces="*")
    client = await connect(server)
    main, chat = await client.join(), await client.join("/chat")
    assert await server.get_session(main) == {}
    (await server.get_session(main))["kept"] = 1
    async with server.session(main) as session:
        assert session == {"kept": 1}
        session["name"] = "x"
    assert await server.get_session(main) == {"kept": 1, "name": "x"}
    await server.save_session(chat, {"other": 1}, namespace="/chat")
    async with server.session(chat, namespace="/chat") as session:
        assert session == {"other": 1}
    assert await server.get_session(main) == {"kept": 1, "name": "x"}
    for broken in (server.get_session("nobody"), server.save_session("nobody", {}), server.get_session(chat)):
        with pytest.raises(KeyError):
            await broken


async def test_a_session_survives_its_client_leaving() -> None:
    server = AsyncServer()
    client = await joined(server)
    async with server.session(client.sid) as session:
        session["name"] = "x"
        client.lose()
        await settle()


async def test_environ_and_transport() -> None:
    """behaviours: environ is one dict per Engine.IO session and the application writes into it; keys that are read."""
    server = AsyncServer(namespaces="*")
    client = await connect(server, headers=((b"cookie", b"a=b"), (b"x-mine", b"1")), query="&token=t")
    main, chat = await client.join(), await client.join("/chat")
    environ = server.get_environ(main)
    assert environ is not None
    environ["saved_session"] = 1
    assert server.get_environ(chat, "/chat") is environ is server.environ[client.eio_sid]
    assert environ["REMOTE_ADDR"] == "192.0.2.7" and environ["HTTP_COOKIE"] == "a=b" and environ["HTTP_X_MINE"] == "1"
    assert "token=t" in environ["QUERY_STRING"] and environ["asgi.scope"]["path"] == "/socket.io/"
    assert server.get_environ(main, "/chat") is None
    assert server.transport(main) == server.transport(chat, "/chat") == "websocket"


# Tasks and threads


async def test_background_tasks() -> None:
    """behaviours: start_background_task(coroutine_function, *args)."""
    server = AsyncServer()

    async def target(a: int, b: int = 0) -> int:
        await server.sleep(0)
        await server.sleep()
        return a + b

    assert await server.start_background_task(target, 1, b=2) == 3


async def test_shutdown_leaves_the_clients_alone() -> None:
    """A.5 "shutdown()": it only stops the service task."""
    server = AsyncServer()
    client = await joined(server)
    await server.shutdown()
    await server.emit("e")
    assert await client.rest() == [event("e")] and client.closed is None


async def elsewhere(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Runs a coroutine on the loop of another thread."""
    done = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def run() -> None:
        try:
            result: Any = asyncio.run(work())
        except Exception as exc:
            result = exc
        loop.call_soon_threadsafe(done.set_result, result)

    thread = threading.Thread(target=run)
    thread.start()
    result = await done
    thread.join()
    return result


async def test_another_threads_loop() -> None:
    """The issue: an emit awaited on another thread's loop is handed over to the server's."""
    server = AsyncServer()
    client = await joined(server)
    own = threading.get_ident()
    threads: list[int] = []

    async def left(sid: str, reason: str) -> None:
        threads.append(threading.get_ident())

    server.on("disconnect", left)
    server.on("e", lambda sid: None)
    await elsewhere(lambda: server.emit("e", b"x", to=client.sid))
    await elsewhere(lambda: server.send(1))
    await elsewhere(lambda: server.enter_room(client.sid, "room"))
    assert server.rooms(client.sid) == [client.sid, "room"]
    await elsewhere(lambda: server.leave_room(client.sid, "room"))
    await elsewhere(lambda: server.close_room("room"))
    answer = asyncio.create_task(elsewhere(lambda: server.call("question", to=client.sid)))
    while (packet := await client.receive()) != event("question", ack_id=1):
        assert packet in (f'51-["e",{BYTES}]', b"x", event("message", 1))
    client.send(ack(1, "answer"))
    assert await answer == "answer"
    assert isinstance(await elsewhere(lambda: server.call("question", to="nobody")), TimeoutError)
    assert isinstance(await elsewhere(lambda: server.enter_room("nobody", "room")), KeyError)
    await elsewhere(lambda: server.disconnect(client.sid))
    assert threads == [own] and await client.rest() == ["1"]


@pytest.mark.parametrize("what", ["the client goes", "the server closes it"])
async def test_nothing_is_left_of_a_handshake_that_is_never_answered(what: str) -> None:
    server = AsyncServer()
    admitted = await handshake(server)
    assert len(server.environ) == 1
    if what == "the client goes":
        admitted.abandon()
    else:
        await server.eio.disconnect()
        link = Link()
        admitted.attach(link)
        assert link.closed == (1000, "closed")
    assert len(server.environ) == len(server.eio.sockets) == len(server.eio.deadlines) == 0
