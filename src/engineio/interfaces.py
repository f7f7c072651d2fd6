"""What a socket, its transports, its server and its user ask of each other: interfaces, and the reasons of an end."""

from __future__ import annotations

from typing import Any, Final, Protocol

from .packet import Outgoing

__all__ = ["DirectLink", "Host", "Link", "OldReceiver", "Receiver", "Target", "reason"]


class reason:
    """Why a connection ended, as the disconnect handlers hear it."""

    SERVER_DISCONNECT: Final = "server disconnect"
    CLIENT_DISCONNECT: Final = "client disconnect"
    PING_TIMEOUT: Final = "ping timeout"
    TRANSPORT_CLOSE: Final = "transport close"
    TRANSPORT_ERROR: Final = "transport error"


class Receiver(Protocol):
    """What takes the messages of a socket: an application protocol such as Socket.IO, or the program's handlers."""

    def receive_text(self, data: bytes) -> None:
        """Takes a text message, UTF-8."""

    def receive_binary(self, data: bytes) -> None:
        """Takes a binary message."""

    def closed(self, reason: str) -> None:
        """Called exactly once, when the connection has ended after it was open."""


class OldReceiver(Receiver, Protocol):
    """What takes the messages of a socket of Engine.IO 3."""

    def opened(self) -> None:
        """Called once, when the handshake is about to be answered: what is sent now goes out with the answer."""


class Link(Protocol):
    """A transport as a socket sees it. None of its methods waits."""

    name: str
    """`polling` or `websocket`."""

    def flush(self) -> None:
        """Sends what the socket's outbox holds, as far as the transport takes it."""

    def close(self, code: int, reason: str) -> None:
        """Sends what can be sent, then closes the transport; `code` as in RFC 6455, section 7.4.1."""

    def pause_reading(self) -> None:
        """The socket is halted: nothing more is to be given to it."""

    def resume_reading(self) -> None:
        """The socket goes on: first what was kept back, then the transport."""


class DirectLink(Link, Protocol):
    """A WebSocket, which can also send what is in no outbox."""

    target: Any
    """What its messages go to."""

    def send(self, message: Outgoing) -> None:
        """Sends one message past the outbox."""


class Host(Protocol):
    """What a socket needs of its server."""

    ping_interval: float
    ping_interval_grace_period: float
    ping_timeout: float
    monitor_clients: bool
    upgrade_timeout: float
    max_send_queue: int

    dirty: list[Any]
    """The sockets whose links are to be flushed soon. Whoever puts the first one in calls `wake()` before."""

    def wake(self) -> None:
        """Has the links of the sockets in `dirty` flushed soon, and then begins a new list."""

    def schedule(self, item: Any, delay: float) -> None:
        """Sets the deadline of `item` to `delay` seconds from now."""

    def unschedule(self, item: Any) -> None:
        """Removes the deadline of `item`."""

    def forget(self, socket: Any) -> None:
        """Removes the socket from the table of sids."""

    def build_environ(self, source: Any) -> dict[str, Any]:
        """Returns the WSGI-style dictionary of a handshake; `source` is what the binding has kept of it."""


class Target(Protocol):
    """What the messages of a link go to: a `Socket`, a `Candidate`, or anything that speaks over a WebSocket."""

    halted: bool
    outbox: Any
    """The messages that wait to be sent; empty for what has only answers to give."""
    pending: int
    """The size of the outbox in bytes."""

    def take(self) -> list[Outgoing]:
        """Removes and returns what is to be sent."""

    def receive_text(self, data: bytes) -> None:
        """Takes a text message."""

    def receive_binary(self, data: bytes) -> None:
        """Takes a binary message."""

    def lost(self, why: str = ...) -> None:
        """The link is gone."""

    def fail(self, why: str = ..., code: int = ...) -> None:
        """The peer broke the rules; the target closes the link with this code."""

    def close(self, why: str = ..., code: int = ...) -> None:
        """This side ends it; the target closes the link with this code."""
