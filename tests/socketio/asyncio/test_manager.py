"""The manager of an asyncio server that stands alone (api-contract A.1 `AsyncManager`)."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from socketio import AsyncManager, AsyncServer

from .clients import ack, connect, event, joined, settle


async def test_rooms_view_of_a_server() -> None:
    """behaviours: manager.rooms[namespace][room] is a mapping sid -> eio_sid; len(), in, iteration."""
    server = AsyncServer(namespaces="*")
    one, two = await joined(server), await joined(server)
    await one.join("/chat")
    main = server.manager.sid_from_eio_sid(one.eio_sid, "/")
    assert main is not None
    await server.enter_room(main, "room")
    rooms = server.manager.rooms
    assert sorted(rooms) == ["/", "/chat"]
    assert rooms["/"]["room"] == {main: one.eio_sid} and rooms["/"][None] == {main: one.eio_sid, two.sid: two.eio_sid}
    assert main in rooms["/"]["room"] and two.sid not in rooms["/"]["room"] and len(rooms["/"]["room"]) == 1
    assert [sid for sid in rooms["/"]["room"]] == [main]  # noqa: C416  # iteration is what this is about
    assert "room" in rooms["/"] and "room" not in rooms["/chat"]
    one.lose()
    await settle()
    assert "room" not in rooms["/"] and "/chat" not in rooms


async def test_methods_that_wait_for_nothing() -> None:
    server = AsyncServer()
    manager = server.manager
    client = await joined(server)
    assert await manager.can_disconnect(client.sid, "/") and not await manager.can_disconnect("nobody", "/")
    await manager.enter_room(client.sid, "/", "room", eio_sid=client.eio_sid)
    await manager.emit("e", 1, "/", room="room")
    await manager.emit("e", 2, "/", to="room")
    await manager.emit("e", 3, "/", skip_sid=client.sid, unknown=1)
    await manager.leave_room(client.sid, "/", "room")
    await manager.emit("e", 4, "/", room="room")
    await manager.enter_room(client.sid, "/", "room")
    await manager.close_room("room", "/")
    await manager.emit("e", 5, "/", room="room")
    assert await client.rest() == [event("e", 1), event("e", 2)]
    await manager.disconnect(client.sid, "/", ignore_queue=True)
    assert not manager.is_connected(client.sid, "/") and not manager.groups


async def test_connecting_by_hand() -> None:
    """5.18: pre_connect(eio_sid, namespace) -> sid, then connect(sid, namespace)."""
    server = AsyncServer()
    client = await connect(server)
    sid = await server.manager.pre_connect(client.eio_sid, "/")
    assert server.manager.is_pre_connected(sid, "/") and not server.manager.is_connected(sid, "/")
    await server.manager.connect(sid, "/")
    await server.manager.connect(sid, "/")
    assert server.manager.is_connected(sid, "/")
    await server.emit("e", to=sid)
    assert (await client.rest())[-1] == event("e")


async def test_trigger_callback() -> None:
    server = AsyncServer()
    client = await joined(server)
    seen: list[Any] = []
    await server.emit("e", callback=lambda *arguments: seen.append(arguments))
    for sid, ack_id in (("nobody", 1), (client.sid, 2), (client.sid, 1), (client.sid, 1)):
        await server.manager.trigger_callback(sid, ack_id, [1, 2])
    client.send(ack(1, "late"))
    await settle()
    assert seen == [(1, 2)]


async def test_a_manager_of_the_program() -> None:
    """What a subclass makes of emit, rooms and disconnect is what happens."""
    calls: list[str] = []

    class Manager(AsyncManager):
        async def emit(self, event: str, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
            calls.append(f"emit {event} {sorted(kwargs)}")
            await super().emit(event, *args, **kwargs)

        async def enter_room(self, *args: Any, **kwargs: Any) -> None:
            calls.append("enter_room")
            await super().enter_room(*args, **kwargs)

        async def can_disconnect(self, sid: str, namespace: str) -> bool:
            calls.append("can_disconnect")
            return False

    class Deeper(Manager):
        pass

    server = AsyncServer(client_manager=Deeper())
    client = await joined(server)
    await server.enter_room(client.sid, "room")
    await server.emit("e", to="room")
    await server.disconnect(client.sid)
    assert await client.rest() == [event("e")]
    assert calls == ["enter_room", "emit e ['callback', 'ignore_queue', 'room', 'skip_sid']", "can_disconnect"]


@pytest.mark.parametrize("name", ["can_disconnect", "connect", "pre_connect", "emit", "disconnect", "enter_room"])
def test_colours(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(AsyncManager, name))
