"""uvicorn in a thread of the test, in all the ways that take WebSockets over and as it is; and a raw client."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import ssl
import threading
from typing import Any

import uvicorn

from engineio.bindings.embedded import EmbeddedServer, _HTTPProtocol
from engineio.bindings.uvicorn import TakeoverProtocol
from engineio.websocket import CLOSE, TEXT, FrameReader, encode_masked_frame

DEADLINE = 15.0
"""How long to wait for something that must happen, in seconds: generous, for a loaded machine."""

OPTION = "engineio.bindings.uvicorn:TakeoverProtocol"

WAYS: dict[str, tuple[type[uvicorn.Server], dict[str, Any]]] = {
    "httptools": (uvicorn.Server, {"http": "httptools", "ws": "websockets-sansio"}),
    "h11": (uvicorn.Server, {"http": "h11", "ws": "websockets-sansio"}),
    "embedded": (EmbeddedServer, {"http": _HTTPProtocol, "ws": TakeoverProtocol}),
    "embedded-asyncio": (EmbeddedServer, {"http": _HTTPProtocol, "ws": TakeoverProtocol, "loop": "asyncio"}),
    "embedded-h11": (EmbeddedServer, {"http": "h11", "ws": TakeoverProtocol}),
    "embedded-sansio": (EmbeddedServer, {"http": _HTTPProtocol, "ws": "websockets-sansio"}),
    "option": (uvicorn.Server, {"http": "httptools", "ws": OPTION}),
    "option-h11": (uvicorn.Server, {"http": "h11", "ws": OPTION}),
}
"""How a server may be made: its class and options. `embedded` is what `run()` does by default."""

OWN = {way: "h11" if "h11" in way else "httptools" for way in WAYS}
"""Way -> the one that is uvicorn and nothing else, with the same parser of HTTP."""

OURS = tuple(way for way in WAYS if way != OWN[way])
TAKING = tuple(way for way in OURS if way != "embedded-sansio")
"""Those in which WebSockets are taken over."""


class Live:
    """A running server."""

    def __init__(self, app: Any, way: str, **options: Any) -> None:
        server_class, own_options = WAYS[way]
        self._ready = threading.Event()
        ready = self._ready

        class Server(server_class):  # type: ignore[misc, valid-type]
            async def startup(self, sockets: Any = None) -> None:
                await super().startup(sockets)
                ready.set()

        defaults: dict[str, Any] = {
            "ws_per_message_deflate": False,
            "log_config": None,
            "access_log": False,
            "timeout_graceful_shutdown": 5,
        }
        config = uvicorn.Config(app, host="127.0.0.1", port=0, **(defaults | own_options | options))
        self.server = Server(config)
        self.records: list[logging.LogRecord] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.server.run()
        finally:
            self._ready.set()

    def __enter__(self) -> Live:
        self._handler = logging.Handler()
        self._handler.emit = self.records.append  # type: ignore[method-assign]
        for name in ("uvicorn.error", "asyncio", "engineio"):
            logging.getLogger(name).addHandler(self._handler)
        self._thread.start()
        assert self._ready.wait(DEADLINE)
        assert self.server.started
        self.port: int = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.should_exit = True
        self._thread.join(DEADLINE)
        alive = self._thread.is_alive()
        self.server.force_exit = True
        for name in ("uvicorn.error", "asyncio", "engineio"):
            logging.getLogger(name).removeHandler(self._handler)
        assert not alive, "the server does not stop"

    def errors(self) -> list[str]:
        """What has been logged as an error so far."""
        return [record.getMessage() for record in self.records if record.levelno >= logging.ERROR]

    def client(self, context: ssl.SSLContext | None = None) -> Client:
        """Connect."""
        sock = socket.create_connection(("127.0.0.1", self.port), DEADLINE)
        return Client(sock if context is None else context.wrap_socket(sock, server_hostname="localhost"))


class Client:
    """A connection to a server, of which the test says every byte."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.reader = FrameReader(1 << 24, masked=False)
        self.frames: list[tuple[int, bytes]] = []
        self._rest = b""
        self.ended = False

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    def ask(self, request: bytes, *more: bytes) -> bytes:
        """Send a request in one or more pieces, and return the answer: head and body, or the head of a 101."""
        self.sock.sendall(request)
        for piece in more:
            self.sock.sendall(piece)
        return self.answer()

    def answer(self) -> bytes:
        """Return the next HTTP answer; nothing if the server closes without one."""
        while b"\r\n\r\n" not in self._rest:
            if not self._more():
                return self._take(len(self._rest))
        size = self._rest.index(b"\r\n\r\n") + 4
        head = self._rest[:size]
        if not head.startswith(b"HTTP/1.1 101"):
            if length := re.search(rb"(?i)\r\ncontent-length: *(\d+)", head):
                size += int(length[1])
            else:
                size = 1 << 30
            while len(self._rest) < size and self._more():
                pass
        return self._take(size)

    def send(self, payload: bytes | str, opcode: int = TEXT, fin: bool = True) -> None:
        """Send a frame."""
        data = payload.encode() if isinstance(payload, str) else payload
        self.sock.sendall(encode_masked_frame(opcode, data, os.urandom(4), fin))

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame."""
        self.send(code.to_bytes(2, "big") + reason.encode(), CLOSE)

    def receive(self) -> tuple[int, bytes] | None:
        """Return the next frame, or `None` at the end of the connection."""
        while not self.frames:
            data = self._take(len(self._rest))
            if not data:
                if not self._more():
                    return None
                continue
            self.frames += self.reader.receive(data)
            assert self.reader.error is None, self.reader.error
        return self.frames.pop(0)

    def rest(self) -> list[tuple[int, bytes]]:
        """Return all frames until the server ends the connection."""
        frames = []
        while (frame := self.receive()) is not None:
            frames.append(frame)
        return frames

    def _take(self, size: int) -> bytes:
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def _more(self) -> bool:
        try:
            data = self.sock.recv(1 << 16)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        self._rest += data
        self.ended = not data
        return bool(data)


KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455, 1.3."""


def handshake(
    target: str | bytes = "/", *more: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1", drop: str = ""
) -> bytes:
    """Return a handshake: with lines in addition to the usual ones, without those whose names begin with `drop`."""
    lines = [
        b"Host: localhost",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: " + KEY,
        b"Sec-WebSocket-Version: 13",
    ]
    target = target.encode() if isinstance(target, str) else target
    kept = [line for line in lines if not drop or not line.startswith(drop.encode())]
    return b"\r\n".join([b"%s %s %s" % (method, target, version), *kept, *more, b"", b""])


def head_of(answer: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of an answer."""
    first, *lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    return int(first.split()[1]), {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}


def on_loop(live: Live, function: Any) -> Any:
    """Run a function on the server's loop."""
    loop: asyncio.AbstractEventLoop = live.server.servers[0].get_loop()

    async def call() -> Any:
        return function()

    return asyncio.run_coroutine_threadsafe(call(), loop).result(DEADLINE)
