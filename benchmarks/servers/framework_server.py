"""A server attached to a framework, the same program for both packages. Usage: framework_server.py FRAMEWORK PORT.

Runs on uvloop, but for Tornado; `socketio` is whichever package the interpreter has.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

import socketio
from handlers import create_server


def serve_aiohttp(port: int) -> None:
    """Serve with `run_app`."""
    from aiohttp import web

    app = web.Application()
    create_server("aiohttp").attach(app)
    loop = uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, backlog=4096, loop=loop)


def serve_sanic(port: int) -> None:
    """Serve with one worker in this process."""
    from sanic import Sanic

    app = Sanic("benchmark")
    app.config.CORS_ORIGINS = "*"  # what python-socketio reads
    create_server("sanic").attach(app)
    app.run(host="127.0.0.1", port=port, single_process=True, access_log=False, motd=False, backlog=4096)


def serve_tornado(port: int) -> None:
    """Serve with an HTTP server on asyncio's own loop, as its documentation has it."""
    from tornado.web import Application

    async def main() -> None:
        handler = socketio.get_tornado_handler(create_server("tornado"))
        Application([(r"/socket.io/", handler)]).listen(port, "127.0.0.1", backlog=4096)
        await asyncio.Event().wait()

    asyncio.run(main())


def serve_uvicorn(port: int) -> None:
    """Serve under uvicorn as it is, without the takeover."""
    import uvicorn

    app = socketio.ASGIApp(create_server())
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", backlog=4096)


SERVE = {"aiohttp": serve_aiohttp, "sanic": serve_sanic, "tornado": serve_tornado, "uvicorn": serve_uvicorn}

if __name__ == "__main__":
    SERVE[sys.argv[1]](int(sys.argv[2]))
