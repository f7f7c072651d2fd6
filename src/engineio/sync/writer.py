"""`Writer`: the outbox of a connection on its way to a WebSocket, written by whichever thread has something to send."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from os import urandom

from ..client_protocol import ClientSocket
from ..websocket import BINARY, TEXT, encode_masked_frame
from .concurrency import start_thread
from .stream import Stream

__all__ = ["Writer"]

BURST = 65536
"""How many bytes are written at once, about."""


class Writer:
    """Writes without a thread of its own as long as the kernel takes everything, and without anybody waiting.

    Whoever puts something into the outbox calls `flush` afterwards. A thread that finds another one writing leaves its
    message to that one. Only for what the kernel does not take there is a thread, which waits.

    Args:
        socket: Whose outbox it is.
        stream: The WebSocket.
        changed: Guards the socket; notified when a thread has written what the kernel had not taken.
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
        self._controls: deque[bytes] = deque()
        self._rest = b""
        self.thread: threading.Thread | None = None
        """What writes because the kernel does not take everything; `None` if there is no need for it."""

    def add_control(self, opcode: int, payload: bytes) -> None:
        """Has a control frame written by the next `flush`, before what is in the outbox."""
        self._controls.append(encode_masked_frame(opcode, payload, urandom(4)))

    def flush(self) -> None:
        """Writes what can be written without waiting; called with or without the lock."""
        # Another thread that is writing looks again after it has let go of the lock, so nothing is left behind.
        while (self._socket.pending() or self._controls) and self.thread is None:
            if not self._writing.acquire(blocking=False):
                return
            try:
                self._write()
            finally:
                self._writing.release()

    def settle(self, timeout: float) -> None:
        """Waits, at most for some seconds, until nobody is writing."""
        if self._writing.acquire(timeout=max(timeout, 0)):
            self._writing.release()

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
                with self._changed:
                    if self.thread is None:
                        self.thread = start_thread(self._write_rest)
                return

    def _gather(self) -> bytes:
        frames: list[bytes] = []
        while self._controls:
            frames.append(self._controls.popleft())
        with self._changed:
            messages = self._socket.take_burst(BURST)
            if messages:
                self._taken()
        # Micro-optimization: one call for the masks of all texts.
        masks = urandom(4 * len(messages))
        for number, message in enumerate(messages):
            if message.text is not None:
                frames.append(encode_masked_frame(TEXT, message.text, masks[4 * number : 4 * number + 4]))
            frames += [encode_masked_frame(BINARY, attachment, urandom(4)) for attachment in message.attachments]
        return b"".join(frames)

    def _write_rest(self) -> None:
        with self._writing:
            while self._rest:
                self._stream.wait_writable()
                self._write()
            with self._changed:
                self.thread = None
                self._changed.notify_all()
        self.flush()
