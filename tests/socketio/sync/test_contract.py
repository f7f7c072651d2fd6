"""The names and signatures that programs import and call, as far as a server for threads has them (A.1, A.3, A.6)."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

import engineio
import socketio

REQUIRED = inspect.Parameter.empty

SIGNATURES: dict[str, dict[str, Any]] = {
    "Server.emit": {"event": REQUIRED, "data": None, "to": None, "room": None, "skip_sid": None}
    | {"namespace": None, "callback": None, "ignore_queue": False},
    "Server.send": {"data": REQUIRED, "to": None, "room": None, "skip_sid": None}
    | {"namespace": None, "callback": None, "ignore_queue": False},
    "Server.call": {"event": REQUIRED, "data": None, "to": None, "sid": None, "namespace": None}
    | {"timeout": 60, "ignore_queue": False},
    "Server.enter_room": {"sid": REQUIRED, "room": REQUIRED, "namespace": None},
    "Server.leave_room": {"sid": REQUIRED, "room": REQUIRED, "namespace": None},
    "Server.close_room": {"room": REQUIRED, "namespace": None},
    "Server.get_session": {"sid": REQUIRED, "namespace": None},
    "Server.save_session": {"sid": REQUIRED, "session": REQUIRED, "namespace": None},
    "Server.session": {"sid": REQUIRED, "namespace": None},
    "Server.disconnect": {"sid": REQUIRED, "namespace": None, "ignore_queue": False},
    "Server.shutdown": {},
    "Server.start_background_task": {"target": REQUIRED},
    "Server.sleep": {"seconds": 0},
    "Server.on": {"event": REQUIRED, "handler": None, "namespace": None},
    "Server.register_namespace": {"namespace_handler": REQUIRED},
    "Server.rooms": {"sid": REQUIRED, "namespace": None},
    "Server.transport": {"sid": REQUIRED, "namespace": None},
    "Server.get_environ": {"sid": REQUIRED, "namespace": None},
    "Server.handle_request": {"environ": REQUIRED, "start_response": REQUIRED},
    "Server.__init__": {},
    "BaseServer.__init__": {"client_manager": None, "logger": False, "serializer": "default", "json": None}
    | {"async_handlers": True, "always_connect": False, "namespaces": None},
    "BaseServer.is_asyncio_based": {},
    "BaseServer.on": {"event": REQUIRED, "handler": None, "namespace": None},
    "Namespace.__init__": {"namespace": None},
    "Namespace.trigger_event": {"event": REQUIRED},
    "Namespace.emit": {"event": REQUIRED, "data": None, "to": None, "room": None, "skip_sid": None}
    | {"namespace": None, "callback": None, "ignore_queue": False},
    "Namespace.send": {"data": REQUIRED, "to": None, "room": None, "skip_sid": None}
    | {"namespace": None, "callback": None, "ignore_queue": False},
    "Namespace.call": {"event": REQUIRED, "data": None, "to": None, "sid": None, "namespace": None}
    | {"timeout": None, "ignore_queue": False},
    "Namespace.enter_room": {"sid": REQUIRED, "room": REQUIRED, "namespace": None},
    "Namespace.leave_room": {"sid": REQUIRED, "room": REQUIRED, "namespace": None},
    "Namespace.close_room": {"room": REQUIRED, "namespace": None},
    "Namespace.get_session": {"sid": REQUIRED, "namespace": None},
    "Namespace.save_session": {"sid": REQUIRED, "session": REQUIRED, "namespace": None},
    "Namespace.session": {"sid": REQUIRED, "namespace": None},
    "Namespace.disconnect": {"sid": REQUIRED, "namespace": None},
    "Namespace.rooms": {"sid": REQUIRED, "namespace": None},
    "Manager.emit": {"event": REQUIRED, "data": REQUIRED, "namespace": REQUIRED, "room": None}
    | {"skip_sid": None, "callback": None, "to": None},
    "Manager.can_disconnect": {"sid": REQUIRED, "namespace": REQUIRED},
    "Manager.disconnect": {"sid": REQUIRED, "namespace": REQUIRED},
    "Manager.enter_room": {"sid": REQUIRED, "namespace": REQUIRED, "room": REQUIRED, "eio_sid": None},
    "Manager.leave_room": {"sid": REQUIRED, "namespace": REQUIRED, "room": REQUIRED},
    "Manager.close_room": {"room": REQUIRED, "namespace": REQUIRED},
    "Manager.trigger_callback": {"sid": REQUIRED, "id": REQUIRED, "data": REQUIRED},
    "Manager.pre_connect": {"eio_sid": REQUIRED, "namespace": REQUIRED},
    "Manager.connect": {"sid": REQUIRED, "namespace": REQUIRED},
    "Manager.set_server": {"server": REQUIRED},
    "Manager.initialize": {},
    "Manager.get_namespaces": {},
    "Manager.get_participants": {"namespace": REQUIRED, "room": REQUIRED},
    "Manager.is_pre_connected": {"sid": REQUIRED, "namespace": REQUIRED},
    "Manager.is_connected": {"sid": REQUIRED, "namespace": REQUIRED},
    "Manager.sid_from_eio_sid": {"eio_sid": REQUIRED, "namespace": REQUIRED},
    "Manager.eio_sid_from_sid": {"sid": REQUIRED, "namespace": REQUIRED},
    "Manager.pre_disconnect": {"sid": REQUIRED, "namespace": REQUIRED},
    "Manager.basic_disconnect": {"sid": REQUIRED, "namespace": REQUIRED},
    "Manager.is_sid_room": {"namespace": REQUIRED, "room": REQUIRED},
    "Manager.basic_enter_room": {"sid": REQUIRED, "namespace": REQUIRED, "room": REQUIRED, "eio_sid": None},
    "Manager.basic_leave_room": {"sid": REQUIRED, "namespace": REQUIRED, "room": REQUIRED},
    "Manager.basic_close_room": {"room": REQUIRED, "namespace": REQUIRED},
    "Manager.get_rooms": {"sid": REQUIRED, "namespace": REQUIRED},
    "WSGIApp.__init__": {"socketio_app": REQUIRED, "wsgi_app": None, "static_files": None}
    | {"socketio_path": "socket.io"},
    "WSGIApp.__call__": {"environ": REQUIRED, "start_response": REQUIRED},
    "WSGIApp.not_found": {"start_response": REQUIRED},
    "Middleware.__init__": {"socketio_app": REQUIRED, "wsgi_app": None, "socketio_path": "socket.io"},
}

ENGINE_SIGNATURES: dict[str, dict[str, Any]] = {
    "Server.send": {"sid": REQUIRED, "data": REQUIRED},
    "Server.send_packet": {"sid": REQUIRED, "pkt": REQUIRED},
    "Server.get_session": {"sid": REQUIRED},
    "Server.save_session": {"sid": REQUIRED, "session": REQUIRED},
    "Server.session": {"sid": REQUIRED},
    "Server.disconnect": {"sid": None},
    "Server.handle_request": {"environ": REQUIRED, "start_response": REQUIRED},
    "Server.shutdown": {},
    "Server.start_background_task": {"target": REQUIRED},
    "Server.sleep": {"seconds": 0},
    "Server.is_asyncio_based": {},
    "Server.async_modes": {},
    "Server.on": {"event": REQUIRED, "handler": None},
    "Server.transport": {"sid": REQUIRED},
    "Server.create_queue": {},
    "Server.get_queue_empty_exception": {},
    "Server.create_event": {},
    "Server.generate_id": {},
    "WSGIApp.__init__": {"engineio_app": REQUIRED, "wsgi_app": None, "static_files": None}
    | {"engineio_path": "engine.io"},
    "WSGIApp.__call__": {"environ": REQUIRED, "start_response": REQUIRED},
    "WSGIApp.not_found": {"start_response": REQUIRED},
    "Middleware.__init__": {"engineio_app": REQUIRED, "wsgi_app": None, "engineio_path": "engine.io"},
}

ENGINE_OPTIONS = {"async_mode": None, "ping_interval": 25, "ping_timeout": 20, "max_http_buffer_size": 1_000_000}
ENGINE_OPTIONS |= {"allow_upgrades": True, "http_compression": True, "compression_threshold": 1024, "cookie": None}
ENGINE_OPTIONS |= {"cors_allowed_origins": None, "cors_credentials": True, "logger": False, "json": None}
ENGINE_OPTIONS |= {"async_handlers": True, "monitor_clients": None, "transports": None}


def parameters_of(function: Any) -> list[tuple[str, Any]]:
    """Returns the names and defaults of the parameters that may be given by position, in their order."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    parameters = [item for item in inspect.signature(function).parameters.values() if item.kind in kinds]
    return [(parameter.name, parameter.default) for parameter in parameters[1:]]


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    """A.1: the names, the order and the defaults of the parameters."""
    class_name, _, method = name.partition(".")
    owner = socketio.base_server if class_name == "BaseServer" else socketio
    function = getattr(getattr(owner, class_name), method)
    assert parameters_of(function) == list(SIGNATURES[name].items())
    assert not inspect.iscoroutinefunction(function)


@pytest.mark.parametrize("name", ENGINE_SIGNATURES)
def test_signatures_of_engineio(name: str) -> None:
    """A.2."""
    class_name, _, method = name.partition(".")
    function = getattr(getattr(engineio, class_name), method)
    assert parameters_of(function) == list(ENGINE_SIGNATURES[name].items())
    assert not inspect.iscoroutinefunction(function)


def test_options_of_engineio() -> None:
    """A.2, BaseServer.__init__: all of them may be given by position."""
    assert parameters_of(engineio.base_server.BaseServer.__init__) == list(ENGINE_OPTIONS.items())
    server = engineio.Server("threading", 7, 3, 1000)
    assert (server.async_mode, server.ping_interval, server.ping_timeout) == ("threading", 7, 3)
    assert server.max_http_buffer_size == 1000 and not server.is_asyncio_based()


def test_options_of_the_server() -> None:
    """A.1, BaseServer.__init__, by position; A.4: what is not for Socket.IO goes to Engine.IO."""
    manager = socketio.Manager()
    server = socketio.Server(manager, False, "default", None, False, True, ["/a"], ping_interval=7, cookie="io")
    assert server.manager is manager and manager.server is server
    assert (server.async_handlers, server.always_connect, server.namespaces) == (False, True, ["/a"])
    assert (server.eio.ping_interval, server.eio.cookie, server.eio.async_handlers) == (7, "io", False)
    assert server.async_mode == server.eio.async_mode == "threading" and not server.is_asyncio_based()


def test_unknown_options_warn() -> None:
    """behaviours: unknown server keywords do not raise (`engineio_options=`, `message_queue=`)."""
    with pytest.warns(UserWarning, match="message_queue"):
        socketio.Server(message_queue="")


def test_reasons() -> None:
    """A.3: sio.reason is engineio.Server.reason."""
    assert socketio.Server.reason is engineio.Server.reason
    names = ["SERVER_DISCONNECT", "CLIENT_DISCONNECT", "PING_TIMEOUT", "TRANSPORT_CLOSE", "TRANSPORT_ERROR"]
    values = [getattr(engineio.Server.reason, name) for name in names]
    assert values == [name.lower().replace("_", " ") for name in names]


MODULES = {
    "socketio.server": "Server",
    "socketio.manager": "Manager",
    "socketio.namespace": "Namespace",
    "socketio.middleware": "WSGIApp",
    "engineio.server": "Server",
    "engineio.middleware": "WSGIApp",
}


@pytest.mark.parametrize("module", MODULES)
def test_import_paths(module: str) -> None:
    imported = importlib.import_module(module)
    package = importlib.import_module(module.partition(".")[0])
    assert getattr(imported, MODULES[module]) is getattr(package, MODULES[module])
    if module.endswith("middleware"):
        assert imported.Middleware is package.Middleware
    assert {"Server", "WSGIApp", "Middleware"} <= set(package.__all__)


def test_namespace_classes_of_the_other_colour() -> None:
    """A.5 "register_namespace"."""
    server = socketio.Server()
    with pytest.raises(ValueError, match="Not a namespace instance"):
        server.register_namespace(socketio.Namespace)
    with pytest.raises(ValueError, match="Not a valid namespace class for this server"):
        server.register_namespace(socketio.AsyncNamespace("/a"))
    server.register_namespace(socketio.Namespace("/a"))
    assert list(server.namespace_handlers) == ["/a"]


def test_ways_to_register() -> None:
    """behaviours: on(event=..., handler=...), on(name, handler, namespace=), the decorators, sio.event."""
    server = socketio.Server()
    server.on(event="a", handler=print)
    server.on("b", print, namespace="/n")

    @server.on("c", namespace="/n")
    def c(sid: str) -> None: ...

    @server.event
    def d(sid: str) -> None: ...

    @server.event(namespace="/n")
    def e(sid: str) -> None: ...

    assert server.handlers == {"/": {"a": print, "d": d}, "/n": {"b": print, "c": c, "e": e}}
