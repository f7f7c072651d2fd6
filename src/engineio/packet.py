"""Engine.IO packets: their types, the public `Packet`, and `Outgoing`, one message encoded once for every recipient."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from os import urandom
from typing import Any, ClassVar, TypeVar

from . import json as engineio_json
from .exceptions import ProtocolError, UnknownPacketError
from .websocket import BINARY, TEXT, encode_frame, encode_masked_frame

__all__ = [
    "CLOSE",
    "MESSAGE",
    "NOOP",
    "OPEN",
    "PING",
    "PONG",
    "UPGRADE",
    "Outgoing",
    "Packet",
    "binary_types",
    "decode_base64",
    "encode_masked",
    "packet_names",
]

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = range(7)
packet_names = ["OPEN", "CLOSE", "PING", "PONG", "MESSAGE", "UPGRADE", "NOOP"]
binary_types = (bytes, bytearray)

T = TypeVar("T")


class Outgoing:
    """Something on its way out: at most one text packet, then any number of binary messages that belong to it.

    One object serves every recipient of a broadcast: each encoding is made when the first client needs it and kept.
    Nothing may come between the parts of one object, which is how attachments of concurrent emits stay apart.
    """

    __slots__ = ("_forms", "_segment", "attachments", "frames", "size", "text")

    text: bytes | None
    """The text packet with its type digit, UTF-8; `None` if there is none."""
    attachments: Sequence[bytes]
    """The binary messages, in order."""
    frames: bytes | None
    """What `frame()` returns, once somebody has needed it."""
    size: int
    """About how many bytes it takes on the wire, for the accounting of send queues."""

    def __init__(self, text: bytes | None, attachments: Sequence[bytes] = ()) -> None:
        self.text = text
        self.attachments = attachments
        self.frames = None
        self._segment: bytes | None = None
        self._forms: dict[Any, Any] | None = None
        size = len(text) if text is not None else 0
        if attachments:
            size += sum(map(len, attachments))
        self.size = size

    def frame(self) -> bytes:
        """Returns it as unmasked WebSocket frames, for Engine.IO 4.

        Engine.IO v4, "Packet encoding": "WebSocket frames … each packet is sent in its own WebSocket frame"; a
        binary frame carries no type byte.
        """
        frame = self.frames
        if frame is None:
            frame = b"" if self.text is None else encode_frame(TEXT, self.text)
            if self.attachments:
                frame += b"".join([encode_frame(BINARY, attachment) for attachment in self.attachments])
            self.frames = frame
        return frame

    def form(self, make: Callable[[Outgoing], T]) -> T:
        """Returns what a function makes of it, called once for all who need that: the encodings of Engine.IO 3."""
        forms = self._forms
        if forms is None:
            forms = self._forms = {}
        form: T | None = forms.get(make)
        if form is None:
            form = forms[make] = make(self)
        return form

    def segment(self) -> bytes:
        """Returns it as a part of a polling payload, for Engine.IO 4: binary data as `b` and its base64 form."""
        segment = self._segment
        if segment is None:
            parts = [] if self.text is None else [self.text]
            parts += [b"b" + base64.b64encode(attachment) for attachment in self.attachments]
            segment = self._segment = b"\x1e".join(parts)
        return segment


def encode_masked(messages: Sequence[Outgoing], binary_prefix: bytes = b"") -> bytes:
    """Returns messages as a client sends them over a WebSocket: each part in a masked frame of its own."""
    count = len(messages)
    for message in messages:
        count += len(message.attachments)
    # Micro-optimization: one call for all masks, 0.44 us a call.
    masks = urandom(4 * count)
    frames: list[bytes] = []
    position = 0
    for message in messages:
        if message.text is not None:
            frames.append(encode_masked_frame(TEXT, message.text, masks[position : position + 4]))
            position += 4
        for attachment in message.attachments:
            frames.append(encode_masked_frame(BINARY, binary_prefix + attachment, masks[position : position + 4]))
            position += 4
    return b"".join(frames)


PING_PACKET = Outgoing(b"2")
PONG_PACKET = Outgoing(b"3")
PROBE_ANSWER = Outgoing(b"3probe")
NOTHING = Outgoing(b"6")
"""A noop packet: the answer to a poll that has nothing else."""
END = Outgoing(b"1")
"""A close packet."""


def decode_base64(data: bytes) -> bytes:
    """Decodes the base64 form of a binary message.

    Raises:
        ProtocolError: if it is not base64.
    """
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as exc:
        raise ProtocolError("invalid base64") from exc


class Packet:
    """One Engine.IO packet, as programs build and inspect it.

    Args:
        packet_type: One of the constants of this module.
        data: `str`, `bytes`, or for OPEN anything that JSON can hold.
        encoded_packet: A packet to decode instead.
    """

    json: ClassVar[Any] = engineio_json
    """The JSON module of packets whose data is neither text nor binary."""

    packet_type: int
    data: Any
    binary: bool
    encode_cache: str | bytes | None

    def __init__(self, packet_type: int = NOOP, data: Any = None, encoded_packet: str | bytes | None = None) -> None:
        self.packet_type = packet_type
        self.data = data
        self.encode_cache = None
        if isinstance(data, str) or data is None:
            self.binary = False
        else:
            self.binary = isinstance(data, binary_types)
        if self.binary and packet_type != MESSAGE:
            raise ValueError("Binary packets can only be of type MESSAGE")
        if encoded_packet is not None:
            self.decode(encoded_packet)

    def encode(self, b64: bool = False) -> str | bytes:
        """Returns the packet for a WebSocket frame, or with `b64` for a polling payload."""
        if self.binary:
            data = bytes(self.data)
            return "b" + base64.b64encode(data).decode() if b64 else data
        if self.encode_cache is None:
            encoded = str(self.packet_type)
            if isinstance(self.data, str):
                encoded += self.data
            elif self.data is not None:
                encoded += self.json.dumps(self.data, separators=(",", ":"))
            self.encode_cache = encoded
        return self.encode_cache

    def decode(self, encoded_packet: str | bytes) -> None:
        """Takes the values of an encoded packet over.

        Raises:
            UnknownPacketError: if its type does not exist.
            ProtocolError: if its base64 form is broken.
        """
        self.encode_cache = None
        self.binary = isinstance(encoded_packet, binary_types)
        if not self.binary and encoded_packet[:1] == "b":
            self.binary = True
            encoded_packet = decode_base64(encoded_packet[1:].encode("utf-8", "replace"))  # type: ignore[union-attr]
        if self.binary:
            self.packet_type, self.data = MESSAGE, bytes(encoded_packet)  # type: ignore[arg-type]
            return
        if encoded_packet[:1] not in tuple("0123456"):
            raise UnknownPacketError(f"unknown packet type {encoded_packet[:1]!r}")
        self.packet_type = int(encoded_packet[0])
        self.data = encoded_packet[1:]
        if self.packet_type == OPEN and self.data:
            try:
                self.data = self.json.loads(self.data)
            except ValueError as exc:
                raise ProtocolError("the handshake is not JSON") from exc

    def outgoing(self) -> Outgoing:
        """Returns the packet in the form that the transports take."""
        if self.binary:
            return Outgoing(None, (bytes(self.data),))
        encoded = self.encode()
        return Outgoing(encoded.encode() if isinstance(encoded, str) else encoded)
