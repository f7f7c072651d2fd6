"""What programs call of a server for threads: emit, call, rooms, sessions, tasks."""

from __future__ import annotations

import threading
from enum import Enum
from typing import Any

import pytest

from socketio import Server
from socketio.exceptions import TimeoutError

from .clients import LIMIT, Client, ack, connect, event, joined, settle, start


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
def test_emit_data(name: str, data: Any, packets: list[Any], namespace: str) -> None:
    """A.5 "emit data"; behaviours: bytes = attachment, event names of an Enum."""
    server = Server(namespaces="*")
    client = joined(server, namespace)
    server.emit(name, data, namespace=None if namespace == "/" else namespace)
    if namespace != "/":
        packets = [
            packet if isinstance(packet, bytes) else packet.replace("[", namespace + ",[", 1) for packet in packets
        ]
    assert client.rest() == packets


def test_emit_refuses_what_json_cannot_hold() -> None:
    server = Server()
    client = joined(server)
    with pytest.raises(TypeError):
        server.emit("e", object())
    server.emit("e")
    assert client.rest() == [event("e")]


def crowd(server: Server) -> list[Client]:
    """Four clients, of which 0 and 1 are in "x", 1 and 2 in "y"."""
    clients = [joined(server) for _ in range(4)]
    for number, room in ((0, "x"), (1, "x"), (1, "y"), (2, "y")):
        server.enter_room(clients[number].sid, room)
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
def test_recipients(options: dict[str, Any], reached: list[int], method: str) -> None:
    """A.5 "emit data": to/room (to wins), a list of rooms = union, skip_sid str or list, unknown ones are ignored."""
    server = Server()
    clients = crowd(server)

    def named(value: Any) -> Any:
        if type(value) is int:
            return clients[value].sid
        return [named(item) for item in value] if isinstance(value, list) else value

    options = {name: named(value) for name, value in options.items()}
    if method == "emit":
        server.emit("message", 1, **options)
    else:
        server.send(1, **options)
    received = [client.rest() for client in clients]
    assert received == [[event("message", 1)] if number in reached else [] for number in range(4)]


def test_positional_arguments() -> None:
    """A.1: emit(event, data, to, room, skip_sid, namespace, callback, ignore_queue) in this order."""
    server = Server(namespaces="*")
    client = joined(server, "/a")
    other = joined(server, "/a")
    seen: list[Any] = []
    server.emit("e", 1, None, None, other.sid, "/a", seen.append, False)
    server.send(2, client.sid, None, None, "/a", None, True)
    assert client.rest() == ['2/a,1["e",1]', '2/a,["message",2]'] and other.rest() == []
    client.send("3/a,1[5]")
    settle(server)
    assert seen == [5]


def test_everything_is_done_when_the_call_returns() -> None:
    """Nothing waits for another thread: what was emitted is with the transport."""
    server = Server()
    client = joined(server)
    before = len(client.link.sent)
    server.emit("e", 1)
    server.send(2, to=client.sid)
    assert client.link.sent[before:] == ["4" + event("e", 1), "4" + event("message", 2)]


# call()


@pytest.mark.parametrize(("values", "result"), [((), None), ((1,), 1), ((None,), None), (([],), []), ((1, 2), (1, 2))])
@pytest.mark.parametrize("parameter", ["to", "sid"])
def test_call(values: tuple[Any, ...], result: Any, parameter: str) -> None:
    """A.5 "call()": returns None / value / tuple."""
    server = Server()
    client = joined(server)
    answer = start(server.call, "e", (1, 2), **{parameter: client.sid})
    assert client.receive() == event("e", 1, 2, ack_id=1)
    client.send(ack(1, *values), ack(1, "again"))
    assert answer() == result


def test_call_times_out() -> None:
    """A.5: TimeoutError of socketio.exceptions; a late answer is like an unknown one, and nothing is kept."""
    server = Server()
    client = joined(server)
    with pytest.raises(TimeoutError):
        server.call("e", to=client.sid, timeout=0)
    assert client.receive() == event("e", ack_id=1)
    client.send(ack(1, "late"))
    settle(server)
    assert client.closed is None and not server.manager.member(client.sid, "/").acks


@pytest.mark.parametrize("how", ["lose", "leave", "gone", "disconnect"])
def test_call_without_an_answer(how: str) -> None:
    """A client that leaves ends the wait at once, whatever the timeout."""
    server = Server()
    client = joined(server)
    member = server.manager.member(client.sid, "/")
    if how == "gone":
        client.lose()
        settle(server)
    answer = start(server.call, "e", to=client.sid, timeout=None)
    if how != "gone":
        assert client.receive() == event("e", ack_id=1)
    if how == "lose":
        client.lose()
    elif how == "leave":
        client.send("1")
    elif how == "disconnect":
        server.disconnect(client.sid)
    with pytest.raises(TimeoutError):
        answer()
    assert not member.acks


def test_call_in_its_own_disconnect_handler() -> None:
    """Whoever is leaving answers nothing more: the handler is not kept waiting for itself."""
    server = Server()
    seen: list[Any] = []

    def handler(sid: str) -> None:
        try:
            server.call("e", to=sid, timeout=None)
        except TimeoutError:
            seen.append("timeout")

    server.on("disconnect", handler)
    client = joined(server)
    client.lose()
    settle(server)
    assert seen == ["timeout"] and not server.manager.groups


def test_call_needs_a_client() -> None:
    """A.5: ValueError('Cannot use call() to broadcast.'), RuntimeError if async_handlers is False."""
    server = Server()
    with pytest.raises(ValueError, match=r"Cannot use call\(\) to broadcast\."):
        server.call("e")
    with pytest.raises(RuntimeError):
        Server(async_handlers=False).call("e", to="sid")


def test_call_inside_a_handler() -> None:
    server = Server()

    def handler(sid: str) -> Any:
        return server.call("question", to=sid)

    server.on("e", handler)
    client = joined(server)
    client.send(event("e", ack_id=5))
    assert client.receive() == event("question", ack_id=1)
    client.send(ack(1, "answer"))
    assert client.receive() == ack(5, "answer")


def test_many_calls_inside_handlers_at_once() -> None:
    """Handlers that wait have their threads for themselves, however many they are."""
    server = Server()
    server.on("e", lambda sid: server.call("question", to=sid))
    clients = [joined(server) for _ in range(20)]
    for client in clients:
        client.send(event("e", ack_id=1))
    for client in clients:
        assert client.receive() == event("question", ack_id=1)
    for number, client in enumerate(clients):
        client.send(ack(1, number))
    assert [client.receive() for client in clients] == [ack(1, number) for number in range(20)]


# Rooms and sessions


def test_rooms() -> None:
    server = Server()
    clients = crowd(server)
    sids = [client.sid for client in clients]
    assert server.rooms(sids[1])[0] == sids[1] and sorted(server.rooms(sids[1])[1:]) == ["x", "y"]
    server.leave_room(sids[1], "x")
    server.leave_room(sids[1], "nowhere")
    server.close_room("y")
    server.close_room("nowhere")
    assert [server.rooms(sid) for sid in sids] == [[sids[0], "x"], [sids[1]], [sids[2]], [sids[3]]]
    for room in (sids[1], None, 1.5, []):
        with pytest.raises(ValueError, match="room"):
            server.enter_room(sids[0], room)
    with pytest.raises(ValueError, match="room"):
        server.close_room(sids[0])
    with pytest.raises(KeyError):
        server.enter_room("nobody", "x")
    server.leave_room("nobody", "x")


def test_sessions() -> None:
    """A.5 "sessions": a dict per Engine.IO sid and namespace; session() is a context manager that saves."""
    server = Server(namespaces="*")
    client = connect(server)
    main, chat = client.join(), client.join("/chat")
    assert server.get_session(main) == {}
    (server.get_session(main))["kept"] = 1
    with server.session(main) as session:
        assert session == {"kept": 1}
        session["name"] = "x"
    assert server.get_session(main) == {"kept": 1, "name": "x"}
    server.save_session(chat, {"other": 1}, namespace="/chat")
    with server.session(chat, namespace="/chat") as session:
        assert session == {"other": 1}
    assert server.get_session(main) == {"kept": 1, "name": "x"}
    with pytest.raises(KeyError):
        server.get_session("nobody")
    with pytest.raises(KeyError):
        server.save_session("nobody", {})
    with pytest.raises(KeyError):
        server.get_session(chat)


def test_a_session_survives_its_client_leaving() -> None:
    server = Server()
    client = joined(server)
    with server.session(client.sid) as session:
        session["name"] = "x"
        client.lose()
        settle(server)


def test_environ_and_transport() -> None:
    """behaviours: environ is one dict per Engine.IO session and the application writes into it; keys that are read."""
    server = Server(namespaces="*")
    client = connect(server, headers={"HTTP_COOKIE": "a=b", "HTTP_X_MINE": "1"}, query="&token=t")
    main, chat = client.join(), client.join("/chat")
    environ = server.get_environ(main)
    assert environ is not None
    environ["saved_session"] = 1
    assert server.get_environ(chat, "/chat") is environ is server.environ[client.eio_sid]
    assert environ["REMOTE_ADDR"] == "192.0.2.7" and environ["HTTP_COOKIE"] == "a=b" and environ["HTTP_X_MINE"] == "1"
    assert "token=t" in environ["QUERY_STRING"]
    assert server.get_environ(main, "/chat") is None
    assert server.transport(main) == server.transport(chat, "/chat") == "websocket"


# Tasks and threads


def test_background_tasks() -> None:
    """A.1: start_background_task(target, *args, **kwargs) returns what can be joined; sleep(seconds=0)."""
    server = Server()
    seen: list[Any] = []

    def target(a: int, b: int = 0) -> None:
        server.sleep(0)
        server.sleep()
        seen.append(a + b)

    server.start_background_task(target, 1, b=2).join()
    assert seen == [3]


def test_queues_and_events_of_the_engine() -> None:
    """A.6: server.eio.create_queue(); A.2: create_event and get_queue_empty_exception."""
    server = Server()
    queue = server.eio.create_queue(maxsize=1)
    queue.put(1)
    assert queue.full() and queue.get() == 1
    with pytest.raises(server.eio.get_queue_empty_exception()):
        queue.get_nowait()
    ready = server.eio.create_event()
    assert not ready.is_set() and not ready.wait(timeout=0)
    server.start_background_task(ready.set)
    assert ready.wait(timeout=LIMIT)


def test_shutdown_leaves_the_clients_alone() -> None:
    """A.5 "shutdown()": it only stops the service task."""
    server = Server()
    client = joined(server)
    server.shutdown()
    server.emit("e")
    assert client.rest() == [event("e")] and client.closed is None


def test_close_waits_for_the_disconnect_handlers() -> None:
    server = Server()
    seen: list[str] = []

    def left(sid: str, reason: str) -> None:
        server.sleep(0.03)
        seen.append(reason)

    server.on("disconnect", left)
    clients = [joined(server) for _ in range(3)]
    server.close()
    assert seen == ["server disconnect"] * 3 and [client.closed for client in clients] == [1012] * 3
    assert not server.connections and not server.manager.groups


def test_close_waits_no_longer_than_that() -> None:
    server = Server()
    go = threading.Event()
    server.on("disconnect", lambda sid: go.wait(LIMIT))
    joined(server)
    server.close(0.02)
    assert server.manager.groups
    go.set()
