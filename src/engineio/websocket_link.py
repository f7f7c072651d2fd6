"""The link of an Engine.IO socket over a raw stream: RFC 6455 frames in, packets to the socket; its outbox to frames.

It neither waits nor knows whose stream it is: a subclass per colour offers `write`, `shut` and the reading switch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from .interfaces import reason
from .packet import Outgoing
from .websocket import BINARY, CLOSE, PING, TEXT, FrameReader, decode_close, encode_close, encode_frame

__all__ = ["WebSocketLink"]

MAX_PENDING_PONGS = 60
"""How many pings a peer may send without reading the pongs; the same as in the `ws` package for Node."""

_NOTHING: Iterator[tuple[int, bytes]] = iter(())
"""The backlog of a link that is closing."""


class WebSocketLink:
    """A WebSocket, seen from the server.

    Attributes:
        target: What the messages go to. The upgrade of a connection puts the socket in place of the candidate.
        blocked: Whether the stream takes no more for now.
        closing: Whether a close frame has been sent, so that nothing may follow it.
    """

    __slots__ = ("_backlog", "blocked", "closing", "max_pending_pongs", "pending_pongs", "reader", "target")

    name = "websocket"

    def __init__(self, max_size: int, max_pending_pongs: int = MAX_PENDING_PONGS) -> None:
        self.reader = FrameReader(max_size)
        self.target: Any = None
        self.blocked = False
        self.closing = False
        self.pending_pongs = 0
        self.max_pending_pongs = max_pending_pongs
        self._backlog: Iterator[tuple[int, bytes]] | None = None

    # The stream, in a subclass

    def write(self, data: bytes) -> None:
        """Hands bytes to the stream."""
        raise NotImplementedError

    def shut(self, at_once: bool) -> None:
        """Ends the stream when all is written; unless `at_once`, the peer gets some seconds to do so itself."""
        raise NotImplementedError

    def stop_reading(self) -> None:
        """Has the stream deliver nothing until `start_reading()`."""
        raise NotImplementedError

    def start_reading(self) -> None:
        """Ends what `stop_reading()` began."""
        raise NotImplementedError

    # In

    def receive_data(self, data: bytes) -> None:
        """Takes what the stream has delivered."""
        events = iter(self.reader.receive(data))
        if self._backlog is None:
            self._deliver(events)
        elif self.closing:
            self._await_close(events)
        else:
            # Reading is stopped, but this was on its way already.
            self._backlog = chain(self._backlog, events)

    def _deliver(self, events: Iterator[tuple[int, bytes]]) -> None:
        for opcode, payload in events:
            if opcode == TEXT:
                self.target.receive_text(payload)
            elif opcode == BINARY:
                self.target.receive_binary(payload)
            else:
                self._receive_control(opcode, payload)
            if self.target.halted:
                self._hold(events)
                return
        if self.reader.error is not None:
            self._receive_error()

    def _hold(self, rest: Iterator[tuple[int, bytes]]) -> None:
        self._backlog = rest
        if self.closing:
            self._await_close(rest)

    def _await_close(self, events: Iterator[tuple[int, bytes]]) -> None:
        # All that still matters is the end of what the peer sends: nothing is delivered any more.
        for opcode, _ in events:
            if opcode == CLOSE:
                self.shut(at_once=True)
        if self.reader.error is not None:
            self.shut(at_once=True)

    def _receive_error(self) -> None:
        error = self.reader.error
        assert error is not None
        if self.closing:
            self.shut(at_once=True)
        else:
            self.target.fail(reason.TRANSPORT_ERROR, error.code)

    def _receive_control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            # RFC 6455, 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response".
            if self.closing:
                return
            if self.blocked:
                self.pending_pongs += 1
                if self.pending_pongs > self.max_pending_pongs:
                    self.target.fail(reason.TRANSPORT_ERROR, 1008)
                    return
            self.write(encode_frame(0xA, payload))
        elif opcode == CLOSE:
            if self.closing:
                self.shut(at_once=True)
                return
            # RFC 6455, 5.5.1: "When sending a Close frame in response, the endpoint typically echos the status code".
            code, _ = decode_close(payload)
            self.closing = True
            self.write(encode_close(1000 if code == 1005 else code))
            self.shut(at_once=True)
            self.target.lost(reason.TRANSPORT_CLOSE)

    def pause_reading(self) -> None:
        """The socket is halted; what is left of the chunk at hand is kept."""
        self.stop_reading()

    def resume_reading(self) -> None:
        """Delivers what was kept, and then goes on reading unless the socket is halted again."""
        backlog = self._backlog
        if backlog is None:
            self.start_reading()
            return
        self._backlog = None
        self._deliver(backlog)
        if self._backlog is None and not self.closing:
            self.start_reading()

    # Out

    def send(self, message: Outgoing) -> None:
        """Sends one message past the outbox."""
        if not self.closing:
            self.write(message.frame())

    def begin(self, head: bytes) -> None:
        """Sends the answer to the handshake, and in the same write what the outbox holds already."""
        self.write(head + b"".join([message.frame() for message in self.target.take()]))

    def flush(self) -> None:
        """Sends the outbox of the socket in one write."""
        # Micro-optimization: take() and frame() written out. In a broadcast this runs once for every client.
        socket = self.target
        messages = socket.outbox
        if self.blocked or self.closing or not messages:
            return
        socket.outbox = []
        socket.pending = 0
        if len(messages) == 1:
            self.write(messages[0].frames or messages[0].frame())
        else:
            self.write(b"".join([message.frames or message.frame() for message in messages]))

    def close(self, code: int, reason: str) -> None:
        """Sends the outbox and a close frame; then the stream ends when the peer has closed too, or a timeout has."""
        if self.closing:
            return
        backlog, self._backlog = self._backlog, _NOTHING
        if self.blocked and code == 1013:
            # The peer does not read: a close frame would wait behind all that it has not read.
            self.closing = True
            self.abort()
            return
        frames = [message.frame() for message in self.target.take()]
        frames.append(encode_close(code, reason))
        self.closing = True
        self.write(b"".join(frames))
        self.shut(at_once=False)
        self.start_reading()
        if backlog is not None:
            self._await_close(backlog)

    def abort(self) -> None:
        """Ends the stream at once."""
        raise NotImplementedError

    def stream_ended(self, why: str = reason.TRANSPORT_CLOSE) -> None:
        """The stream is gone."""
        self.closing = True
        self._backlog = _NOTHING
        self.target.lost(why)
