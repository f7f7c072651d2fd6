"""A WebSocket handshake that may be accepted: what the binding attaches the accepted WebSocket to."""

from __future__ import annotations

from .base_server import BaseServer
from .interfaces import DirectLink, reason
from .packet import Outgoing
from .protocol import Socket, State

__all__ = ["Admitted"]


class Admitted:
    """A WebSocket handshake that may be accepted."""

    __slots__ = ("server", "socket", "upgrade")

    def __init__(self, server: BaseServer, socket: Socket, upgrade: bool) -> None:
        self.server = server
        self.socket = socket
        self.upgrade = upgrade

    def attach(self, link: DirectLink) -> None:
        """Connects the accepted WebSocket with its socket."""
        socket = self.socket
        if self.upgrade:
            candidate = socket.begin_upgrade(link)
            if candidate is None:
                # Suite, "ignores WebSocket connection with same sid after upgrade": it is accepted, then closed.
                link.target = Late()
                link.close(1000, "no upgrade possible")
            else:
                link.target = candidate
            return
        if socket.state is State.CLOSED:  # by the program or the server's end, while the WebSocket was being accepted
            socket.abandon(reason.SERVER_DISCONNECT)
            link.target = Late()
            link.close(1000, "closed")
            return
        link.target = socket
        socket.link = link
        socket.open(self.server.handshake(socket), self.server.first_ping())

    def abandon(self) -> None:
        """The client has gone before its WebSocket could be accepted."""
        if not self.upgrade:
            self.socket.abandon(reason.TRANSPORT_CLOSE)


class Late:
    """The target of a WebSocket that is closed as soon as it is accepted."""

    __slots__ = ()

    halted = True

    def take(self) -> list[Outgoing]:
        """Nothing is to be sent."""
        return []

    def receive_text(self, data: bytes) -> None:
        """Whatever comes is ignored."""

    def receive_binary(self, data: bytes) -> None:
        """Whatever comes is ignored."""

    def lost(self, why: str = "") -> None:
        """Nobody minds."""

    def fail(self, why: str = "", code: int = 1002) -> None:
        """It is closed already."""

    def close(self, why: str = "", code: int = 1000) -> None:
        """It is closed already."""
