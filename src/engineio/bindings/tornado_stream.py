"""Tornado's TLS: a stream of its own as a transport of asyncio."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.iostream import IOStream, StreamClosedError

__all__ = ["StreamTransport"]

CHUNK = 65536

HIGH_WATER = 65536
"""From how many bytes on that wait to be written the protocol is to pause; the same as in asyncio."""


class StreamTransport(asyncio.Transport):
    """A stream whose reader and writer is a protocol of asyncio."""

    def __init__(self, stream: IOStream, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._stream = stream
        self._protocol = protocol
        self._unwritten = 0
        self._blocked = False
        self._closing = False
        self._paused = False
        self._reading = False
        stream.set_close_callback(self._lost)
        protocol.connection_made(self)
        self._read()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Has another protocol take what arrives."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Returns the socket, which is all that can be asked for."""
        return self._stream.socket if name == "socket" else default

    def _lost(self) -> None:
        self._closing = True
        self._protocol.connection_lost(None)

    # In

    def pause_reading(self) -> None:
        """Reads no more; what is being read already is still delivered."""
        self._paused = True

    def resume_reading(self) -> None:
        """Reads again."""
        self._paused = False
        self._read()

    def _read(self) -> None:
        if not (self._reading or self._paused or self._stream.closed()):
            self._reading = True
            asyncio.ensure_future(self._stream.read_bytes(CHUNK, partial=True)).add_done_callback(self._received)

    def _received(self, future: asyncio.Future[bytes]) -> None:
        self._reading = False
        try:
            data = future.result()
        except StreamClosedError:  # which `_lost` is told, too
            return
        self._protocol.data_received(data)
        self._read()

    # Out

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Writes data, or keeps what the stream does not take at once."""
        stream = self._stream
        if stream.closed():
            return
        future = stream.write(bytes(data))
        if stream.writing():
            self._unwritten += len(data)
            future.add_done_callback(lambda _: self._written(len(data)))
            if self._unwritten > HIGH_WATER and not self._blocked:
                self._blocked = True
                self._protocol.pause_writing()

    def _written(self, size: int) -> None:
        self._unwritten -= size
        if self._stream.closed():
            return
        if self._closing and not self._unwritten:
            self._stream.close()
        elif self._blocked and self._unwritten <= HIGH_WATER // 4:
            self._blocked = False
            self._protocol.resume_writing()

    def get_write_buffer_size(self) -> int:
        """Returns how many bytes wait to be written, at most."""
        return self._unwritten

    def is_closing(self) -> bool:
        """Returns whether the stream is closed or will be."""
        return self._closing

    def close(self) -> None:
        """Closes the stream when all is written."""
        self._closing = True
        if not self._unwritten:
            self._stream.close()

    def abort(self) -> None:
        """Closes the stream at once."""
        self._closing = True
        self._stream.close()
