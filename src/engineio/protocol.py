"""The state machine of one Engine.IO connection: packets in, calls of its receiver and packets for its link out.

Nothing here waits or looks at the clock. A `Socket` is what outlives a transport: it starts on a *link* (a polling
link or a WebSocket), may move to another one by an upgrade, and ends once. What programs see of it is a `Receiver`.
"""

from __future__ import annotations

import enum
from typing import Any, Final

from .exceptions import ProtocolError
from .interfaces import DirectLink, Host, Link, Receiver, reason
from .packet import CLOSE, END, MESSAGE, NOOP, NOTHING, PING_PACKET, PONG, Outgoing, decode_base64
from .payload import Revision
from .upgrade import Candidate

__all__ = ["TRANSITIONS", "Socket", "State", "reason"]


class State(enum.Enum):
    """The states of a socket; `TRANSITIONS` says which may follow which."""

    CONNECTING = enum.auto()
    """The handshake has arrived; a connect handler may still refuse it."""
    OPEN = enum.auto()
    """The handshake has been answered."""
    CLOSING = enum.auto()
    """Closed by the server while polling: over for the program, but the last packets wait to be fetched."""
    CLOSED = enum.auto()


# Micro-optimization: the attribute of an Enum class costs a descriptor, a global does not.
_CONNECTING, _OPEN, _CLOSING, _CLOSED = State

TRANSITIONS: dict[State, frozenset[State]] = {
    State.CONNECTING: frozenset({State.OPEN, State.CLOSED}),
    State.OPEN: frozenset({State.CLOSING, State.CLOSED}),
    State.CLOSING: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}


EARLY_FLUSH: Final = 64 * 1024
"""With so many bytes in the outbox it is flushed at once rather than at the end of the loop iteration, so that the
transport's own flow control sees a big burst while it is being made."""

LINGER: Final = 30.0
"""How long a polling client may take to fetch its last packets, in seconds (the reference implementation's value)."""


class Socket:
    """One Engine.IO connection.

    Attributes:
        sid: The session id.
        state: Where in its life it is.
        link: The transport in use.
        receiver: What takes its messages; set before `open()`.
        outbox: The messages that wait to be sent, in order.
        pending: The size of the outbox in bytes.
        halted: Whether the link must not deliver any more, for now or for good.
        session: The program's own data, or `None` as long as there is none.
    """

    __slots__ = (
        "__weakref__",
        "_awaiting_pong",
        "_candidate",
        "_environ",
        "_pinged",
        "_source",
        "bucket",
        "halted",
        "host",
        "link",
        "outbox",
        "pending",
        "receiver",
        "revision",
        "session",
        "sid",
        "state",
    )

    bucket: int | None
    undecided = False
    """Whether the receiver has yet to say what goes out with the answer to the handshake; only of Engine.IO 3."""

    def __init__(self, host: Host, sid: str, revision: Revision, link: Link, source: Any) -> None:
        self.host = host
        self.sid = sid
        self.revision = revision
        self.link: Link = link
        self.receiver: Receiver | None = None
        self.state = _CONNECTING
        self.outbox: list[Outgoing] = []
        self.pending = 0
        self.halted = False
        self.session: dict[Any, Any] | None = None
        self.bucket = None
        self._source = source
        self._environ: dict[str, Any] | None = None
        self._awaiting_pong = False
        self._pinged = 0.0
        self._candidate: Candidate | None = None

    # Life

    def _enter(self, state: State) -> None:
        if state not in TRANSITIONS[self.state]:
            raise RuntimeError(f"an Engine.IO socket cannot go from {self.state.name} to {state.name}")
        self.state = state

    @property
    def environ(self) -> dict[str, Any]:
        """The WSGI-style dictionary of the handshake: one object for the life of the socket, made when first used."""
        environ = self._environ
        if environ is None:
            environ = self._environ = self.host.build_environ(self._source)
        return environ

    def open(self, handshake: Outgoing, first_ping: float) -> None:
        """Answers the handshake; `first_ping` is the delay of the first ping in seconds."""
        self._enter(_OPEN)
        # What a connect handler has sent already comes after the handshake.
        self.outbox.insert(0, handshake)
        self.pending += handshake.size
        self._mark_dirty()
        self.host.schedule(self, first_ping)

    def reject(self) -> None:
        """Ends a socket whose handshake is refused; its receiver hears nothing."""
        # The program, or the end of the server, may have closed it while its connect handler was under way.
        if self.state is not _CLOSED:
            self._enter(_CLOSED)
            self.halted = True
            self.host.forget(self)

    def abandon(self, why: str) -> None:
        """Ends a socket whose handshake was accepted but never answered; its receiver hears that it is over."""
        self.reject()
        self._tell_receiver(why)

    def close(self, why: str = reason.SERVER_DISCONNECT, code: int = 1000) -> None:
        """Closes the connection from this side; what is in the outbox is still sent."""
        if self.state is _OPEN and self.link.name == "polling":
            # Engine.IO v4, "Close": on polling a close packet tells the client; it goes out with the last messages.
            self._drop_candidate()
            self.outbox.append(END)
            self._enter(_CLOSING)
            self.halted = True
            self.host.schedule(self, LINGER)
            self.link.close(code, why)
            self._tell_receiver(why)
        elif self.state is not _CLOSING:
            self.end(why, code)

    def fail(self, why: str = reason.TRANSPORT_ERROR, code: int = 1002) -> None:
        """Closes the connection because the client broke the protocol or a limit; nothing more is sent."""
        if self.state is not _CLOSED:
            self.outbox.clear()
            self.pending = 0
            self.end(why, code)

    def lost(self, why: str = reason.TRANSPORT_CLOSE) -> None:
        """The transport is gone."""
        self.end(why, 1000)

    def end(self, why: str, code: int) -> None:
        """Closes the link and tells the receiver, once."""
        before = self.state
        if before is _CLOSED:
            return
        self._enter(_CLOSED)
        self.halted = True
        self.host.unschedule(self)
        self.host.forget(self)
        self._drop_candidate()
        self.link.close(code, why)
        self.outbox.clear()
        self.pending = 0
        if before is _OPEN:
            self._tell_receiver(why)

    def _tell_receiver(self, why: str) -> None:
        receiver = self.receiver
        if receiver is not None:
            receiver.closed(why)

    def _drop_candidate(self) -> None:
        candidate, self._candidate = self._candidate, None
        if candidate is not None:
            candidate.close()

    # Out

    def push(self, message: Outgoing) -> None:
        """Puts a message into the outbox. Never blocks; after the end of the connection it does nothing."""
        # The order of the checks is that of the hot path: an open socket with an empty outbox.
        if self.state is not _OPEN:
            if self.state is _CONNECTING:
                self.outbox.append(message)
                self.pending += message.size
            return
        outbox = self.outbox
        if not outbox:
            dirty = self.host.dirty
            if not dirty:
                self.host.wake()
            dirty.append(self)
        outbox.append(message)
        pending = self.pending = self.pending + message.size
        if pending > EARLY_FLUSH:
            self._relieve()

    def _mark_dirty(self) -> None:
        dirty = self.host.dirty
        if not dirty:
            self.host.wake()
        dirty.append(self)

    def _relieve(self) -> None:
        self.link.flush()
        if self.pending > self.host.max_send_queue and self.state is _OPEN:
            self.fail(reason.TRANSPORT_ERROR, 1013)

    def take(self) -> list[Outgoing]:
        """Removes and returns what is in the outbox."""
        outbox = self.outbox
        self.outbox = []
        self.pending = 0
        return outbox

    # In

    def receive_text(self, data: bytes) -> None:
        """Takes one packet from a WebSocket text frame."""
        kind = data[0] if data else 0
        if kind == 0x34:  # a message
            self.receiver.receive_text(data[1:])  # type: ignore[union-attr]
        elif kind == 0x33:  # a pong
            self._awaiting_pong = False
        elif 0x30 <= kind <= 0x36:
            self._receive_control(kind - 0x30)
        elif kind == 0x62:  # b: what clients with `forceBase64` send also over a WebSocket
            try:
                self.receive_binary(decode_base64(data[1:]))
            except ProtocolError:
                self.fail()
        else:
            self.fail()

    def receive_binary(self, data: bytes) -> None:
        """Takes one WebSocket binary frame. Engine.IO v4, "Packet encoding": it is always a message."""
        self.receiver.receive_binary(data)  # type: ignore[union-attr]

    def receive_packet(self, kind: int, data: bytes, binary: bool) -> None:
        """Takes one packet from a polling payload.

        Raises:
            ProtocolError: if a server does not take such a packet.
        """
        if kind == MESSAGE:
            if binary:
                self.receiver.receive_binary(data)  # type: ignore[union-attr]
            else:
                self.receiver.receive_text(data)  # type: ignore[union-attr]
        elif kind == PONG:
            self._awaiting_pong = False
        else:
            self._receive_control(kind)
        if self.state is _CLOSED and kind != CLOSE:
            raise ProtocolError("the connection was closed because of this packet")

    def _receive_control(self, kind: int) -> None:
        if kind == CLOSE:
            self._receive_close()
        elif kind != NOOP:
            # A ping goes the wrong way in Engine.IO 4 ("invalid heartbeat direction"); open and upgrade come from
            # the other side or belong to a probe.
            self.fail()

    def _receive_close(self) -> None:
        # Suite, "forcefully closes the session": the pending poll is answered with a noop.
        if self.link.name == "polling" and self.state is _OPEN:
            self.outbox.append(NOTHING)
        self.end(reason.CLIENT_DISCONNECT, 1000)

    # Flow control

    def halt(self) -> None:
        """Stops the delivery of messages to the receiver until `proceed()`."""
        if not self.halted:
            self.halted = True
            self.link.pause_reading()

    def proceed(self) -> None:
        """Ends what `halt()` began."""
        if self.halted and self.state is _OPEN:
            self.halted = False
            # The pong may be among what has not been read: the client is not to blame.
            self._awaiting_pong = False
            self.link.resume_reading()

    # Heartbeat

    def expire(self, now: float) -> None:
        """The socket's deadline has passed: time for a ping, for a missing pong, or for the end of lingering."""
        host = self.host
        if self.state is _CLOSING:
            self.end(reason.SERVER_DISCONNECT, 1000)
        elif self.state is _OPEN:
            timeout = host.ping_timeout
            if self._awaiting_pong and host.monitor_clients and not self.halted:
                if now < self._pinged + timeout:
                    host.schedule(self, self._pinged + timeout - now)
                else:
                    self.end(reason.PING_TIMEOUT, 1000)
            elif now < self._pinged + host.ping_interval and self._pinged:
                host.schedule(self, self._pinged + host.ping_interval - now)
            else:
                # Also to a client whose pongs do not count: it closes a connection on which no pings come.
                self._pinged = now
                self._awaiting_pong = True
                self.push(PING_PACKET)
                host.schedule(self, min(timeout, host.ping_interval))

    # Upgrade

    def begin_upgrade(self, link: DirectLink) -> Candidate | None:
        """Lets a new WebSocket try to become the transport; `None` if it may not.

        Engine.IO v4, "Upgrade". One candidate at a time; a socket that already is on a WebSocket takes none.
        """
        if self.state is not _OPEN or self.link.name != "polling" or self._candidate is not None:
            return None
        candidate = self._candidate = Candidate(self, link)
        self.host.schedule(candidate, self.host.upgrade_timeout)
        return candidate

    @property
    def upgrading(self) -> bool:
        """Whether a WebSocket has sent its probe and polls are to be released at once."""
        return self._candidate is not None and self._candidate.probed

    def finish_upgrade(self, link: Link) -> None:
        """Moves to the link that has proved itself; whatever is in the outbox goes out there."""
        polling, self.link = self.link, link
        self._candidate = None
        polling.close(1000, "upgraded")
        if self.halted:
            link.pause_reading()
        if self.outbox:
            self._mark_dirty()

    def abort_upgrade(self, candidate: Candidate) -> None:
        """The candidate has failed: the connection stays on polling."""
        if self._candidate is candidate:
            self._candidate = None
