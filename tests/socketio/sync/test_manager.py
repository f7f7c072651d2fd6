"""The manager of a server for threads that stands alone (api-contract A.1 `Manager`)."""

from __future__ import annotations

from typing import Any

import socketio
from socketio import Server

from .clients import ack, connect, event, joined, settle, start


def test_rooms_view_of_a_server() -> None:
    """behaviours: manager.rooms[namespace][room] is a mapping sid -> eio_sid; len(), in, iteration."""
    server = Server(namespaces="*")
    one, two = joined(server), joined(server)
    one.join("/chat")
    main = server.manager.sid_from_eio_sid(one.eio_sid, "/")
    assert main is not None
    server.enter_room(main, "room")
    rooms = server.manager.rooms
    assert sorted(rooms) == ["/", "/chat"]
    assert rooms["/"]["room"] == {main: one.eio_sid} and rooms["/"][None] == {main: one.eio_sid, two.sid: two.eio_sid}
    assert main in rooms["/"]["room"] and two.sid not in rooms["/"]["room"] and len(rooms["/"]["room"]) == 1
    assert [sid for sid in rooms["/"]["room"]] == [main]  # noqa: C416  # iteration is what this is about
    assert "room" in rooms["/"] and "room" not in rooms["/chat"]
    one.lose()
    settle(server)
    assert "room" not in rooms["/"] and "/chat" not in rooms


def test_methods_that_wait_for_nothing() -> None:
    server = Server()
    manager = server.manager
    client = joined(server)
    assert manager.can_disconnect(client.sid, "/") and not manager.can_disconnect("nobody", "/")
    manager.enter_room(client.sid, "/", "room", eio_sid=client.eio_sid)
    manager.emit("e", 1, "/", room="room")
    manager.emit("e", 2, "/", to="room")
    manager.emit("e", 3, "/", skip_sid=client.sid, unknown=1)
    manager.leave_room(client.sid, "/", "room")
    manager.emit("e", 4, "/", room="room")
    manager.enter_room(client.sid, "/", "room")
    manager.close_room("room", "/")
    manager.emit("e", 5, "/", room="room")
    assert client.rest() == [event("e", 1), event("e", 2)]
    manager.disconnect(client.sid, "/", ignore_queue=True)
    assert not manager.is_connected(client.sid, "/") and not manager.groups


def test_connecting_by_hand() -> None:
    """5.18: pre_connect(eio_sid, namespace) -> sid, then connect(sid, namespace)."""
    server = Server()
    client = connect(server)
    sid = server.manager.pre_connect(client.eio_sid, "/")
    assert server.manager.is_pre_connected(sid, "/") and not server.manager.is_connected(sid, "/")
    server.manager.connect(sid, "/")
    server.manager.connect(sid, "/")
    assert server.manager.is_connected(sid, "/")
    server.emit("e", to=sid)
    assert client.rest()[-1] == event("e")


def test_trigger_callback() -> None:
    server = Server()
    client = joined(server)
    seen: list[Any] = []
    server.emit("e", callback=lambda *arguments: seen.append(arguments))
    for sid, ack_id in (("nobody", 1), (client.sid, 2), (client.sid, 1), (client.sid, 1)):
        server.manager.trigger_callback(sid, ack_id, [1, 2])
    client.send(ack(1, "late"))
    settle(server)
    assert seen == [(1, 2)]


def test_a_manager_of_the_program() -> None:
    """What a subclass makes of emit, rooms and disconnect is what happens."""
    calls: list[str] = []

    class Manager(socketio.Manager):
        def emit(self, event: str, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
            calls.append(f"emit {event} {sorted(kwargs)}")
            super().emit(event, *args, **kwargs)

        def enter_room(self, *args: Any, **kwargs: Any) -> None:
            calls.append("enter_room")
            super().enter_room(*args, **kwargs)

        def can_disconnect(self, sid: str, namespace: str) -> bool:
            calls.append("can_disconnect")
            return False

    class Deeper(Manager):
        pass

    server = Server(client_manager=Deeper())
    client = joined(server)
    server.enter_room(client.sid, "room")
    server.emit("e", to="room")
    server.disconnect(client.sid)
    assert client.rest() == [event("e")]
    assert calls == ["enter_room", "emit e ['callback', 'ignore_queue', 'room', 'skip_sid']", "can_disconnect"]


def test_a_manager_of_the_program_sends_at_once() -> None:
    """From any thread and without the server's help: what goes through the manager does not wait for others."""

    class Manager(socketio.Manager):
        def emit(self, event: str, *args: Any, **kwargs: Any) -> None:
            super().emit(event.upper(), *args, **kwargs)

    server = Server(client_manager=Manager())
    client = joined(server)
    server.emit("e", 1)
    assert client.receive() == event("E", 1)
    server.manager.emit("e", 2, "/")
    assert client.receive() == event("E", 2)
    start(server.emit, "e", 3)()
    assert client.receive() == event("E", 3)


def test_calls_through_a_manager_of_the_program() -> None:
    class Manager(socketio.Manager):
        def emit(self, *args: Any, **kwargs: Any) -> None:
            super().emit(*args, **kwargs)

    server = Server(client_manager=Manager())
    client = joined(server)
    answer = start(server.call, "e", to=client.sid)
    assert client.receive() == event("e", ack_id=1)
    client.send(ack(1, "answer"))
    assert answer() == "answer"
