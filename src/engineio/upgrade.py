"""The upgrade from polling: what the first two messages of a WebSocket that wants to take over have to be."""

from __future__ import annotations

from typing import Any

from .interfaces import DirectLink, reason
from .packet import PROBE_ANSWER, Outgoing

__all__ = ["Candidate"]


class Candidate:
    """A WebSocket that tries to become the transport of a socket: what its first two messages have to be."""

    __slots__ = ("bucket", "halted", "link", "probed", "socket")

    bucket: int | None
    outbox = ()
    """A candidate sends nothing but its answer to the probe."""

    def __init__(self, socket: Any, link: DirectLink) -> None:  # a `protocol.Socket`, which makes it
        self.socket = socket
        self.link = link
        self.probed = False
        self.halted = False
        self.bucket = None

    def receive_text(self, data: bytes) -> None:
        """Takes the probe, then the upgrade; anything else ends the attempt, but not the connection."""
        socket = self.socket
        if data == b"2probe" and not self.probed:
            # Engine.IO v4, "Upgrade": the server answers the probe, then releases the poll with a noop packet.
            self.probed = True
            self.link.send(PROBE_ANSWER)
            socket.link.flush()
        elif data == b"5" and self.probed:
            socket.host.unschedule(self)
            self.link.target = socket
            socket.finish_upgrade(self.link)
        else:
            self.fail()

    def receive_binary(self, data: bytes) -> None:
        """A binary message can be neither."""
        self.fail()

    def take(self) -> list[Outgoing]:
        """A candidate has no outbox."""
        return []

    def fail(self, why: str = reason.TRANSPORT_ERROR, code: int = 1002) -> None:
        """Closes the candidate; polling goes on."""
        self.lost()
        self.link.close(code, why)

    def lost(self, why: str = reason.TRANSPORT_CLOSE) -> None:
        """The WebSocket is gone before it was of use."""
        self.halted = True
        self.socket.host.unschedule(self)
        self.socket.abort_upgrade(self)

    def close(self, why: str = reason.SERVER_DISCONNECT, code: int = 1000) -> None:
        """Ends the attempt because the connection or the server ends."""
        self.lost()
        self.link.close(code, why)

    def expire(self, now: float) -> None:
        """The upgrade took too long."""
        self.fail(code=1000)
