"""What a server for threads does with the events of its clients: handlers, acknowledgements, order and flow (A.5)."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from socketio import Server
from socketio.msgpack_packet import MsgPackPacket

from .clients import LIMIT, Client, Gone, ack, connect, event, joined, settle, wait_until


@pytest.mark.parametrize(
    ("result", "values"),
    [(None, []), ((), []), ((1, "x"), [1, "x"]), ([1], [[1]]), (0, [0]), ({"a": None}, [{"a": None}])],
)
def test_acknowledgements(result: Any, values: list[Any]) -> None:
    """A.5 "ack of received event": None -> [], tuple -> list, else [value]."""
    server = Server()
    server.on("e", lambda sid, *data: result)
    client = joined(server)
    client.send(event("e", 1, ack_id=0), event("e", 2), event("e", ack_id=9007199254740991))
    assert client.rest() == [ack(0, *values), ack(9007199254740991, *values)]


def test_binary_acknowledgement() -> None:
    server = Server(namespaces="*")
    server.on("e", lambda sid, data: (data, 1), namespace="/a")
    client = joined(server, "/a")
    client.send('51-/a,7["e",{"_placeholder":true,"num":0}]', b"x")
    assert client.rest() == ['61-/a,7[{"_placeholder":true,"num":0},1]', b"x"]


def test_no_acknowledgement() -> None:
    """A.5: no handler at all; and a handler that fails, which is called once only."""
    server = Server()
    seen: list[Any] = []

    def fails(*arguments: Any) -> None:
        seen.append(arguments)
        raise TypeError("inside")

    server.on("fails", fails)
    client = joined(server)
    client.send(event("nowhere", ack_id=1), event("fails", 1, ack_id=2))
    assert client.rest() == []
    assert seen == [(client.sid, 1)] and client.closed is None


@pytest.mark.parametrize("error", [TypeError("inside"), SystemExit("inside"), KeyboardInterrupt("inside")])
def test_failures_are_logged(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """What one handler raises, SystemExit included, is its own failure: the next ones run."""
    server = Server()

    def fails(sid: str) -> None:
        raise error

    server.on("fails", fails)
    server.on("unserializable", lambda sid: object())
    server.on("works", lambda sid: "works")
    client = joined(server)
    client.send(event("fails", ack_id=1), event("works", ack_id=2))
    assert client.rest() == [ack(2, "works")]
    assert "'fails'" in caplog.text and "Traceback" in caplog.text and f"{type(error).__name__}: inside" in caplog.text
    caplog.clear()
    client.send(event("unserializable", ack_id=3))
    assert client.rest() == []
    assert "'unserializable'" in caplog.text and "not JSON serializable" in caplog.text


def test_lookup_on_the_wire() -> None:
    """A.5 "handler resolution"; behaviours: '*' gets (event, sid, *args), and with namespace '*' the namespace too."""
    server = Server(namespaces=["/b"])
    seen: list[Any] = []

    def noting(name: str) -> Any:
        return lambda *arguments: seen.append((name, *arguments))

    server.on("own", noting("event"), namespace="/a")
    server.on("*", noting("any event"), namespace="/a")
    server.on("own", noting("any namespace"), namespace="*")
    server.on("*", noting("anything"), namespace="*")
    server.on("connect", lambda namespace, sid, environ, auth: seen.append(("connect", namespace, sid)), namespace="*")
    client = connect(server)
    a, b = client.join("/a"), client.join("/b")
    for namespace in ("/a", "/b"):
        client.send(event("own", 1, namespace=namespace), event("else", 2, namespace=namespace))
    settle(server)
    assert seen == [
        ("connect", "/a", a),
        ("connect", "/b", b),
        ("event", a, 1),
        ("any event", "else", a, 2),
        ("any namespace", "/b", b, 1),
        ("anything", "else", "/b", b, 2),
    ]


def test_a_handler_registered_while_connected() -> None:
    """behaviours: re-registering a handler while connected; one handler per (namespace, event)."""
    server = Server()
    client = joined(server)
    for answer in ("first", "second"):
        server.on("e", lambda sid, answer=answer: answer)
        client.send(event("e", ack_id=1))
        assert client.receive() == ack(1, answer)


@pytest.mark.parametrize("name", ["connect", "disconnect", "connect_error"])
def test_reserved_events_close_the_connection(name: str) -> None:
    """D.3: reserved event names; they never reach a handler."""
    server = Server()
    client = joined(server)
    server.on(name, lambda *arguments: None if name == "disconnect" else pytest.fail("called by the client"))
    client.send(event(name, {}))
    with pytest.raises(Gone):
        client.receive()


def test_msgpack_on_the_wire() -> None:
    """The issue: serializer 'msgpack'. Whole packets in binary frames, no attachments (D.3)."""
    server = Server(serializer="msgpack")
    server.on("e", lambda sid, data: data)
    client = connect(server)
    client.send(MsgPackPacket(0, data={"token": 1}).encode())
    answer = MsgPackPacket(encoded_packet=client.receive())
    assert answer.packet_type == 0 and set(answer.data) == {"sid"}
    client.send(MsgPackPacket(2, data=["e", {"bytes": b"x"}], id=3).encode())
    answer = MsgPackPacket(encoded_packet=client.receive())
    assert (answer.packet_type, answer.id, answer.data) == (3, 3, [{"bytes": b"x"}])
    client.send(MsgPackPacket(2, data=["connect", {}]).encode())
    with pytest.raises(Gone):
        client.receive()


# Order and flow


def test_handlers_start_in_the_order_of_arrival() -> None:
    server = Server()
    started: list[int] = []

    def handler(sid: str, number: int) -> None:
        started.append(number)
        if number % 9 == 0:
            server.sleep(0.02)

    server.on("e", handler)
    client = joined(server)
    client.send(*(event("e", number) for number in range(50)))
    settle(server)
    assert started == list(range(50))


def test_handlers_of_one_client_run_at_the_same_time() -> None:
    """A.5 "async_handlers" True."""
    server = Server()
    both = threading.Barrier(2)

    def handler(sid: str) -> str:
        both.wait(LIMIT)
        return "met"

    server.on("e", handler)
    client = joined(server)
    client.send(event("e", ack_id=1), event("e", ack_id=2))
    assert sorted([client.receive(), client.receive()]) == [ack(1, "met"), ack(2, "met")]


@pytest.mark.parametrize("waits", [False, True])
def test_one_after_the_other(waits: bool) -> None:
    """A.5 "async_handlers" False: one after the other, the connect handler included."""
    server = Server(async_handlers=False)
    log: list[Any] = []

    def handler(sid: str, *data: Any) -> None:
        log.append(("begin", data[0]))
        if waits:
            server.sleep(0.03)
        log.append(("end", data[0]))

    server.on("connect", lambda sid, environ: handler(sid, "connect"))
    server.on("e", handler)
    client = connect(server)
    client.send("0", *(event("e", number) for number in range(3)))
    settle(server)
    assert log == [(what, name) for name in ("connect", 0, 1, 2) for what in ("begin", "end")]


def test_one_after_the_other_holds_up_nobody_else() -> None:
    server = Server(async_handlers=False)
    go = threading.Event()
    server.on("slow", lambda sid: go.wait(LIMIT) and None)
    server.on("quick", lambda sid: "quick")
    blocked, other = joined(server), joined(server)
    blocked.send(event("slow"), event("quick", ack_id=1))
    other.send(event("quick", ack_id=1))
    assert other.receive() == ack(1, "quick")
    assert blocked.rest(busy=1) == []
    go.set()
    assert blocked.receive() == ack(1, "quick")


def test_max_in_flight_halts_and_resumes() -> None:
    """A flood of events into slow handlers stops being read instead of piling up (faults F026)."""
    server = Server(max_in_flight=4)
    gates: list[threading.Event] = []

    def slow(sid: str) -> None:
        gate = threading.Event()
        gates.append(gate)
        gate.wait(LIMIT)

    server.on("slow", slow)
    client = joined(server)
    client.send(*[event("slow")] * 10)
    settle(server, busy=4)
    assert len(gates) == 4 and client.link.paused
    gates[0].set()
    settle(server, busy=3)
    assert len(gates) == 4 and client.link.paused
    gates[1].set()
    settle(server, busy=4)
    assert len(gates) == 6

    def release() -> bool:
        for gate in gates[:]:
            gate.set()
        return len(gates) == 10

    wait_until(release)
    release()
    settle(server)
    assert len(gates) == 10 and not client.link.paused


# Acknowledgements of the client


def test_callbacks_of_several_recipients() -> None:
    """A.5 "callback": each recipient has its own ack id and the callback fires per recipient."""
    server = Server()
    seen: list[Any] = []

    clients: list[Client] = [joined(server) for _ in range(3)]
    server.emit("first", to=clients[0].sid, callback=print)
    server.emit("e", 1, callback=seen.append)
    assert clients[0].receive() == event("first", ack_id=1)
    for number, client in enumerate(clients):
        ack_id = 2 if number == 0 else 1
        assert client.receive() == event("e", 1, ack_id=ack_id)
        client.send(ack(ack_id, number), ack(ack_id, "again"), ack(77, "unknown"), ack(0))
    settle(server)
    assert seen == [0, 1, 2]
    assert all(client.closed is None for client in clients)


def test_callbacks_take_what_comes() -> None:
    server = Server(namespaces="*")
    seen: list[Any] = []
    client = connect(server)
    client.join()
    client.join("/a")

    def callback(*arguments: Any) -> None:
        seen.append(arguments)

    for _ in range(3):
        server.emit("e", namespace="/a", callback=callback)
    client.send(ack(1), ack(1, namespace="/a"), ack(2, 1, None, namespace="/a"))
    client.send('61-/a,3[{"_placeholder":true,"num":0}]', b"x")
    settle(server)
    assert seen == [(), (1, None), (b"x",)]


def test_an_ack_of_another_client_is_ignored() -> None:
    """faults F036."""
    server = Server()
    seen: list[Any] = []
    one, other = joined(server), joined(server)
    server.emit("e", to=one.sid, callback=seen.append)
    other.send(ack(1, "stolen"))
    one.send(ack(1, "mine"))
    settle(server)
    assert seen == ["mine"]


def test_a_failing_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    client = joined(server)

    def callback(value: int) -> None:
        raise RuntimeError("inside")

    server.emit("e", callback=callback)
    client.send(ack(1, 1))
    settle(server)
    assert "RuntimeError: inside" in caplog.text and client.closed is None
