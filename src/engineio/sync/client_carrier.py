"""The waiting around one connection of a `Client`: its polls and posts, its WebSocket, its deadline.

One lock, the client's, guards the state machine. One thread reads, and ends with the connection. What is in the outbox
of a WebSocket is written by whoever has put it there (see `writer.py`); over polling a thread posts it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from math import inf
from os import urandom
from typing import Any

from ..base_client import MAX_MESSAGE_SIZE
from ..client_protocol import ANOTHER, NOTHINGS, PROBE, PROBE_ANSWER, UPGRADE, ClientSocket, ClientState
from ..exceptions import ConnectionError, ProtocolError, RevisionRefusedError
from ..interfaces import Receiver, reason
from ..websocket import BINARY, CLOSE, PING, PONG, TEXT, decode_close, encode_masked_frame
from .beat import beat
from .concurrency import BackgroundThread, join, start_thread, wait_for
from .stream import Stream, first_text
from .writer import Writer

__all__ = ["Carrier"]

PATIENCE_WITH_NOTHING = 10
"""How many polls in a row a server may answer with nothing before the next one is delayed."""

GOODBYE = 2.0
"""How many seconds at most a server gets to answer the close frame of a WebSocket."""

NORMAL = (1000).to_bytes(2, "big")
"""The close code of a connection that has served its purpose; RFC 6455, 7.4.1."""

SLACK = 0.05
"""How much longer than the deadline a poll may take, in seconds, so that the deadline comes first."""

_OPEN, _CLOSED = ClientState.OPEN, ClientState.CLOSED


class Carrier:
    """Carries one connection.

    Args:
        client: Whose connection it is.
        headers: What every request carries.
        jar: The cookies.
        accept: Returns what takes the messages of the connection.
    """

    def __init__(
        self, client: Any, headers: Mapping[str, str], jar: Any, accept: Callable[[ClientSocket], Receiver]
    ) -> None:
        self.socket = ClientSocket(self, client.codec.loads, client.revisions.revision, client.revisions.fixed)
        self._client = client
        self._accept = accept
        self._http = client.binding.ClientHTTP(client, headers, jar)
        self._lock: threading.RLock = client.lock
        self._changed: threading.Condition = client.changed
        self._stream: Stream | None = None
        self._candidate: Stream | None = None
        """A WebSocket that does not carry the connection yet."""
        self._reader: BackgroundThread | None = None
        self._poster: BackgroundThread | None = None
        """What posts; `None` while there is nothing to post."""
        self._writer: Writer | None = None
        """What writes to the WebSocket."""
        self._upgrading = False
        self._parked = False
        """Whether no poll is under way, for an upgrade."""
        self._waiting = 0
        self._beat: BackgroundThread | None = None
        """What pings while the reader waits for a poll."""

    # The beginning

    def open(self, transports: list[str]) -> None:
        """Makes the connection.

        Raises:
            ConnectionError: if it cannot be made; nothing is left of it then.
        """
        try:
            self._http.open()
            if transports[0] == "polling":
                self._open_polling("websocket" in transports)
            else:
                self._open_websocket()
        except BaseException as exc:
            self._fail(exc if isinstance(exc, Exception) else ConnectionError("interrupted"))
            self.wait_closed()
            if isinstance(exc, ProtocolError):
                raise ConnectionError(f"Unexpected answer from the server: {exc}") from exc
            raise
        if self.socket.state is not _OPEN:
            self.wait_closed()
            raise ConnectionError("The server has closed the connection at once") from self.socket.error

    def _open_polling(self, upgrade: bool) -> None:
        body = self._http.get(self._url("polling"), self._client.request_timeout)
        with self._lock:
            others = self.socket.open_payload(body, time.monotonic())
            accepted = self._client.accepts(self.socket)
            if accepted:
                self.socket.receiver = self._accept(self.socket)
                self.socket.receive_packets(others)
                self._reader = start_thread(self._read)
                if self.socket.revision.pings:
                    self._beat = start_thread(beat, self.socket, self._changed, self._is_not_polling)
        if not accepted:
            self.leave(reason.CLIENT_DISCONNECT)
            raise RevisionRefusedError(ANOTHER)
        handshake = self.socket.handshake
        if upgrade and handshake is not None and "websocket" in handshake.upgrades:
            self._upgrade()

    def _open_websocket(self) -> None:
        stream = self._connect()
        try:
            first = first_text(stream, self._client.request_timeout)
        except ConnectionError as exc:
            raise self._client.no_handshake(exc) from exc.__cause__
        with self._lock:
            self.socket.open(first, "websocket", time.monotonic())
            if self.socket.certain:
                self._client.accepts(self.socket)
            self._adopt(stream)
            self.socket.receiver = self._accept(self.socket)
            self._reader = start_thread(self._read)
        self.flush()

    def _connect(self) -> Stream:
        stream = self._candidate = Stream(self._http.websocket(self._url("websocket")), MAX_MESSAGE_SIZE)
        if self.socket.state is _CLOSED:  # that it is given up can have come too early for its abort()
            raise ConnectionError("The connection was given up")
        return stream

    def _adopt(self, stream: Stream) -> None:
        """From now on this WebSocket carries the connection."""
        self._stream, self._candidate = stream, None
        self._writer = Writer(self.socket, stream, self._changed, self._taken)

    # From polling to a WebSocket

    def _upgrade(self) -> None:
        """Moves to a WebSocket if that works; otherwise polling goes on.

        Engine.IO v4, "Upgrade": probe the new transport, end the old one, send the upgrade packet.
        """
        socket, changed = self.socket, self._changed
        try:
            stream = self._connect()
            stream.send(encode_masked_frame(TEXT, PROBE, urandom(4)))
            if first_text(stream, self._client.request_timeout) != PROBE_ANSWER:
                raise ConnectionError("The probe of the WebSocket was not answered")
            with changed:
                self._upgrading = True
                # The server answers the poll that it holds, and no other is sent. Nothing is lost: what came with that
                # answer was received, and what waits here goes over the WebSocket.
                wait_for(changed, lambda: socket.state is _CLOSED or (self._parked and self._poster is None))
                if socket.state is not _CLOSED:
                    stream.send(encode_masked_frame(TEXT, UPGRADE, urandom(4)))
                    self._adopt(stream)
                    socket.transport = "websocket"
        except (ConnectionError, OSError) as exc:
            self._client.logger.info("cannot move to a WebSocket: %s", exc)
        finally:
            candidate, self._candidate = self._candidate, None
            if candidate is not None:
                candidate.close()
            with changed:
                self._upgrading = False
                changed.notify_all()
                if socket.pending():
                    self.wake()
        self.flush()

    # Reading

    def _read(self) -> None:
        try:
            self._poll()
            if self._stream is not None:
                self._read_frames(self._stream)
        except Exception as exc:  # a bug, or a parser of the program's that raises what it should not
            self._client.logger.exception("the connection is closed")
            self._fail(exc)
        finally:
            self._release()

    def _poll(self) -> None:
        socket, changed = self.socket, self._changed
        nothings = 0
        while socket.state is _OPEN and self._stream is None:
            if self._upgrading:
                with changed:
                    self._parked = True
                    changed.notify_all()
                    wait_for(changed, lambda: not self._upgrading or socket.state is _CLOSED)
                    self._parked = False
                continue
            patience = max(socket.deadline - time.monotonic(), 0) + SLACK
            try:
                body = self._http.get(self._url("polling", socket.sid), patience)
            except ConnectionError as exc:
                with self._lock:
                    if not socket.expire(time.monotonic()):
                        socket.fail(exc)
                return
            nothings = nothings + 1 if body in NOTHINGS else 0
            with self._lock:
                socket.receive_payload(body, time.monotonic())
            if nothings > PATIENCE_WITH_NOTHING:
                time.sleep(0.1)
            self._while_halted()

    def _read_frames(self, stream: Stream) -> None:
        socket = self.socket
        while True:
            self._deliver(stream)
            if socket.state is not _OPEN:
                return
            try:
                goes_on = stream.receive(socket.due)
            except OSError as exc:
                return self._fail(exc)
            if goes_on is None:
                with self._lock:
                    socket.expire(time.monotonic())
                self.flush()
            elif not goes_on:
                self._deliver(stream)
                error = stream.frames.error
                if error is not None and self._writer is not None:
                    self._writer.add_control(CLOSE, error.code.to_bytes(2, "big"))
                    self._writer.flush()
                return self._fail(error or ConnectionError("The WebSocket was closed"))

    def _deliver(self, stream: Stream) -> None:
        """Hands on what has arrived."""
        socket, events, writer = self.socket, stream.events, self._writer
        assert writer is not None
        while events and socket.state is not _CLOSED:
            with self._lock:
                now = time.monotonic()
                while events and not socket.halted:
                    opcode, data = events.popleft()
                    if opcode == TEXT:
                        socket.receive_text(data, now)
                    elif opcode == BINARY:
                        socket.receive_binary(data, now)
                    elif opcode == PING:
                        writer.add_control(PONG, data)
                    elif opcode == CLOSE:
                        writer.add_control(CLOSE, data[:2])
                        socket.fail(ConnectionError(f"The WebSocket was closed, code {decode_close(data)[0]}"))
            writer.flush()
            self._while_halted()

    def _while_halted(self) -> None:
        socket = self.socket
        while socket.halted and socket.state is not _CLOSED:
            with self._changed:
                patience = None if socket.due == inf else max(socket.due - time.monotonic(), 0)
                wait_for(self._changed, lambda: not socket.halted or socket.state is _CLOSED, patience)
                socket.expire(time.monotonic())
            self.flush()

    # Writing

    def _is_not_polling(self) -> bool:
        return self.socket.state is not _OPEN or self._stream is not None

    def flush(self) -> None:
        """Writes to the WebSocket what can be written without waiting; called without the lock, or with it."""
        if self._writer is not None:
            self._writer.flush()

    def _post(self) -> None:
        """Posts what is in the outbox."""
        socket, changed = self.socket, self._changed
        while True:
            with changed:
                if not socket.pending() or self._upgrading or self._stream is not None:
                    self._poster = None
                    changed.notify_all()
                    return
                payload = socket.take_payload()
                self._taken()
            try:
                self._http.post(self._url("polling", socket.sid), payload, socket.revision.content_type)
            except Exception as exc:  # a ConnectionError, or what a session of the program's raises
                self._fail(exc)

    def _taken(self) -> None:
        if self._waiting:
            self._changed.notify_all()

    def room(self, limit: int) -> None:
        """Waits until at most `limit` bytes wait to be sent, or the connection is over."""
        socket = self.socket
        with self._changed:
            self._waiting += 1
            try:
                wait_for(self._changed, lambda: socket.queued <= limit or socket.state is not _OPEN)
            finally:
                self._waiting -= 1

    # ClientHost; all of it is called with the lock

    def wake(self) -> None:
        """There is something to send: over polling a thread does it, over a WebSocket the caller of `flush`."""
        if self._stream is None and self._poster is None and not self._upgrading:
            self._poster = start_thread(self._post)

    def resume(self) -> None:
        """Reading may go on."""
        self._changed.notify_all()

    def closed(self) -> None:
        """The connection is over: its threads are told to end, and close what they have."""
        self._changed.notify_all()
        socket, writer = self.socket, self._writer
        if writer is None or writer.busy or socket.error is not None:
            self.abort()
        else:
            # RFC 6455, 7.1.1: the client should wait for the server to close the TCP connection; the reader does.
            writer.add_control(CLOSE, NORMAL)
            writer.flush()

    # The end

    def abort(self) -> None:
        """Ends whatever waits for the server."""
        for stream in (self._stream, self._candidate):
            if stream is not None:
                stream.abort()
        self._http.abort()

    def leave(self, why: str) -> None:
        """Says goodbye to the server, which gets some seconds for it, and closes the connection."""
        socket, writer = self.socket, self._writer
        end = time.monotonic() + self._client.request_timeout
        with self._lock:
            socket.leave(why)
        try:
            if writer is not None:
                writer.flush()
                writer.settle(end - time.monotonic())
            with self._changed:
                wait_for(self._changed, self._has_left, end - time.monotonic())
        finally:
            with self._lock:
                socket.close(why)

    def _has_left(self) -> bool:
        writer = self._writer
        if self.socket.state is _CLOSED:
            return True
        return writer.is_done() if writer is not None else not (self.socket.pending() or self._poster)

    def wait_closed(self) -> None:
        """Waits until nothing is left of a connection that is over."""
        if self._reader is None:
            self._release()
            return
        seconds = self._client.request_timeout
        join(self._reader, min(GOODBYE, seconds))
        if self._reader.is_alive():
            self.abort()
            # A poll in a session of the program's, which cannot be aborted, may last longer; it ends by itself.
            join(self._reader, seconds)

    def _release(self) -> None:
        """Closes what there is; the last thing that happens to a connection."""
        stream = self._stream
        if stream is not None:
            stream.wait_closed(time.monotonic() + min(GOODBYE, self._client.request_timeout))
            stream.abort()
            if self._writer is not None:
                self._writer.stop(self._client.request_timeout)
            stream.close()
        if self._candidate is not None:
            self._candidate.close()
        join(self._poster, self._client.request_timeout)
        join(self._beat, self._client.request_timeout)
        self._http.close()

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self.socket.fail(error)

    def _url(self, transport: str, sid: str | None = None) -> str:
        url: str = self._client.build_url(transport, sid or self.socket.sid, time.time())
        return url
