"""Engine.IO 3: packets behind their length in an HTTP body, as text or as bytes, and binary packets with a type."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence

from .exceptions import ProtocolError, UnknownPacketError
from .packet import MESSAGE, Outgoing, decode_base64
from .payload import Payload

__all__ = [
    "Base64Revision3",
    "BinaryRevision3",
    "JSONRevision3",
    "Revision3",
    "decode_binary",
    "decode_packet",
]

MAX_DIGITS = 310
"""The longest length in front of a packet: that of JavaScript's greatest number, which is the reference's limit."""

_JSON = re.compile(rb"4[0-6](?:\d+-)?(?:/[^,]*,)?\d*(?=[\[{\"])")
"""What stands in front of the JSON in a packet of Socket.IO."""

_OLD_STAMP = re.compile(r"\d{13}-\d+")
"""The query parameter `t` up to 1.3: milliseconds and a counter. Later clients write the former to the base of 64."""

_NOT_ASCII = re.compile("[^\x00-\x7f]+")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_TO_ASCII = bytes(0x30 + value if value < 10 else 0x78 for value in range(256))
"""A length in bytes 0 to 9 -> the same in digits, and an x for each other byte."""


class Revision3:
    """Engine.IO 3, spoken with a client that takes bytes over each transport."""

    number = 3
    textual = False
    decodes_oddly = False
    """Whether the client may decode text beyond ASCII in a way of its own; JSON can do without."""

    def for_client(self, text_only: bool, stamp: str) -> Revision3:
        """Returns the form of it that a client speaks; see `payload.Revision`.

        Up to 1.3 the JavaScript clients that can take bytes take nothing else, and are known by their time stamps.
        """
        return _TEXTUAL if text_only else _BINARY if _OLD_STAMP.fullmatch(stamp) else self

    def for_json(self) -> JSONRevision3:
        """Returns the same for one connection of Socket.IO, whose text is JSON."""
        return JSONRevision3(self)

    def content_type_of(self, body: bytes) -> str:
        """Returns the `Content-Type` of a payload that was encoded here."""
        return "application/octet-stream" if body[0] <= 1 else "text/plain; charset=UTF-8"

    def adapt(self, message: Outgoing) -> Sequence[Outgoing]:
        """Returns a message in the form that the links of such a client send: a type in front of all binary data."""
        return message.form(_with_types) if message.attachments else (message,)

    def encode_payload(self, messages: Iterable[Outgoing]) -> bytes:
        """Returns an HTTP body with these messages, which come from `adapt`, in this order.

        It is made of bytes if there is anything binary, and also if there is text beyond ASCII: clients of 1.x decode
        such text once more where it comes in a body of text, those of 2.x do not, and all of them agree about bytes.
        """
        messages = list(messages)
        if all(not message.attachments and (message.text or b"").isascii() for message in messages):
            return b"".join([message.form(_encode_text) for message in messages]) or b"0:"
        return b"".join([message.form(_encode_bytes) for message in messages])

    def decode_payload(self, body: bytes, content_type: str) -> list[tuple[int, bytes, bool]]:
        """Returns the packets of an HTTP body; see `payload.Revision`.

        The first byte says of which kind it is; some clients give all they send the same content type.
        """
        if not body:
            raise ProtocolError("an empty payload")
        return _split_bytes(body) if body[0] <= 1 else _split_text(body)


class BinaryRevision3(Revision3):
    """Engine.IO 3, spoken with a client that takes nothing but bytes over polling."""

    decodes_oddly = True

    def encode_payload(self, messages: Iterable[Outgoing]) -> bytes:
        """Returns an HTTP body of bytes with these messages, which come from `adapt`, in this order."""
        return b"".join([message.form(_encode_bytes) for message in messages]) or b"0:"


class Base64Revision3(Revision3):
    """Engine.IO 3, spoken with a client that takes nothing but text: it has said `b64=1`, or uses JSONP."""

    textual = True
    decodes_oddly = True

    def adapt(self, message: Outgoing) -> Sequence[Outgoing]:
        """Returns a message as text packets alone."""
        return message.form(_without_bytes) if message.attachments else (message,)

    def encode_payload(self, messages: Iterable[Outgoing]) -> bytes:
        """Returns an HTTP body of text with these messages, which come from `adapt`, in this order."""
        return b"".join([message.form(_encode_text) for message in messages]) or b"0:"


class JSONRevision3:
    """Any of these for one connection of Socket.IO, so that 1.x and 2.x get along, which no request tells apart.

    In a body of text the former encode UTF-8 twice, and expect that. JSON needs nothing but ASCII, about which they
    agree; and what a client has encoded twice is recognised by that it can be decoded twice. From the first text of a
    connection that cannot, it is known that none is.
    """

    __slots__ = ("_encodes_once", "_form")

    number = 3

    def __init__(self, form: Revision3) -> None:
        self._form = form
        self._encodes_once = False

    @property
    def textual(self) -> bool:
        """Whether all payloads are text."""
        return self._form.textual

    def for_client(self, text_only: bool, stamp: str) -> JSONRevision3:
        """Returns itself: it belongs to a client."""
        return self

    def content_type_of(self, body: bytes) -> str:
        """Returns the `Content-Type` of a payload that was encoded here."""
        return self._form.content_type_of(body)

    def adapt(self, message: Outgoing) -> Sequence[Outgoing]:
        """Returns a message in the form that the links of the client send."""
        return self._form.adapt(message)

    def encode_payload(self, messages: Iterable[Outgoing]) -> bytes:
        """Returns an HTTP body with these messages, which come from `adapt`, in this order."""
        if self._form.decodes_oddly:
            messages = [message.form(_escape) for message in messages]
        return self._form.encode_payload(messages)

    def decode_payload(self, body: bytes, content_type: str) -> list[tuple[int, bytes, bool]]:
        """Returns the packets of an HTTP body; see `payload.Revision`."""
        packets = self._form.decode_payload(body, content_type)
        if self._encodes_once or body[0] <= 1 or body.isascii():
            return packets
        return [(kind, data if binary else self._decode_again(data), binary) for kind, data, binary in packets]

    def _decode_again(self, data: bytes) -> bytes:
        if data.isascii() or self._encodes_once:
            return data
        try:
            once = data.decode().encode("latin-1")
            once.decode()
        except UnicodeError:
            self._encodes_once = True
            return data
        return once


_TEXTUAL = Base64Revision3()
_BINARY = BinaryRevision3()


# Forms of a message, each made once for all who need it


def _with_types(message: Outgoing) -> tuple[Outgoing, ...]:
    # Engine.IO v3, "Encoding/Packet": a binary packet begins with its type as a byte, not as a digit.
    return (Outgoing(message.text, [b"\x04" + attachment for attachment in message.attachments]),)


def _without_bytes(message: Outgoing) -> tuple[Outgoing, ...]:
    first = [] if message.text is None else [Outgoing(message.text)]
    return (*first, *(Outgoing(b"b4" + base64.b64encode(attachment)) for attachment in message.attachments))


def _encode_text(message: Outgoing) -> bytes:
    # Engine.IO v3, "Payload": the length of a string "is the number of characters", which JavaScript counts in UTF-16.
    text = message.text or b""
    length = len(text) if text.isascii() else len(text.decode().encode("utf-16-le")) // 2
    return b"%d:%b" % (length, text)


def _escape(message: Outgoing) -> Outgoing:
    text = message.text or b""
    head = None if text.isascii() else _JSON.match(text)
    if head is None:
        return message
    body = _NOT_ASCII.sub(_escape_characters, text[head.end() :].decode())
    return Outgoing(head[0] + body.encode(), message.attachments)


def _escape_characters(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join([f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)])


def _encode_bytes(message: Outgoing) -> bytes:
    # Engine.IO v3, "Payload": "<0 for string data, 1 for binary data><Any number of numbers between 0 and 9><The
    # number 255><packet1 (first type, then data)>".
    parts = [] if message.text is None else [b"\0" + _length(message.text) + message.text]
    parts += [b"\1" + _length(attachment) + attachment for attachment in message.attachments]
    return b"".join(parts)


def _length(packet: bytes) -> bytes:
    return bytes([ord(digit) - 0x30 for digit in str(len(packet))]) + b"\xff"


# Decoding


def decode_packet(encoded: bytes) -> tuple[int, bytes, bool]:
    """Splits a text packet, UTF-8, into its type, its data and whether the data is binary (and was base64 then).

    Raises:
        ProtocolError: if its base64 form is broken; `UnknownPacketError` if its type does not exist.
    """
    kind = encoded[0] if encoded else 0
    if kind == 0x62:  # b
        if encoded[1:2] != b"4":
            raise UnknownPacketError("a binary packet that is no message")
        return MESSAGE, decode_base64(encoded[2:]), True
    if not 0x30 <= kind <= 0x36:
        raise UnknownPacketError("unknown packet type")
    return kind - 0x30, encoded[1:], False


def decode_binary(encoded: bytes) -> bytes:
    """Returns the data of a binary packet.

    Raises:
        UnknownPacketError: if it is not a message.
    """
    if not encoded or encoded[0] != MESSAGE:
        raise UnknownPacketError("a binary packet that is no message")
    return encoded[1:]


def _split_text(body: bytes) -> list[tuple[int, bytes, bool]]:
    try:
        text = body.decode()
    except UnicodeDecodeError as exc:
        raise ProtocolError("the payload is not UTF-8") from exc
    # The lengths count what JavaScript calls characters: one beyond 16 bits is a pair of surrogates.
    paired = _ASTRAL.search(text) is not None
    if paired:
        text = _ASTRAL.sub(_split_pair, text)
    limit = Payload.max_decode_packets
    packets: list[tuple[int, bytes, bool]] = []
    position = 0
    while position < len(text):
        colon = text.find(":", position, position + MAX_DIGITS + 1)
        digits = text[position:colon]
        if colon < 0 or not (digits.isascii() and digits.isdigit()):
            raise ProtocolError("a packet without its length")
        start, position = colon + 1, colon + 1 + int(digits)
        if position > len(text):
            raise ProtocolError("a packet shorter than its length")
        if start == position:  # the empty payload is "0:"
            continue
        if limit is not None and len(packets) >= limit:
            raise ProtocolError("too many packets in payload")
        packet = text[start:position]
        packets.append(decode_packet(_join_pairs(packet) if paired else packet.encode()))
    return packets


def _split_pair(match: re.Match[str]) -> str:
    code = ord(match[0]) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def _join_pairs(text: str) -> bytes:
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le").encode()
    except UnicodeDecodeError as exc:
        raise ProtocolError("a length that ends within a character") from exc


def _split_bytes(body: bytes) -> list[tuple[int, bytes, bool]]:
    limit = Payload.max_decode_packets
    packets: list[tuple[int, bytes, bool]] = []
    position = 0
    while position < len(body):
        binary = body[position]
        end = body.find(b"\xff", position + 1, position + MAX_DIGITS + 2)
        digits = body[position + 1 : end].translate(_TO_ASCII)
        if binary > 1 or end < 0 or not digits.isdigit():
            raise ProtocolError("a packet without its length")
        start, position = end + 1, end + 1 + int(digits)
        if position > len(body):
            raise ProtocolError("a packet shorter than its length")
        if limit is not None and len(packets) >= limit:
            raise ProtocolError("too many packets in payload")
        packet = body[start:position]
        if binary:
            packets.append((MESSAGE, decode_binary(packet), True))
        elif packet:
            try:
                packet.decode()
            except UnicodeDecodeError as exc:
                raise ProtocolError("a packet that is not UTF-8") from exc
            packets.append(decode_packet(packet))
    return packets
