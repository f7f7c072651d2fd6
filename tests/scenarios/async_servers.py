"""The asyncio servers of the scenario suite: Engine.IO and Socket.IO with their handlers, for any framework."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from settings import ENGINES, FAST, report

import engineio
import socketio

Sid = str


def build_engine(path: str, options: dict[str, Any]) -> engineio.AsyncServer:
    """Return an Engine.IO server that echoes, closes on `close me`, and refuses a handshake that asks for it."""
    eio = engineio.AsyncServer(**options)

    @eio.on("connect")
    async def connect(sid: Sid, environ: dict[str, Any]) -> Any:
        if "refuse=reason" in environ["QUERY_STRING"]:
            return {"why": "not today"}
        if "refuse=false" in environ["QUERY_STRING"]:
            return False
        report(type="connect", path=path, sid=sid)
        return None

    @eio.on("message")
    async def message(sid: Sid, data: str | bytes) -> None:
        report(type="message", sid=sid, size=len(data))
        if data == "close me":
            await eio.disconnect(sid)
        elif data == "transport?":
            await eio.send(sid, eio.transport(sid))
        else:
            await eio.send(sid, data)

    @eio.on("disconnect")
    async def disconnect(sid: Sid, reason: str) -> None:
        report(type="disconnect", path=path, sid=sid, reason=reason)

    return eio


def build_socketio(label: str, **options: Any) -> socketio.AsyncServer:
    """Return a Socket.IO server with the handlers of the official conformance suite in `/` and `/custom`."""
    sio = socketio.AsyncServer(**options)
    gates: list[Sid] = []
    """Who has let in those that ask to wait for it."""

    def add(namespace: str) -> None:
        @sio.on("connect", namespace=namespace)
        async def connect(sid: Sid, environ: dict[str, Any], auth: Any) -> bool | None:
            report(type="connect", path=label, namespace=namespace, sid=sid)
            while "gate=shut" in environ["QUERY_STRING"] and not gates:
                await sio.sleep(0.01)
            if auth == {"refuse": "data"}:
                raise socketio.exceptions.ConnectionRefusedError("no", {"code": 7})
            if auth == {"refuse": "false"}:
                return False
            await sio.emit("auth", {} if auth is None else auth, to=sid, namespace=namespace)
            return None

        @sio.on("disconnect", namespace=namespace)
        async def disconnect(sid: Sid, reason: str) -> None:
            report(type="disconnect", path=label, namespace=namespace, sid=sid, reason=reason)

        @sio.on("message", namespace=namespace)
        async def message(sid: Sid, *args: Any) -> None:
            await sio.emit("message-back", args, to=sid, namespace=namespace)

        @sio.on("message-with-ack", namespace=namespace)
        async def message_with_ack(sid: Sid, *args: Any) -> tuple[Any, ...]:
            return args

        @sio.on("leave me", namespace=namespace)
        async def leave_me(sid: Sid) -> None:
            await sio.disconnect(sid, namespace=namespace)

        @sio.on("environ", namespace=namespace)
        async def environ(sid: Sid, name: str) -> Any:
            return sio.get_environ(sid, namespace=namespace).get(name)

        @sio.on("open the gate", namespace=namespace)
        async def open_the_gate(sid: Sid) -> None:
            gates.append(sid)

        @sio.on("tell all", namespace=namespace)
        async def tell_all(sid: Sid, *args: Any) -> None:
            await sio.emit("told", args, namespace=namespace)

        @sio.on("ask me", namespace=namespace)
        async def ask_me(sid: Sid, *args: Any) -> None:
            answer = await sio.call("question", args, to=sid, namespace=namespace)
            await sio.emit("answered", answer, to=sid, namespace=namespace)

        @sio.on("crash", namespace=namespace)
        async def crash(sid: Sid) -> None:
            raise RuntimeError("a secret detail")

    add("/")
    add("/custom")
    return sio


def build_engines() -> Iterator[tuple[str, engineio.AsyncServer]]:
    """Return the Engine.IO servers with their paths."""
    for path, options in ENGINES.items():
        yield path, build_engine(path, options)


def build_socketios() -> Iterator[tuple[str, socketio.AsyncServer]]:
    """Return the Socket.IO servers with their paths."""
    yield "patient", build_socketio("patient")
    yield "socket.io", build_socketio("socket.io", connect_timeout=1.0, **FAST)
    yield "old", build_socketio("old", connect_timeout=1.0, allow_eio3=True)
