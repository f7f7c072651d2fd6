"""Asking for the next event: before, between and after the connections of the client, which is a fake here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from socketio import SimpleClient
from socketio.exceptions import BadNamespaceError, ConnectionError, DisconnectedError, TimeoutError

LIMIT = 20.0
"""How long a test waits for something, in seconds."""


class FakeClient:
    """A client that is connected, loses its connection and gets it back when the test says so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.options = args, kwargs
        self.handlers: dict[tuple[str, str], Callable[..., Any]] = {}
        self.there = False
        self.refusals = 0
        """How often it is not connected although it was a moment ago."""
        self.sent: list[Any] = []
        self.arguments: Any = None
        self.asked = threading.Event()
        """Somebody has looked for a connection that is not there."""

    def on(self, event: str, handler: Callable[..., Any], namespace: str) -> None:
        self.handlers[namespace, event] = handler

    def connect(self, url: Any, **arguments: Any) -> None:
        if url == "nowhere":
            raise ConnectionError("nobody is there")
        self.arguments = url, arguments
        self.come()

    def come(self) -> None:
        self.there = True
        self.call_handler("connect")

    def call_handler(self, event: str, *args: Any) -> None:
        (namespace,) = {namespace for namespace, _ in self.handlers}
        self.handlers[namespace, event](*args)

    def get_sid(self, namespace: str) -> str | None:
        if not self.there:
            self.asked.set()
            return None
        return f"sid of {namespace}"

    def transport(self) -> str | None:
        return "websocket" if self.there else None

    def emit(self, event: str, data: Any, namespace: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise BadNamespaceError(namespace)
        self.sent.append((event, data, namespace))

    def call(self, event: str, data: Any, namespace: str, timeout: float | None) -> Any:
        self.emit(event, data, namespace)
        return "answer", timeout

    def disconnect(self) -> None:
        self.there = False
        self.sent.append("goodbye")


class Simple(SimpleClient):
    client_class = FakeClient


@pytest.fixture
def simple() -> Iterator[Any]:
    """A connected one."""
    with Simple() as simple:
        simple.connect("url", namespace="/chat")
        yield simple


def in_thread(function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    """Calls a function in a thread; the function returned waits for its result, or its exception."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(function(*args))
        except Exception as exc:
            results.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(LIMIT)
        assert not thread.is_alive()
        return results[0]

    return result


def test_before_the_connection() -> None:
    simple = Simple("option", further=1)
    assert (simple.sid, simple.transport, simple.connected) == (None, "", False)
    for function in (simple.emit, simple.call):
        with pytest.raises(DisconnectedError):
            function("event")
    with pytest.raises(DisconnectedError):
        simple.receive()
    simple.disconnect()


def test_connecting() -> None:
    simple = Simple("option", further=1)
    simple.connect("url", {"a": "b"}, "auth", "websocket", "/chat", "path", 7)
    assert simple.client.options == (("option",), {"further": 1})
    arguments = {"headers": {"a": "b"}, "auth": "auth", "transports": "websocket", "namespaces": ["/chat"]}
    assert simple.client.arguments == ("url", {**arguments, "socketio_path": "path", "wait_timeout": 7})
    assert (simple.sid, simple.transport, simple.connected) == ("sid of /chat", "websocket", True)
    first = simple.client
    with pytest.raises(RuntimeError, match="Already connected"):
        simple.connect("url")
    assert simple.client is first
    simple.disconnect()
    assert first.sent == ["goodbye"]
    assert (simple.client, simple.sid, simple.transport, simple.connected) == (None, None, "", False)


def test_a_connection_that_cannot_be_made() -> None:
    with Simple() as simple:
        with pytest.raises(ConnectionError, match="nobody"):
            simple.connect("nowhere")
        assert not simple.connected
        with pytest.raises(DisconnectedError):
            simple.emit("x")
        simple.connect("url")
        assert simple.connected


def test_events_are_received_in_order(simple: Any) -> None:
    simple.client.call_handler("*", "one")
    simple.client.call_handler("*", "two", 2, b"3")
    assert simple.receive() == ["one"]
    assert simple.receive(timeout=0) == ["two", 2, b"3"]
    with pytest.raises(TimeoutError):
        simple.receive(timeout=0.01)


def test_a_waiting_receive_gets_what_comes(simple: Any) -> None:
    for timeout in (None, LIMIT):
        result = in_thread(simple.receive, timeout)
        simple.client.call_handler("*", "event", 1)
        assert result() == ["event", 1]


def test_what_has_come_is_received_after_the_end(simple: Any) -> None:
    simple.client.call_handler("*", "last")
    simple.client.call_handler("__disconnect_final")
    assert simple.receive() == ["last"]
    for _ in range(2):
        with pytest.raises(DisconnectedError):
            simple.receive(timeout=0)
    # What is left of one connection does not belong to the next one.
    simple.input_buffer.append(["old"])
    simple.connect("url", namespace="/chat")
    with pytest.raises(TimeoutError):
        simple.receive(timeout=0)


@pytest.mark.parametrize("end", ["disconnect", "final"])
def test_the_end_wakes_a_waiting_receive(simple: Any, end: str) -> None:
    result = in_thread(simple.receive)
    time.sleep(0.01)  # it should wait by then; nothing depends on it
    if end == "disconnect":
        simple.disconnect()
    else:
        simple.client.call_handler("__disconnect_final")
    assert isinstance(result(), DisconnectedError)


def test_sending(simple: Any) -> None:
    simple.emit("event", {"a": 1})
    assert simple.call("question", 2, timeout=3) == ("answer", 3)
    assert simple.call("question") == ("answer", 60)
    assert simple.client.sent == [
        ("event", {"a": 1}, "/chat"),
        ("question", 2, "/chat"),
        ("question", None, "/chat"),
    ]


@pytest.mark.parametrize("name", ["emit", "call"])
def test_sending_waits_for_a_lost_connection(simple: Any, name: str) -> None:
    simple.client.there = False
    result = in_thread(getattr(simple, name), "event")
    assert simple.client.asked.wait(LIMIT)
    assert simple.client.sent == []
    simple.client.come()
    assert result() == (None if name == "emit" else ("answer", 60))
    assert simple.client.sent == [("event", None, "/chat")]


@pytest.mark.parametrize("name", ["emit", "call"])
def test_sending_is_tried_again_if_the_connection_was_lost_in_between(simple: Any, name: str) -> None:
    simple.client.refusals = 2
    getattr(simple, name)("event")
    assert simple.client.sent == [("event", None, "/chat")]


@pytest.mark.parametrize("name", ["emit", "call"])
@pytest.mark.parametrize("end", ["disconnect", "final"])
def test_the_end_wakes_those_who_wait_to_send(simple: Any, name: str, end: str) -> None:
    client = simple.client
    client.there = False
    result = in_thread(getattr(simple, name), "event")
    assert client.asked.wait(LIMIT)
    if end == "disconnect":
        simple.disconnect()
    else:
        client.call_handler("__disconnect_final")
    assert isinstance(result(), DisconnectedError)
