"""The links that have no stream of their own: long-polling, and the stand-in for a WebSocket not yet accepted."""

from __future__ import annotations

from collections.abc import Callable

from .interfaces import reason
from .packet import END, NOTHING, Outgoing
from .protocol import Socket, State

__all__ = ["PATIENCE", "PendingLink", "PollingLink"]


PATIENCE = 0.1
"""How long the answer to a handshake of Engine.IO 3 waits for what is to go out with it, in seconds: a round trip is
saved where the connect handler does not take longer."""


class PendingLink:
    """Stands in for a WebSocket that is not accepted yet."""

    __slots__ = ()

    name = "websocket"

    def flush(self) -> None:
        """Nothing is sent before the handshake has been answered."""

    def close(self, code: int, reason: str) -> None:
        """There is nothing to close."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""


class PollingLink:
    """Long-polling: at most one GET waits for packets, at most one POST brings some.

    Attributes:
        wake: What to call when the waiting GET can be answered; `None` while none waits.
        posting: Whether a POST is being taken in.
        proceed: What to call when a halted POST may go on.
    """

    __slots__ = ("final", "posting", "proceed", "socket", "wake")

    name = "polling"

    def __init__(self) -> None:
        self.socket: Socket = None  # type: ignore[assignment]  # set right after the socket is made, which needs it
        self.wake: Callable[[], None] | None = None
        self.posting = False
        self.proceed: Callable[[], None] | None = None
        self.final: list[Outgoing] | None = None

    def begin_poll(self) -> bool:
        """Admits a GET; two at a time break the protocol, which ends the connection.

        Engine.IO v4 suite, "closes the session upon duplicate poll requests": the first one is answered with a
        close packet.
        """
        if self.wake is None:
            return True
        self.socket.lost(reason.TRANSPORT_ERROR)
        return False

    def begin_post(self) -> bool:
        """Admits a POST; two at a time break the protocol, which ends the connection."""
        if self.posting:
            self.socket.fail()
            return False
        self.posting = True
        return True

    def ready(self) -> bool:
        """Whether a GET can be answered without waiting."""
        socket = self.socket
        return bool(socket.outbox) or self.final is not None or socket.upgrading or socket.state is State.CLOSED

    def take(self) -> list[Outgoing]:
        """Returns the packets for the answer of a GET; a noop if there are none."""
        socket = self.socket
        if self.final is not None:
            return self.final or [NOTHING]
        messages = socket.take()
        if socket.state is State.CLOSING:
            socket.end(reason.SERVER_DISCONNECT, 1000)
        # Engine.IO v4, "Upgrade": "a noop packet" releases the poll.
        return messages or [NOTHING]

    def flush(self) -> None:
        """Answers the waiting GET, if one waits and there is something to say."""
        wake = self.wake
        if wake is not None and self.ready():
            self.wake = None
            wake()

    def close(self, code: int, reason: str) -> None:
        """Answers the waiting GET with what is left."""
        socket = self.socket
        if socket.link is not self:  # an upgrade: what is in the outbox belongs to the WebSocket
            self.final = []
        elif socket.state is State.CLOSED and self.final is None:
            # Engine.IO v4, "Close": a close packet tells the client, unless it was the client that closed.
            self.final = socket.take()
            if not self.final or self.final[-1] is not NOTHING:
                self.final.append(END)
        for wake in (self.wake, self.proceed):
            if wake is not None:
                wake()
        self.wake = self.proceed = None

    def pause_reading(self) -> None:
        """Nothing to do: the POST that is being taken in looks at `socket.halted` after every packet."""

    def resume_reading(self) -> None:
        """Lets the POST go on that was stopped by `halted`."""
        proceed, self.proceed = self.proceed, None
        if proceed is not None:
            proceed()
