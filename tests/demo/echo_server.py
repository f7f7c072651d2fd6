"""What test_client.py talks to: a server that sends everything back, and the demo's client as static files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import socketio
import socketio.demo

sio = socketio.AsyncServer(async_mode="asgi", ping_interval=0.3, ping_timeout=0.7)


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if auth == {"token": "wrong"}:
        raise socketio.exceptions.ConnectionRefusedError("not you", {"reason": "auth"})


@sio.on("connect", namespace="/other")
async def connect_other(sid: str, environ: dict[str, Any], auth: Any) -> None:
    await sio.emit("hello", auth, namespace="/other", to=sid)


@sio.event
async def echo(sid: str, *args: Any) -> tuple[Any, ...]:
    return args


@sio.event
async def back(sid: str, *args: Any) -> None:
    await sio.emit("back", args, to=sid)


@sio.event
async def ask(sid: str, question: Any) -> None:
    """Emit with an ack, and tell what came."""

    async def answered(*args: Any) -> None:
        await sio.emit("answered", args, to=sid)

    await sio.emit("question", question, to=sid, callback=answered)


@sio.event
async def leave_me(sid: str) -> None:
    await sio.disconnect(sid)


DEMO = Path(socketio.demo.__file__).parent
app = socketio.ASGIApp(
    sio,
    static_files={
        f"/{name}.mjs": {"filename": str(DEMO / f"{name}.mjs"), "content_type": "text/javascript"}
        for name in ("client", "engine")
    },
)
