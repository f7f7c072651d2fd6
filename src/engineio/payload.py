"""Polling payloads: several packets in one HTTP body; and the revisions of the protocol, each a codec of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol

from .exceptions import ProtocolError, UnknownPacketError
from .packet import MESSAGE, Outgoing, Packet, decode_base64

__all__ = ["REVISIONS", "Payload", "Revision", "Revision4"]

SEPARATOR = b"\x1e"


class Revision(Protocol):
    """What differs between the revisions of Engine.IO."""

    number: int
    """The value of the query parameter `EIO`."""
    textual: bool
    """Whether all payloads are text."""

    def for_client(self, text_only: bool, stamp: str) -> Revision:
        """Returns the form of this revision that a client speaks.

        Args:
            text_only: Whether it takes nothing but text.
            stamp: The query parameter `t` of its handshake.
        """

    def adapt(self, message: Outgoing) -> Sequence[Outgoing]:
        """Returns a message in the form that links and payloads send: one or more, between which nothing may come."""

    def encode_payload(self, messages: Iterable[Outgoing]) -> bytes:
        """Returns an HTTP body with these messages, which come from `adapt`, in this order."""

    def content_type_of(self, body: bytes) -> str:
        """Returns the `Content-Type` of a payload that was encoded here."""

    def decode_payload(self, body: bytes, content_type: str) -> list[tuple[int, bytes, bool]]:
        """Returns the packets of an HTTP body as (packet type, data, whether the data is binary).

        Raises:
            ProtocolError: if the body is not a payload; `UnknownPacketError` if a packet's type does not exist.
        """


class Revision4:
    """Engine.IO 4: packets as text, joined by the record separator."""

    number = 4
    textual = True

    def for_client(self, text_only: bool, stamp: str) -> Revision4:
        """Returns itself: all clients speak the same."""
        return self

    def adapt(self, message: Outgoing) -> Sequence[Outgoing]:
        """Returns the message: it is made for Engine.IO 4."""
        return (message,)

    def content_type_of(self, body: bytes) -> str:
        """Returns the `Content-Type` of a payload that was encoded here."""
        return "text/plain; charset=UTF-8"

    def encode_payload(self, messages: Iterable[Outgoing]) -> bytes:
        """Returns an HTTP body with these messages, in this order."""
        return SEPARATOR.join([message.segment() for message in messages])

    def decode_payload(self, body: bytes, content_type: str) -> list[tuple[int, bytes, bool]]:
        """Returns the packets of an HTTP body; see :meth:`Revision.decode_payload`."""
        # The reference implementation aborts a request with binary content: Engine.IO 4 has no binary payload.
        if content_type.startswith("application/octet-stream"):
            raise ProtocolError("invalid content")
        if not body.isascii():
            try:
                body.decode()
            except UnicodeDecodeError as exc:
                raise ProtocolError("the payload is not UTF-8") from exc
        # Counted before anything is split: a limit that a program sets is there to save the work.
        limit = Payload.max_decode_packets
        if limit is not None and body.count(SEPARATOR) + 1 > limit:
            raise ProtocolError("too many packets in payload")
        return [decode_packet(part) for part in body.split(SEPARATOR)]


def decode_packet(encoded: bytes) -> tuple[int, bytes, bool]:
    """Splits one packet of a payload into its type, its data and whether the data is binary."""
    kind = encoded[0] if encoded else 0
    if kind == 0x62:  # b
        return MESSAGE, decode_base64(encoded[1:]), True
    if not 0x30 <= kind <= 0x36:
        raise UnknownPacketError("unknown packet type")
    return kind - 0x30, encoded[1:], False


REVISIONS: dict[str, Revision] = {"4": Revision4()}
"""The revision that all servers speak, by the value of the query parameter `EIO`."""


class Payload:
    """Several packets that travel in one HTTP body, as programs build and inspect them."""

    max_decode_packets: ClassVar[int | None] = None
    """How many packets one body may hold; `None`: as many as `max_http_buffer_size` lets in."""

    def __init__(self, packets: Sequence[Packet] | None = None, encoded_payload: str | None = None) -> None:
        self.packets = list(packets or [])
        if encoded_payload is not None:
            self.decode(encoded_payload)

    def encode(self, jsonp_index: int | None = None) -> str:
        """Returns the payload as the text of an HTTP body, or as a call of the JSONP function with that index."""
        encoded = "\x1e".join([str(packet.encode(b64=True)) for packet in self.packets])
        if jsonp_index is None:
            return encoded
        literal: Any = Packet.json.dumps(encoded)
        return f"___eio[{int(jsonp_index)}]({literal});"

    def decode(self, encoded_payload: str) -> None:
        """Takes over the packets of an HTTP body.

        Raises:
            ProtocolError: (a ValueError) if there are too many of them, or if one of them is broken.
        """
        self.packets = []
        if not encoded_payload:
            return
        parts = encoded_payload.split("\x1e")
        if self.max_decode_packets is not None and len(parts) > self.max_decode_packets:
            raise ProtocolError("too many packets in payload")
        self.packets = [Packet(encoded_packet=part) for part in parts]
