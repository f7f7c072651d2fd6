"""What the clients of both colours share, without a network."""

from __future__ import annotations

from typing import Any

import pytest

from engineio.base_client import BaseClient as EngineClient
from engineio.client_revisions import NEWEST
from socketio.acks import Answer
from socketio.base_client import BaseClient
from socketio.base_namespace import BaseClientNamespace
from socketio.exceptions import BadNamespaceError, ConnectionError, DisconnectedError


class Client(BaseClient):
    """A client whose handlers run at once."""

    def __init__(self, **options: Any) -> None:
        self.notes: list[Any] = []
        super().__init__(**options)

    def _engineio_client_class(self) -> Any:
        return EngineClient

    def submit(self, handler: Any, arguments: Any, finish: Any, token: Any) -> None:
        finish(token, handler(*arguments), None)

    submit_farewell = submit

    def decided(self, member: Any) -> None:
        self.notes.append("decided")

    def _begin_reconnect(self) -> None:
        self.notes.append("reconnect")

    def _finish(self) -> None:
        self.notes.append("finish")

    def _close_engine(self) -> None:
        self.notes.append("close")
        self.connection.closed("client disconnect")  # type: ignore[union-attr]

    def start(self, *namespaces: str) -> Engine:
        """Connects."""
        self.remember("http://h", None, None, None, list(namespaces) or None, "socket.io")
        engine = Engine()
        connection = self.accept(engine)  # type: ignore[arg-type]
        self.connected = True
        for namespace in self.connection_namespaces:
            connection.connect(namespace, None)
            prefix = "" if namespace == "/" else namespace + ","
            connection.receive_text(f'0{prefix}{{"sid":"S{namespace}"}}'.encode())
        engine.sent.clear()
        return engine


class Quiet(BaseClientNamespace):
    """A class-based namespace that does nothing."""

    def trigger_event(self, event: str, *args: Any) -> None: ...


class Engine:
    halted = False
    revision = NEWEST
    certain = True

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def push(self, message: Any) -> None:
        self.sent.append(message.text)


def test_a_loss_leads_to_a_reconnection() -> None:
    client = Client()
    client.start()
    assert client.namespaces == {"/": "S/"}
    assert client.get_sid() == "S/"
    client.connection.closed("transport error")  # type: ignore[union-attr]
    assert client.notes == ["decided", "reconnect"]
    assert (client.connected, client.namespaces) == (False, {})


@pytest.mark.parametrize("case", ["no reconnection", "asked for"])
def test_a_wanted_end_is_final(case: str) -> None:
    client = Client(reconnection=case != "no reconnection")
    client.on("__disconnect_final", lambda: client.notes.append("final"))
    client.start()
    if case == "asked for":
        client.leave_all()
    client.connection.closed("transport error")  # type: ignore[union-attr]
    assert client.notes == ["decided", "final", "finish"]


def test_reconnection_can_be_switched_off_later() -> None:
    client = Client()
    client.start()
    client.reconnection = False
    client.connection.closed("transport error")  # type: ignore[union-attr]
    assert client.notes == ["decided", "finish"]


def test_the_connection_ends_with_the_last_namespace() -> None:
    client = Client()
    client.on("__disconnect_final", lambda: client.notes.append("final"), namespace="/b")
    client.start("/a", "/b")
    client.connection.receive_text(b"1/a,")  # type: ignore[union-attr]
    assert client.connection_namespaces == ["/b"]
    assert "close" not in client.notes
    client.connection.receive_text(b"1/b,")  # type: ignore[union-attr]
    assert client.notes[-3:] == ["close", "final", "finish"]


def test_namespaces_come_from_the_handlers() -> None:
    client = Client()
    client.on("a", print, namespace="/x")
    client.on("a", print, namespace="*")
    client.register_namespace(Quiet("/y"))
    client.start()
    assert client.connection_namespaces == ["/x", "/y"]
    with pytest.raises(ConnectionError, match="Already connected"):
        client.start()


def test_a_namespace_is_left() -> None:
    client = Client()
    engine = client.start("/a", "/b")
    client.leave_namespace("/a")
    assert engine.sent == [b"41/a,"]
    assert client.connection_namespaces == ["/b"]
    with pytest.raises(BadNamespaceError):
        client.leave_namespace("/a")


def test_a_namespace_is_added_with_its_own_auth() -> None:
    client = Client()
    with pytest.raises(ConnectionError):
        client.remember_namespace("/late", None)
    client.start()
    client.remember_namespace("/late", {"a": 1})
    assert client.auth_for("/late") == {"a": 1}
    assert client.auth_for("/") is None
    with pytest.raises(ConnectionError, match="Already connected to /"):
        client.remember_namespace("/", None)


@pytest.mark.parametrize(
    ("data", "text"), [(None, b'42["e"]'), ((1, 2), b'42["e",1,2]'), ([1, 2], b'42["e",[1,2]]'), ("x", b'42["e","x"]')]
)
def test_the_data_of_an_event(data: Any, text: bytes) -> None:
    client = Client()
    engine = client.start()
    client.send_event("e", data, None, None)
    assert engine.sent == [text]


def test_an_event_without_a_connection_is_an_error() -> None:
    client = Client()
    with pytest.raises(BadNamespaceError, match="/a is not a connected namespace"):
        client.send_event("e", None, "/a", None)


def test_the_offline_buffer() -> None:
    client = Client(buffer_offline=True, offline_buffer_size=3)
    gone = Answer(print, print)
    client.send_event("one", None, "/a", None)
    client.send_event("gone", None, "/a", gone)
    client.send_event("two", None, "/b", print)
    with pytest.raises(DisconnectedError):
        client.send_event("three", None, "/a", None)
    client.forget_event(gone)
    client.remember("http://h", None, None, None, ["/a"], "socket.io")
    engine = Engine()
    connection = client.accept(engine)  # type: ignore[arg-type]
    connection.connect("/a", None)
    client.send_event("three", None, "/a", None)
    connection.receive_text(b'0/a,{"sid":"S"}')
    client.send_event("four", None, "/a", None)
    assert engine.sent[1:] == [b'42/a,["one"]', b'42/a,["three"]', b'42/a,["four"]']


def test_calls_in_the_offline_buffer_are_abandoned_at_the_end() -> None:
    client = Client(buffer_offline=True)
    client.send_event("one", None, "/", Answer(print, lambda: client.notes.append("abandoned")))
    client.finish_for_good()
    assert client.notes == ["abandoned", "finish"]


def test_announcements_go_to_no_catch_all_event() -> None:
    client = Client()
    client.on("*", lambda *args: client.notes.append(args))
    client.on("reconnect", lambda attempt: client.notes.append(attempt), namespace="*")
    client.start()
    client.notes.clear()
    client.on("reconnect_attempt", lambda: client.notes.append("attempt"))
    client.announce("reconnect_attempt", 1)
    client.announce("reconnect_failed")
    assert client.notes == ["attempt"]


def test_wrong_namespace_objects_are_refused() -> None:
    class Coloured(BaseClientNamespace):
        def is_asyncio_based(self) -> bool:
            return True

    with pytest.raises(ValueError, match="Not a namespace instance"):
        Client().register_namespace(object())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Not a valid namespace class for this client"):
        Client().register_namespace(Coloured())


def test_an_unknown_option_is_warned_about() -> None:
    with pytest.warns(UserWarning, match="did you mean 'reconnection_delay'"):
        Client(reconection_delay=1)
