"""The frames of AMQP 0-9-1 that messages travel in: many to publish at once, and what is delivered out of a stream.

All else of the protocol is the drivers'. They make and read each frame on its own, which costs more than all the rest
of an emit; here a batch is one piece of bytes in either direction.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Deliveries", "Publication"]

# AMQP 0-9-1, 4.2.3: type, channel and size, then the payload, then the end.
_FRAME = struct.Struct(">BHI")
_METHOD, _HEADER, _BODY = 1, 2, 3
_END = b"\xce"
_AROUND = _FRAME.size + len(_END)
_FRAME_MAX = 16 * 1024 * 1024

# 4.2.6.1: class, weight and size of the body, then which properties follow. Basic is class 60.
_CONTENT = struct.Struct(">HHQ")
_PUBLISH = struct.pack(">HH", 60, 40)
_DELIVER = struct.pack(">HH", 60, 60)

_PROPERTIES = struct.pack(">H", 0x8000 | 0x4000 | 0x1000) + b"\x0atext/plain" + b"\x05utf-8" + b"\x01"
"""Content type, encoding and delivery mode 1: a broker that ends forgets the queues anyway."""


class Publication:
    """How messages are published to an exchange.

    Args:
        exchange: Its name, of at most 255 bytes.
        channel: The number of the channel.
        frame_max: How large a frame may be, in bytes.
    """

    __slots__ = ("_channel", "_method", "_part")

    def __init__(self, exchange: str, channel: int, frame_max: int) -> None:
        name = exchange.encode()
        self._channel = channel
        self._method = self._frame(_METHOD, b"%b\0\0%c%b\0\0" % (_PUBLISH, len(name), name))
        self._part = frame_max - _AROUND

    def _frame(self, kind: int, payload: bytes) -> bytes:
        return _FRAME.pack(kind, self._channel, len(payload)) + payload + _END

    def encode(self, messages: Sequence[bytes]) -> bytes:
        """Returns what publishes messages, in order."""
        frames: list[bytes] = []
        for message in messages:
            frames += (self._method, self._frame(_HEADER, _CONTENT.pack(60, 0, len(message)) + _PROPERTIES))
            for start in range(0, len(message), self._part):
                frames.append(self._frame(_BODY, message[start : start + self._part]))
        return b"".join(frames)


class Deliveries:
    """Takes the messages that are delivered out of a stream of one channel.

    Args:
        on_frame: Called with each other frame: type, channel, payload.
    """

    __slots__ = ("_left", "_on_frame", "_parts", "_rest")

    def __init__(self, on_frame: Callable[[tuple[int, int, bytes]], Any]) -> None:
        self._on_frame = on_frame
        self._rest = b""
        self._parts: list[bytes] | None = None
        """Of the message whose body comes next; `None` between messages."""
        self._left = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the bodies of the messages that data completes.

        Raises:
            ValueError: that is not AMQP.
            Exception: whatever `on_frame` raises.
        """
        bodies: list[bytes] = []
        data = self._rest + data
        start = 0
        while len(data) - start >= _AROUND:
            kind, channel, size = _FRAME.unpack_from(data, start)
            end = start + _AROUND + size
            if end > len(data) and size <= _FRAME_MAX:
                break
            if data[end - 1 : end] != _END:
                raise ValueError("that is not AMQP")
            payload = data[start + _FRAME.size : end - 1]
            start = end
            if kind == _METHOD and payload.startswith(_DELIVER):
                self._parts = []
                continue
            if kind == _HEADER and self._parts is not None:
                self._left = _CONTENT.unpack_from(payload)[2]
            elif kind == _BODY and self._parts is not None:
                self._parts.append(payload)
                self._left -= len(payload)
            else:
                self._on_frame((kind, channel, payload))
                continue
            if self._left <= 0:
                bodies.append(b"".join(self._parts))
                self._parts = None
        self._rest = data[start:]
        return bodies
