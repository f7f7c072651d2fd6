"""The socket of an open WebSocket, read by one thread while others write: as bytes, or for a client as messages."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections import deque
from math import inf
from typing import Any

from ..exceptions import ConnectionError
from ..websocket import CLOSE, TEXT, FrameReader
from .concurrency import THREADS, Threads

__all__ = ["RawStream", "Stream", "first_text", "shut_down"]

CHUNK = 65536
"""How many bytes are read at once, at most."""

_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class RawStream:
    """A connected socket, plain or TLS; it belongs to the stream from now on.

    One thread may read while another one writes. OpenSSL does not allow that for one connection, so with TLS each
    single step, none of which waits, has a lock around it.

    Args:
        connection: The socket.
        kind: The kind of threads that wait for it.
    """

    def __init__(self, connection: Any, kind: Threads = THREADS) -> None:
        self._socket = connection
        self._secure = isinstance(connection, ssl.SSLSocket)
        self._lock: Any = kind.make_lock() if self._secure else contextlib.nullcontext()
        self._readable = kind.make_waiter(connection, False)
        self._kind = kind
        self._drained = not self._secure
        """Whether the last read took all that had arrived, so that there is no use in another one."""
        connection.setblocking(False)

    def read(self, until: float) -> bytes | None:
        """Waits for data and returns it: nothing (`b""`) after the end, `None` if nothing has come in time.

        Args:
            until: When to give up, in seconds, monotonic; `inf` for never.

        Raises:
            OSError: if the connection is broken.
        """
        while True:
            if self._drained and not self._readable.wait(until):
                return None
            try:
                with self._lock:
                    data: bytes = self._socket.recv(CHUNK)
            except _NOT_YET:
                self._drained = True
                continue
            # With TLS there may be more in its own buffer, of which the operating system knows nothing.
            self._drained = not self._secure and len(data) < CHUNK
            return data

    def send(self, data: bytes) -> int:
        """Sends as much as can be sent at once, and returns how many bytes that was.

        Raises:
            OSError: if the connection is broken.
        """
        try:
            with self._lock:
                sent: int = self._socket.send(data)
                return sent
        except _NOT_YET:
            return 0

    def wait_writable(self) -> None:
        """Waits until something can be sent, or the connection is at its end."""
        # Made when it is needed: hardly any connection ever does, and most are idle.
        with contextlib.suppress(ValueError):  # it is closed
            self._kind.make_waiter(self._socket, True).wait(inf)

    def abort(self) -> None:
        """Ends the connection from any thread: whoever waits for it wakes up. Its reader still has to close it."""
        shut_down(self._socket)

    def close(self) -> None:
        """Closes the socket."""
        with contextlib.suppress(OSError):
            self._socket.close()


class Stream(RawStream):
    """The stream of a WebSocket's client, after the handshake.

    Args:
        connection: The socket.
        max_size: The longest message to accept, in bytes.

    Attributes:
        events: What has arrived and was not looked at yet, as opcode and payload.
        frames: What the events come from; its `error` says how the server broke the protocol.
    """

    def __init__(self, connection: socket.socket, max_size: int) -> None:
        super().__init__(connection)
        self.events: deque[tuple[int, bytes]] = deque()
        self.frames = FrameReader(max_size, masked=False)

    def receive(self, until: float) -> bool | None:
        """Waits for data and adds to `events` what that completes.

        Args:
            until: When to give up, in seconds, monotonic; `inf` for never.

        Returns:
            Whether anything can still come; `None` if nothing has come in time.

        Raises:
            OSError: if the connection is broken.
        """
        if self.frames.error is not None:
            return False
        data = self.read(until)
        if data is None:
            return None
        self.events += self.frames.receive(data)
        return bool(data) and self.frames.error is None

    def wait_closed(self, until: float) -> None:
        """Waits until the server has said goodbye, too, or has gone; what it sends meanwhile is dropped."""
        try:
            while not any(opcode == CLOSE for opcode, _ in self.events) and self.receive(until):
                pass
        except OSError:
            pass


def shut_down(connection: Any, how: int = socket.SHUT_RDWR) -> None:
    """Ends a connection, or one direction of it, but leaves the socket open: whoever waits for it wakes up."""
    # Not the method of a TLS socket, which would turn it into a plain one under its reader's hands. The class that
    # eventlet puts in the place of socket.socket has no such method; its instances have.
    method = getattr(socket.socket, "shutdown", None)
    with contextlib.suppress(OSError):
        if method is not None and isinstance(connection, socket.socket):
            method(connection, how)
        else:
            connection.shutdown(how)


def first_text(stream: Stream, seconds: float) -> bytes:
    """Waits for the first message of a WebSocket and returns it.

    Raises:
        ConnectionError: if it does not come in time, or is no text.
    """
    until = time.monotonic() + seconds
    goes_on: bool | None = True
    while goes_on and not stream.events:
        try:
            goes_on = stream.receive(until)
        except OSError as exc:
            raise ConnectionError(f"The WebSocket is broken: {exc}") from exc
    if goes_on is None:
        raise ConnectionError(f"The server has opened a WebSocket and said nothing in {seconds} seconds")
    opcode, data = stream.events.popleft() if stream.events else (CLOSE, b"")
    if opcode != TEXT:
        raise ConnectionError("The server has opened a WebSocket and closed it at once") from stream.frames.error
    return data
