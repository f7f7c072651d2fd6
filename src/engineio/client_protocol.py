"""The state machine of one connection as its client sees it: packets in, messages and answers out. No I/O, no clock.

A shell reads from the transport and calls `open` and `receive_*`; it sends what `take` and `take_payload` return.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from .client_revisions import NEWEST, ClientRevision, revision_of
from .exceptions import ConnectionError, ProtocolError, UnknownPacketError
from .handshake import USUAL_MAX_PAYLOAD, Handshake, read_handshake
from .interfaces import Receiver, reason
from .packet import CLOSE, END, MESSAGE, NOOP, OPEN, PING, PING_PACKET, PONG, Outgoing, packet_names

__all__ = ["ANOTHER", "NOTHINGS", "PROBE", "PROBE_ANSWER", "UPGRADE", "ClientHost", "ClientSocket", "ClientState"]

PROBE = b"2probe"
"""The first message of a WebSocket that a connection may move to."""
PROBE_ANSWER = b"3probe"
"""What the server says to that; the next step is to end the polling."""
UPGRADE = b"5"
"""The last step: from here on the WebSocket carries the connection."""

NOTHINGS = (b"6", b"1:6", b"\0\1\xff6")
"""The payloads of a server that has nothing to say."""

ANOTHER = "The server speaks Engine.IO 3: another connection has to be made, with the query that such a server gets"


class ClientState(enum.Enum):
    """The life of a connection, in this order."""

    OPENING = enum.auto()
    OPEN = enum.auto()
    CLOSED = enum.auto()


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

    Args:
        host: The shell.
        loads: Decodes JSON.
        revision: Which revision of the protocol to begin with.
        fixed: Whether the server has to speak that one.

    Attributes:
        host: The shell.
        receiver: What takes the messages; set before the first packet.
        state: Where in its life it is.
        transport: `polling` or `websocket`.
        handshake: What the server has said; `None` before.
        revision: The one that is spoken.
        certain: Whether the server is known to speak it. Over a WebSocket the old handshake looks like the new one.
        deadline: When the server will have been silent for too long, in seconds, monotonic.
        queued: How many bytes wait to be sent, about.
        halted: Whether nothing more is to be read for now.
        why: Why it was closed; one of `engineio.interfaces.reason`.
        error: What the server did wrong, if that closed it.
    """

    __slots__ = (
        "_fixed",
        "_leaving",
        "_loads",
        "_outbox",
        "_patience",
        "_ping_at",
        "certain",
        "deadline",
        "error",
        "halted",
        "handshake",
        "host",
        "queued",
        "receiver",
        "revision",
        "state",
        "transport",
        "why",
    )

    def __init__(
        self, host: ClientHost, loads: Callable[[bytes], Any], revision: ClientRevision = NEWEST, fixed: bool = True
    ) -> None:
        self.host = host
        self.revision = revision
        self.certain = fixed
        self.receiver: Receiver | None = None
        self.state = ClientState.OPENING
        self.transport = ""
        self.handshake: Handshake | None = None
        self.deadline = inf
        self.queued = 0
        self.halted = False
        self.why = ""
        self.error: Exception | None = None
        self._fixed = fixed
        self._loads = loads
        self._patience = 0.0
        self._ping_at = inf
        self._outbox: deque[Outgoing] = deque()
        self._leaving = ""

    @property
    def sid(self) -> str | None:
        """The id that the server has given to the connection."""
        return None if self.handshake is None else self.handshake.sid

    @property
    def due(self) -> float:
        """When to call `expire` next."""
        return min(self.deadline, self._ping_at)

    # In

    def open(self, packet: bytes, transport: str, now: float) -> Handshake:
        """Takes the first packet of a connection.

        Raises:
            ProtocolError: if it is not a handshake, or comes after the end.
        """
        if self.state is not ClientState.OPENING:
            raise ProtocolError("the connection was given up before the handshake came")
        if packet[:1] != b"0":
            raise self._no_handshake()
        handshake = self.handshake = read_handshake(packet[1:], self._loads)
        self._patience = handshake.ping_interval + handshake.ping_timeout
        self.transport = transport
        self.state = ClientState.OPEN
        self.deadline = now + self._patience
        # A server that is asked for the old revision speaks it, or refuses.
        self.certain = self.certain or handshake.is_newer or self.revision is not NEWEST
        if self.revision.pings or not self.certain:
            self._ping_at = now + handshake.ping_interval
        return handshake

    def _no_handshake(self) -> ProtocolError:
        return ProtocolError(f"the server's first packet is not a handshake of Engine.IO {self.revision.number}")

    def open_payload(self, body: bytes, now: float) -> list[tuple[int, bytes, bool]]:
        """Takes the answer to a polling handshake.

        Returns:
            The other packets, for `receive_packets`.

        Raises:
            ProtocolError: if it does not begin with a handshake.
        """
        revision = revision_of(body)
        if revision is None or (self._fixed and revision is not self.revision):
            raise self._no_handshake()
        self.revision = revision
        self.certain = True
        packets = revision.decode_payload(body)
        if not packets:
            raise self._no_handshake()
        self.open(b"%d%b" % packets[0][:2], "polling", now)
        return packets[1:]

    def adopt(self, revision: ClientRevision) -> None:
        """The server has turned out to speak this revision, over a WebSocket."""
        self.revision = revision
        self.certain = True

    def receive_payload(self, body: bytes, now: float) -> None:
        """Takes the answer to a poll. A wrong one closes the connection."""
        if not body:
            return self.fail(ProtocolError("an empty payload"))
        try:
            packets = self.revision.decode_payload(body)
        except ProtocolError as exc:
            return self.fail(exc)
        self.deadline = now + self._patience
        self.receive_packets(packets)

    def receive_packets(self, packets: list[tuple[int, bytes, bool]]) -> None:
        """Takes the packets of a payload."""
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
        prefix = self.revision.binary_prefix
        if prefix:
            if not data.startswith(prefix):
                return self.fail(UnknownPacketError("a binary packet that is no message"))
            data = data[len(prefix) :]
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
            # Engine.IO v4, "Heartbeat": the server pings, the client answers with the same data.
            self._push_control(Outgoing(b"3" + data))
        elif kind == CLOSE:
            self.close(reason.SERVER_DISCONNECT)
        elif kind not in (NOOP, PONG):
            self.fail(ProtocolError(f"unexpected {packet_names[kind]} packet"))

    def _push_control(self, packet: Outgoing) -> None:
        """Puts a ping or pong before all that fills the outbox: the server counts the seconds."""
        outbox = self._outbox
        if outbox and outbox[0].text is not None and outbox[0].text[:1] == packet.text[:1]:  # type: ignore[index]
            # The last one stands for them all, so that a server that pings and does not read costs nothing.
            self.queued -= outbox.popleft().size
        outbox.appendleft(packet)
        self.queued += packet.size
        self.host.wake()

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
        revision = self.revision
        length = -len(revision.separator)
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
            segment = revision.segment(message)
            length += len(revision.separator) + len(segment)
            if segments and length > limit:
                break
            segments.append(segment)
            outbox.popleft()
            self.queued -= message.size
        return revision.separator.join(segments)

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
        """Pings if it is time for that, and closes the connection if the server has been silent for too long.

        Returns:
            Whether it is closed.
        """
        if now >= self._ping_at:
            self._ping_at = inf
            if self.revision.pings and self.handshake is not None:
                # Engine.IO v3, "ping": "Sent by the client. Server should answer with a pong packet".
                self._ping_at = now + self.handshake.ping_interval
                self._push_control(PING_PACKET)
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
        self.deadline = self._ping_at = inf
        self._outbox.clear()
        self.queued = 0
        self.host.closed()
        if opened and self.receiver is not None:
            self.receiver.closed(self.why)
