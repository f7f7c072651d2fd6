"""What gunicorn and uvicorn serve in several processes: `REDIS=URL WAY=gunicorn|uvicorn`."""

from __future__ import annotations

import os
from typing import Any

import socketio

url = os.environ["REDIS"]
if os.environ["WAY"] == "uvicorn":
    sio: Any = socketio.AsyncServer(client_manager=socketio.AsyncRedisManager(url, channel="uvicorn"))
    app: Any = socketio.ASGIApp(sio)

    @sio.event
    async def say(sid: str, text: str) -> None:
        """Says something to everybody."""
        await sio.emit("said", text)
else:
    # Made before gunicorn forks, with --preload.
    sio = socketio.Server(client_manager=socketio.RedisManager(url, channel="gunicorn"), async_mode="threading")
    app = socketio.WSGIApp(sio)

    @sio.on("say")
    def say_now(sid: str, text: str) -> None:
        """Says something to everybody."""
        sio.emit("said", text)


sio.on("who", lambda sid: os.getpid())
sio.on("healthy", lambda sid: sio.manager.healthy)
