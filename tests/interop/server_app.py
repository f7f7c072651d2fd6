"""The server program of the interop suite: what the official JavaScript client talks to, and how to start it."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from typing import Any

from ways import ASGI_WAYS, serve

import socketio

Sid = str


def report(**fields: Any) -> None:
    """Tell the test something, as one JSON line."""
    print(json.dumps(fields, default=lambda value: {"$bytes": value.hex()}), flush=True)


class ClassNamespace(socketio.AsyncNamespace):
    """The namespace of the suite that is written as a class."""

    async def on_connect(self, sid: Sid, environ: dict[str, Any], auth: Any) -> None:
        report(type="connect", namespace=self.namespace, sid=sid, auth=auth)

    async def on_disconnect(self, sid: Sid, reason: str) -> None:
        report(type="disconnect", namespace=self.namespace, sid=sid, reason=reason)

    async def on_echo(self, sid: Sid, *args: Any) -> tuple[Any, ...]:
        await self.emit("echo", ("class", *args), to=sid)
        return args


def add_handlers(sio: socketio.AsyncServer) -> None:
    """Register every handler that the suite uses on `sio`."""
    numbers: dict[Sid, list[int]] = defaultdict(list)

    @sio.event
    async def connect(sid: Sid, environ: dict[str, Any], auth: Any) -> bool | None:
        report(type="connect", namespace="/", sid=sid, auth=auth, path=environ["PATH_INFO"])
        refusal = auth.get("refusal") if isinstance(auth, dict) else None
        if refusal == "false":
            return False
        if refusal == "error":
            raise socketio.exceptions.ConnectionRefusedError("not welcome", {"code": 42})
        if refusal == "message":
            raise socketio.exceptions.ConnectionRefusedError("not welcome")
        if refusal == "crash":
            raise RuntimeError("a secret detail")
        await sio.emit("welcome", {"sid": sid, "auth": auth}, to=sid)
        return None

    @sio.event
    async def disconnect(sid: Sid, reason: str) -> None:
        report(type="disconnect", namespace="/", sid=sid, reason=reason, rooms=sorted(sio.rooms(sid)))

    @sio.event
    async def echo(sid: Sid, *args: Any) -> None:
        await sio.emit("echo", args, to=sid)

    @sio.event
    async def ack_none(sid: Sid) -> None:
        return None

    @sio.event
    async def ack_one(sid: Sid, value: Any) -> Any:
        return value

    @sio.event
    def ack_sync(sid: Sid, value: Any) -> Any:
        return value

    @sio.event
    async def ack_tuple(sid: Sid, *args: Any) -> tuple[Any, ...]:
        return args

    @sio.event
    async def crash(sid: Sid) -> None:
        raise RuntimeError("a secret detail")

    @sio.event
    async def ask(sid: Sid, *args: Any) -> None:
        async def answered(*answer: Any) -> None:
            report(type="answer", sid=sid, answer=answer)

        await sio.emit("question", args, to=sid, callback=answered)

    @sio.event
    async def call(sid: Sid, *args: Any) -> dict[str, Any]:
        answer = await sio.call("question", args, to=sid, timeout=10)
        return {"kind": type(answer).__name__, "answer": answer}

    @sio.event
    async def enter(sid: Sid, room: str) -> None:
        await sio.enter_room(sid, room)

    @sio.event
    async def leave(sid: Sid, room: str) -> None:
        await sio.leave_room(sid, room)

    @sio.event
    async def close(sid: Sid, room: str) -> None:
        await sio.close_room(room)

    @sio.event
    async def rooms(sid: Sid) -> list[str]:
        return sorted(sio.rooms(sid))

    @sio.event
    async def say(sid: Sid, text: Any, to: Any, skip: Any) -> None:
        await sio.emit("said", text, to=to, skip_sid=skip)

    @sio.event
    async def transport(sid: Sid) -> str:
        return sio.transport(sid)

    @sio.event
    async def remember(sid: Sid, value: Any) -> None:
        async with sio.session(sid) as session:
            session["value"] = value

    @sio.event
    async def recall(sid: Sid) -> dict[str, Any]:
        return dict(await sio.get_session(sid))

    @sio.event
    async def number(sid: Sid, value: int) -> None:
        numbers[sid].append(value)
        await sio.emit("number", value, to=sid)

    @sio.event
    async def numbers_seen(sid: Sid) -> list[int]:
        return numbers.pop(sid)

    @sio.event
    async def throw_out(sid: Sid) -> None:
        await sio.disconnect(sid)

    @sio.on("*")
    async def anything(event: str, sid: Sid, *args: Any) -> str:
        await sio.emit("caught", (event, *args), to=sid)
        return "caught"

    @sio.on("connect", namespace="/static")
    async def connect_static(sid: Sid, environ: dict[str, Any], auth: Any) -> None:
        report(type="connect", namespace="/static", sid=sid, auth=auth)

    @sio.on("disconnect", namespace="/static")
    async def disconnect_static(sid: Sid, reason: str) -> None:
        report(type="disconnect", namespace="/static", sid=sid, reason=reason)

    @sio.on("echo", namespace="/static")
    async def echo_static(sid: Sid, *args: Any) -> tuple[Any, ...]:
        await sio.emit("echo", ("static", *args), to=sid, namespace="/static")
        return args

    @sio.on("throw_out", namespace="/static")
    async def throw_out_static(sid: Sid) -> None:
        await sio.disconnect(sid, namespace="/static")

    sio.register_namespace(ClassNamespace("/class"))


def build() -> Any:
    """Return the app: Socket.IO at /socket.io/, and with the msgpack serializer at /msgpack/."""
    standard = socketio.AsyncServer(async_mode="asgi")
    msgpack = socketio.AsyncServer(async_mode="asgi", serializer="msgpack")
    for sio in (standard, msgpack):
        add_handlers(sio)
    return socketio.ASGIApp(msgpack, socketio.ASGIApp(standard), socketio_path="msgpack")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=ASGI_WAYS, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    serve(build(), options.way, options.port)
