"""The server of the client tests: `python event_server.py PORT [KEY-AND-CERTIFICATE]`; see also js_server.mjs."""

from __future__ import annotations

import os
import sys
from typing import Any

import socketio

sio = socketio.AsyncServer(ping_interval=0.3, ping_timeout=1, max_http_buffer_size=1_000_000)

for namespace in ("/", "/other"):

    @sio.on("connect", namespace=namespace)
    async def connect(sid: str, environ: Any, auth: Any, namespace: str = namespace) -> None:
        if auth and auth.get("refuse"):
            raise socketio.exceptions.ConnectionRefusedError("not you", {"code": 7})
        await sio.emit("auth", auth, to=sid, namespace=namespace)

    @sio.on("echo", namespace=namespace)
    async def echo(sid: str, *args: Any) -> tuple[Any, ...]:
        return args

    @sio.on("send back", namespace=namespace)
    async def send_back(sid: str, *args: Any, namespace: str = namespace) -> None:
        await sio.emit("back", args, to=sid, namespace=namespace)

    @sio.on("ask me", namespace=namespace)
    async def ask_me(sid: str, question: Any, namespace: str = namespace) -> Any:
        return await sio.call("question", question, to=sid, namespace=namespace)

    @sio.on("burst", namespace=namespace)
    async def burst(sid: str, count: int, namespace: str = namespace) -> None:
        for number in range(count):
            await sio.emit("number", number, to=sid, namespace=namespace)

    @sio.on("leave", namespace=namespace)
    async def leave(sid: str, namespace: str = namespace) -> None:
        await sio.disconnect(sid, namespace=namespace)

    @sio.on("drop", namespace=namespace)
    async def drop(sid: str, namespace: str = namespace) -> None:
        await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, namespace))

    @sio.on("cookie", namespace=namespace)
    async def cookie(sid: str, namespace: str = namespace) -> Any:
        return sio.get_environ(sid, namespace).get("HTTP_COOKIE")

    @sio.on("never", namespace=namespace)
    async def never(sid: str) -> None:
        await sio.sleep(3600)


if __name__ == "__main__":
    tls = {"ssl_certfile": sys.argv[2]} if len(sys.argv) > 2 else {}
    host = os.environ.get("HOST", "127.0.0.1")
    socketio.run(sio, host=host, port=int(sys.argv[1]), log_level="warning", **tls)
