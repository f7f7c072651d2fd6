"""A raw asyncio transport as a WebSocket: after the takeover a connection has no task, no queue and no coroutine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, cast

from ..admitted import Admitted
from ..base_server import BaseServer
from ..protocol import reason
from ..websocket_link import MAX_PENDING_PONGS, WebSocketLink
from .concurrency import Pulse

try:
    from fcntl import ioctl
    from termios import TIOCOUTQ
except ImportError:  # Windows
    ioctl = None  # type: ignore[assignment]

__all__ = ["Connections", "TakenOver", "make_link", "open_link"]


class TakenOver(WebSocketLink, asyncio.Protocol):
    """The protocol of a transport that an ASGI server has handed over.

    Args:
        max_size: The longest message to accept, in bytes.
        close_timeout: How long the peer may take to answer a close frame, in seconds.
        stall_timeout: How long the peer may take nothing of what is being sent, in seconds.
        max_pending_pongs: How many pings it may send without reading the pongs.

    Attributes:
        on_lost: Called once with this object when the transport is gone.
    """

    __slots__ = ("_timer", "close_timeout", "on_lost", "stall_timeout", "transport")

    def __init__(
        self,
        max_size: int,
        *,
        close_timeout: float = 5.0,
        stall_timeout: float = 30.0,
        max_pending_pongs: int = MAX_PENDING_PONGS,
    ) -> None:
        super().__init__(max_size, max_pending_pongs)
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made()
        self.close_timeout = close_timeout
        self.stall_timeout = stall_timeout
        self.on_lost: Callable[[Any], object] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Takes what has arrived."""
        self.receive_data(data)

    def eof_received(self) -> bool:
        """The peer has half-closed; there is nothing left to talk about."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone, for whatever reason."""
        self._cancel_timer()
        self.stream_ended(reason.TRANSPORT_CLOSE)
        on_lost, self.on_lost = self.on_lost, None
        if on_lost is not None:
            on_lost(self)

    def pause_writing(self) -> None:
        """The peer does not take what is being sent; from now on it is kept in the outbox."""
        self.blocked = True
        if self._timer is None:
            self._watch()

    def resume_writing(self) -> None:
        """The peer has taken most of it."""
        self.blocked = False
        self.pending_pongs = 0
        if not self.closing:
            self._cancel_timer()
            self.flush()

    # WebSocketLink

    def write(self, data: bytes) -> None:
        """Hands bytes to the transport."""
        self.transport.write(data)

    def stop_reading(self) -> None:
        """Stops the delivery of data, and with it, in the end, the peer's sending."""
        self.transport.pause_reading()

    def start_reading(self) -> None:
        """Ends what `stop_reading()` began."""
        self.transport.resume_reading()

    def shut(self, at_once: bool) -> None:
        """Closes the transport when all is written; unless `at_once`, the peer gets `close_timeout` to do so itself."""
        self._cancel_timer()
        if at_once:
            self.transport.close()
        # Also then: a peer that does not read would keep the transport open for as long as there is something to write.
        self._timer = asyncio.get_running_loop().call_later(self.close_timeout, self.abort)

    def abort(self) -> None:
        """Drops the transport with all that is not yet written."""
        self._cancel_timer()
        self.transport.abort()

    def shutdown(self) -> None:
        """Called by the ASGI server when it stops. RFC 6455, 7.4.1 and its registry: 1012, "Service Restart"."""
        self.target.close(reason.SERVER_DISCONNECT, 1012)

    def _watch(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.stall_timeout, self._stalled, self._unread())

    def _stalled(self, unread: int) -> None:
        self._timer = None
        if self._unread() < unread:
            self._watch()
        else:
            self.target.fail(reason.TRANSPORT_ERROR, 1013)

    def _unread(self) -> int:
        """Returns how many of the bytes sent the peer has not acknowledged, as far as the system tells.

        The transport alone moves in steps of megabytes: the system takes more only when a third of its buffer is free.
        """
        size = self.transport.get_write_buffer_size()
        sock = self.transport.get_extra_info("socket")
        if ioctl is not None and sock is not None:
            try:
                size += int.from_bytes(ioctl(sock.fileno(), TIOCOUTQ, bytes(4)), sys.byteorder)
            except OSError:  # not a TCP socket, or a system that does not tell
                pass
        return size

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


def make_link(server: BaseServer) -> TakenOver:
    """Returns a link with the limits of a server."""
    return TakenOver(
        server.max_http_buffer_size,
        close_timeout=server.ws_close_timeout,
        stall_timeout=server.send_stall_timeout,
        max_pending_pongs=server.max_pending_pongs,
    )


def open_link(link: TakenOver, admitted: Admitted, head: bytes) -> None:
    """Answers the handshake of a WebSocket whose transport has been taken over.

    Args:
        link: It has the transport.
        admitted: The decision about the handshake.
        head: The answer that accepts it.
    """
    if admitted.upgrade:
        link.write(head)
        admitted.attach(link)
    else:
        # One write for the answer and the first packet: a system call is a tenth of what a connection costs.
        admitted.attach(link)
        link.begin(head)


class Connections:
    """The WebSockets of a framework that have been taken over, which it therefore cannot close itself when it stops."""

    __slots__ = ("_closed", "links")

    def __init__(self) -> None:
        self.links: set[TakenOver] = set()
        self._closed = Pulse()

    def add(self, link: TakenOver) -> None:
        """Keeps a link until its transport is gone."""
        self.links.add(link)
        link.on_lost = self._discard

    def _discard(self, link: TakenOver) -> None:
        self.links.discard(link)
        if not self.links:
            self._closed.set()

    async def wait_closed(self) -> None:
        """Waits until the transports of all of them are gone. Each sees to it itself that its closing takes no longer
        than `ws_close_timeout`."""
        while self.links:
            await self._closed.wait()
