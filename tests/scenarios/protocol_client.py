"""A raw Engine.IO client: what a test says is what goes over the wire, and the answers come back unread."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import WSMsgType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from multidict import CIMultiDictProxy

SEPARATOR = "\x1e"
"""Between the packets of a polling payload."""

PING, PONG, NOOP = "2", "3", "6"

# Status, code and message of each error.
TRANSPORT_UNKNOWN = (400, 0, "Transport unknown")
SESSION_ID_UNKNOWN = (400, 1, "Session ID unknown")
BAD_HANDSHAKE_METHOD = (400, 2, "Bad handshake method")
BAD_REQUEST = (400, 3, "Bad request")
UNSUPPORTED_PROTOCOL_VERSION = (400, 5, "Unsupported protocol version")

UPGRADE_HEADERS = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@dataclass(frozen=True)
class Answer:
    """One HTTP response, read to its end and not decompressed."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def packets(self) -> list[str]:
        """The packets of the polling payload."""
        return self.text.split(SEPARATOR)

    @property
    def error(self) -> tuple[int, int, str]:
        """The status, code and message of an error; fails if the body is not exactly that."""
        assert self.headers["Content-Type"].split(";")[0] == "application/json", self
        assert self.json.keys() == {"code", "message"}, self
        return self.status, self.json["code"], self.json["message"]


class WebSocket:
    """One WebSocket connection of a client."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws

    @property
    def local_port(self) -> int:
        """The port of this end."""
        port: int = self._ws.get_extra_info("sockname")[1]
        return port

    async def send(self, *messages: str | bytes) -> None:
        """Send each message as a frame of its own: text or binary."""
        for message in messages:
            if isinstance(message, str):
                await self._ws.send_str(message)
            else:
                await self._ws.send_bytes(message)

    async def send_broken_text(self, data: bytes) -> None:
        """Send a text frame with any bytes."""
        await self._ws.send_frame(data, WSMsgType.TEXT)

    async def receive(self) -> str | bytes:
        """Return the next message, whatever it is."""
        message = await self._ws.receive()
        assert message.type in (WSMsgType.TEXT, WSMsgType.BINARY), f"closed with {self._ws.close_code}: {message}"
        data: str | bytes = message.data
        return data

    async def receive_past_pings(self) -> str | bytes:
        """Return the next message that is no ping, and answer each ping before it."""
        while True:
            message = await self.receive()
            if message != PING:
                return message
            await self.send(PONG)

    async def receive_many(self, count: int) -> list[str | bytes]:
        """Return the next `count` messages that are no pings."""
        return [await self.receive_past_pings() for _ in range(count)]

    async def wait_closed(self) -> int | None:
        """Wait for the server to close, reading past what it still sends; return the close code."""
        while True:
            message = await self._ws.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return self._ws.close_code
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Close this end."""
        await self._ws.close()


class ProtocolClient:
    """A client of the Engine.IO or Socket.IO server at one path; use it as `async with`.

    Args:
        url: Scheme, host and port.
        path: Where the server is.

    Attributes:
        sid: The Engine.IO session id after a handshake.
        open_packet: What the handshake told.
    """

    def __init__(self, url: str, path: str) -> None:
        self.url = url + path
        self.sid = ""
        self.open_packet: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        async def headers_sent(session: Any, context: Any, params: Any) -> None:
            if context.trace_request_ctx is not None:
                context.trace_request_ctx.set()

        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(headers_sent)
        self._http = aiohttp.ClientSession(
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding", "User-Agent"),
            trace_configs=[trace],
        )

        # A connection whose upgrade was refused is not used again: not every server keeps it open.
        self._upgrade_http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding", "User-Agent"),
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.close()
        await self._upgrade_http.close()

    def query(self, **query: str | None) -> dict[str, str]:
        """Return the query of a request: the usual one with `query` over it, without what is `None`."""
        defaults = {"EIO": "4", "transport": "polling", "sid": self.sid or None}
        return {name: value for name, value in (defaults | query).items() if value is not None}

    async def request(
        self,
        method: str = "GET",
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        sent: asyncio.Event | None = None,
        **query: str | None,
    ) -> Answer:
        """Send one HTTP request; `sent` is set once its headers are on their way."""
        async with self._http.request(
            method, self.url, params=self.query(**query), data=data, headers=headers, trace_request_ctx=sent
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def handshake(self, headers: Mapping[str, str] | None = None, **query: str | None) -> Answer:
        """Open a session by polling."""
        self.sid = ""
        answer = await self.request(headers=headers, **query)
        assert answer.status == 200, answer
        assert answer.packets[0].startswith("0"), answer
        self.open_packet = json.loads(answer.packets[0][1:])
        self.sid = self.open_packet["sid"]
        return answer

    async def poll(self, **options: Any) -> Answer:
        """Fetch what the server has for the session, or wait for it."""
        return await self.request("GET", **options)

    async def poll_past_pings(self) -> list[str]:
        """Return the packets of the next poll that has any but pings; answers the pings."""
        while True:
            answer = await self.poll()
            assert answer.status == 200, answer
            packets = [packet for packet in answer.packets if packet != PING]
            if packets != answer.packets:
                await self.post(PONG)
            if packets:
                return packets

    async def poll_packets(self, count: int) -> list[str]:
        """Poll until there are `count` packets that are no pings."""
        packets: list[str] = []
        while len(packets) < count:
            packets += await self.poll_past_pings()
        return packets

    async def start_poll(self) -> asyncio.Task[Answer]:
        """Start a poll and return once its request should have arrived."""
        sent = asyncio.Event()
        task = asyncio.create_task(self.poll(sent=sent))
        await sent.wait()
        await asyncio.sleep(0.05)  # a server with threads may take up first what is sent a moment later
        return task

    async def post(self, *packets: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a payload of `packets`."""
        headers = {"Content-Type": "text/plain;charset=UTF-8", **(headers or {})}
        return await self.request("POST", SEPARATOR.join(packets).encode(), headers=headers)

    @asynccontextmanager
    async def websocket(
        self, headers: Mapping[str, str] | None = None, **query: str | None
    ) -> AsyncIterator[WebSocket]:
        """Open a WebSocket: for the session if there is one, else without the handshake being read."""
        query = {"transport": "websocket", **query}
        # A frame may be larger than aiohttp takes by default.
        async with self._upgrade_http.ws_connect(
            self.url, params=self.query(**query), headers=headers, max_msg_size=0
        ) as ws:
            yield WebSocket(ws)

    @asynccontextmanager
    async def websocket_session(self, **options: Any) -> AsyncIterator[WebSocket]:
        """Open a session by WebSocket and read its open packet."""
        self.sid = ""
        async with self.websocket(**options) as ws:
            packet = await ws.receive()
            assert isinstance(packet, str) and packet.startswith("0"), packet
            self.open_packet = json.loads(packet[1:])
            self.sid = self.open_packet["sid"]
            yield ws

    @asynccontextmanager
    async def upgraded_session(self) -> AsyncIterator[WebSocket]:
        """Open a session by polling and upgrade it."""
        await self.handshake()
        async with self.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            await ws.send("5")
            yield ws

    async def refused_websocket(self, headers: Mapping[str, str] | None = None, **query: str | None) -> Answer:
        """Ask for a WebSocket that the server refuses, and return its answer."""
        params = self.query(**{"transport": "websocket", **query})
        headers = {**UPGRADE_HEADERS, **(headers or {})}
        async with self._upgrade_http.get(self.url, params=params, headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())


async def assert_closed(eio: ProtocolClient) -> None:
    """The session is gone: its sid is unknown."""
    assert (await eio.poll()).error == SESSION_ID_UNKNOWN


def parse(message: str | bytes, prefix: str) -> Any:
    """Return the JSON behind `prefix`."""
    assert isinstance(message, str) and message.startswith(prefix), message
    return json.loads(message.removeprefix(prefix))


@asynccontextmanager
async def joined(sio: ProtocolClient, namespace: str = "") -> AsyncIterator[WebSocket]:
    """A WebSocket that has joined a namespace, with the answer and the event `auth` read."""
    async with sio.websocket_session() as ws:
        await ws.send(f"40{namespace}")
        assert parse(await ws.receive_past_pings(), f"40{namespace}").keys() == {"sid"}
        assert parse(await ws.receive_past_pings(), f"42{namespace}") == ["auth", {}]
        yield ws
