"""The names and signatures that programs import and call, as far as an asyncio server has them (A.1, A.3, A.6)."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
from typing import Any

import pytest

import engineio
import socketio
from engineio.payload import Payload

REQUIRED = inspect.Parameter.empty

SIGNATURES: dict[str, dict[str, Any]] = {
    "AsyncServer.emit": {"event": REQUIRED, "data": None, "to": None, "room": None, "skip_sid": None}
    | {"namespace": None, "callback": None, "ignore_queue": False},
    "AsyncServer.send": {"data": REQUIRED, "to": None, "room": None, "skip_sid": None}
    | {"namespace": None, "callback": None, "ignore_queue": False},
    "AsyncServer.call": {"event": REQUIRED, "data": None, "to": None, "sid": None, "namespace": None}
    | {"timeout": 60, "ignore_queue": False},
    "AsyncServer.enter_room": {"sid": REQUIRED, "room": REQUIRED, "namespace": None},
    "AsyncServer.leave_room": {"sid": REQUIRED, "room": REQUIRED, "namespace": None},
    "AsyncServer.close_room": {"room": REQUIRED, "namespace": None},
    "AsyncServer.get_session": {"sid": REQUIRED, "namespace": None},
    "AsyncServer.save_session": {"sid": REQUIRED, "session": REQUIRED, "namespace": None},
    "AsyncServer.session": {"sid": REQUIRED, "namespace": None},
    "AsyncServer.disconnect": {"sid": REQUIRED, "namespace": None, "ignore_queue": False},
    "AsyncServer.shutdown": {},
    "AsyncServer.attach": {"app": REQUIRED, "socketio_path": "socket.io"},
    "AsyncServer.start_background_task": {"target": REQUIRED},
    "AsyncServer.sleep": {"seconds": 0},
    "AsyncServer.on": {"event": REQUIRED, "handler": None, "namespace": None},
    "AsyncServer.register_namespace": {"namespace_handler": REQUIRED},
    "AsyncServer.rooms": {"sid": REQUIRED, "namespace": None},
    "AsyncServer.transport": {"sid": REQUIRED, "namespace": None},
    "AsyncServer.get_environ": {"sid": REQUIRED, "namespace": None},
    "AsyncServer.__init__": {"client_manager": None, "logger": False, "json": None, "async_handlers": True}
    | {"namespaces": None},
    "AsyncNamespace.__init__": {"namespace": None},
    "AsyncNamespace.trigger_event": {"event": REQUIRED},
    "AsyncNamespace.emit": {"event": REQUIRED, "data": None, "to": None, "room": None, "skip_sid": None}
    | {"namespace": None, "callback": None, "ignore_queue": False},
    "AsyncNamespace.send": {"data": REQUIRED, "to": None, "room": None, "skip_sid": None}
    | {"namespace": None, "callback": None, "ignore_queue": False},
    "AsyncNamespace.call": {"event": REQUIRED, "data": None, "to": None, "sid": None, "namespace": None}
    | {"timeout": None, "ignore_queue": False},
    "AsyncNamespace.enter_room": {"sid": REQUIRED, "room": REQUIRED, "namespace": None},
    "AsyncNamespace.leave_room": {"sid": REQUIRED, "room": REQUIRED, "namespace": None},
    "AsyncNamespace.close_room": {"room": REQUIRED, "namespace": None},
    "AsyncNamespace.get_session": {"sid": REQUIRED, "namespace": None},
    "AsyncNamespace.save_session": {"sid": REQUIRED, "session": REQUIRED, "namespace": None},
    "AsyncNamespace.session": {"sid": REQUIRED, "namespace": None},
    "AsyncNamespace.disconnect": {"sid": REQUIRED, "namespace": None},
    "AsyncNamespace.rooms": {"sid": REQUIRED, "namespace": None},
    "AsyncManager.emit": {"event": REQUIRED, "data": REQUIRED, "namespace": REQUIRED, "room": None}
    | {"skip_sid": None, "callback": None, "to": None},
    "AsyncManager.can_disconnect": {"sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.disconnect": {"sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.enter_room": {"sid": REQUIRED, "namespace": REQUIRED, "room": REQUIRED, "eio_sid": None},
    "AsyncManager.leave_room": {"sid": REQUIRED, "namespace": REQUIRED, "room": REQUIRED},
    "AsyncManager.close_room": {"room": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.trigger_callback": {"sid": REQUIRED, "id": REQUIRED, "data": REQUIRED},
    "AsyncManager.pre_connect": {"eio_sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.connect": {"sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.set_server": {"server": REQUIRED},
    "AsyncManager.initialize": {},
    "AsyncManager.get_namespaces": {},
    "AsyncManager.get_participants": {"namespace": REQUIRED, "room": REQUIRED},
    "AsyncManager.is_pre_connected": {"sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.is_connected": {"sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.sid_from_eio_sid": {"eio_sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.eio_sid_from_sid": {"sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.pre_disconnect": {"sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.basic_disconnect": {"sid": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.is_sid_room": {"namespace": REQUIRED, "room": REQUIRED},
    "AsyncManager.basic_enter_room": {"sid": REQUIRED, "namespace": REQUIRED, "room": REQUIRED, "eio_sid": None},
    "AsyncManager.basic_leave_room": {"sid": REQUIRED, "namespace": REQUIRED, "room": REQUIRED},
    "AsyncManager.basic_close_room": {"room": REQUIRED, "namespace": REQUIRED},
    "AsyncManager.get_rooms": {"sid": REQUIRED, "namespace": REQUIRED},
    "ASGIApp.__init__": {"socketio_server": REQUIRED, "other_asgi_app": None, "static_files": None}
    | {"socketio_path": "socket.io", "on_startup": None, "on_shutdown": None},
    "ASGIApp.__call__": {"scope": REQUIRED, "receive": REQUIRED, "send": REQUIRED},
    "ASGIApp.serve_static_file": {"static_file": REQUIRED, "receive": REQUIRED, "send": REQUIRED},
    "ASGIApp.lifespan": {"scope": REQUIRED, "receive": REQUIRED, "send": REQUIRED},
    "ASGIApp.not_found": {"receive": REQUIRED, "send": REQUIRED},
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    """A.1: the names, the order and the defaults of the parameters."""
    class_name, _, method = name.partition(".")
    signature = inspect.signature(getattr(getattr(socketio, class_name), method))
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    parameters = [parameter for parameter in signature.parameters.values() if parameter.kind in kinds]
    assert {parameter.name: parameter.default for parameter in parameters[1:]} == SIGNATURES[name]
    assert [parameter.name for parameter in parameters[1:]] == list(SIGNATURES[name])


@pytest.mark.parametrize("options", [("serializer", "default"), ("always_connect", False), ("async_handlers", True)])
def test_options_of_the_base_server(options: tuple[str, Any]) -> None:
    """A.1, BaseServer.__init__."""
    name, default = options
    assert inspect.signature(socketio.base_server.BaseServer.__init__).parameters[name].default == default


MODULES = {
    "socketio.async_server": "AsyncServer",
    "socketio.async_manager": "AsyncManager",
    "socketio.async_namespace": "AsyncNamespace",
    "socketio.asgi": "ASGIApp",
    "socketio.base_server": "BaseServer",
    "socketio.base_manager": "BaseManager",
    "socketio.base_namespace": "BaseNamespace",
    "socketio.exceptions": "ConnectionRefusedError",
    "socketio.packet": "Packet",
    "socketio.msgpack_packet": "MsgPackPacket",
    "engineio.async_server": "AsyncServer",
    "engineio.async_drivers.asgi": "ASGIApp",
    "engineio.payload": "Payload",
    "engineio.packet": "Packet",
    "engineio.json": "loads",
    "engineio.exceptions": "EngineIOError",
    "engineio.static_files": "",
    "engineio.base_server": "BaseServer",
}


@pytest.mark.parametrize("module", MODULES)
def test_import_paths(module: str) -> None:
    imported = importlib.import_module(module)
    name = MODULES[module]
    assert not name or callable(getattr(imported, name))
    package = importlib.import_module(module.partition(".")[0])
    if hasattr(package, name) and name[0].isupper() and not name.endswith("Error"):
        assert getattr(package, name) is getattr(imported, name)


def python(program: str) -> str:
    """Runs a program in an interpreter of its own, where nothing is imported yet."""
    path = os.pathsep.join(os.path.dirname(os.path.dirname(package.__file__)) for package in (socketio, engineio))
    environment = os.environ | {"PYTHONPATH": path}
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_submodules_after_import() -> None:
    """A.1: submodules that are attributes after `import socketio` alone, and `import engineio`."""
    python(
        "import socketio; socketio.exceptions.ConnectionRefusedError, socketio.packet.Packet, "
        "socketio.base_server.BaseServer, socketio.base_manager.BaseManager, socketio.base_namespace.BaseNamespace"
    )
    python(
        "import engineio; engineio.exceptions, engineio.packet.Packet, engineio.payload.Payload, engineio.json.loads"
    )
    python("import engineio; engineio.static_files, engineio.base_server.BaseServer")


def test_star_import() -> None:
    """behaviours: `from socketio import *`."""
    names = python("from socketio import *; print(*sorted(name for name in dir() if name[0] != '_'))").split()
    assert {"ASGIApp", "AsyncManager", "AsyncNamespace", "AsyncServer"} <= set(names) == set(socketio.__all__)


def test_the_default_import_needs_no_extra() -> None:
    """msgpack, uvicorn and the like are extras: `import socketio` does not look for them."""
    modules = python("import socketio, sys; print(*sys.modules)").split()
    assert not {"msgpack", "uvicorn", "aiohttp", "starlette"} & set(modules)


def test_files_and_versions() -> None:
    """behaviours: socketio.__file__ is a path (a filter of stack frames)."""
    assert socketio.__file__ is not None and os.path.isfile(socketio.__file__)


def test_constants() -> None:
    """A.3."""
    packet = socketio.packet
    names = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"]
    assert [getattr(packet, name) for name in names] == list(range(7)) and packet.packet_names == names
    assert packet.Packet.uses_binary_events is True
    names = ["OPEN", "CLOSE", "PING", "PONG", "MESSAGE", "UPGRADE", "NOOP"]
    assert [getattr(engineio.packet, name) for name in names] == list(range(7))
    assert engineio.packet.packet_names == names and engineio.packet.binary_types == (bytes, bytearray)
    assert hasattr(Payload, "max_decode_packets")


def test_exceptions() -> None:
    """A.3."""
    for name in ("SocketIOError", "ConnectionError", "ConnectionRefusedError", "TimeoutError", "BadNamespaceError"):
        assert issubclass(getattr(socketio.exceptions, name), socketio.exceptions.SocketIOError)
    assert issubclass(socketio.exceptions.DisconnectedError, socketio.exceptions.SocketIOError)
    for name in ("ContentTooLongError", "UnknownPacketError", "QueueEmpty", "SocketIsClosedError", "ConnectionError"):
        assert issubclass(getattr(engineio.exceptions, name), engineio.exceptions.EngineIOError)
