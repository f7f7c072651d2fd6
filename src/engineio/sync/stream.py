"""`Stream`: the socket of an open WebSocket, read by one thread while others write. Bytes out, messages in."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections import deque
from math import inf
from typing import Any

from ..websocket import CLOSE, FrameReader

__all__ = ["Stream", "shut_down"]

CHUNK = 65536
"""How many bytes are read at once, at most."""

LONGEST = 86_400.0
"""For how long to wait at most, in seconds: `poll` takes no more than 24 days."""

_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Stream:
    """A connected socket, plain or TLS, after the WebSocket handshake; it belongs to the stream from now on.

    One thread may read while another one writes. OpenSSL does not allow that for one connection, so with TLS each
    single step, none of which waits, has a lock around it.

    Args:
        connection: The socket.
        max_size: The longest message to accept, in bytes.

    Attributes:
        events: What has arrived and was not looked at yet, as opcode and payload.
        frames: What the events come from; its `error` says how the server broke the protocol.
    """

    def __init__(self, connection: socket.socket, max_size: int) -> None:
        self.events: deque[tuple[int, bytes]] = deque()
        self.frames = FrameReader(max_size, masked=False)
        self._socket = connection
        self._secure = isinstance(connection, ssl.SSLSocket)
        self._lock: Any = threading.Lock() if self._secure else contextlib.nullcontext()
        self._readable = _Waiter(connection, False)
        self._writable = _Waiter(connection, True)
        self._drained = not self._secure
        """Whether the last read took all that had arrived, so that there is no use in another one."""
        connection.setblocking(False)

    def receive(self, until: float) -> bool | None:
        """Waits for data and adds to `events` what that completes.

        Args:
            until: When to give up, in seconds, monotonic; `inf` for never.

        Returns:
            Whether anything can still come; `None` if nothing has come in time.

        Raises:
            OSError: if the connection is broken.
        """
        while self.frames.error is None:
            if self._drained and not self._readable.wait(until):
                return None
            try:
                with self._lock:
                    data = self._socket.recv(CHUNK)
            except _NOT_YET:
                self._drained = True
                continue
            # With TLS there may be more in its own buffer, of which the operating system knows nothing.
            self._drained = not self._secure and len(data) < CHUNK
            self.events += self.frames.receive(data)
            return bool(data) and self.frames.error is None
        return False

    def send(self, data: bytes) -> int:
        """Sends as much as can be sent at once, and returns how many bytes that was.

        Raises:
            OSError: if the connection is broken.
        """
        try:
            with self._lock:
                return self._socket.send(data)
        except _NOT_YET:
            return 0

    def wait_writable(self) -> None:
        """Waits until something can be sent, or the connection is at its end."""
        self._writable.wait(inf)

    def wait_closed(self, until: float) -> None:
        """Waits until the server has said goodbye, too, or has gone; what it sends meanwhile is dropped."""
        try:
            while not any(opcode == CLOSE for opcode, _ in self.events) and self.receive(until):
                pass
        except OSError:
            pass

    def abort(self) -> None:
        """Ends the connection from any thread: whoever waits for it wakes up. Its reader still has to close it."""
        shut_down(self._socket)

    def close(self) -> None:
        """Closes the socket."""
        with contextlib.suppress(OSError):
            self._socket.close()


def shut_down(connection: Any) -> None:
    """Ends a connection, whose socket stays open: whoever waits for it, in any thread, wakes up."""
    # Not the method of a TLS socket, which would turn it into a plain one under its reader's hands. The class that
    # eventlet puts in the place of socket.socket has no such method; its instances have.
    method = getattr(socket.socket, "shutdown", None)
    with contextlib.suppress(OSError):
        if method is not None and isinstance(connection, socket.socket):
            method(connection, socket.SHUT_RDWR)
        else:
            connection.shutdown(socket.SHUT_RDWR)


class _Waiter:
    """Waits for one thing to become possible with a socket."""

    def __init__(self, connection: socket.socket, write: bool) -> None:
        self._socket = connection
        self._write = write
        self._poll: Any = None
        # Looked up here and now: gevent replaces it, and eventlet removes it and replaces select() below.
        if hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(connection.fileno(), select.POLLOUT if write else select.POLLIN)

    def wait(self, until: float) -> bool:
        left = None if until == inf else max(until - time.monotonic(), 0)
        try:
            if self._poll is not None:
                # Rounded up: a millisecond too early would be an attempt too many.
                return bool(self._poll.poll(None if left is None else int(min(left, LONGEST) * 1000) + 1))
            own, none = [self._socket], list[socket.socket]()
            return any(select.select(none, own, none, left) if self._write else select.select(own, none, none, left))
        except (OSError, ValueError):  # it was closed meanwhile: whoever reads or writes will see
            return True
