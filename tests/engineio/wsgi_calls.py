"""Calls of a WSGI application without a web server: an environ, and for a WebSocket one end of a TCP connection."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

import pytest

import engineio.sync.server
from engineio import Server
from engineio.websocket import TEXT, FrameReader, encode_masked_frame

LIMIT = 20.0
"""How long a test waits for something, in seconds."""

QUERY = "EIO=4&transport=polling"
KEY = base64.b64encode(bytes(16)).decode()
UPGRADE = {
    "HTTP_CONNECTION": "keep-alive, Upgrade",
    "HTTP_UPGRADE": "websocket",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": KEY,
}


def wait_until(condition: Callable[[], object]) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "nothing happens any more"
        time.sleep(0.0005)


@contextmanager
def serving(**options: Any) -> Iterator[Server]:
    """Gives a server; at its end no thread of it may be left."""
    before = set(threading.enumerate())
    server = Server(**options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engineio.sync.server, "LINGER", 0.02)
        yield server
        server.close(LIMIT)
        with server.core:
            server.deadlines.take_due(inf)
            server._due.notify()
        wait_until(lambda: set(threading.enumerate()) <= before)


@dataclass
class Answer:
    """What the application has answered."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


def make_environ(path: str = "/engine.io/", query: str = "", method: str = "GET", **more: Any) -> dict[str, Any]:
    """Returns a fresh environ, as servers make it."""
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "example.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "4321",
        "HTTP_HOST": "example.test",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }


def call(app: Any, environ: dict[str, Any]) -> Answer:
    """Calls an application."""
    answer = Answer()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        number, _, phrase = status.partition(" ")
        assert phrase, "PEP 3333: a status has a phrase"
        assert all(type(name) is str and type(value) is str for name, value in headers)
        answer.status, answer.headers = int(number), headers

    answer.body = b"".join(app(environ, start_response))
    return answer


def get(app: Any, path: str = "/engine.io/", query: str = "", **more: Any) -> Answer:
    """Sends a GET."""
    return call(app, make_environ(path, query, **more))


class Client:
    """A client that polls."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.query = QUERY
        self.sid = ""

    def connect(self, **more: Any) -> Answer:
        answer = get(self.server.handle_request, query=QUERY, **more)
        if answer.status == 200:
            self.sid = json.loads(answer.text.split("\x1e")[0][1:])["sid"]
            self.query = f"{QUERY}&sid={self.sid}"
        return answer

    def poll(self, **more: Any) -> Answer:
        return get(self.server.handle_request, query=self.query, **more)

    def post(self, body: bytes, **more: Any) -> Answer:
        more.setdefault("CONTENT_LENGTH", str(len(body)))
        more.setdefault("wsgi.input", io.BytesIO(body))
        return call(self.server.handle_request, make_environ(query=self.query, method="POST", **more))


class Running:
    """A call in a thread of its own."""

    def __init__(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._outcome: list[tuple[Any, BaseException | None]] = []
        self._call = (target, args, kwargs)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        target, args, kwargs = self._call
        try:
            self._outcome.append((target(*args, **kwargs), None))
        except BaseException as exc:
            self._outcome.append((None, exc))

    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Any:
        """Waits for the result, or raises what the call has raised."""
        self._thread.join(LIMIT)
        assert self._outcome, "it does not end"
        value, error = self._outcome[0]
        if error is not None:
            raise error
        return value


def connect(buffer: int | None = None) -> tuple[socket.socket, socket.socket]:
    """Connects two sockets, if wanted with small buffers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        peer = socket.socket()
        if buffer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        peer.connect(listener.getsockname())
        return listener.accept()[0], peer


class WebSocket:
    """A client with a WebSocket; the request's thread runs until the connection is over."""

    def __init__(self, app: Any, sid: str = "", buffer: int | None = None, **more: Any) -> None:
        self.own, self.peer = connect(buffer)
        self.peer.settimeout(LIMIT)
        query = "EIO=4&transport=websocket" + (sid and f"&sid={sid}")
        more = {"werkzeug.socket": self.own, **UPGRADE, **more}
        self.request = Running(call, app, make_environ(query=query, **more))
        self.head = b""
        self._frames: list[tuple[int, bytes]] = []
        self._reader = FrameReader(100_000_000, masked=False)

    def accepted(self) -> WebSocket:
        """Reads the answer to the handshake."""
        while not self.head.endswith(b"\r\n\r\n"):
            byte = self.peer.recv(1)
            assert byte, self.head
            self.head += byte
        assert self.head.startswith(b"HTTP/1.1 101 ")
        return self

    def opened(self) -> str:
        """Reads the answer to the handshake and the packet after it; returns the sid."""
        self.accepted()
        opcode, payload = self.receive()
        assert opcode == TEXT and payload[:1] == b"0"
        sid: str = json.loads(payload[1:])["sid"]
        return sid

    def send(self, opcode: int, payload: bytes = b"") -> None:
        self.peer.sendall(encode_masked_frame(opcode, payload, b"\x01\x02\x03\x04"))

    def text(self, *texts: bytes) -> None:
        """Sends texts in one write."""
        self.peer.sendall(b"".join(encode_masked_frame(TEXT, text, bytes(4)) for text in texts))

    def receive(self) -> tuple[int, bytes]:
        """Returns the next frame; EOFError at the end."""
        while not self._frames:
            data = self.peer.recv(1 << 18)
            if not data:
                raise EOFError
            self._frames += self._reader.receive(data)
            assert self._reader.error is None
        return self._frames.pop(0)

    def frames(self) -> list[tuple[int, bytes]]:
        """Returns all frames up to the end of the connection."""
        frames = []
        try:
            while True:
                frames.append(self.receive())
        except (EOFError, ConnectionError):
            return frames

    def end(self) -> Answer:
        """Waits for the end of the request."""
        answer: Answer = self.request.result()
        self.peer.close()
        self.own.close()
        return answer
