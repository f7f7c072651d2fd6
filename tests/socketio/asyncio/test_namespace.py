"""Class-based namespaces of an asyncio server (api-contract A.1 `AsyncNamespace`, A.5)."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from socketio import AsyncNamespace, AsyncServer
from socketio.exceptions import ConnectionRefusedError

from .clients import ack, connect, event, joined, settle


class Chat(AsyncNamespace):
    """A namespace with sync and async methods, which notes what it is called with."""

    def __init__(self, namespace: str = "/chat") -> None:
        super().__init__(namespace)
        self.seen: list[Any] = []

    async def on_connect(self, *arguments: Any) -> None:
        self.seen.append(("connect", *arguments))

    def on_disconnect(self, *arguments: Any) -> None:
        self.seen.append(("disconnect", *arguments))

    async def on_message(self, *arguments: Any) -> Any:
        await asyncio.sleep(0)
        self.seen.append(("message", *arguments))
        return "answer"

    def on_sync(self, *arguments: Any) -> tuple[int, int]:
        return 1, 2


async def test_events() -> None:
    server = AsyncServer()
    chat = Chat()
    server.register_namespace(chat)
    client = await joined(server, "/chat")
    sid = client.sid
    client.send(event("message", "x", namespace="/chat", ack_id=1), event("sync", namespace="/chat", ack_id=2))
    assert sorted(await client.rest()) == [ack(1, "answer", namespace="/chat"), ack(2, 1, 2, namespace="/chat")]
    environ = server.get_environ(sid, "/chat")
    await chat.disconnect(sid)
    assert chat.seen == [
        ("connect", sid, environ, None),
        ("message", sid, "x"),
        ("disconnect", sid, "server disconnect"),
    ]
    assert await client.rest() == ["1/chat,"]


async def test_arities() -> None:
    """behaviours: connect (sid, environ) and disconnect (sid) do in classes as well."""
    seen: list[Any] = []

    class Short(AsyncNamespace):
        def on_connect(self, sid: str, environ: Any) -> None:
            seen.append(sid)

        async def on_disconnect(self, sid: str) -> None:
            seen.append(sid)

    class Traced(Short):
        async def trigger_event(self, event: str, *args: Any) -> Any:
            return await super().trigger_event(event, *args)

    for cls in (Short, Traced):
        seen.clear()
        server = AsyncServer()
        server.register_namespace(cls("/"))
        client = await connect(server)
        sid = await client.join(auth={"token": 1})
        client.send("1")
        await settle()
        assert seen == [sid, sid]


async def test_unknown_events_are_acknowledged() -> None:
    """A.5 "register_namespace": an unknown event is ignored, so an ACK [] is sent."""
    server = AsyncServer()
    server.register_namespace(Chat("/"))
    client = await joined(server)
    client.send(event("nowhere", ack_id=1), event(7, ack_id=2))
    assert await client.rest() == [ack(1), ack(2)]


@pytest.mark.parametrize(
    "name", ["emit", "send", "call", "trigger_event", "disconnect_", "session", "__init__", "__class__", "set_server"]
)
@pytest.mark.parametrize("own_trigger", [False, True])
async def test_events_reach_no_other_methods(name: str, own_trigger: bool) -> None:
    """faults F034: event names from the wire never reach a method without the prefix `on_`."""

    class Traced(Chat):
        async def trigger_event(self, event: str, *args: Any) -> Any:
            return await super().trigger_event(event, *args)

    server = AsyncServer()
    server.register_namespace(Traced("/") if own_trigger else Chat("/"))
    client = await joined(server)
    client.send(event(name, "everybody", {"x": 1}, ack_id=1))
    assert await client.rest() == [ack(1)]
    assert client.closed is None


async def test_own_trigger_event() -> None:
    """Every event goes through an overridden trigger_event, connect and disconnect included."""

    class Traced(Chat):
        async def trigger_event(self, event: str, *args: Any) -> Any:
            names.append(event)
            result = await super().trigger_event(event, *args)
            return result if event != "message" else f"traced {result}"

    names: list[str] = []
    server = AsyncServer()
    chat = Traced()
    server.register_namespace(chat)
    client = await joined(server, "/chat")
    client.send(event("message", namespace="/chat", ack_id=1), event("nowhere", namespace="/chat"))
    assert await client.rest() == [ack(1, "traced answer", namespace="/chat")]
    client.lose()
    await settle()
    assert names == ["connect", "message", "nowhere", "disconnect"]
    assert [name for name, *_ in chat.seen] == ["connect", "message", "disconnect"]


@pytest.mark.parametrize("outcome", [False, ConnectionRefusedError("no")])
async def test_refusal(outcome: Any) -> None:
    class Closed(AsyncNamespace):
        async def on_connect(self, sid: str, environ: Any, auth: Any) -> Any:
            await self.emit("early", to=sid)
            if outcome is False:
                return False
            raise outcome

    server = AsyncServer()
    server.register_namespace(Closed("/chat"))
    client = await connect(server)
    client.send("0/chat,")
    message = "no" if outcome else "Connection rejected by server"
    assert await client.rest() == [f'4/chat,{{"message":"{message}"}}']


async def test_catch_all_namespace() -> None:
    """A.5: class namespace '*' (ns prepended)."""
    server = AsyncServer(namespaces="*")
    every = Chat("*")
    server.register_namespace(every)
    client = await joined(server, "/any")
    client.send(event("message", 1, namespace="/any", ack_id=1))
    assert await client.receive() == ack(1, "answer", namespace="/any")
    client.send("1/any,")
    await settle()
    assert [call[:3] for call in every.seen] == [
        ("connect", "/any", client.sid),
        ("message", "/any", client.sid),
        ("disconnect", "/any", client.sid),
    ]


async def test_functions_come_first() -> None:
    server = AsyncServer()
    chat = Chat()
    server.register_namespace(chat)
    server.on("message", lambda sid: "function", namespace="/chat")
    client = await joined(server, "/chat")
    client.send(event("message", namespace="/chat", ack_id=1), event("sync", namespace="/chat", ack_id=2))
    assert await client.rest() == [ack(1, "function", namespace="/chat"), ack(2, 1, 2, namespace="/chat")]


async def test_methods_default_to_the_own_namespace() -> None:
    """A.1: emit, send, call, rooms, sessions and disconnect; with a namespace given they go there."""
    server = AsyncServer(namespaces="*")
    chat = Chat()
    server.register_namespace(chat)
    client = await connect(server)
    main, sid = await client.join("/"), await client.join("/chat")
    await chat.emit("e", (1, 2), to=sid)
    await chat.emit("e", 1, None, None, sid)
    await chat.emit("e", 1, namespace="/")
    await chat.send("x", room=sid)
    assert await client.rest() == ['2/chat,["e",1,2]', event("e", 1), '2/chat,["message","x"]']
    await chat.enter_room(sid, "room")
    assert chat.rooms(sid) == [sid, "room"] and chat.rooms(main, namespace="/") == [main]
    await chat.leave_room(sid, "room")
    await chat.enter_room(sid, "room")
    await chat.close_room("room")
    assert chat.rooms(sid) == [sid]
    await chat.save_session(sid, {"a": 1})
    async with chat.session(sid) as session:
        session["b"] = 2
    assert await chat.get_session(sid) == {"a": 1, "b": 2} and await server.get_session(main) == {}
    answer = asyncio.create_task(chat.call("question", to=sid))
    assert await client.receive() == event("question", namespace="/chat", ack_id=1)
    client.send(ack(1, "yes", namespace="/chat"))
    assert await answer == "yes"
    seen: list[Any] = []
    await chat.emit("e", callback=seen.append)
    client.send(ack(2, "called", namespace="/chat"))
    await settle()
    assert seen == ["called"]


def test_call_waits_for_ever_by_default() -> None:
    """A.5: Namespace.call default timeout=None."""
    assert inspect.signature(AsyncNamespace.call).parameters["timeout"].default is None
    assert inspect.signature(AsyncServer.call).parameters["timeout"].default == 60
