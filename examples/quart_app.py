"""Quart: the server in front of the application, whose lifespan goes on."""

from quart import Quart, request

import socketio

sio = socketio.AsyncServer()
quart_app = Quart(__name__)


@quart_app.get("/")
async def index():
    return "Quart"


@quart_app.post("/announce")
async def announce():
    await sio.emit("announcement", await request.get_data(as_text=True))
    return "", 204


@quart_app.before_serving
async def start():
    sio.start_background_task(tick)


async def tick():
    while True:
        await sio.sleep(60)
        await sio.emit("tick")


@sio.event
async def chat(sid, text):
    await sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


app = socketio.ASGIApp(sio, quart_app)
