"""The ways to serve an app: each name in `WAYS` and how a server process starts itself that way."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

ASGI_WAYS = ("embedded", "uvicorn", "hypercorn")
"""`embedded` is `socketio.run`; the other two know nothing of Socket.IO and see ASGI messages only."""

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
    if way == "embedded":
        import socketio

        socketio.run(app, host=HOST, port=port)
    elif way == "uvicorn":
        import uvicorn

        uvicorn.run(app, host=HOST, port=port, log_level="warning")
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
