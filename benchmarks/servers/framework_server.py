"""A server attached to a framework, the same program for both packages. Usage: framework_server.py FRAMEWORK PORT.

Runs on uvloop; `socketio` is whichever package the interpreter has.
"""

from __future__ import annotations

import sys

import uvloop

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


SERVE = {"aiohttp": serve_aiohttp, "sanic": serve_sanic}

if __name__ == "__main__":
    SERVE[sys.argv[1]](int(sys.argv[2]))
