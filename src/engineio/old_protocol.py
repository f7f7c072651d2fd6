"""The state machine of a connection of Engine.IO 3: the client sends the pings, and binary packets have a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .exceptions import ProtocolError
from .interfaces import reason
from .packet import PING, PONG, PONG_PACKET, Outgoing
from .protocol import Socket, State
from .revision3 import decode_binary, decode_packet

__all__ = ["OldSocket"]


class OldSocket(Socket):
    """One connection of Engine.IO 3.

    Attributes:
        undecided: Whether its receiver has yet to say what goes out with the answer to the handshake.
        on_decided: What to call when it has.
    """

    __slots__ = ("on_decided", "undecided")

    receiver: Any  # an `interfaces.OldReceiver`

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.undecided = False
        self.on_decided: Callable[[], object] | None = None

    # Life

    def open(self, handshake: Outgoing, first_ping: float) -> None:
        """Answers the handshake; the first ping comes from the client."""
        super().open(handshake, self._patience())
        self.receiver.opened()

    def decided(self) -> None:
        """The receiver has said what goes out with the answer to the handshake."""
        self.undecided = False
        on_decided, self.on_decided = self.on_decided, None
        if on_decided is not None:
            on_decided()

    def push(self, message: Outgoing) -> None:
        """Puts a message into the outbox, in the form of this revision."""
        if message.attachments:
            for part in self.revision.adapt(message):
                super().push(part)
        else:
            super().push(message)

    # In

    def receive_text(self, data: bytes) -> None:
        """Takes one packet from a WebSocket text frame."""
        try:
            self.receive_packet(*decode_packet(data))
        except ProtocolError:
            self.fail()

    def receive_binary(self, data: bytes) -> None:
        """Takes one WebSocket binary frame."""
        self._heard()
        try:
            message = decode_binary(data)
        except ProtocolError:
            self.fail()
        else:
            self.receiver.receive_binary(message)

    def receive_packet(self, kind: int, data: bytes, binary: bool) -> None:
        """Takes one packet.

        Raises:
            ProtocolError: if a server does not take such a packet.
        """
        self._heard()
        if kind == PING:
            self._answer(data)
        elif kind == PONG:
            # The reference implementation: "invalid heartbeat direction".
            self.fail()
            raise ProtocolError("a pong goes the wrong way")
        else:
            super().receive_packet(kind, data, binary)

    def _answer(self, data: bytes) -> None:
        # Engine.IO v3, "Packets": a pong is "sent … in response to a ping" and has "the same data".
        pong = Outgoing(b"3" + data) if data else PONG_PACKET
        outbox = self.outbox
        last = outbox[-1] if outbox else None
        if last is not None and last.text is not None and last.text.startswith(b"3"):
            # The last one answers them all, so that a client that pings and does not read costs nothing.
            self.pending += pong.size - last.size
            outbox[-1] = pong
        else:
            self.push(pong)

    # Heartbeat

    def _patience(self) -> float:
        """Returns for how long a client may be silent, in seconds."""
        host = self.host
        return host.ping_interval + host.ping_interval_grace_period + host.ping_timeout

    def _heard(self) -> None:
        if self.state is State.OPEN:
            self.host.schedule(self, self._patience())

    def proceed(self) -> None:
        """Ends what `halt()` began. The ping may be among what has not been read."""
        if self.halted:
            self._heard()
        super().proceed()

    def expire(self, now: float) -> None:
        """Nothing has come for too long, or the end of lingering has."""
        if self.state is not State.OPEN:
            super().expire(now)
        elif self.host.monitor_clients and not self.halted:
            self.end(reason.PING_TIMEOUT, 1000)
        else:
            self._heard()
