"""A program that calls `socketio.run`: what and how, its first argument says as JSON; its handlers print."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import fastapi

import socketio


@contextlib.asynccontextmanager
async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
    """Prints when the application of FastAPI starts and ends."""
    print("startup")
    yield
    print("shutdown")


def make(where: str, sio: socketio.AsyncServer) -> Any:
    """Returns what to run."""
    if where == "server":
        return sio
    if where == "app":
        return socketio.ASGIApp(sio)
    if where == "hooks":
        return socketio.ASGIApp(sio, on_startup=lambda: print("startup"), on_shutdown=lambda: print("shutdown"))
    app = fastapi.FastAPI(lifespan=lifespan)
    if where == "front":
        return socketio.ASGIApp(sio, app)
    assert where == "mounted"
    app.mount("/", socketio.ASGIApp(sio))
    return app


def main() -> None:
    """Runs it."""
    options: dict[str, Any] = {"port": 0, "log_level": "info", **json.loads(sys.argv[1])}
    goodbye = options.pop("goodbye", 0)
    sio = socketio.AsyncServer(async_mode="asgi")

    @sio.event
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        print("come")

    @sio.event
    async def echo(sid: str, data: Any) -> Any:
        return data

    @sio.event
    async def disconnect(sid: str, reason: str) -> None:
        print("leaving:", reason)
        if goodbye is None:
            await asyncio.Event().wait()
        await asyncio.sleep(goodbye)
        print("left")

    socketio.run(make(options.pop("where", "server"), sio), **options)
    print("end of the program")


if __name__ == "__main__":
    main()
