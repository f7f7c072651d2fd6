"""FastAPI: the server mounted below /ws, and a route that emits."""

from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Body, FastAPI

import socketio

sio = socketio.AsyncServer()


@asynccontextmanager
async def lifespan(app: FastAPI):
    yield {"room": "lobby"}
    await sio.close()  # no mounted application hears of the end: FastAPI runs its own lifespan only


app = FastAPI(lifespan=lifespan)
app.mount("/ws", socketio.ASGIApp(sio))


@app.get("/")
async def index():
    return "FastAPI"


@app.post("/announce")
async def announce(text: Annotated[str, Body(media_type="text/plain")]):
    await sio.emit("announcement", text)


@sio.event
async def connect(sid, environ, auth):
    # What the lifespan has yielded, and `app.state`, are in the ASGI scope of the client's first request.
    await sio.enter_room(sid, environ["asgi.scope"]["state"]["room"])


@sio.event
async def chat(sid, text):
    await sio.emit("chat", {"from": sid, "text": text}, to="lobby")
    return "delivered"
