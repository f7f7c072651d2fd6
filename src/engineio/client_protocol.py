"""The state machine of one connection as its client sees it: packets in, messages and answers out. No I/O, no clock.

A shell reads from the transport and calls `open` and `receive_*`; it sends what `take` and `take_payload` return.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from .config import TRANSPORTS
from .exceptions import ConnectionError, ProtocolError, UnknownPacketError
from .interfaces import Receiver, reason
from .packet import CLOSE, END, MESSAGE, NOOP, OPEN, PING, PONG, Outgoing, packet_names
from .payload import Revision4

__all__ = [
    "PROBE",
    "PROBE_ANSWER",
    "UPGRADE",
    "ClientHost",
    "ClientSocket",
    "ClientState",
    "Handshake",
    "read_handshake",
]

PROBE = b"2probe"
"""The first message of a WebSocket that a connection may move to."""
PROBE_ANSWER = b"3probe"
"""What the server says to that; the next step is to end the polling."""
UPGRADE = b"5"
"""The last step: from here on the WebSocket carries the connection."""

SHORTEST, LONGEST = 0.05, 86_400.0
"""Between which bounds the server's intervals are believed, in seconds."""

USUAL_MAX_PAYLOAD = 1_000_000
"""What the reference implementation takes by default, in bytes: for servers that do not say it, as Socket.IO 3."""

_LONGEST_SID = 256
_REVISION = Revision4()


class ClientState(enum.Enum):
    """The life of a connection, in this order."""

    OPENING = enum.auto()
    OPEN = enum.auto()
    CLOSED = enum.auto()


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the server says of a new connection."""

    sid: str
    upgrades: tuple[str, ...]
    """The transports that it may move to; only such as exist."""
    ping_interval: float
    """Seconds between two pings of the server."""
    ping_timeout: float
    """Seconds that the server waits for a pong."""
    max_payload: int
    """How many bytes an HTTP body may have."""


def read_handshake(data: bytes, loads: Callable[[bytes], Any]) -> Handshake:
    """Reads the content of an OPEN packet.

    Numbers that make no sense are replaced by the nearest that does, so that no server can make its clients spin.

    Raises:
        ProtocolError: if it is not the handshake of an Engine.IO 4 server.
    """
    try:
        content = loads(data)
    except ValueError as exc:
        raise ProtocolError("the handshake is not JSON") from exc
    if not isinstance(content, dict):
        raise ProtocolError("the handshake is not an object")
    sid = content.get("sid")
    if not isinstance(sid, str) or not 0 < len(sid) <= _LONGEST_SID or not sid.isprintable():
        raise ProtocolError("the handshake has no valid sid")
    upgrades = content.get("upgrades", [])
    if not isinstance(upgrades, list):
        raise ProtocolError("the upgrades of the handshake are not an array")
    max_payload = content.get("maxPayload")
    if max_payload is not None and not _is_number(max_payload):
        raise ProtocolError("the handshake's maxPayload is not a number")
    return Handshake(
        sid,
        tuple(name for name in TRANSPORTS if name in upgrades),
        _seconds(content, "pingInterval"),
        _seconds(content, "pingTimeout"),
        int(max_payload) if max_payload is not None and max_payload >= 1 else USUAL_MAX_PAYLOAD,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _seconds(content: dict[str, Any], name: str) -> float:
    value: Any = content.get(name)
    if not _is_number(value):
        raise ProtocolError(f"the handshake's {name} is not a number")
    # Compared before the division: an integer may be too large for a float.
    return SHORTEST if value < SHORTEST * 1000 else LONGEST if value > LONGEST * 1000 else float(value) / 1000


class ClientHost(Protocol):
    """What a connection needs of its shell."""

    def wake(self) -> None:
        """There is something to send."""

    def resume(self) -> None:
        """Reading may go on after a halt."""

    def closed(self) -> None:
        """The connection is over: the transport is to be closed. Called once."""


class ClientSocket:
    """One connection to a server, over one transport after the other.

    Attributes:
        host: The shell.
        receiver: What takes the messages; set before the first packet.
        state: Where in its life it is.
        transport: `polling` or `websocket`.
        handshake: What the server has said; `None` before.
        deadline: When the server will have been silent for too long, in seconds, monotonic.
        queued: How many bytes wait to be sent, about.
        halted: Whether nothing more is to be read for now.
        why: Why it was closed; one of `engineio.interfaces.reason`.
        error: What the server did wrong, if that closed it.
    """

    __slots__ = (
        "_leaving",
        "_loads",
        "_outbox",
        "_patience",
        "deadline",
        "error",
        "halted",
        "handshake",
        "host",
        "queued",
        "receiver",
        "state",
        "transport",
        "why",
    )

    def __init__(self, host: ClientHost, loads: Callable[[bytes], Any]) -> None:
        self.host = host
        self.receiver: Receiver | None = None
        self.state = ClientState.OPENING
        self.transport = ""
        self.handshake: Handshake | None = None
        self.deadline = inf
        self.queued = 0
        self.halted = False
        self.why = ""
        self.error: Exception | None = None
        self._loads = loads
        self._patience = 0.0
        self._outbox: deque[Outgoing] = deque()
        self._leaving = ""

    @property
    def sid(self) -> str | None:
        """The id that the server has given to the connection."""
        return None if self.handshake is None else self.handshake.sid

    # In

    def open(self, packet: bytes, transport: str, now: float) -> Handshake:
        """Takes the first packet of a connection.

        Raises:
            ProtocolError: if it is not a handshake, or comes after the end.
        """
        if self.state is not ClientState.OPENING:
            raise ProtocolError("the connection was given up before the handshake came")
        if packet[:1] != b"0":
            # What an Engine.IO 3 server sends over polling begins with the length of the packet.
            raise ProtocolError("the server's first packet is not a handshake of Engine.IO 4")
        handshake = self.handshake = read_handshake(packet[1:], self._loads)
        self._patience = handshake.ping_interval + handshake.ping_timeout
        self.transport = transport
        self.state = ClientState.OPEN
        self.deadline = now + self._patience
        return handshake

    def open_payload(self, body: bytes, now: float) -> bytes:
        """Takes the answer to a polling handshake.

        Returns:
            The rest of it, for `receive_payload`.

        Raises:
            ProtocolError: if it does not begin with a handshake.
        """
        first, _, rest = body.partition(b"\x1e")
        self.open(first, "polling", now)
        return rest

    def receive_payload(self, body: bytes, now: float) -> None:
        """Takes the answer to a poll. A wrong one closes the connection."""
        if not body:
            return self.fail(ProtocolError("an empty payload"))
        try:
            # The servers' content types differ, and nothing depends on them.
            packets = _REVISION.decode_payload(body, "")
        except ProtocolError as exc:
            return self.fail(exc)
        self.deadline = now + self._patience
        for kind, data, binary in packets:
            if self.state is not ClientState.OPEN:
                return
            self._receive(kind, data, binary)

    def receive_text(self, packet: bytes, now: float) -> None:
        """Takes a text message of the WebSocket, which is one packet. A wrong one closes the connection."""
        self.deadline = now + self._patience
        kind = packet[0] - 0x30 if packet else -1
        if kind == MESSAGE:
            if self.state is ClientState.OPEN:
                self.receiver.receive_text(packet[1:])  # type: ignore[union-attr]  # it is set before the first packet
        elif OPEN <= kind <= NOOP:
            self._receive(kind, packet[1:], False)
        else:
            self.fail(UnknownPacketError("unknown packet type"))

    def receive_binary(self, data: bytes, now: float) -> None:
        """Takes a binary message of the WebSocket."""
        self.deadline = now + self._patience
        if self.state is ClientState.OPEN:
            self.receiver.receive_binary(data)  # type: ignore[union-attr]

    def _receive(self, kind: int, data: bytes, binary: bool) -> None:
        if self.state is not ClientState.OPEN:
            return
        if kind == MESSAGE:
            assert self.receiver is not None
            if binary:
                self.receiver.receive_binary(data)
            else:
                self.receiver.receive_text(data)
        elif kind == PING:
            # Engine.IO v4, "Heartbeat": the server pings, the client answers with the same data. It does not wait
            # behind what fills the outbox: the server counts the seconds.
            pong = Outgoing(b"3" + data)
            outbox = self._outbox
            if outbox and outbox[0].text is not None and outbox[0].text.startswith(b"3"):
                # The last one answers them all, so that a server that pings and does not read costs nothing.
                self.queued -= outbox.popleft().size
            outbox.appendleft(pong)
            self.queued += pong.size
            self.host.wake()
        elif kind == CLOSE:
            self.close(reason.SERVER_DISCONNECT)
        elif kind not in (NOOP, PONG):
            self.fail(ProtocolError(f"unexpected {packet_names[kind]} packet"))

    # Out

    def push(self, message: Outgoing) -> None:
        """Puts a message into the outbox; after the end it is dropped."""
        if self.state is ClientState.OPEN:
            empty = not self._outbox
            self._outbox.append(message)
            self.queued += message.size
            if empty:
                self.host.wake()

    def pending(self) -> bool:
        """Returns whether anything waits to be sent."""
        return bool(self._outbox)

    def take(self) -> Outgoing | None:
        """Removes and returns the next message for a WebSocket; `None` if there is none."""
        if not self._outbox:
            return None
        message = self._outbox.popleft()
        self.queued -= message.size
        return message

    def take_burst(self, size: int, keep: int = 0) -> list[Outgoing]:
        """Removes and returns the next messages for a WebSocket.

        Args:
            size: How many bytes they may have together; the last one may exceed it.
            keep: How many messages to leave where they are.
        """
        messages: list[Outgoing] = []
        outbox = self._outbox
        while len(outbox) > keep and size > 0:
            message = outbox.popleft()
            messages.append(message)
            self.queued -= message.size
            size -= message.size
        return messages

    def take_payload(self) -> bytes:
        """Removes and returns as many packets as one HTTP body may hold, in order; empty if there is none.

        Engine.IO v4, "Handshake": maxPayload is the "maximum number of bytes per chunk, used by the client to
        aggregate packets into payloads". A packet that is longer goes alone: what to do with it is up to the server.
        """
        limit = self.handshake.max_payload if self.handshake is not None else USUAL_MAX_PAYLOAD
        segments: list[bytes] = []
        length = -1
        outbox = self._outbox
        while outbox:
            message = outbox[0]
            parts = len(message.attachments) + (message.text is not None)
            if parts > 1:
                # Each part is a packet of its own: they may go in bodies of their own, too.
                outbox.popleft()
                outbox.extendleft(Outgoing(None, (attachment,)) for attachment in reversed(message.attachments))
                if message.text is not None:
                    outbox.appendleft(Outgoing(message.text))
                continue
            segment = message.segment()
            length += 1 + len(segment)
            if segments and length > limit:
                break
            segments.append(segment)
            outbox.popleft()
            self.queued -= message.size
        return b"\x1e".join(segments)

    # Flow control

    def halt(self) -> None:
        """Nothing more is to be read until enough handlers are over."""
        self.halted = True

    def proceed(self) -> None:
        """Reading goes on."""
        self.halted = False
        self.host.resume()

    # The end

    def expire(self, now: float) -> bool:
        """Closes the connection if the server has been silent for too long; returns whether it is closed."""
        if self.state is ClientState.OPEN and now >= self.deadline:
            # Engine.IO v4, "Heartbeat": "If the client does not receive a ping packet within pingInterval +
            # pingTimeout, it SHOULD consider that the connection is closed."
            silence = ConnectionError(f"The server has said nothing for {self._patience:g} seconds")
            self.close(reason.PING_TIMEOUT, silence)
        return self.state is ClientState.CLOSED

    def fail(self, error: Exception) -> None:
        """The transport broke, or the server did something that it must not do."""
        self.close(reason.TRANSPORT_ERROR, error)

    def leave(self, why: str) -> None:
        """Says goodbye: the shell sends what is in the outbox and then calls `close`."""
        if self.state is ClientState.OPEN and not self._leaving:
            self._leaving = why
            self.push(END)

    def close(self, why: str, error: Exception | None = None) -> None:
        """Ends the connection; the receiver hears of it once."""
        if self.state is ClientState.CLOSED:
            return
        opened = self.state is ClientState.OPEN
        self.state = ClientState.CLOSED
        # That the server closes the transport after a goodbye is no error.
        self.why = self._leaving or why
        self.error = None if self._leaving else error
        self.deadline = inf
        self._outbox.clear()
        self.queued = 0
        self.host.closed()
        if opened and self.receiver is not None:
            self.receiver.closed(self.why)
