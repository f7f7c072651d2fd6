"""The server program that clients of every age talk to; see `sync_app.py` for threads."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ways import ASGI_WAYS, serve

import socketio

FOLDER = Path(__file__).parent


def report(**fields: Any) -> None:
    """Tell the test something, as one JSON line."""
    print(json.dumps(fields, default=lambda value: {"$bytes": value.hex()}), flush=True)


def add_handlers(sio: Any) -> None:
    """Register the handlers, in `/` and in `/admin`."""
    for namespace in ("/", "/admin"):
        add_handlers_of(sio, namespace)


def add_handlers_of(sio: Any, namespace: str) -> None:
    """Register the handlers of one namespace."""

    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        report(type="connect", namespace=namespace, sid=sid, auth=auth, query=query)
        refuse = (auth or {}).get("refuse") or (query.get("refuse") if namespace == "/" else None)
        if refuse == "data":
            raise socketio.exceptions.ConnectionRefusedError("not welcome", {"code": 7})
        if refuse:
            raise socketio.exceptions.ConnectionRefusedError("not welcome")

    async def disconnect(sid: str, reason: str) -> None:
        report(type="disconnect", namespace=namespace, sid=sid, reason=reason)

    async def echo(sid: str, *args: Any) -> tuple[Any, ...]:
        return args

    async def send_back(sid: str, *args: Any) -> None:
        await sio.emit("back", args, to=sid, namespace=namespace)

    async def ask_me(sid: str, question: Any) -> Any:
        return await sio.call("question", question, to=sid, namespace=namespace)

    async def leave(sid: str) -> None:
        await sio.disconnect(sid, namespace=namespace)

    async def join(sid: str, room: str) -> None:
        await sio.enter_room(sid, room, namespace=namespace)

    async def say(sid: str, room: str, *args: Any) -> None:
        await sio.emit("said", args, room=room, namespace=namespace)

    async def rest(sid: str, seconds: float) -> str:
        await sio.sleep(seconds)
        return "rested"

    for handler in (connect, disconnect, echo, send_back, ask_me, leave, join, say, rest):
        sio.on(handler.__name__, handler, namespace=namespace)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=ASGI_WAYS, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    sio = socketio.AsyncServer(async_mode="asgi", allow_eio3=True, ping_interval=0.3, ping_timeout=1.5)
    add_handlers(sio)
    client = FOLDER / "node_modules" / "socket.io-client-2" / "dist" / "socket.io.js"
    files = {"/page": str(FOLDER / "page.html"), "/client.js": str(client)}
    serve(socketio.ASGIApp(sio, static_files=files), options.way, options.port)
