"""Two servers in one application, with options and clients of their own."""

from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

import socketio

public = socketio.AsyncServer(cors_allowed_origins="*")
admin = socketio.AsyncServer(ping_interval=5)


async def index(request):
    return PlainTextResponse("two servers")


async def announce(request):
    text = (await request.body()).decode()
    await public.emit("announcement", text)
    await admin.emit("announced", text)
    return Response(status_code=204)


@public.event
async def chat(sid, text):
    await public.emit("chat", {"from": sid, "text": text})
    return "delivered"


@admin.event
async def connect(sid, environ, auth):
    if (auth or {}).get("token") != "secret":
        raise socketio.exceptions.ConnectionRefusedError("wrong token")


@admin.event
async def users(sid):
    return [member for member, _ in public.manager.get_participants("/", None)]


@asynccontextmanager
async def lifespan(app):
    yield
    await public.close()
    await admin.close()


routes = [
    Route("/", index),
    Route("/announce", announce, methods=["POST"]),
    Mount("/public", socketio.ASGIApp(public)),
    Mount("/admin", socketio.ASGIApp(admin)),
]
app = Starlette(routes=routes, lifespan=lifespan)
