"""Class-based namespaces of a server for threads (api-contract A.1 `Namespace`, A.5)."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from socketio import Namespace, Server
from socketio.exceptions import ConnectionRefusedError

from .clients import ack, connect, event, joined, settle, start


class Chat(Namespace):
    """A namespace that notes what it is called with."""

    def __init__(self, namespace: str = "/chat") -> None:
        super().__init__(namespace)
        self.seen: list[Any] = []

    def on_connect(self, *arguments: Any) -> None:
        self.seen.append(("connect", *arguments))

    def on_disconnect(self, *arguments: Any) -> None:
        self.seen.append(("disconnect", *arguments))

    def on_message(self, *arguments: Any) -> Any:
        self.seen.append(("message", *arguments))
        return "answer"

    def on_sync(self, *arguments: Any) -> tuple[int, int]:
        return 1, 2


def test_events() -> None:
    server = Server()
    chat = Chat()
    server.register_namespace(chat)
    client = joined(server, "/chat")
    sid = client.sid
    client.send(event("message", "x", namespace="/chat", ack_id=1), event("sync", namespace="/chat", ack_id=2))
    assert sorted(client.rest()) == [ack(1, "answer", namespace="/chat"), ack(2, 1, 2, namespace="/chat")]
    environ = server.get_environ(sid, "/chat")
    chat.disconnect(sid)
    assert chat.seen == [
        ("connect", sid, environ, None),
        ("message", sid, "x"),
        ("disconnect", sid, "server disconnect"),
    ]
    assert client.rest() == ["1/chat,"]


def test_arities() -> None:
    """behaviours: connect (sid, environ) and disconnect (sid) do in classes as well."""
    seen: list[Any] = []

    class Short(Namespace):
        def on_connect(self, sid: str, environ: Any) -> None:
            seen.append(sid)

        def on_disconnect(self, sid: str) -> None:
            seen.append(sid)

    class Traced(Short):
        def trigger_event(self, event: str, *args: Any) -> Any:
            return super().trigger_event(event, *args)

    for cls in (Short, Traced):
        seen.clear()
        server = Server()
        server.register_namespace(cls("/"))
        client = connect(server)
        sid = client.join(auth={"token": 1})
        client.send("1")
        settle(server)
        assert seen == [sid, sid]


def test_unknown_events_are_acknowledged() -> None:
    """A.5 "register_namespace": an unknown event is ignored, so an ACK [] is sent."""
    server = Server()
    server.register_namespace(Chat("/"))
    client = joined(server)
    client.send(event("nowhere", ack_id=1), event(7, ack_id=2))
    assert client.rest() == [ack(1), ack(2)]


@pytest.mark.parametrize(
    "name", ["emit", "send", "call", "trigger_event", "disconnect_", "session", "__init__", "__class__", "set_server"]
)
@pytest.mark.parametrize("own_trigger", [False, True])
def test_events_reach_no_other_methods(name: str, own_trigger: bool) -> None:
    """faults F034: event names from the wire never reach a method without the prefix `on_`."""

    class Traced(Chat):
        def trigger_event(self, event: str, *args: Any) -> Any:
            return super().trigger_event(event, *args)

    server = Server()
    server.register_namespace(Traced("/") if own_trigger else Chat("/"))
    client = joined(server)
    client.send(event(name, "everybody", {"x": 1}, ack_id=1))
    assert client.rest() == [ack(1)]
    assert client.closed is None


def test_own_trigger_event() -> None:
    """Every event goes through an overridden trigger_event, connect and disconnect included."""

    class Traced(Chat):
        def trigger_event(self, event: str, *args: Any) -> Any:
            names.append(event)
            result = super().trigger_event(event, *args)
            return result if event != "message" else f"traced {result}"

    names: list[str] = []
    server = Server()
    chat = Traced()
    server.register_namespace(chat)
    client = joined(server, "/chat")
    client.send(event("message", namespace="/chat", ack_id=1), event("nowhere", namespace="/chat"))
    assert client.rest() == [ack(1, "traced answer", namespace="/chat")]
    client.lose()
    settle(server)
    assert names == ["connect", "message", "nowhere", "disconnect"]
    assert [name for name, *_ in chat.seen] == ["connect", "message", "disconnect"]


@pytest.mark.parametrize("outcome", [False, ConnectionRefusedError("no")])
def test_refusal(outcome: Any) -> None:
    class Closed(Namespace):
        def on_connect(self, sid: str, environ: Any, auth: Any) -> Any:
            self.emit("early", to=sid)
            if outcome is False:
                return False
            raise outcome

    server = Server()
    server.register_namespace(Closed("/chat"))
    client = connect(server)
    client.send("0/chat,")
    message = "no" if outcome else "Connection rejected by server"
    assert client.rest() == [f'4/chat,{{"message":"{message}"}}']


def test_catch_all_namespace() -> None:
    """A.5: class namespace '*' (ns prepended)."""
    server = Server(namespaces="*")
    every = Chat("*")
    server.register_namespace(every)
    client = joined(server, "/any")
    client.send(event("message", 1, namespace="/any", ack_id=1))
    assert client.receive() == ack(1, "answer", namespace="/any")
    client.send("1/any,")
    settle(server)
    assert [call[:3] for call in every.seen] == [
        ("connect", "/any", client.sid),
        ("message", "/any", client.sid),
        ("disconnect", "/any", client.sid),
    ]


def test_functions_come_first() -> None:
    server = Server()
    chat = Chat()
    server.register_namespace(chat)
    server.on("message", lambda sid: "function", namespace="/chat")
    client = joined(server, "/chat")
    client.send(event("message", namespace="/chat", ack_id=1), event("sync", namespace="/chat", ack_id=2))
    assert client.rest() == [ack(1, "function", namespace="/chat"), ack(2, 1, 2, namespace="/chat")]


def test_methods_default_to_the_own_namespace() -> None:
    """A.1: emit, send, call, rooms, sessions and disconnect; with a namespace given they go there."""
    server = Server(namespaces="*")
    chat = Chat()
    server.register_namespace(chat)
    client = connect(server)
    main, sid = client.join("/"), client.join("/chat")
    chat.emit("e", (1, 2), to=sid)
    chat.emit("e", 1, None, None, sid)
    chat.emit("e", 1, namespace="/")
    chat.send("x", room=sid)
    assert client.rest() == ['2/chat,["e",1,2]', event("e", 1), '2/chat,["message","x"]']
    chat.enter_room(sid, "room")
    assert chat.rooms(sid) == [sid, "room"] and chat.rooms(main, namespace="/") == [main]
    chat.leave_room(sid, "room")
    chat.enter_room(sid, "room")
    chat.close_room("room")
    assert chat.rooms(sid) == [sid]
    chat.save_session(sid, {"a": 1})
    with chat.session(sid) as session:
        session["b"] = 2
    assert chat.get_session(sid) == {"a": 1, "b": 2} and server.get_session(main) == {}
    answer = start(chat.call, "question", to=sid)
    assert client.receive() == event("question", namespace="/chat", ack_id=1)
    client.send(ack(1, "yes", namespace="/chat"))
    assert answer() == "yes"
    seen: list[Any] = []
    chat.emit("e", callback=seen.append)
    client.send(ack(2, "called", namespace="/chat"))
    settle(server)
    assert seen == ["called"]


def test_call_waits_for_ever_by_default() -> None:
    """A.5: Namespace.call default timeout=None."""
    assert inspect.signature(Namespace.call).parameters["timeout"].default is None
    assert inspect.signature(Server.call).parameters["timeout"].default == 60
