"""A raw client of Engine.IO 3: packets behind their lengths, and pings of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from protocol_client import Answer, ProtocolClient, WebSocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BYTES = {"Content-Type": "application/octet-stream"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def payload(*packets: str) -> str:
    """Return packets as a body of text."""
    return "".join(f"{len(packet.encode('utf-16-le')) // 2}:{packet}" for packet in packets)


def packets_of(body: str) -> list[str]:
    """Return the packets of a body of text, without characters beyond 16 bits."""
    packets = []
    while body:
        length, _, body = body.partition(":")
        packets.append(body[: int(length)])
        assert len(packets[-1]) == int(length), packets
        body = body[int(length) :]
    return packets


class OldClient(ProtocolClient):
    """A client of Engine.IO 3 or of Socket.IO 2; it sends no pings but those of the test."""

    def query(self, **query: str | None) -> dict[str, str]:
        """Return the query of a request."""
        return super().query(**{"EIO": "3", **query})

    async def handshake(self, headers: Mapping[str, str] | None = None, **query: str | None) -> Answer:
        """Open a session by polling."""
        self.sid = ""
        answer = await self.request(headers=headers, **query)
        assert answer.status == 200, answer
        opened = packets_of(answer.text)[0]
        assert opened.startswith("0"), answer
        self.open_packet = json.loads(opened[1:])
        self.sid = self.open_packet["sid"]
        return answer

    async def post(self, *packets: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a payload of text."""
        headers = {"Content-Type": "text/plain;charset=UTF-8", **(headers or {})}
        return await self.request("POST", payload(*packets).encode(), headers=headers)

    async def poll_packets(self, count: int) -> list[str]:
        """Poll until there are `count` packets."""
        packets: list[str] = []
        while len(packets) < count:
            answer = await self.poll()
            assert answer.status == 200, answer
            packets += packets_of(answer.text)
        return packets

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[WebSocket]:
        """A WebSocket that is in the main namespace, with the CONNECT packet and the event `auth` read."""
        async with self.websocket_session() as ws:
            assert await ws.receive() == "40"
            assert await ws.receive() == '42["auth",{}]'
            yield ws
