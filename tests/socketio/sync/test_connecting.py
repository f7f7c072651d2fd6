"""How clients join and leave a server for threads: connect and disconnect of api-contract A.5 and behaviours."""

from __future__ import annotations

import builtins
import json
import threading
from typing import Any

import pytest

from socketio import Server
from socketio.exceptions import ConnectionRefusedError

from .clients import LIMIT, connect, event, joined, settle, wait_until


@pytest.mark.parametrize("arity", ["two", "three", "default", "any"])
@pytest.mark.parametrize("auth", [None, {"token": 1}])
def test_connect_handlers(arity: str, auth: Any) -> None:
    """behaviours: (sid, environ), (sid, environ, auth), (sid, environ, auth=None)."""
    server = Server()
    seen: list[tuple[Any, ...]] = []

    def two(sid: str, environ: Any) -> None:
        seen.append((sid, environ))

    def three(sid: str, environ: Any, auth: Any) -> None:
        seen.append((sid, environ, auth))

    def default(sid: str, environ: Any, auth: Any = None) -> None:
        seen.append((sid, environ, auth))

    def variable(*arguments: Any) -> None:
        seen.append(arguments)

    server.on("connect", {"two": two, "three": three, "default": default, "any": variable}[arity])
    client = connect(server)
    sid = client.join(auth=auth)
    environ = server.get_environ(sid)
    assert seen == [(sid, environ) if arity == "two" else (sid, environ, auth)]
    assert seen[0][1] is environ


def test_sids() -> None:
    """A.5 "sids": 20 characters; the sid of a namespace is not that of Engine.IO."""
    server = Server()
    client = connect(server)
    sids = {client.eio_sid, client.join(), server.manager.sid_from_eio_sid(client.eio_sid, "/")}
    assert len(sids) == 2 and {len(sid) for sid in sids} == {20}


REFUSALS: list[tuple[Any, dict[str, Any]]] = [
    (False, {"message": "Connection rejected by server"}),
    (ConnectionRefusedError(), {"message": "Connection rejected by server"}),
    (ConnectionRefusedError("no"), {"message": "no"}),
    (ConnectionRefusedError("no", {"a": 1}), {"message": "no", "data": {"a": 1}}),
    (ConnectionRefusedError("no", 1, 2), {"message": "no", "data": [1, 2]}),
    (builtins.ConnectionRefusedError("secret"), {"message": "Connection refused by server"}),
    (RuntimeError("secret"), {"message": "Connection refused by server"}),
    (SystemExit("secret"), {"message": "Connection refused by server"}),
    (ConnectionRefusedError("no", object()), {"message": "Connection refused by server"}),
]


@pytest.mark.parametrize(("outcome", "payload"), REFUSALS)
@pytest.mark.parametrize("namespace", ["/", "/chat"])
@pytest.mark.parametrize("waits", [False, True])
def test_refusal(outcome: Any, payload: Any, namespace: str, waits: bool) -> None:
    """A.5 "connect handler": a refused namespace keeps the transport open. Nothing that was emitted is delivered."""
    server = Server()

    def refuse(sid: str, environ: Any) -> Any:
        server.enter_room(sid, "room", namespace)
        for to in (sid, "room", None):
            server.emit("early", to=to, namespace=namespace)
        if waits:
            server.sleep(0.02)
        if outcome is False:
            return False
        raise outcome

    server.on("connect", refuse, namespace=namespace)
    server.on("disconnect", lambda sid: pytest.fail("it never was connected"), namespace=namespace)
    client = connect(server)
    prefix = "" if namespace == "/" else namespace + ","
    for _ in range(2):
        client.send("0" + prefix)
        packet = client.receive()
        assert packet[: 1 + len(prefix)] == "4" + prefix
        assert json.loads(packet[1 + len(prefix) :]) == payload
    server.emit("late", namespace=namespace)
    assert client.rest() == [] and client.closed is None
    assert not server.manager.groups


def test_other_exceptions_are_logged_with_their_traceback(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()

    def fail(sid: str, environ: Any) -> None:
        raise RuntimeError("inside")

    server.on("connect", fail)
    client = connect(server)
    client.send("0")
    assert client.receive() == '4{"message":"Connection refused by server"}'
    assert "Traceback" in caplog.text and "RuntimeError: inside" in caplog.text
    caplog.clear()
    server.on("connect", lambda sid, environ: False)
    client.send("0")
    client.receive()
    assert caplog.text == ""


@pytest.mark.parametrize("waits", [False, True])
def test_what_a_connect_handler_emits_follows_connect(waits: bool) -> None:
    """D.3: the CONNECT reply precedes any event emitted in the handler; to its sid, its room, and to everybody."""
    server = Server()

    def handler(sid: str, environ: Any) -> None:
        server.emit("to sid", to=sid)
        server.enter_room(sid, "room")
        assert sorted(server.rooms(sid)) == sorted([sid, "room"])
        if waits:
            server.sleep(0.02)
        server.emit("to room", b"x", room="room")
        server.emit("to all")

    server.on("connect", handler)
    first = joined(server)
    assert len(first.rest()) == 4
    second = joined(server)
    assert second.rest() == [
        event("to sid"),
        '51-["to room",{"_placeholder":true,"num":0}]',
        b"x",
        event("to all"),
    ]
    assert len(first.rest()) == 3


def test_packets_sent_during_the_connect_handler_wait() -> None:
    server = Server()
    seen: list[Any] = []
    go = threading.Event()

    def handler(sid: str, environ: Any) -> None:
        go.wait(LIMIT)
        seen.append("connected")

    server.on("connect", handler)
    server.on("e", lambda sid, *args: seen.append(args))
    client = connect(server)
    client.send("0", event("e", 1), '51-["e",{"_placeholder":true,"num":0}]', b"x", event("e", 2))
    settle(server, busy=1)
    assert seen == []
    go.set()
    assert (client.receive()).startswith('0{"sid"')
    settle(server)
    assert seen == ["connected", (1,), (b"x",), (2,)]


@pytest.mark.parametrize("outcome", [True, False])
def test_always_connect(outcome: bool) -> None:
    """A.5 "always_connect": CONNECT first; on rejection DISCONNECT (without data: D.3 allows none)."""
    server = Server(always_connect=True)
    go = threading.Event()

    def handler(sid: str, environ: Any) -> bool:
        server.emit("early", to=sid)
        go.wait(LIMIT)
        return outcome

    server.on("connect", handler)
    client = connect(server)
    client.join()
    assert client.receive() == event("early")
    go.set()
    assert client.rest() == ([] if outcome else ["1"])
    assert client.closed is None and bool(server.manager.groups) is outcome


def test_unknown_namespace() -> None:
    server = Server(namespaces=["/a"])
    client = connect(server)
    client.send("0/random,", "0/a,", "0")
    assert client.receive() == '4/random,{"message":"Invalid namespace"}'
    assert (client.receive()).startswith('0/a,{"sid"')
    assert client.receive() == '4{"message":"Invalid namespace"}'


def test_every_namespace() -> None:
    server = Server(namespaces="*")
    client = connect(server)
    sids = [client.join(name) for name in ("/", "/a", "/b/c")]
    assert len(set(sids)) == 3


def test_second_connect_closes_the_connection() -> None:
    """D.3: a second CONNECT to the same namespace; the disconnect event has the transport error as its reason."""
    server = Server()
    seen: list[str] = []
    server.on("disconnect", lambda sid, reason: seen.append(reason))
    client = joined(server)
    client.send("0")
    settle(server)
    assert seen == ["transport error"]
    assert client.closed == 1002


def test_nobody_joins_in_time() -> None:
    """D.3: no namespace within the connect timeout -> close."""
    server = Server(connect_timeout=0, ping_interval=0.1)
    quick = connect(server)
    with server.eio.core:
        quick.join()
    late = connect(server)
    wait_until(lambda: late.closed is not None)
    assert quick.closed is None


# Leaving


@pytest.mark.parametrize("how", ["client disconnect", "server disconnect", "transport close"])
@pytest.mark.parametrize("arity", ["one", "two", "default"])
def test_disconnect_handlers(how: str, arity: str) -> None:
    """A.5 "disconnect handler"; behaviours: rooms, get_session, get_environ and transport still work inside."""
    server = Server()
    seen: list[Any] = []

    def look(sid: str) -> None:
        server.sleep(0.02)
        environ = server.get_environ(sid)
        assert environ is not None and environ is server.environ[environ["eio"]]
        seen.append((sorted(server.rooms(sid)), server.get_session(sid), environ["mine"], server.transport(sid)))
        server.emit("to nobody", to=sid)

    def one(sid: str) -> None:
        look(sid)
        seen.append(None)

    def two(sid: str, reason: str) -> None:
        look(sid)
        seen.append(reason)

    def default(sid: str, reason: str | None = None) -> None:
        two(sid, "" if reason is None else reason)

    server.on("disconnect", {"one": one, "two": two, "default": default}[arity])
    client = joined(server)
    sid = client.sid
    server.enter_room(sid, "room")
    server.save_session(sid, {"name": "x"})
    environ = server.get_environ(sid)
    assert environ is not None
    environ |= {"mine": 1, "eio": client.eio_sid}
    if how == "client disconnect":
        client.send("1")
    elif how == "server disconnect":
        server.disconnect(sid)
        assert len(seen) == 2, "disconnect() waits for the handler"
    else:
        client.lose()
    settle(server)
    assert seen == [(sorted([sid, "room"]), {"name": "x"}, 1, "websocket"), None if arity == "one" else how]
    assert server.rooms(sid) == [] and server.get_environ(sid) is None and not server.manager.groups
    with pytest.raises(KeyError):
        server.get_session(sid)
    # A.5 "disconnect": namespace-level; the transport stays open.
    assert client.rest() == (["1"] if how == "server disconnect" else [])
    if how != "transport close":
        assert client.closed is None
        assert client.join() != sid


@pytest.mark.parametrize("how", ["client disconnect", "transport close"])
@pytest.mark.parametrize("accepts", [True, False])
def test_leaving_during_the_connect_handler(how: str, accepts: bool) -> None:
    """Exactly one disconnect event for who was accepted, none for who was refused; nothing is left (faults F055)."""
    server = Server()
    go = threading.Event()
    seen: list[Any] = []

    def handler(sid: str, environ: Any) -> bool:
        go.wait(LIMIT)
        server.emit("e", to=sid)
        return accepts

    server.on("connect", handler)
    server.on("disconnect", lambda sid, reason: seen.append(reason))
    client = connect(server)
    client.send("0")
    settle(server, busy=1)
    if how == "client disconnect":
        client.send("1")
    else:
        client.lose()
    go.set()
    assert client.rest() == []
    assert seen == ([how] if accepts else [])
    client.lose()
    settle(server)
    assert len(seen) == accepts and not server.manager.groups and not server.environ


def test_disconnect_in_its_own_handlers() -> None:
    """faults F055: disconnect inside its own event handler; the disconnect event comes exactly once."""
    server = Server()
    seen: list[str] = []

    def leave(sid: str) -> None:
        server.disconnect(sid)
        seen.append("left")

    def left(sid: str, reason: str) -> None:
        server.disconnect(sid)
        seen.append(reason)

    server.on("leave", leave)
    server.on("disconnect", left)
    client = joined(server)
    client.send(event("leave", ack_id=1))
    assert client.rest() == ["1"]
    assert seen == ["server disconnect", "left"]


@pytest.mark.parametrize("accepts", [True, False])
def test_disconnect_in_the_connect_handler(accepts: bool) -> None:
    """faults F055: the client is refused; a handler that goes on as if nothing was has its disconnect event, once."""
    server = Server()
    seen: list[str] = []

    def handler(sid: str, environ: Any) -> bool:
        server.disconnect(sid)
        server.disconnect(sid)
        server.emit("e", to=sid)
        return accepts

    server.on("connect", handler)
    server.on("disconnect", lambda sid, reason: seen.append(reason))
    client = connect(server)
    client.send("0")
    assert client.rest() == ['4{"message":"Connection rejected by server"}']
    assert seen == (["server disconnect"] if accepts else [])
    assert client.closed is None and not server.manager.groups


def test_disconnect_of_one_namespace() -> None:
    server = Server(namespaces="*")
    client = connect(server)
    main, chat = client.join(), client.join("/chat")
    server.disconnect(chat, namespace="/chat")
    server.disconnect(chat, namespace="/chat")
    server.disconnect("nobody")
    server.disconnect(main, namespace="/chat")
    assert client.rest() == ["1/chat,"]
    assert server.manager.is_connected(main, "/")
