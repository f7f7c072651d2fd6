"""Litestar: the server as an ASGI handler below /ws."""

from contextlib import asynccontextmanager

from litestar import Litestar, Request, asgi, get, post

import socketio

sio = socketio.AsyncServer()


@get("/", sync_to_thread=False)
def index() -> str:
    return "Litestar"


@post("/announce")
async def announce(request: Request) -> None:
    await sio.emit("announcement", (await request.body()).decode())


@sio.event
async def chat(sid, text):
    await sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


@asynccontextmanager
async def lifespan(app: Litestar):
    yield
    await sio.close()  # no mounted application hears of the end


socket_io = asgi("/ws", is_mount=True, copy_scope=True)(socketio.ASGIApp(sio))
app = Litestar([index, announce, socket_io], lifespan=[lifespan])
