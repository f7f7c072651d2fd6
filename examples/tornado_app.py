"""Tornado: the server's handler class in the routes of an application."""

import asyncio
import os

from tornado.web import Application, RequestHandler

import socketio

# On SIGTERM and Ctrl-C clients are told, then the program ends.
sio = socketio.AsyncServer(async_mode="tornado", close_on_signals=True)


class Index(RequestHandler):
    def get(self):
        self.write("Tornado")


class Announce(RequestHandler):
    async def post(self):
        await sio.emit("announcement", self.request.body.decode())


@sio.event
async def connect(sid, environ, auth):
    # The handler of the client's first request, whose application and cookies are at hand.
    print(sid, "comes from", environ["tornado.handler"].request.remote_ip)


@sio.event
async def chat(sid, text):
    await sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


async def main():
    handlers = [("/", Index), ("/announce", Announce), ("/socket.io/", socketio.get_tornado_handler(sio))]
    Application(handlers).listen(int(os.environ.get("PORT", "5000")), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
