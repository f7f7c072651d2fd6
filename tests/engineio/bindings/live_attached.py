"""An Engine.IO server that echoes, attached to an application of aiohttp or Sanic in a thread of the test."""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from aiohttp import web
from sanic import Sanic

import engineio

from .live import DEADLINE, Client, handshake, head_of

LIMIT = 100_000
LIMITS: dict[str, Any] = {"max_http_buffer_size": LIMIT, "ws_close_timeout": 0.3}
NUMBERS = itertools.count()
LOGGERS = ("aiohttp.server", "sanic.error", "asyncio", "engineio")

OPEN = "/engine.io/?EIO=4&transport=websocket"
POLL = "/engine.io/?EIO=4&transport=polling"


class Live:
    """The server.

    Args:
        framework: Whose application it is attached to.
        program: Does what else there is to do with the application.
        uses_uvloop: Whether it runs on uvloop.
        context: Its TLS.
        unix: The path of its Unix socket; `None` for TCP.
        runner: Options of aiohttp's runner.
        **options: Those of the server.
    """

    def __init__(
        self,
        framework: str,
        program: Callable[[Any], object] = lambda app: None,
        *,
        uses_uvloop: bool = False,
        context: ssl.SSLContext | None = None,
        unix: str | None = None,
        runner: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.eio = engineio.AsyncServer(**(LIMITS | options))
        self.environs: queue.Queue[dict[str, Any]] = queue.Queue()
        self.ends: queue.Queue[str] = queue.Queue()
        self.eio.on("connect", lambda sid, environ: self.environs.put(environ))
        self.eio.on("message", self.eio.send)
        self.eio.on("disconnect", lambda sid, reason: self.ends.put(reason))
        self.records: list[logging.LogRecord] = []
        self._program, self._context, self._unix, self._options = program, context, unix, runner or {}
        self._loops = uvloop.new_event_loop if uses_uvloop else asyncio.new_event_loop
        self._serve = {"aiohttp": self._serve_aiohttp, "sanic": self._serve_sanic}[framework]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._loops) as runner:
            runner.run(self._serve())

    async def _serve_aiohttp(self) -> None:
        app = web.Application()
        self._program(app)
        self.eio.attach(app)
        runner = web.AppRunner(app, **self._options)
        await runner.setup()
        if self._unix is not None:
            await web.UnixSite(runner, self._unix).start()
        else:
            await web.SockSite(runner, self._listen(), ssl_context=self._context).start()
        await self._until_stopped()
        await runner.cleanup()

    async def _serve_sanic(self) -> None:
        app = Sanic(f"live{next(NUMBERS)}", configure_logging=False)
        app.config.TOUCHUP = False  # what it rewrites of itself at the start of the first application, it cannot again
        self._program(app)
        self.eio.attach(app)
        where = {"unix": self._unix} if self._unix is not None else {"sock": self._listen()}
        server: Any = await app.create_server(**where, ssl=self._context, return_asyncio_server=True)  # type: ignore[arg-type]
        await server.startup()
        await server.start_serving()
        await self._until_stopped()
        await server.before_stop()
        server.close()
        await server.wait_closed()
        await server.after_stop()

    def _listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        return listener

    async def _until_stopped(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()

    def __enter__(self) -> Live:
        self._handler = logging.Handler()
        self._handler.emit = self.records.append  # type: ignore[method-assign]
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self._handler)
        self._thread.start()
        assert self._ready.wait(DEADLINE)
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        for name in LOGGERS:
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
        if self._unix is not None:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(DEADLINE)
            sock.connect(self._unix)
            return Client(sock)
        sock = socket.create_connection(("127.0.0.1", self.port), DEADLINE)
        return Client(sock if context is None else context.wrap_socket(sock, server_hostname="localhost"))

    def call(self, function: Callable[[], Awaitable[Any]]) -> Any:
        """Run a coroutine function on the server's loop."""

        async def call() -> Any:
            return await function()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(DEADLINE)

    def links(self) -> list[Any]:
        """Return the transports of all connections."""

        async def call() -> list[Any]:
            return [socket.link for socket in self.eio.sockets.values()]

        links: list[Any] = self.call(call)
        return links


def talk(client: Client, *headers: bytes, target: str = OPEN) -> None:
    """Open a connection and have messages echoed."""
    assert head_of(client.ask(handshake(target, *headers)))[0] == 101
    _, packet = client.receive() or (0, b"")
    assert packet.startswith(b'0{"sid":')
    client.send("4héllo")
    assert client.receive() == (1, "4héllo".encode())
    client.send(b"\0\xff", 2)
    assert client.receive() == (2, b"\0\xff")


def request(method: str, target: str, *headers: bytes, body: bytes = b"") -> bytes:
    """Return a request."""
    return b"\r\n".join([f"{method} {target} HTTP/1.1".encode(), b"Host: localhost", *headers, b"", body])


def poll(client: Client, *headers: bytes) -> str:
    """Open a session by polling and return its target."""
    answer = client.ask(request("GET", POLL, *headers))
    assert head_of(answer)[0] == 200, answer
    return f"{POLL}&sid=" + answer.partition(b'"sid":"')[2].partition(b'"')[0].decode()
