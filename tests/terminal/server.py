"""What the tests of `connect` and `emit` talk to: `python server.py <port> [<certificate> <key>]`."""

from __future__ import annotations

import sys
from typing import Any

import socketio

sio = socketio.AsyncServer(max_http_buffer_size=4_000_000)
notes: list[Any] = []
who: dict[str, list[Any]] = {}

for namespace in ("/", "/other", "/a b"):

    @sio.on("connect", namespace=namespace)
    async def connect(sid: str, environ: dict[str, Any], auth: Any, namespace: str = namespace) -> None:
        if auth and "refuse" in auth:
            raise socketio.exceptions.ConnectionRefusedError(auth["refuse"], {"code": 7})
        await sio.sleep(auth.get("sleep", 0) if auth else 0)
        who[sid] = [auth, environ.get("HTTP_X_TOKEN"), environ.get("HTTP_X_MORE")]

    @sio.on("who", namespace=namespace)
    async def who_am_i(sid: str) -> Any:
        return who[sid]

    @sio.on("transport", namespace=namespace)
    async def transport(sid: str, namespace: str = namespace) -> str:
        return sio.transport(sid, namespace)

    @sio.on("echo", namespace=namespace)
    async def echo(sid: str, *args: Any) -> tuple[Any, ...]:
        return args

    @sio.on("back", namespace=namespace)
    async def back(sid: str, event: str, *args: Any, namespace: str = namespace) -> None:
        await sio.emit(event, args, to=sid, namespace=namespace)

    @sio.on("late", namespace=namespace)
    async def late(sid: str, seconds: float, *args: Any, namespace: str = namespace) -> tuple[Any, ...]:
        await sio.sleep(seconds)
        await sio.emit("late", args, to=sid, namespace=namespace)
        return args

    @sio.on("leave", namespace=namespace)
    async def leave(sid: str, namespace: str = namespace) -> None:
        await sio.disconnect(sid, namespace=namespace)

    @sio.on("drop", namespace=namespace)
    async def drop(sid: str, namespace: str = namespace) -> None:
        await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, namespace))


@sio.on("note")
async def note(sid: str, *args: Any) -> None:
    notes.append([len(arg) if isinstance(arg, bytes) else arg for arg in args])


@sio.on("notes")
async def take_notes(sid: str) -> list[Any]:
    taken = notes[:]
    notes.clear()
    return taken


@sio.on("hang")
async def hang(sid: str) -> None:
    notes.append("hanging")
    await sio.sleep(3600)


@sio.on("hostile")
async def hostile(sid: str) -> None:
    """Send what would clear a terminal, set its title, colour it, and turn the direction of writing."""
    await sio.emit("\x1b[2J\rname", ("\x1b]0;title\x07", "\x9b31m\x7f", "\u202eé\u2028", {"\x1b[1m": b"\x1b"}), to=sid)


# The same server, also under another path.
app = socketio.ASGIApp(sio, socketio_path="elsewhere", other_asgi_app=socketio.ASGIApp(sio))

if __name__ == "__main__":
    options = {"ssl_certfile": sys.argv[2], "ssl_keyfile": sys.argv[3]} if len(sys.argv) > 2 else {}
    socketio.run(app, port=int(sys.argv[1]), log_level="warning", **options)
