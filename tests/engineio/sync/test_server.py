"""`Server`: handlers, sessions, sending, deadlines and the end, by calls without a web server."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pytest

from engineio.deadlines import Deadline
from engineio.packet import MESSAGE, Packet
from engineio.websocket import CLOSE, TEXT

from ..wsgi_calls import LIMIT, QUERY, Client, Running, WebSocket, get, serving, wait_until

# Handlers


def test_the_handlers() -> None:
    heard: list[Any] = []
    with serving() as server:

        @server.on("connect")
        def connect(sid: str, environ: dict[str, Any]) -> None:
            heard.append(("connect", sid, environ["QUERY_STRING"]))

        @server.on("message")
        def message(sid: str, data: Any) -> None:
            heard.append((sid, data))

        @server.on("disconnect")
        def disconnect(sid: str, reason: str) -> None:
            heard.append(("disconnect", sid, reason))

        client = Client(server)
        answer = client.connect()
        sid = client.sid
        assert heard == [("connect", sid, QUERY)]
        assert answer.header("content-type") == ["text/plain; charset=UTF-8"]
        assert client.post(b"4text\x1ebAAE=\x1e4\xe2\x82\xac").text == "ok"
        wait_until(lambda: len(heard) == 4)
        assert heard[1:] == [(sid, "text"), (sid, b"\x00\x01"), (sid, "\u20ac")]
        poll = Running(client.poll)
        wait_until(lambda: server.sockets[sid].link.wake)
        assert client.post(b"1").text == "ok"
        assert poll.result().text == "6"
        wait_until(lambda: len(heard) == 5)
        assert heard[4:] == [("disconnect", sid, "client disconnect")]
        assert client.poll().status == 400


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        (None, 200, None),
        (True, 200, None),
        (False, 401, "Unauthorized"),
        ({"reason": "full", "n": 1}, 401, {"reason": "full", "n": 1}),
        ("go away", 401, "go away"),
    ],
)
def test_what_a_connect_handler_returns(result: Any, status: int, body: Any) -> None:
    heard: list[Any] = []
    with serving() as server:
        server.on("connect", lambda sid, environ: result)
        server.on("disconnect", lambda sid, reason: heard.append(reason))
        answer = Client(server).connect()
        assert answer.status == status
        if status == 401:
            assert answer.json() == body and answer.header("content-type") == ["application/json"]
            assert server.sockets == {}
        socket = WebSocket(server.handle_request)
        if status == 200:
            socket.opened()
            socket.send(CLOSE)
        assert socket.end().status == status
        wait_until(lambda: len(heard) == (status == 200))


@pytest.mark.parametrize("kind", [ValueError, BaseException, SystemExit, KeyboardInterrupt])
def test_a_connect_handler_that_raises(kind: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    with serving(logger=logging.getLogger("test")) as server:

        def connect(sid: str, environ: dict[str, Any]) -> None:
            raise kind("secret")

        server.on("connect", connect)
        answer = Client(server).connect()
        assert (answer.status, answer.json()) == (401, "Unauthorized")
        assert server.sockets == {}
    assert "secret" in caplog.text


def test_a_connect_handler_that_sends() -> None:
    with serving() as server:
        server.on("connect", lambda sid, environ: server.send(sid, "early"))
        handshake, message = Client(server).connect().text.split("\x1e")
        assert handshake.startswith('0{"sid":') and message == "4early"
        socket = WebSocket(server.handle_request)
        socket.opened()
        assert socket.receive() == (TEXT, b"4early")
        socket.send(CLOSE)
        socket.end()


@pytest.mark.parametrize("result", [None, False])
def test_a_connect_handler_that_disconnects(result: bool | None) -> None:
    with serving() as server:

        def connect(sid: str, environ: dict[str, Any]) -> bool | None:
            server.disconnect(sid)
            return result

        server.on("connect", connect)
        assert Client(server).connect().status == 401
        assert WebSocket(server.handle_request).end().status == 401
        assert server.sockets == {}


def test_a_disconnect_handler_without_reason() -> None:
    heard: list[Any] = []
    with serving() as server:
        server.on("disconnect", lambda sid: heard.append(sid))
        client = Client(server)
        client.connect()
        client.post(b"1")
        wait_until(lambda: heard)
        assert heard == [client.sid]


def test_handlers_that_raise(caplog: pytest.LogCaptureFixture) -> None:
    """Once each, TypeError included; the next ones are called."""
    heard: list[str] = []
    with serving(logger=logging.getLogger("test")) as server:

        @server.on("message")
        def message(sid: str, data: str) -> None:
            heard.append(data)
            if data == "bad":
                raise SystemExit("from the message handler")

        @server.on("disconnect")
        def disconnect(sid: str, reason: str = "") -> None:
            heard.append(reason)
            raise TypeError("from the disconnect handler")

        client = Client(server)
        client.connect()
        assert client.post(b"4bad\x1e4good").text == "ok"
        client.post(b"1")
        wait_until(lambda: not server.leaving and "client disconnect" in heard)
        assert heard == ["bad", "good", "client disconnect"]
    assert "from the message handler" in caplog.text and "from the disconnect handler" in caplog.text


def test_messages_that_are_json_reach_the_handler_decoded() -> None:
    """As programs written for python-engineio expect: objects and lists are decoded, integers stay text."""
    heard: list[Any] = []
    with serving() as server:
        server.on("message", lambda sid, data: heard.append(data))
        client = Client(server)
        client.connect()
        client.post(b'4{"a":1}\x1e4[1]\x1e4hello\x1e412\x1e4true\x1e4{"a"\x1e4')
        wait_until(lambda: len(heard) == 7)
        assert heard == [{"a": 1}, [1], "hello", "12", "true", '{"a"', ""]


def test_only_known_events() -> None:
    with serving() as server, pytest.raises(ValueError, match="Invalid event"):
        server.on("messages", print)


def test_one_after_the_other() -> None:
    """async_handlers False: also if each takes so long that others would go on meanwhile."""
    heard: list[Any] = []
    with serving(async_handlers=False) as server:

        @server.on("message")
        def message(sid: str, data: str) -> None:
            heard.append(("begin", data))
            server.sleep(0.02)
            heard.append(("end", data))

        client = Client(server)
        client.connect()
        assert client.post(b"4a\x1e4b\x1e4c").text == "ok"
        wait_until(lambda: len(heard) == 6)
        assert heard == [(what, name) for name in "abc" for what in ("begin", "end")]


# Sending and sessions


def test_send() -> None:
    with serving() as server:
        client = Client(server)
        client.connect()
        for data in ("text \u20ac", b"\x00", bytearray(b"\x01"), {"a": [1]}, [], 5, None):
            server.send(client.sid, data)
        server.send_packet(client.sid, Packet(MESSAGE, {"b": 2}))
        server.send_packet(client.sid, Packet(MESSAGE, b"\x02"))
        expected = ["4text \u20ac", "bAA==", "bAQ==", '4{"a":[1]}', "4[]", "45", "4", '4{"b":2}', "bAg=="]
        assert client.poll().text.split("\x1e") == expected
        server.send("unknown", "ignored")
        server.send_packet("unknown", Packet(MESSAGE, "ignored"))
        server.disconnect("unknown")


def test_the_json_module_of_the_server_encodes_messages() -> None:
    class Json:
        loads = staticmethod(json.loads)

        @staticmethod
        def dumps(data: Any, **options: Any) -> str:
            return json.dumps({"wrapped": data}, **options)

    for options, expected in (({"json": Json}, '4{"wrapped":[1]}'), ({}, "4[1]")):
        with serving(**options) as server:
            assert get(server.handle_request, query=QUERY).status == 200
            sid = next(iter(server.sockets))
            server.send(sid, [1])
            assert get(server.handle_request, query=f"{QUERY}&sid={sid}").text == expected


def test_sessions() -> None:
    left: list[Any] = []
    with serving() as server:
        server.on("connect", lambda sid, environ: server.save_session(sid, {"user": "ann"}))

        @server.on("disconnect")
        def disconnect(sid: str, reason: str) -> None:
            left.append(server.get_session(sid))

        client, other = Client(server), Client(server)
        client.connect()
        other.connect()
        sid = client.sid
        assert server.get_session(sid) == {"user": "ann"}
        with server.session(sid) as session:
            session["n"] = 1
        server.get_session(sid)["m"] = 2
        assert server.get_session(sid) == {"user": "ann", "n": 1, "m": 2}
        assert server.get_session(other.sid) == {"user": "ann"}
        client.post(b"1")
        wait_until(lambda: left and not server.leaving)
        assert left == [{"user": "ann", "n": 1, "m": 2}]
        for broken in (server.get_session, server.transport):
            for name in (sid, "unknown"):
                with pytest.raises(KeyError):
                    broken(name)
        with pytest.raises(KeyError):
            server.save_session(sid, {})
        with pytest.raises(KeyError), server.session(sid):
            raise AssertionError("not reached")


def test_a_session_of_a_client_that_leaves_meanwhile() -> None:
    with serving() as server:
        client = Client(server)
        client.connect()
        assert server.transport(client.sid) == "polling"
        with server.session(client.sid) as session:
            session["a"] = 1
            client.post(b"1")


def test_two_threads_get_the_same_session() -> None:
    with serving() as server:
        for _ in range(30):
            client = Client(server)
            client.connect()
            together = threading.Barrier(4)

            def add(name: int, sid: str = client.sid, together: threading.Barrier = together) -> None:
                together.wait(LIMIT)
                server.get_session(sid)[name] = True

            calls = [Running(add, name) for name in range(4)]
            for running in calls:
                running.result()
            assert len(server.get_session(client.sid)) == 4


# Deadlines


def test_the_thread_of_the_deadlines_ends_when_idle_and_comes_back() -> None:
    heard: list[Any] = []
    with serving(ping_interval=0.1) as server:
        assert server._timer is None
        for number in range(3):
            with server.core:
                server.schedule(Deadline(lambda number=number: heard.append(number)), 0.01)
            assert server._timer is not None
            wait_until(lambda number=number: number in heard)
            wait_until(lambda: server._timer is None)
        assert heard == [0, 1, 2]


def test_a_deadline_before_the_one_that_is_waited_for() -> None:
    heard: list[str] = []
    with serving(ping_interval=0.1) as server:
        late = Deadline(lambda: heard.append("late"))
        with server.core:
            server.schedule(late, 3600)
        wait_until(lambda: server._wake_at)
        with server.core:
            server.schedule(Deadline(lambda: heard.append("early")), 0.01)
        wait_until(lambda: heard)
        with server.core:
            server.unschedule(late)
            server.schedule(late, 0.01)
        wait_until(lambda: len(heard) == 2)
        assert heard == ["early", "late"]


def test_a_deadline_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def fail() -> None:
        raise RuntimeError("from a deadline")

    with serving(ping_interval=0.1) as server:
        with server.core:
            for action in (fail, lambda: heard.append("next"), fail):
                server.schedule(Deadline(action), 0)
        wait_until(lambda: heard)
    assert caplog.text.count("RuntimeError: from a deadline") == 2


def test_intervals_assigned_before_the_first_client() -> None:
    with serving() as server:
        server.ping_interval, server.ping_timeout = 0.02, 0.02
        client = Client(server)
        handshake = json.loads(client.connect().text[1:])
        assert (handshake["pingInterval"], handshake["pingTimeout"]) == (20, 20)
        assert client.poll().text == "2"
        assert client.poll().text == "1"
        assert server.sockets == {}


# The end


def test_disconnect_all() -> None:
    reasons: list[str] = []
    with serving() as server:
        server.on("disconnect", lambda sid, reason: reasons.append(reason))
        clients = [Client(server) for _ in range(3)]
        for client in clients:
            client.connect()
        server.disconnect()
        assert [client.poll().text for client in clients] == ["1"] * 3
        wait_until(lambda: len(reasons) == 3)
        assert server.sockets == {} and set(reasons) == {"server disconnect"}


def test_close_waits_for_the_disconnect_handlers() -> None:
    left: list[str] = []
    with serving() as server:

        def disconnect(sid: str) -> None:
            server.sleep(0.03)
            left.append(sid)

        server.on("disconnect", disconnect)
        client = Client(server)
        client.connect()
        socket = WebSocket(server.handle_request)
        socket.opened()
        server.close()
        assert len(left) == 2
        opcode, payload = socket.receive()
        assert opcode == CLOSE and payload[:2] == (1012).to_bytes(2, "big")
        socket.send(CLOSE)
        socket.end()
        assert client.poll().text == "1"


def test_shutdown_leaves_the_clients_alone() -> None:
    heard: list[Any] = []
    with serving() as server:
        server.on("message", lambda sid, data: heard.append(data))
        client = Client(server)
        client.connect()
        server.shutdown()
        client.post(b"4x")
        wait_until(lambda: heard)
        server.send(client.sid, "y")
        assert client.poll().text == "4y"
