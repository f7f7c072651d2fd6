"""WebSocket frames (RFC 6455): bytes in, messages and control frames out, and back again.

It does no I/O and no handshake, and knows nothing of packets. Extensions are not supported.
"""

from __future__ import annotations

import struct
from codecs import utf_8_decode
from typing import Final

from .exceptions import FrameError

try:
    from websockets.speedups import apply_mask
except ImportError:  # a wheel without the C extension
    from websockets.utils import apply_mask

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "FrameReader",
    "decode_close",
    "encode_close",
    "encode_frame",
    "encode_masked_frame",
]

CONTINUATION: Final = 0
"""Opcode of a further fragment of a message."""
TEXT: Final = 1
"""Opcode of a message of UTF-8 text."""
BINARY: Final = 2
"""Opcode of a message of bytes."""
CLOSE: Final = 8
"""Opcode of the last frame of a connection; the first of the opcodes of control frames."""
PING: Final = 9
"""Opcode of a request for a pong."""
PONG: Final = 10
"""Opcode of the answer to a ping, or of an unasked-for heartbeat."""

_PROTOCOL_ERROR = 1002
_INVALID_DATA = 1007
_MESSAGE_TOO_BIG = 1009

# RFC 6455, 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
_MAX_CONTROL_SIZE = 125

_TEXT_HEADERS = tuple(bytes((0x80 | TEXT, length)) for length in range(126))
_MASKED_TEXT_HEADERS = tuple(bytes((0x80 | TEXT, 0x80 | length)) for length in range(126))
_pack_16 = struct.Struct("!BBH").pack
_pack_64 = struct.Struct("!BBQ").pack


def encode_frame(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """Encode a frame as a server sends it.

    Raises:
        ValueError: for a control frame of more than 125 bytes or without `fin`.
    """
    length = len(payload)
    if opcode == TEXT and length < 126 and fin:
        return _TEXT_HEADERS[length] + payload
    return _encode_header(opcode, length, fin, 0) + payload


def encode_masked_frame(opcode: int, payload: bytes, mask: bytes, fin: bool = True) -> bytes:
    """Encode a frame as a client sends it.

    Args:
        opcode: one of the constants of this module.
        payload: what is sent, not yet masked.
        mask: four bytes; RFC 6455, 5.3: "The masking key needs to be unpredictable".
        fin: whether the message ends with this frame.

    Raises:
        ValueError: for a control frame of more than 125 bytes or without `fin`, or a mask of another size.
    """
    length = len(payload)
    if opcode == TEXT and length < 126 and fin:
        return _MASKED_TEXT_HEADERS[length] + mask + apply_mask(payload, mask)
    return _encode_header(opcode, length, fin, 0x80) + mask + apply_mask(payload, mask)


def _encode_header(opcode: int, length: int, fin: bool, mask_bit: int) -> bytes:
    if opcode >= CLOSE and (length > _MAX_CONTROL_SIZE or not fin):
        raise ValueError(f"a control frame is whole and has at most 125 bytes, not {length}")
    first = 0x80 | opcode if fin else opcode
    if length < 126:
        return bytes((first, mask_bit | length))
    if length < 0x10000:
        return _pack_16(first, mask_bit | 126, length)
    return _pack_64(first, mask_bit | 127, length)


def encode_close(code: int, reason: str = "") -> bytes:
    """Encode a whole close frame as a server sends it.

    Args:
        code: the close code; 1005, "no code", gives a frame without payload, so that what `decode_close`
            returned can be sent back.
        reason: cut at a character to fit the 123 bytes of UTF-8 that a control frame has left for it.

    Raises:
        ValueError: for a code that must not be sent.
    """
    if code == 1005:
        return encode_frame(CLOSE, b"")
    if not _is_close_code(code):
        raise ValueError(f"close code {code} must not be sent")
    encoded = reason.encode("utf-8", "replace")
    if len(encoded) > _MAX_CONTROL_SIZE - 2:
        encoded = encoded[: _MAX_CONTROL_SIZE - 2].decode("utf-8", "ignore").encode()
    return encode_frame(CLOSE, code.to_bytes(2, "big") + encoded)


def decode_close(payload: bytes) -> tuple[int, str]:
    """Decode the payload of a close frame.

    Returns:
        Code and reason; ``(1005, "")`` for an empty payload.

    Raises:
        FrameError: 1002 for half a code or one that must not be sent, 1007 for a reason that is not UTF-8.
    """
    if not payload:
        # RFC 6455, 7.1.5: "If this Close control frame contains no status code, _The WebSocket Connection
        # Close Code_ is considered to be 1005."
        return 1005, ""
    if len(payload) == 1:
        # RFC 6455, 5.5.1: "the first two bytes of the body MUST be a 2-byte unsigned integer"
        raise FrameError(_PROTOCOL_ERROR, "close code of one byte")
    code = int.from_bytes(payload[:2], "big")
    if not _is_close_code(code):
        raise FrameError(_PROTOCOL_ERROR, f"invalid close code {code}")
    try:
        # RFC 6455, 5.5.1: "the body MAY contain UTF-8-encoded data"
        return code, payload[2:].decode()
    except UnicodeDecodeError as error:
        raise FrameError(_INVALID_DATA, "close reason is not UTF-8") from error


def _is_close_code(code: int) -> bool:
    # RFC 6455, 7.4.2: "Status codes in the range 0-999 are not used"; 3000-4999 are for libraries and programs.
    # RFC 6455, 7.4.1: 1004 is "Reserved"; 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close control
    # frame by an endpoint". The rest up to 1014 is registered with IANA, that up to 2999 is not.
    return (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999


class _Message:
    """A data message of which a part has arrived: some of its fragments, or some of a frame's bytes."""

    __slots__ = ("cut", "data", "fin", "mask", "opcode", "remaining")

    opcode: int
    data: bytearray
    """What has arrived, unmasked. One array, not a list of fragments: an empty bytes object takes 33 bytes."""
    cut: bytes
    """The first bytes of a character whose other bytes have not arrived; only in text."""
    fin: bool
    """Whether the frame being read is the last one."""
    mask: bytes
    """The masking key, turned so that it starts at the next byte of the frame being read."""
    remaining: int
    """How many bytes of the frame being read have not arrived."""

    def __init__(self, opcode: int) -> None:
        self.opcode = opcode
        self.data = bytearray()
        self.cut = b""

    def append(self, payload: bytes) -> None:
        """Add bytes of the frame being read, still masked."""
        if self.mask:
            payload = apply_mask(payload, self.mask)
            turn = len(payload) & 3
            self.mask = self.mask[turn:] + self.mask[:turn]
        self.data += payload
        self.remaining -= len(payload)
        if self.opcode == TEXT and (self.cut or not payload.isascii()):
            text = self.cut + payload
            self.cut = text[utf_8_decode(text, "strict", False)[1] :]


class FrameReader:
    """Reads the frames of one connection.

    Args:
        max_size: the largest message to accept, in bytes, over all its fragments.
        masked: whether the peer has to mask its frames: `True` for a server, `False` for a client.
    """

    # An idle connection holds this object and nothing more.
    __slots__ = ("_ended", "_mask_bit", "_max_size", "_message", "_rest", "_short", "error")

    error: FrameError | None
    """How the peer broke the protocol; from then on nothing is read."""
    _rest: bytes
    """An incomplete header or control frame: at most 130 bytes. Payloads of messages do not wait here."""
    _message: _Message | None
    _short: int
    """The largest second byte of a frame that `receive` reads by itself; 0 if it never does."""

    def __init__(self, max_size: int, masked: bool = True) -> None:
        self.error = None
        self._max_size = max_size
        self._mask_bit = 0x80 if masked else 0
        self._short = 0x80 + min(max_size, 125) if masked else 0
        self._rest = b""
        self._message = None
        self._ended = False

    def receive(self, data: bytes) -> list[tuple[int, bytes]]:
        """Read what has arrived; never raises.

        Returns:
            The messages and control frames that `data` completes, as opcode and payload. The payload of a `TEXT` is
            valid UTF-8, that of a `CLOSE` is one that `decode_close` accepts. After a `CLOSE`, and after a violation
            of the protocol (see `error`), nothing more is returned.
        """
        events: list[tuple[int, bytes]] = []
        if self._ended:
            return events
        position = 0
        try:
            if self._rest:
                data = self._rest + data
                self._rest = b""
            elif self._message is not None and self._message.remaining:
                position = self._receive_payload(data, 0, events)
            short = self._short
            end = len(data)
            last = end - 1
            while position < last:
                # Micro-optimization: nearly all frames are short masked texts in one piece. Reading these here takes
                # 0.33 us for 45 bytes, 0.57 us in `_receive_frame`. A struct.Struct for each length was no faster
                # than two slices; int.from_bytes and ^ took twice as long as the C function, bytes.translate thrice.
                if data[position] == 0x81 and 0x80 <= (length := data[position + 1]) <= short and self._message is None:
                    start = position + 6
                    stop = start + length - 0x80
                    if stop <= end:
                        payload = apply_mask(data[start:stop], data[position + 2 : start])
                        if not payload.isascii():
                            payload.decode()
                        events.append((TEXT, payload))
                        position = stop
                        continue
                stop = self._receive_frame(data, position, events)
                if stop == position:
                    break
                position = stop
            if position < end:
                self._rest = data[position:]
        except UnicodeDecodeError:
            # RFC 6455, 8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream
            # is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket Connection_."
            self._fail(_INVALID_DATA, "text is not UTF-8")
        except FrameError as error:
            self._fail(error.code, str(error))
        return events

    def _fail(self, code: int, reason: str) -> None:
        # A new exception: the one that was raised refers by its traceback to `data` and to this object.
        self.error = FrameError(code, reason)
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._rest = b""
        self._message = None

    def _receive_frame(self, data: bytes, position: int, events: list[tuple[int, bytes]]) -> int:
        """Read a frame of any kind, of which at least two bytes are there.

        Returns:
            Where reading goes on; `position` itself if this needs more data.

        Raises:
            FrameError: the frame breaks the protocol.
            UnicodeDecodeError: the message is not UTF-8.
        """
        first = data[position]
        second = data[position + 1]
        opcode = first & 0x0F
        if first & 0x70:
            # RFC 6455, 5.2: "MUST be 0 unless an extension is negotiated"
            raise FrameError(_PROTOCOL_ERROR, "reserved bit is set")
        if BINARY < opcode < CLOSE or opcode > PONG:
            # RFC 6455, 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket
            # Connection_."
            raise FrameError(_PROTOCOL_ERROR, f"unknown opcode {opcode}")
        if second & 0x80 != self._mask_bit:
            # RFC 6455, 5.1: "The server MUST close the connection upon receiving a frame that is not masked. [...]
            # A client MUST close a connection if it detects a masked frame."
            raise FrameError(_PROTOCOL_ERROR, "frame is not masked" if self._mask_bit else "frame is masked")
        if opcode >= CLOSE:
            return self._receive_control(data, position, events)

        message = self._message
        if opcode == CONTINUATION:
            if message is None:
                # RFC 6455, 5.4: "A fragmented message consists of a single frame with the FIN bit clear and an opcode
                # other than 0, followed by zero or more frames with the FIN bit clear and the opcode set to 0"
                raise FrameError(_PROTOCOL_ERROR, "continuation of no message")
        elif message is not None:
            # RFC 6455, 5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another
            # message unless an extension has been negotiated"
            raise FrameError(_PROTOCOL_ERROR, "new message inside a fragmented one")

        end = len(data)
        start = position + 2
        length = second & 0x7F
        if length > 125:
            # RFC 6455, 5.2: "the minimal number of bytes MUST be used to encode the length". A longer form is
            # tolerated: it does no harm, and the official server does not look either.
            start += 2 if length == 126 else 8
            if start > end:
                return position
            length = int.from_bytes(data[position + 2 : start], "big")
            if length >> 63:
                # RFC 6455, 5.2: "a 64-bit unsigned integer (the most significant bit MUST be 0)"
                raise FrameError(_PROTOCOL_ERROR, "length of more than 63 bits")
        if length + (0 if message is None else len(message.data)) > self._max_size:
            # RFC 6455, 10.4: "implementations [...] MUST protect themselves against exceeding those limits"
            raise FrameError(_MESSAGE_TOO_BIG, f"message of more than {self._max_size} bytes")
        mask = b""
        if self._mask_bit:
            start += 4
            if start > end:
                return position
            mask = data[start - 4 : start]

        stop = start + length
        if message is None:
            if first & 0x80 and stop <= end:
                payload = apply_mask(data[start:stop], mask) if mask else data[start:stop]
                if opcode == TEXT and not payload.isascii():
                    payload.decode()
                events.append((opcode, payload))
                return stop
            message = self._message = _Message(opcode)
        message.fin = first >= 0x80
        message.mask = mask
        message.remaining = length
        return self._receive_payload(data, start, events)

    def _receive_payload(self, data: bytes, position: int, events: list[tuple[int, bytes]]) -> int:
        """Read on in a frame of the message that is under way, up to its end or that of `data`."""
        message = self._message
        assert message is not None
        stop = min(position + message.remaining, len(data))
        message.append(data[position:stop])
        if message.fin and not message.remaining:
            if message.cut:
                raise FrameError(_INVALID_DATA, "text ends inside a character")
            self._message = None
            events.append((message.opcode, bytes(message.data)))
        return stop

    def _receive_control(self, data: bytes, position: int, events: list[tuple[int, bytes]]) -> int:
        """Read a control frame; RFC 6455, 5.4: it "MAY be injected in the middle of a fragmented message"."""
        length = data[position + 1] & 0x7F
        # RFC 6455, 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be
        # fragmented."
        if data[position] < 0x80:
            raise FrameError(_PROTOCOL_ERROR, "fragmented control frame")
        if length > _MAX_CONTROL_SIZE:
            raise FrameError(_PROTOCOL_ERROR, "control frame of more than 125 bytes")
        start = position + 6 if self._mask_bit else position + 2
        stop = start + length
        if stop > len(data):
            return position
        payload = data[start:stop]
        if self._mask_bit:
            payload = apply_mask(payload, data[start - 4 : start])
        opcode = data[position] & 0x0F
        if opcode == CLOSE:
            decode_close(payload)
            # RFC 6455, 1.4: "after receiving a control frame indicating the connection should be closed, a peer
            # discards any further data received."
            self._end()
            stop = len(data)
        events.append((opcode, payload))
        return stop
