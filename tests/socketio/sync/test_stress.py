"""Many threads at once: what they emit arrives completely and in their order, and nothing is left of anybody."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from socketio import Server
from socketio.exceptions import TimeoutError

from .clients import LIMIT, Client, ack, connect, event, joined, settle, start


@pytest.fixture(params=["usual", "hasty"])
def switching(request: pytest.FixtureRequest) -> Iterator[None]:
    """How often Python changes threads: as usual, or as often as it can."""
    before = sys.getswitchinterval()
    if request.param == "hasty":
        sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def numbers_of(packets: list[Any]) -> dict[int, list[int]]:
    """Returns emitting thread -> the numbers that have arrived of it; attachments are checked on the way."""
    seen: dict[int, list[int]] = {}
    for index, packet in enumerate(packets):
        if isinstance(packet, bytes):
            continue
        _, name, number, *rest = json.loads(packet[packet.index("[") :])
        if rest and isinstance(rest[0], dict):
            assert packets[index + 1] == b"%d %d" % (name, number), "an attachment follows its packet"
        seen.setdefault(name, []).append(number)
    return seen


def is_empty(server: Server) -> bool:
    eio = server.eio
    return not (server.connections or server.manager.groups or eio.sockets or eio.leaving or eio.dirty)


def test_many_threads_emit_while_clients_come_and_go(switching: None) -> None:
    server = Server()
    count, emitters, visitors = 400, 4, 60
    left: list[str] = []

    def enter(sid: str, environ: Any) -> None:
        server.enter_room(sid, random.choice(["a", "b"]))
        server.save_session(sid, {"name": sid})

    def leave(sid: str) -> None:
        assert server.get_session(sid) == {"name": sid} and len(server.rooms(sid)) == 2
        left.append(sid)

    server.on("connect", enter)
    server.on("disconnect", leave)
    server.on("e", lambda sid, number: number)
    steady = [joined(server) for _ in range(3)]
    joins: list[str] = []

    def emit(name: int) -> None:
        for number in range(count):
            if number % 5 == 0:
                server.emit("n", (name, number, b"%d %d" % (name, number)))
            elif number % 7 == 0:
                server.emit("n", (name, number), to=["a", "b"])
            else:
                server.emit("n", (name, number))

    def come_and_go(seed: int) -> None:
        choice = random.Random(seed)
        for _ in range(visitors):
            client = connect(server)
            client.send("0")
            answer = client.receive()
            assert answer.startswith('0{"sid":'), "it comes before all that is emitted"
            sid = json.loads(answer[1:])["sid"]
            joins.append(sid)
            client.send(event("e", 1, ack_id=1))
            how = choice.choice(["lose", "leave", "disconnect", "close"])
            if how == "lose":
                client.lose()
            elif how == "leave":
                client.send("1")
                client.lose()
            elif how == "disconnect":
                server.disconnect(sid)
                client.lose()
            else:
                server.eio.disconnect(client.eio_sid)

    passing = [start(come_and_go, seed) for seed in range(2)]
    emitting = [start(emit, name) for name in range(emitters)]
    for result in emitting + passing:
        result()
    for client in steady:
        assert numbers_of(client.rest()) == {name: list(range(count)) for name in range(emitters)}
        client.lose()
    settle(server)
    assert sorted(left) == sorted(joins + [client.sid for client in steady])
    assert is_empty(server)


def test_many_threads_call(switching: None) -> None:
    """Each call gets its own answer, whoever else calls the same client."""
    server = Server()
    clients = [joined(server) for _ in range(3)]

    def answer(client: Client) -> None:
        for _ in range(4 * 25):
            packet = client.receive()
            ack_id, _, value = packet[1:].partition('["q",')
            client.send(ack(int(ack_id), json.loads(value[:-1]), client.sid))

    def call(name: int) -> None:
        for number in range(25):
            for client in clients:
                value = [name, number]
                assert server.call("q", value, to=client.sid, timeout=LIMIT) == (value, client.sid)

    results = [start(answer, client) for client in clients] + [start(call, name) for name in range(4)]
    for result in results:
        result()
    assert not any(server.manager.member(client.sid, "/").acks for client in clients)


def test_calls_to_clients_that_leave() -> None:
    """Nobody waits for who has left, however close it was."""
    server = Server()
    for _ in range(60):
        client = joined(server)
        calls = [start(server.call, "q", to=client.sid, timeout=None) for _ in range(2)]
        leaving = start(client.lose)
        for result in calls:
            with pytest.raises(TimeoutError):
                result()
        leaving()
    settle(server)
    assert is_empty(server)


def test_one_disconnect_event_for_each(switching: None) -> None:
    """However many threads disconnect a client at once: one does it, and then the handler is over."""
    server = Server()
    left: list[str] = []

    def leave(sid: str, reason: str) -> None:
        left.append(sid)

    server.on("disconnect", leave)
    for _ in range(60):
        client = joined(server)
        actions = [start(server.disconnect, client.sid) for _ in range(3)] + [start(client.lose)]
        for result in actions:
            result()
        settle(server)
        assert left == [client.sid]
        left.clear()
    assert is_empty(server)


def test_rooms_of_many_threads(switching: None) -> None:
    server = Server()
    clients = [joined(server) for _ in range(4)]

    def move(seed: int) -> None:
        choice = random.Random(seed)
        for _ in range(200):
            sid, room = choice.choice(clients).sid, choice.choice("abc")
            choice.choice([server.enter_room, server.leave_room])(sid, room)
            server.rooms(sid)
            if choice.random() < 0.1:
                server.close_room(room)
            if choice.random() < 0.1:
                server.emit("x", to=room)
                list(server.manager.get_participants("/", room))

    for result in [start(move, seed) for seed in range(4)]:
        result()
    for room in "abc":
        server.close_room(room)
    assert [server.rooms(client.sid) for client in clients] == [[client.sid] for client in clients]
    assert not server.manager.groups["/"].rooms
