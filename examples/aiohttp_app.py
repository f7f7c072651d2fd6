"""aiohttp: the server attached to its application, whose end is the server's as well."""

import os

from aiohttp import web

import socketio

sio = socketio.AsyncServer(async_mode="aiohttp")
app = web.Application()
routes = web.RouteTableDef()


@routes.get("/")
async def index(request):
    return web.Response(text="aiohttp")


@routes.post("/announce")
async def announce(request):
    await sio.emit("announcement", await request.text())
    return web.Response(status=204)


@sio.event
async def connect(sid, environ, auth):
    # What a middleware has put into the request is there, too.
    print(sid, "comes from", environ["aiohttp.request"].remote)


@sio.event
async def chat(sid, text):
    await sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


app.add_routes(routes)
sio.attach(app)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "5000")))
