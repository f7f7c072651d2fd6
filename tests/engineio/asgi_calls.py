"""Calls of an ASGI application without a server: the three arguments are a dictionary, a queue and a list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from engineio import AsyncServer

QUERY = "EIO=4&transport=polling"
HEADERS = [(b"host", b"example.test"), (b"user-agent", b"test")]


def http_scope(path: str = "/engine.io/", query: str = "", method: str = "GET", **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": HEADERS,
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        **more,
    }


def websocket_scope(path: str = "/engine.io/", query: str = "", **more: Any) -> dict[str, Any]:
    scope = http_scope(path, query) | {"type": "websocket", "scheme": "ws", "subprotocols": []}
    del scope["method"]
    return scope | more


@dataclass
class Answer:
    """What the application has answered."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]


class HttpCall:
    """One HTTP request, as a task."""

    def __init__(
        self, app: Any, scope: dict[str, Any], chunks: Iterable[bytes] = (b"",), complete: bool = True
    ) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        parts = list(chunks)
        for index, chunk in enumerate(parts):
            more = not complete or index < len(parts) - 1
            self.incoming.put_nowait({"type": "http.request", "body": chunk, "more_body": more})
        self.task = asyncio.ensure_future(app(scope, self.incoming.get, self._send))

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    def disconnect(self) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def answer(self) -> Answer:
        await self.task
        start, *bodies = self.sent
        assert start["type"] == "http.response.start"
        assert all(message["type"] == "http.response.body" for message in bodies)
        body = b"".join(message.get("body", b"") for message in bodies)
        answer = Answer(start["status"], start["headers"], body)
        assert answer.header(b"content-length") == [str(len(body)).encode()]
        return answer


async def get(app: Any, path: str = "/engine.io/", query: str = "", **more: Any) -> Answer:
    return await HttpCall(app, http_scope(path, query, **more)).answer()


async def post(app: Any, query: str, *chunks: bytes, **more: Any) -> Answer:
    scope = http_scope(query=query, **({"method": "POST"} | more))
    return await HttpCall(app, scope, chunks).answer()


class WebSocketCall:
    """One WebSocket, as a task."""

    def __init__(self, app: Any, scope: dict[str, Any]) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None
        """What sending raises from now on."""
        self.private_codes = False
        """Whether only the close codes of applications are taken."""
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(app(scope, self.incoming.get, self._send))

    async def _send(self, message: Any) -> None:
        if self.error is not None:
            raise self.error
        if self.private_codes and 1000 < message.get("code", 1000) < 3000:
            raise ValueError("invalid close code")
        if self.gate is not None:
            await self.gate.wait()
        assert not any(earlier["type"] == "websocket.close" for earlier in self.sent), "a message after the end"
        self.sent.append(message)

    def text(self, *texts: str) -> None:
        for text in texts:
            self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    def binary(self, data: bytes) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "bytes": data, "text": None})

    def disconnect(self, code: int = 1001) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": code})

    def take(self) -> list[Any]:
        """Takes what the application has sent: texts and bytes as they are, everything else as its type."""
        sent = [message.get("text") or message.get("bytes") or message["type"] for message in self.sent]
        closes = [message for message in self.sent if message["type"] == "websocket.close"]
        self.sent[:] = closes  # so that a message after the end is seen
        return sent

    @property
    def close_code(self) -> int | None:
        codes = [message.get("code", 1000) for message in self.sent if message["type"] == "websocket.close"]
        return codes[0] if codes else None


async def turn(times: int = 20) -> None:
    """Lets what is ready run."""
    for _ in range(times):
        await asyncio.sleep(0)


class Client:
    """A polling client of a server; what the handlers hear is kept in `heard`."""

    def __init__(self, server: AsyncServer) -> None:
        self.server = server
        self.sid = ""

    async def connect(self) -> Answer:
        answer = await get(self.server.handle_request, query=QUERY)
        if answer.status == 200:
            self.sid = json.loads(answer.body[1:])["sid"]
        return answer

    @property
    def query(self) -> str:
        return f"{QUERY}&sid={self.sid}"

    async def poll(self) -> Answer:
        return await get(self.server.handle_request, query=self.query)

    def begin_poll(self) -> HttpCall:
        return HttpCall(self.server.handle_request, http_scope(query=self.query))

    async def post(self, *chunks: bytes, **more: Any) -> Answer:
        return await post(self.server.handle_request, self.query, *chunks, **more)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Has a test without arguments run inside a loop."""

    def function() -> None:
        asyncio.run(test())

    function.__name__ = test.__name__
    return function
