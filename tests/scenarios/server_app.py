"""The server program of the scenario suite: servers of Engine.IO and Socket.IO in one app, static files, mounts."""

from __future__ import annotations

import argparse
from typing import Any

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from settings import ENGINES, FAST, STATIC_FILES, report
from starlette.applications import Starlette
from starlette.routing import Mount
from ways import ASGI_WAYS, serve

import engineio
import socketio

Sid = str


def build_engine(path: str, options: dict[str, Any]) -> engineio.AsyncServer:
    """Return an Engine.IO server that echoes, closes on `close me`, and refuses a handshake that asks for it."""
    eio = engineio.AsyncServer(async_mode="asgi", **options)

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
    sio = socketio.AsyncServer(async_mode="asgi", **options)

    def add(namespace: str) -> None:
        @sio.on("connect", namespace=namespace)
        async def connect(sid: Sid, environ: dict[str, Any], auth: Any) -> bool | None:
            report(type="connect", path=label, namespace=namespace, sid=sid)
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

        @sio.on("crash", namespace=namespace)
        async def crash(sid: Sid) -> None:
            raise RuntimeError("a secret detail")

    add("/")
    add("/custom")
    return sio


def build() -> Any:
    """Return the app."""
    fastapi = FastAPI()

    @fastapi.get("/hello", response_class=PlainTextResponse)
    async def hello() -> str:
        return "hello"

    fastapi.mount("/mounted", socketio.ASGIApp(build_socketio("mounted")))
    fastapi.mount("/api/ws", socketio.ASGIApp(build_socketio("at its own path"), socketio_path=""))
    inner = Starlette(routes=[Mount("/inner", socketio.ASGIApp(build_socketio("inner"), socketio_path="/ws/"))])
    fastapi.mount("/outer", inner)

    app: Any = fastapi
    for path, options in ENGINES.items():
        app = engineio.ASGIApp(build_engine(path, options), app, engineio_path=path)
    app = socketio.ASGIApp(build_socketio("patient"), app, socketio_path="patient")

    async def on_startup() -> None:
        report(type="startup")

    def on_shutdown() -> None:
        report(type="shutdown")

    return socketio.ASGIApp(
        build_socketio("socket.io", connect_timeout=1.0, **FAST),
        app,
        static_files=STATIC_FILES,
        on_startup=on_startup,
        on_shutdown=on_shutdown,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=ASGI_WAYS, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    serve(build(), arguments.way, arguments.port)
