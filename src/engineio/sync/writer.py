"""`Writer`: the outbox of a connection on its way to a WebSocket, written by whichever thread has something to send."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf
from os import urandom

from ..client_protocol import ClientSocket, ClientState
from ..packet import encode_masked
from ..websocket import CLOSE, PONG, encode_masked_frame
from .concurrency import BackgroundThread, join, start_thread
from .stream import Stream

__all__ = ["Writer"]

BURST = 65536
"""How many bytes are written at once, about."""

GAP = 50e-6
"""Messages that follow each other within this time, in seconds, are left to a thread, which writes many at once: a
write takes longer than all else that becomes of a message (2.8 us instead of 8.0 each, `benchmarks/clients`). A call
and its answer take longer than this, and so each goes at once."""

LINGER = 10.0
"""For how long that thread waits for the next burst before it ends, in seconds."""


class Writer:
    """Writes at once and in the caller's thread, without waiting; in a burst, or when the kernel is full, in its own.

    Whoever puts something into the outbox calls `flush` afterwards. A thread that finds another one writing leaves its
    message to that one.

    Args:
        socket: Whose outbox it is.
        stream: The WebSocket.
        changed: Guards the socket; notified when the writer's thread has nothing left to write.
        taken: Called with `changed` held when the outbox has become shorter.
    """

    def __init__(
        self, socket: ClientSocket, stream: Stream, changed: threading.Condition, taken: Callable[[], None]
    ) -> None:
        self._socket = socket
        self._stream = stream
        self._changed = changed
        self._taken = taken
        self._writing = threading.Lock()
        self._controls: dict[int, bytes] = {}
        self._rest = b""
        self._last = -inf
        self._work = threading.Condition()
        self._thread: BackgroundThread | None = None
        self.busy = False
        """Whether the writer's thread is in charge."""

    def add_control(self, opcode: int, payload: bytes) -> None:
        """Has a control frame written by the next `flush`, before what is in the outbox.

        RFC 6455, 5.5.3: an endpoint "MAY elect to send a Pong frame for only the most recently processed Ping frame."
        """
        self._controls[opcode] = encode_masked_frame(opcode, payload, urandom(4))

    def flush(self) -> None:
        """Writes what can be written without waiting; called with or without the lock."""
        # Another thread that is writing looks again after it has let go of the lock, so nothing is left behind.
        while not self.busy and (self._socket.pending() or self._controls):
            if not self._writing.acquire(blocking=False):
                return
            try:
                if time.monotonic() - self._last < GAP:
                    self._hand_over()
                else:
                    self._write()
            finally:
                self._writing.release()

    def is_done(self) -> bool:
        """Returns whether everything is written; called with the lock."""
        return not (self.busy or self._socket.pending())

    def settle(self, timeout: float) -> None:
        """Waits, at most for some seconds, until nobody is writing."""
        if self._writing.acquire(timeout=max(timeout, 0)):
            self._writing.release()

    def stop(self, timeout: float) -> None:
        """Waits, at most for some seconds, until the writer's thread has ended: the connection is over."""
        with self._work:
            self._work.notify()
            thread = self._thread
        join(thread, timeout)

    def _hand_over(self) -> None:
        """Leaves what there is to the writer's thread; the caller holds `_writing`."""
        with self._work:
            self.busy = True
            if self._thread is None:
                self._thread = start_thread(self._run)
            else:
                self._work.notify()

    def _run(self) -> None:
        while True:
            with self._work:
                while not self.busy:
                    over = self._socket.state is ClientState.CLOSED
                    if over or (not self._work.wait(LINGER) and not self.busy):
                        self._thread = None
                        return
            while self.busy:
                with self._writing:
                    self._write()
                    while self._rest:
                        self._stream.wait_writable()
                        self._write()
                # Without `_writing`: whoever sees that this thread is no longer busy must be able to get it.
                with self._changed:
                    if not (self._rest or self._controls or self._socket.pending()):
                        self.busy = False
                        self._changed.notify_all()

    def _write(self) -> None:
        """Writes until nothing is left or the kernel takes no more; the caller holds `_writing`."""
        while data := self._rest or self._gather():
            try:
                sent = self._stream.send(data)
            except OSError as exc:
                self._rest = b""
                self._controls.clear()
                with self._changed:
                    self._socket.fail(exc)
                return
            self._rest = data[sent:]
            if self._rest:
                with self._changed:  # so that the writer's thread cannot stop being busy in between
                    if not self.busy:
                        self._hand_over()
                return
        self._last = time.monotonic()

    def _gather(self) -> bytes:
        frames: list[bytes] = []
        if self._controls:
            frames = [self._controls.pop(opcode, b"") for opcode in (PONG, CLOSE)]
        with self._changed:
            messages = self._socket.take_burst(BURST)
            if messages:
                self._taken()
        frames.append(encode_masked(messages, self._socket.revision.binary_prefix))
        return b"".join(frames)
