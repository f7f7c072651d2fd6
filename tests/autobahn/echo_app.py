"""An echo over WebSockets that are taken over, as an ASGI application on the embedded server."""

from __future__ import annotations

import sys
from typing import Any

from engineio.asyncio.takeover import TakenOver
from engineio.bindings import embedded
from engineio.bindings.asgi import TAKEOVER
from engineio.interfaces import reason
from engineio.packet import Outgoing

MAX_SIZE = 17 << 20
"""The largest message of the cases has 16 MiB."""


class Echo:
    """The target of one WebSocket: it sends back what it gets."""

    halted = False
    outbox = ()
    """Nothing ever waits to be sent."""

    def __init__(self, link: TakenOver) -> None:
        self.link = link

    def take(self) -> list[Outgoing]:
        """Removes nothing."""
        return []

    def receive_text(self, data: bytes) -> None:
        """Sends a text back."""
        self.link.send(Outgoing(data))

    def receive_binary(self, data: bytes) -> None:
        """Sends a binary message back."""
        self.link.send(Outgoing(None, (data,)))

    def lost(self, why: str = reason.TRANSPORT_CLOSE) -> None:
        """Whoever is gone gets no more."""
        self.halted = True

    def fail(self, why: str = reason.TRANSPORT_ERROR, code: int = 1002) -> None:
        """The client broke the protocol."""
        self.halted = True
        self.link.close(code, why)

    def close(self, why: str = reason.SERVER_DISCONNECT, code: int = 1000) -> None:
        """The server stops."""
        self.halted = True
        self.link.close(code, why)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Takes over whatever connects."""
    assert scope["type"] == "websocket"
    await receive()
    link = TakenOver(MAX_SIZE)
    link.target = Echo(link)
    head = scope["extensions"][TAKEOVER](link)
    if head is not None:
        link.begin(head)


if __name__ == "__main__":
    embedded.run(app, port=0, loop=sys.argv[1], lifespan="off", log_level="info")
