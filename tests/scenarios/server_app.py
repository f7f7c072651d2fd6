"""The server program of the scenario suite for ASGI: all servers in one app, static files, mounts."""

from __future__ import annotations

import argparse
from typing import Any

from async_servers import build_engines, build_socketio, build_socketios
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from settings import STATIC_FILES, report
from starlette.applications import Starlette
from starlette.routing import Mount
from ways import ASGI_WAYS, MORE_ASGI_WAYS, serve

import engineio
import socketio


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
    for path, eio in build_engines():
        app = engineio.ASGIApp(eio, app, engineio_path=path)
    (_, patient), (_, sio), (_, old) = build_socketios()
    app = socketio.ASGIApp(patient, app, socketio_path="patient")
    app = socketio.ASGIApp(old, app, socketio_path="old")

    async def on_startup() -> None:
        report(type="startup")

    def on_shutdown() -> None:
        report(type="shutdown")

    return socketio.ASGIApp(
        sio,
        app,
        static_files=STATIC_FILES,
        on_startup=on_startup,
        on_shutdown=on_shutdown,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=ASGI_WAYS + MORE_ASGI_WAYS, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    serve(build(), arguments.way, arguments.port)
