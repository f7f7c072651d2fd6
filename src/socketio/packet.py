"""The packets of Socket.IO, revision 5: from the content of an Engine.IO message to values, and back.

:func:`decode_text`, :func:`encode_text` and :func:`reconstruct` are what the core uses; :class:`Packet` is the same
as an object, and the base of serializers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import engineio.json
from engineio.json import codec_for, holds_bytes, replace_bytes
from socketio.exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ACK",
    "BINARY_ACK",
    "BINARY_EVENT",
    "CONNECT",
    "CONNECT_ERROR",
    "DISCONNECT",
    "EVENT",
    "MAX_ACK_ID",
    "RESERVED_EVENTS",
    "Packet",
    "check_payload",
    "decode_text",
    "encode_text",
    "packet_names",
    "reconstruct",
]

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)

packet_names = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"]
"""The name of each packet type, by its number."""

MAX_ACK_ID = 2**53 - 1
"""The greatest integer that a JavaScript peer can count to."""

RESERVED_EVENTS = frozenset(
    ("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener")
)
"""What applications hear of from the library itself, and no peer may send."""

_PREFIXES = tuple(b"%d" % packet_type for packet_type in range(7))


def decode_text(text: bytes, loads: Callable[[bytes], Any]) -> tuple[int, str, int | None, Any, int]:
    """Decode the text of one packet.

    Args:
        text: the content of an Engine.IO message, in UTF-8.
        loads: decodes JSON; raises ValueError for what is not.

    Returns:
        The packet type, the namespace (with the query string, if it came with one), the ack id, the data (`None` if
        there is none) and the number of attachments that follow. The placeholders are still in the data.

    Raises:
        ProtocolError: the text is not a packet that a peer may send.
    """
    # Socket.IO protocol v5, "Packet encoding":
    # "<packet type>[<# of binary attachments>-][<namespace>,][<acknowledgment id>][JSON-stringified payload ...]"
    # The events and acknowledgements of the main namespace go this way, which takes half the time of the other.
    try:
        first, second = text[0], text[1]
    except IndexError:
        return _decode_any(text, loads)
    if second == 0x5B and first == 0x32:  # "2["
        packet_type = EVENT
        ack_id = None
        body = text[1:]
    elif 0x30 <= second <= 0x39 and 0x32 <= first <= 0x33:  # "20" to "39"
        head, bracket, rest = text.partition(b"[")
        if len(head) > 16 or not head.isdigit():
            return _decode_any(text, loads)
        packet_type = first - 0x30
        ack_id = int(head[1:])
        body = bracket + rest
    else:
        return _decode_any(text, loads)
    try:
        data = loads(body)
    except ValueError as exc:
        raise ProtocolError("The payload is not JSON") from exc
    if type(data) is list and data and type(name := data[0]) is str and name not in RESERVED_EVENTS:
        return packet_type, "/", ack_id, data, 0
    check_payload(packet_type, data)
    return packet_type, "/", ack_id, data, 0


def _decode_any(text: bytes, loads: Callable[[bytes], Any]) -> tuple[int, str, int | None, Any, int]:
    """Decode a packet of any kind; see :func:`decode_text`."""
    packet_type = text[0] - 0x30 if text else -1
    if not CONNECT <= packet_type <= BINARY_ACK:
        raise ProtocolError("Unknown packet type")
    rest = text[1:]
    attachment_count = 0
    if packet_type >= BINARY_EVENT:
        digits, dash, rest = rest.partition(b"-")
        if not dash or not digits.isdigit() or len(digits) > 10:
            raise ProtocolError("A binary packet needs the number of its attachments, in at most ten digits")
        attachment_count = int(digits)

    namespace = "/"
    if rest and rest[0] == 0x2F:
        name, comma, rest = rest.partition(b",")
        # Peers leave out the comma where nothing follows. All other packets have a payload.
        if not comma and packet_type not in (CONNECT, DISCONNECT):
            raise ProtocolError("There is no comma after the namespace")
        try:
            namespace = name.decode()
        except UnicodeDecodeError as exc:
            raise ProtocolError("The namespace is not UTF-8") from exc

    ack_id = None
    if packet_type not in _WITHOUT_ACK_ID:
        digits, bracket, rest = rest.partition(b"[")
        # 16 digits are enough for the greatest id, and `int` is not asked about longer ones.
        if digits and (len(digits) > 16 or not digits.isdigit() or (ack_id := int(digits)) > MAX_ACK_ID):
            raise ProtocolError("What precedes the payload is not an ack id")
        rest = bracket + rest
    data = None
    if rest:
        try:
            data = loads(rest)
        except ValueError as exc:
            raise ProtocolError("The payload is not JSON") from exc
        if data is None:
            raise ProtocolError("The payload is null")
    check_payload(packet_type, data)
    return packet_type, namespace, ack_id, data, attachment_count


_WITHOUT_ACK_ID = frozenset((CONNECT, DISCONNECT, CONNECT_ERROR))


def check_payload(packet_type: int, data: Any) -> None:
    """Check that a packet of this type may carry this payload, however it was encoded.

    Args:
        packet_type: 0 to 6.
        data: the payload; `None` if there is none.

    Raises:
        ProtocolError: it may not.
    """
    if packet_type in (EVENT, BINARY_EVENT):
        if not isinstance(data, list) or not data:
            raise ProtocolError("The payload of an event is not an array with at least its name")
        name = data[0]
        if isinstance(name, str):
            if name in RESERVED_EVENTS:
                raise ProtocolError(f"The event name {name} is reserved")
        # JavaScript applications may emit numbers: `socket.emit(1)`.
        elif not isinstance(name, (int, float)) or isinstance(name, bool):
            raise ProtocolError("The event name is neither a string nor a number")
    elif packet_type in (ACK, BINARY_ACK):
        if not isinstance(data, list):
            raise ProtocolError("The payload of an acknowledgement is not an array")
    elif packet_type == CONNECT:
        if data is not None and not isinstance(data, dict):
            raise ProtocolError("The payload of CONNECT is not an object")
    elif packet_type == DISCONNECT:
        if data is not None:
            raise ProtocolError("DISCONNECT has a payload")
    elif not isinstance(data, (dict, str)):
        raise ProtocolError("The payload of CONNECT_ERROR is neither an object nor a string")


class _Attachments(list[bytes]):
    """The attachments of one packet: what `dumps` calls for objects that have no form in JSON."""

    __slots__ = ()

    def __call__(self, obj: Any) -> dict[str, Any]:
        if not isinstance(obj, (bytes, bytearray, memoryview)):
            raise TypeError(f"Object of type {type(obj).__name__} is not JSON serializable")
        self.append(bytes(obj))
        return {"_placeholder": True, "num": len(self) - 1}


def encode_text(
    packet_type: int,
    namespace: str,
    ack_id: int | None,
    data: Any,
    dumps: Callable[[Any, Callable[[Any], Any] | None], bytes],
) -> tuple[bytes, list[bytes]]:
    """Encode one packet.

    Args:
        packet_type: 0 to 6. EVENT and ACK become BINARY_EVENT and BINARY_ACK when the data holds bytes.
        namespace: begins with a slash.
        ack_id: `None` for none.
        data: the payload; `None` for none.
        dumps: encodes JSON; see :meth:`engineio.json.Codec.dumps`.

    Returns:
        The text, in UTF-8, and the attachments.

    Raises:
        TypeError: something in `data` has no form in JSON, or no form in a packet of this type.
        ValueError: the namespace holds a comma.
    """
    attachments = _Attachments()
    body = b"" if data is None else dumps(data, None if packet_type in _WITHOUT_ACK_ID else attachments)
    if namespace == "/" and not attachments and ack_id is None and packet_type <= CONNECT_ERROR:
        return _PREFIXES[packet_type] + body, attachments

    if attachments and packet_type < BINARY_EVENT:
        packet_type += BINARY_EVENT - EVENT
    head = str(packet_type)
    if packet_type >= BINARY_EVENT:
        head += f"{len(attachments)}-"
    if namespace != "/":
        if "," in namespace:
            raise ValueError("A namespace cannot hold a comma")
        head += namespace + ","
    if ack_id is not None:
        head += str(ack_id)
    return head.encode() + body, attachments


def reconstruct(data: Any, attachments: list[bytes]) -> Any:
    """Put the attachments of a packet where their placeholders are.

    Args:
        data: the payload of the packet, as :func:`decode_text` returned it. It is changed.
        attachments: in the order in which they came. Not each needs a placeholder, and one may have several.

    Returns:
        `data`, or an attachment if `data` was a placeholder.

    Raises:
        ProtocolError: a placeholder names an attachment that does not exist.
    """
    # A list to work through instead of recursion: the depth of the data is the peer's choice.
    root = [data]
    containers: list[Any] = [root]
    while containers:
        container = containers.pop()
        for key, item in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(item, dict) and item.get("_placeholder") is True:
                number = item.get("num")
                # A number from Python's point of view: True and -1 are good indices, too.
                if type(number) is not int or not 0 <= number < len(attachments):
                    raise ProtocolError("A placeholder names an attachment that does not exist")
                container[key] = attachments[number]
            elif isinstance(item, (dict, list)):
                containers.append(item)
    return root[0]


class Packet:
    """A packet as an object: one to send, or one that was received and may still wait for its attachments."""

    uses_binary_events: bool = True
    """Whether bytes are sent as attachments. A serializer that encodes them itself says no."""

    json: Any = engineio.json
    """The JSON module: anything that :func:`engineio.json.codec_for` accepts."""

    packet_type: int
    data: Any
    namespace: str | None
    id: int | None
    attachment_count: int
    """How many attachments belong to a packet that was received."""
    attachments: list[bytes]
    """Those that have come so far."""

    def __init__(
        self,
        packet_type: int = EVENT,
        data: Any = None,
        namespace: str | None = None,
        id: int | None = None,
        binary: bool | None = None,
        encoded_packet: str | bytes | None = None,
    ) -> None:
        """Create a packet from its parts, or from the text of a packet.

        Args:
            packet_type: 0 to 6. EVENT and ACK become BINARY_EVENT and BINARY_ACK when the data holds bytes.
            data: the payload; `None` for none.
            namespace: `None` for `/`.
            id: the ack id; `None` for none.
            binary: whether the data holds bytes; `None` to look.
            encoded_packet: the text to decode; all other arguments are ignored.

        Raises:
            ValueError: the data holds bytes, and packets of this type cannot.
            ProtocolError: `encoded_packet` is not a packet that a peer may send.
        """
        self.packet_type = packet_type
        self.data = data
        self.namespace = namespace
        self.id = id
        self.attachment_count = 0
        self.attachments = []
        if encoded_packet is not None:
            self.attachment_count = self.decode(encoded_packet) or 0
        elif self.uses_binary_events and packet_type < BINARY_EVENT:
            if binary is None:
                binary = self.data_is_binary(data)
            if binary and packet_type not in (EVENT, ACK):
                raise ValueError(f"{packet_names[packet_type]} packets have no attachments")
            if binary:
                self.packet_type += BINARY_EVENT - EVENT

    def encode(self) -> Any:
        """Encode the packet.

        Returns:
            The text, or, for a binary packet, a list of the text and the attachments.

        Raises:
            TypeError: something in the data has no form in JSON.
        """
        codec = codec_for(self.json)

        def dumps(data: Any, default: Callable[[Any], Any] | None) -> bytes:
            return codec.dumps(data, default if self.packet_type >= BINARY_EVENT else None)

        text, attachments = encode_text(self.packet_type, self.namespace or "/", self.id, self.data, dumps)
        if self.packet_type >= BINARY_EVENT:
            return [text.decode(), *attachments]
        return text.decode()

    def decode(self, encoded_packet: str | bytes) -> int | None:
        """Set the attributes from the text of a packet.

        The namespace is `None` for `/`, and without a query string.

        Returns:
            The number of attachments that follow, for each of which :meth:`add_attachment` has to be called.

        Raises:
            ProtocolError: the text is not a packet that a peer may send.
        """
        try:
            text = encoded_packet.encode() if isinstance(encoded_packet, str) else encoded_packet
        except UnicodeEncodeError as exc:
            raise ProtocolError("The text holds lone surrogates") from exc
        packet_type, namespace, ack_id, data, count = decode_text(text, codec_for(self.json).loads)
        self.packet_type = packet_type
        self.namespace = None if namespace == "/" else namespace.partition("?")[0]
        self.id = ack_id
        self.data = data
        self.attachment_count = count
        self.attachments = []
        return count

    def add_attachment(self, attachment: bytes) -> bool:
        """Add the next attachment of a packet that was received; the last one completes the data.

        Returns:
            Whether the packet is complete.

        Raises:
            ProtocolError: the packet is already complete, or a placeholder is wrong.
        """
        if len(self.attachments) >= self.attachment_count:
            raise ProtocolError("An attachment that does not belong to a packet")
        self.attachments.append(attachment)
        if len(self.attachments) < self.attachment_count:
            return False
        self.data = self.reconstruct_binary(self.data, self.attachments)
        return True

    @classmethod
    def reconstruct_binary(cls, data: Any, attachments: list[bytes]) -> Any:
        """Put attachments where their placeholders are; see :func:`reconstruct`."""
        return reconstruct(data, attachments)

    @classmethod
    def deconstruct_binary(cls, data: Any) -> tuple[Any, list[bytes]]:
        """Return a copy of the data with placeholders for all bytes, and the bytes."""
        attachments = _Attachments()
        return replace_bytes(data, attachments), list(attachments)

    @classmethod
    def data_is_binary(cls, data: Any) -> bool:
        """Whether the data is or holds bytes."""
        return holds_bytes(data)

    def _to_dict(self) -> dict[str, Any]:
        """Return the packet as the dict that whole-packet serializers encode."""
        packet = {"type": self.packet_type, "data": self.data, "nsp": self.namespace}
        if self.id is not None:
            packet["id"] = self.id
        return packet
