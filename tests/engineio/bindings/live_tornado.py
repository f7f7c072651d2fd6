"""An Engine.IO server that echoes, on Tornado in a thread of the test."""

from __future__ import annotations

import asyncio
import logging
import queue
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

import engineio

from .live import DEADLINE, Client

LIMIT = 100_000
LIMITS: dict[str, Any] = {"max_http_buffer_size": LIMIT, "ws_close_timeout": 0.3}


class Live:
    """The server.

    Args:
        program: Makes the handler class of its route, from the one of the server.
        context: Its TLS.
        settings: Those of the application, beside `xheaders`.
        **options: Those of the server.
    """

    def __init__(
        self,
        program: Callable[[type[Any]], type[RequestHandler]] = lambda own: own,
        context: ssl.SSLContext | None = None,
        settings: dict[str, Any] | None = None,
        xheaders: bool = False,
        **options: Any,
    ) -> None:
        self.eio = engineio.AsyncServer(async_mode="tornado", **(LIMITS | options))
        self.environs: queue.Queue[dict[str, Any]] = queue.Queue()
        self.ends: queue.Queue[str] = queue.Queue()
        self.eio.on("connect", lambda sid, environ: self.environs.put(environ))
        self.eio.on("message", self.eio.send)
        self.eio.on("disconnect", lambda sid, reason: self.ends.put(reason))
        route = program(engineio.get_tornado_handler(self.eio))
        self._app = Application([(r"/engine.io/", route)], **(settings or {}))
        self._options = {"xheaders": xheaders, "ssl_options": context}
        self.records: list[logging.LogRecord] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve()], daemon=True)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = HTTPServer(self._app, **self._options)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            self.port = listener.getsockname()[1]
            server.add_socket(listener)
            self._ready.set()
            await self._stop.wait()
            server.stop()
        await self.eio.close()
        await server.close_all_connections()

    def __enter__(self) -> Live:
        self._handler = logging.Handler()
        self._handler.emit = self.records.append  # type: ignore[method-assign]
        for name in ("tornado.general", "tornado.application", "asyncio", "engineio"):
            logging.getLogger(name).addHandler(self._handler)
        self._thread.start()
        assert self._ready.wait(DEADLINE)
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        for name in ("tornado.general", "tornado.application", "asyncio", "engineio"):
            logging.getLogger(name).removeHandler(self._handler)
        assert [record.getMessage() for record in self.records if record.levelno >= logging.WARNING] == []

    def stop(self) -> None:
        """Stop as a program does, and wait for its end."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "the server does not stop"

    def client(self, context: ssl.SSLContext | None = None) -> Client:
        """Connect."""
        sock = socket.create_connection(("127.0.0.1", self.port), DEADLINE)
        return Client(sock if context is None else context.wrap_socket(sock, server_hostname="localhost"))

    def links(self) -> list[Any]:
        """Return the transports of all connections."""

        async def call() -> list[Any]:
            return [socket.link for socket in self.eio.sockets.values()]

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(DEADLINE)
