"""The options and tables of a Socket.IO server (api-contract A.4), on an asyncio server that serves nobody."""

from __future__ import annotations

import json as stdlib_json
import linecache
import logging
import warnings
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest

import engineio
from socketio import AsyncManager, AsyncNamespace, AsyncServer, base_server
from socketio.base_namespace import BaseServerNamespace
from socketio.msgpack_packet import MsgPackPacket
from socketio.packet import EVENT, Packet


def noop(*arguments: Any) -> None: ...


# Options


def test_defaults() -> None:
    """A.4."""
    server = AsyncServer()
    assert server.async_handlers is True and server.always_connect is False
    assert server.namespaces == ["/"]
    assert isinstance(server.manager, AsyncManager) and server.manager.server is server
    assert server.packet_class is Packet
    assert server.async_mode == server.eio.async_mode
    assert server.eio.async_handlers is False, "the engine's own handlers are forced to run one after the other"
    assert server.manager_initialized is False
    assert (server.eio.ping_interval, server.eio.ping_timeout, server.eio.max_http_buffer_size) == (25, 20, 1_000_000)
    assert server.is_asyncio_based() is True


def test_all_keywords_that_programs_pass() -> None:
    """behaviours: server keywords actually passed; none of them warns."""
    manager = AsyncManager()
    server = AsyncServer(
        client_manager=manager,
        logger=logging.getLogger("tests.sio"),
        engineio_logger=logging.getLogger("tests.eio"),
        json=stdlib_json,
        serializer="default",
        async_mode="asgi",
        async_handlers=False,
        always_connect=True,
        namespaces="*",
        cors_allowed_origins=[],
        cors_credentials=False,
        transports=["websocket"],
        allow_upgrades=False,
        ping_interval=(5, 1),
        ping_timeout=3,
        max_http_buffer_size=10,
        cookie="io",
        http_compression=False,
        compression_threshold=1,
        monitor_clients=False,
    )
    assert server.manager is manager and server.logger.name == "tests.sio" and server.eio.logger.name == "tests.eio"
    assert (server.async_handlers, server.always_connect, server.namespaces) == (False, True, ["*"])
    assert (server.eio.transports, server.eio.allow_upgrades, server.eio.cookie) == (["websocket"], False, "io")
    assert (server.eio.ping_interval, server.eio.ping_interval_grace_period, server.eio.ping_timeout) == (5, 1, 3)


@pytest.mark.parametrize(
    ("option", "hint"),
    [("ping_timout", "'ping_timeout'"), ("always_conect", "'always_connect'"), ("max_attachment", "'max_attachments'")],
)
def test_an_unknown_option_names_the_nearest_at_the_callers_line(option: str, hint: str) -> None:
    """behaviours: unknown keywords do not raise; a warning is fine."""
    with pytest.warns(UserWarning, match=f"{option!r} .*{hint}") as caught:
        AsyncServer(**{option: 1})
    assert len(caught) == 1
    assert "AsyncServer(**{option: 1})" in linecache.getline(caught[0].filename, caught[0].lineno)


@pytest.mark.parametrize("option", ["engineio_options", "message_queue"])
def test_keywords_left_over_by_wrappers(option: str) -> None:
    with pytest.warns(UserWarning, match=option):
        AsyncServer(**{option: {}})


def test_the_line_of_a_subclass() -> None:
    class Server(AsyncServer):
        pass

    with pytest.warns(UserWarning, match="ping_timeout") as caught:
        Server(ping_timout=1)
    assert caught[0].filename == __file__


def test_options_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="No valid transports provided"):
        AsyncServer(transports=["carrier-pigeon"])
    with pytest.raises(ValueError, match="Invalid async_mode specified"):
        AsyncServer(async_mode="eventlet")
    with pytest.raises(ValueError, match="serializer"):
        AsyncServer(serializer="yaml")
    with pytest.raises(TypeError, match="dumps and loads"):
        AsyncServer(json=object())


def test_loggers() -> None:
    """behaviours: loggers are named socketio.server and engineio.server."""
    server = AsyncServer()
    assert (server.logger.name, server.eio.logger.name) == ("socketio.server", "engineio.server")


@pytest.mark.parametrize(
    ("option", "accepted", "refused"),
    [
        (None, ["/"], ["/a", "*"]),
        ("*", ["/", "/a"], []),
        (["*"], ["/", "/a"], []),
        (["/a"], ["/a"], ["/", "/b"]),
        ("/a", ["/a"], ["/"]),
    ],
)
def test_namespaces(option: Any, accepted: list[str], refused: list[str]) -> None:
    server = AsyncServer(namespaces=option)
    assert all(map(server.accepts, accepted)) and not any(map(server.accepts, refused))


def test_namespaces_with_handlers_are_accepted() -> None:
    server = AsyncServer(namespaces=["/a"])
    server.on("e", noop, namespace="/b")
    server.register_namespace(AsyncNamespace("/c"))
    assert all(map(server.accepts, ["/a", "/b", "/c"])) and not server.accepts("/")


def test_handlers_for_all_namespaces_open_none() -> None:
    """As in python-socketio: they are for those that clients may join, which the option says."""
    server = AsyncServer()
    server.on("connect", noop, namespace="*")
    server.register_namespace(AsyncNamespace("*"))
    assert server.accepts("/") and not server.accepts("/anything")


# Handlers


def test_on() -> None:
    """behaviours: on(event=..., handler=...) by keyword, on(name, handler), on(..., namespace=), decorator forms."""
    server = AsyncServer()

    @server.on("decorated")
    def decorated(sid: str) -> None: ...

    @server.on("elsewhere", namespace="/a")
    def elsewhere(sid: str) -> None: ...

    server.on("called", noop)
    server.on(event="keywords", handler=noop)
    server.on("positional", noop, "/a")
    assert server.handlers == {
        "/": {"decorated": decorated, "called": noop, "keywords": noop},
        "/a": {"elsewhere": elsewhere, "positional": noop},
    }
    assert callable(decorated) and callable(elsewhere)


def test_event() -> None:
    server = AsyncServer()

    @server.event
    def plain(sid: str) -> None: ...

    @server.event()
    def called(sid: str) -> None: ...

    @server.event(namespace="/a")
    def elsewhere(sid: str) -> None: ...

    assert server.handlers == {"/": {"plain": plain, "called": called}, "/a": {"elsewhere": elsewhere}}
    assert plain.__name__ == "plain" and called.__name__ == "called" and elsewhere.__name__ == "elsewhere"


def test_registering_again_replaces() -> None:
    """A.5 "one handler per (ns,event)"."""
    server = AsyncServer()
    server.on("e", noop)
    server.on("e", print)
    assert server.handlers["/"]["e"] is print


def test_event_names_of_an_enumeration() -> None:
    """behaviours: event names may be members of `class Event(str, Enum)`."""

    class Event(str, Enum):  # noqa: UP042  # what programs write
        HELLO = "hello"

    server = AsyncServer()
    server.on(Event.HELLO, noop)
    assert server.handlers["/"]["hello"] is noop


@pytest.mark.parametrize("method", ["on", "event"])
def test_methods_are_plain_functions_of_the_base_class(method: str) -> None:
    """behaviours: BaseServer.on taken as a plain function and called with self; A.6: defined there."""
    server = AsyncServer()
    assert method in vars(base_server.BaseServer)
    if method == "on":
        base_server.BaseServer.on(server, "noop", noop)
    else:
        base_server.BaseServer.event(server, noop)
    assert server.handlers["/"]["noop"] is noop


def test_register_namespace() -> None:
    """A.5: ValueError('Not a namespace instance'), ValueError('Not a valid namespace class for this server')."""
    server = AsyncServer()
    for wrong in (AsyncNamespace, object(), None):
        with pytest.raises(ValueError, match="Not a namespace instance"):
            server.register_namespace(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Not a valid namespace class for this server"):
        server.register_namespace(BaseServerNamespace("/a"))
    chat = AsyncNamespace("/chat")
    server.register_namespace(chat)
    assert server.namespace_handlers == {"/chat": chat} and chat.server is server


# Unknown clients


def test_unknown_clients() -> None:
    server = AsyncServer()
    assert server.rooms("nobody") == server.rooms("nobody", namespace="/a") == []
    assert server.get_environ("nobody") is server.get_environ("nobody", namespace="/a") is None
    with pytest.raises(KeyError):
        server.transport("nobody")
    with pytest.raises(KeyError):
        server.environ["nobody"]


# JSON and serializers


class Marked:
    """A JSON module that leaves a mark in what it encodes."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.loads = stdlib_json.loads

    def dumps(self, value: Any, **options: Any) -> str:
        return stdlib_json.dumps([self.mark, value], **options)


@pytest.mark.parametrize("order", [("x", "y"), ("y", "x")])
def test_json_belongs_to_one_server(order: tuple[str, str]) -> None:
    """Two servers do not share a module, in whichever order they are made; nor does a third without one."""
    servers = {mark: AsyncServer(json=Marked(mark)) for mark in order}
    plain = AsyncServer()
    for mark in "xy":
        server = servers[mark]
        assert server.encode(EVENT, "/", None, ["e"]).text == b'42["%s",["e"]]' % mark.encode()
        assert server.packet_class(EVENT, data=["e"]).encode() == f'2["{mark}",["e"]]'
    assert plain.encode(EVENT, "/", None, ["e"]).text == b'42["e"]'
    assert plain.packet_class(EVENT, data=["e"]).encode() == Packet(EVENT, data=["e"]).encode() == '2["e"]'


@pytest.mark.parametrize(
    "json",
    [stdlib_json, engineio.json, SimpleNamespace(dumps=stdlib_json.dumps, loads=stdlib_json.loads)],
    ids=["module", "engineio.json", "object"],
)
def test_forms_of_json(json: Any) -> None:
    """behaviours: json (module, class, SimpleNamespace of staticmethods)."""
    server = AsyncServer(json=json)
    assert server.encode(EVENT, "/", None, ["e", {"a": 1}]).text == b'42["e",{"a":1}]'
    assert server.loads(b'["e"]') == ["e"]


def test_json_may_be_a_class() -> None:
    class Json:
        @staticmethod
        def dumps(value: Any, **options: Any) -> str:
            return stdlib_json.dumps(value, **options)

        @staticmethod
        def loads(text: str) -> Any:
            return stdlib_json.loads(text)

    assert AsyncServer(json=Json).encode(EVENT, "/", 1, ["e"]).text == b'421["e"]'


def test_serializers() -> None:
    class Mine(Packet):
        pass

    assert AsyncServer(serializer="msgpack").packet_class is MsgPackPacket
    assert AsyncServer(serializer=Mine).packet_class is Mine
    assert AsyncServer(serializer=Packet).encode(EVENT, "/", None, ["e", b"x"]).attachments == [b"x"]
    with_json = AsyncServer(serializer=Mine, json=Marked("x"))
    assert issubclass(with_json.packet_class, Mine) and Mine.json is Packet.json
    message = with_json.encode(EVENT, "/", None, ["e"])
    assert message.text == b'42["x",["e"]]'
    message = AsyncServer(serializer="msgpack").encode(EVENT, "/", None, ["e", b"x"])
    assert message.text is None and len(message.attachments) == 1
    assert MsgPackPacket(encoded_packet=message.attachments[0]).data == ["e", b"x"]


def test_a_serializer_with_attachments() -> None:
    class Mine(Packet):
        pass

    message = AsyncServer(serializer=Mine).encode(EVENT, "/a", 3, ["e", b"x"])
    assert message.text == b'451-/a,3["e",{"_placeholder":true,"num":0}]'
    assert message.attachments == [b"x"]


# Values


def test_reason() -> None:
    """A.3: sio.reason is engineio.Server.reason, with these strings."""
    assert AsyncServer.reason is engineio.AsyncServer.reason
    assert AsyncServer().reason.SERVER_DISCONNECT == "server disconnect"
    assert AsyncServer.reason.CLIENT_DISCONNECT == "client disconnect"
    assert AsyncServer.reason.PING_TIMEOUT == "ping timeout"
    assert AsyncServer.reason.TRANSPORT_CLOSE == "transport close"
    assert AsyncServer.reason.TRANSPORT_ERROR == "transport error"


def test_known_options_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AsyncServer(connect_timeout=1, max_attachments=2, attachments_timeout=3, max_namespaces=4, max_in_flight=5)
