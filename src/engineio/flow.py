"""How many handlers of one client may be under way before its connection stops being read."""

from __future__ import annotations

from .protocol import Socket

__all__ = ["InFlight"]


class InFlight:
    """Counts the handlers of one connection and halts its socket while there are too many.

    Attributes:
        socket: The connection, or `None` where messages do not come from one.
        limit: How many handlers may be under way; 1 runs them one after the other.
        count: How many are.
    """

    __slots__ = ("count", "limit", "socket")

    def __init__(self, socket: Socket | None, limit: int) -> None:
        self.socket = socket
        self.limit = limit
        self.count = 0

    def started(self) -> None:
        """A handler was submitted."""
        self.count += 1
        if self.count >= self.limit:
            self.halt()

    def halt(self) -> None:
        """Stops the reading of the connection until enough handlers are over."""
        if self.socket is not None:
            self.socket.halt()

    def finished(self) -> None:
        """A handler is over. Reading goes on when half of them are, so that it does not stop again at once."""
        self.count -= 1
        socket = self.socket
        if socket is not None and socket.halted and self.count <= self.limit // 2:
            socket.proceed()
