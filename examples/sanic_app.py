"""Sanic: the server attached to its application, which Sanic's own web server runs in a process or several."""

from sanic import Sanic, empty, text

import socketio

sio = socketio.AsyncServer(async_mode="sanic")
app = Sanic("example")
sio.attach(app)


@app.get("/")
async def index(request):
    return text("Sanic")


@app.post("/announce")
async def announce(request):
    await sio.emit("announcement", request.body.decode())
    return empty()


@sio.event
async def connect(sid, environ, auth):
    # What a middleware has put into the request's `ctx` is there, too.
    print(sid, "comes from", environ["sanic.request"].ip)


@sio.event
async def chat(sid, text):
    await sio.emit("chat", {"from": sid, "text": text})
    return "delivered"
