"""The ways to serve an app: each name in `WAYS` and how a server process starts itself that way."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

ASGI_WAYS = ("embedded", "uvicorn", "hypercorn")
"""`embedded` is `socketio.run`; the other two know nothing of Socket.IO and see ASGI messages only."""

MORE_ASGI_WAYS = ("embedded-asyncio", "uvicorn-asyncio", "daphne", "granian")
"""The event loop of the standard library, which hypercorn has as well, and ASGI servers with limits of their own:
see `exceptions.py`. They run the tests that concern a binding."""

WSGI_WAYS = ("werkzeug", "gevent", "eventlet")
"""A thread for each request, or what its library has in the place of one; nothing is monkey-patched."""

ATTACHED_WAYS = ("aiohttp", "sanic", "tornado")
"""Frameworks that servers are attached to; see `attached_app.py`."""

WAYS = ASGI_WAYS + WSGI_WAYS

HOST = "127.0.0.1"


def serve(app: Any, way: str, port: int) -> None:
    """Serve `app` on `port` until SIGTERM.

    Args:
        app: Any ASGI app, or for one of `WSGI_WAYS` a WSGI app.
        way: One of `WAYS`.
        port: The port to listen on.

    Raises:
        ValueError: If `way` is not in `WAYS`.
    """
    if way in ("embedded", "embedded-asyncio"):
        import socketio

        socketio.run(app, host=HOST, port=port, loop="asyncio" if way == "embedded-asyncio" else "auto")
    elif way in ("uvicorn", "uvicorn-asyncio"):
        import uvicorn

        loop = "asyncio" if way == "uvicorn-asyncio" else "uvloop"
        uvicorn.run(app, host=HOST, port=port, log_level="warning", loop=loop)
    elif way == "daphne":
        from daphne.server import Server

        Server(app, endpoints=[f"tcp:port={port}:interface={HOST}"]).run()
    elif way == "granian":
        from granian import Granian

        # It starts a process, which makes the app itself.
        Granian("server_app:build", factory=True, interface="asgi", address=HOST, port=port, log_access=False).serve()
    elif way == "hypercorn":
        asyncio.run(_serve_hypercorn(app, port))
    elif way == "werkzeug":
        from werkzeug.serving import make_server

        make_server(HOST, port, app, threaded=True).serve_forever()
    elif way == "gevent":
        from gevent.pywsgi import WSGIServer

        WSGIServer((HOST, port), app, log=None).serve_forever()
    elif way == "eventlet":
        import eventlet
        import eventlet.wsgi

        eventlet.wsgi.server(eventlet.listen((HOST, port)), app, log_output=False)
    else:
        raise ValueError(f"no such way to serve: {way}")


async def _serve_hypercorn(app: Any, port: int) -> None:
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"{HOST}:{port}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = 1.0
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await hypercorn_serve(app, config, shutdown_trigger=stop.wait)
