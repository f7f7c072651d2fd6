"""The link of a connection over a WebSocket whose socket a web server has handed over: read by the request's thread."""

from __future__ import annotations

from math import inf
from typing import Any

from ..deadlines import Deadline
from ..interfaces import reason
from ..websocket_link import WebSocketLink
from .stream import RawStream

__all__ = ["SocketLink"]


class SocketLink(WebSocketLink):
    """Frames over a raw socket. All but `serve` is called with the server's lock.

    Whoever has something to send writes it without waiting; only for what the kernel does not take there is a thread,
    as long as there is something left.

    Args:
        server: Whose connection it is.
        connection: The socket.
    """

    __slots__ = ("_deadline", "_draining", "_ending", "_paused", "_sent", "_server", "_stream", "_unsent")

    def __init__(self, server: Any, connection: Any) -> None:
        super().__init__(server.max_http_buffer_size, server.max_pending_pongs)
        self._server = server
        self._stream = RawStream(connection, server.kind)
        self._unsent: list[bytes] = []
        self._draining = False
        self._ending = False
        self._paused = False
        self._sent = 0
        self._deadline: Deadline | None = None

    # Reading

    def serve(self) -> None:
        """Reads until the connection is over."""
        stream, core = self._stream, self._server.core
        try:
            while True:
                if self._paused:
                    self._wait()
                data = stream.read(inf)
                if not data:
                    break
                with core:
                    self.receive_data(data)
        except OSError:
            pass
        finally:
            with core:
                self._cancel()
                self.stream_ended(reason.TRANSPORT_CLOSE)
            # To close it is up to the web server, which would be alarmed by a socket that is closed already.
            stream.abort()

    def _wait(self) -> None:
        changed = self._server.changed
        with changed:
            while self._paused and not self.closing:
                changed.wait()

    def stop_reading(self) -> None:
        """Has the thread that reads wait."""
        self._paused = True

    def start_reading(self) -> None:
        """Ends what `stop_reading()` began."""
        if self._paused:
            self._paused = False
            self._server.changed.notify_all()

    # Writing

    def write(self, data: bytes) -> None:
        """Sends, or keeps what the kernel does not take."""
        if self._draining:
            self._unsent.append(data)
            return
        try:
            sent = self._stream.send(data)
        except OSError:
            self._stream.abort()  # its reader sees the end of it, too
            return
        if sent < len(data):
            self._unsent = [data[sent:]]
            self._draining = self.blocked = True
            self._watch()
            self._server.kind.start(self._drain)

    def _drain(self) -> None:
        while True:
            self._stream.wait_writable()
            with self._server.core:
                data = b"".join(self._unsent)
                try:
                    sent = self._stream.send(data)
                except OSError:
                    self._unsent = []
                    self._stream.abort()
                    return
                self._sent += sent
                self._unsent = [data[sent:]]
                if sent < len(data):
                    continue
                self._unsent = []
                self._draining = self.blocked = False
                self.pending_pongs = 0
                if self._ending:
                    self.abort()
                elif not self.closing:
                    self._cancel()
                    self.flush()
                return

    def _watch(self) -> None:
        sent = self._sent

        def check() -> None:
            if self._sent != sent:
                self._watch()
            else:
                self.target.fail(reason.TRANSPORT_ERROR, 1013)

        self._set(check, self._server.send_stall_timeout)

    # The end

    def shut(self, at_once: bool) -> None:
        """Ends the stream when all is written; unless `at_once`, the peer gets some seconds to do so itself."""
        if at_once and not self._draining:
            self.abort()
        else:
            self._ending = at_once
            self._set(self.abort, self._server.ws_close_timeout)

    def abort(self) -> None:
        """Ends the stream at once."""
        self._cancel()
        self._stream.abort()
        self.start_reading()  # which finds the end

    def _set(self, action: Any, delay: float) -> None:
        self._cancel()
        self._deadline = Deadline(action)
        self._server.schedule(self._deadline, delay)

    def _cancel(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            self._server.unschedule(deadline)
