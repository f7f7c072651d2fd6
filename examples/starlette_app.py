"""Starlette: the server mounted at the path that clients use anyway, behind middlewares."""

from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

import socketio

sio = socketio.AsyncServer(cors_allowed_origins=[])  # CORS is the middleware's


async def index(request):
    return PlainTextResponse("Starlette")


async def announce(request):
    await sio.emit("announcement", (await request.body()).decode())
    return Response(status_code=204)


@sio.event
async def chat(sid, text):
    await sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


@asynccontextmanager
async def lifespan(app):
    yield
    await sio.close()  # no mounted application hears of the end


app = Starlette(
    routes=[
        Route("/", index),
        Route("/announce", announce, methods=["POST"]),
        Mount("/socket.io", socketio.ASGIApp(sio, socketio_path=None)),
    ],
    middleware=[Middleware(CORSMiddleware, allow_origins=["https://example.com"], allow_credentials=True)],
    lifespan=lifespan,
)
