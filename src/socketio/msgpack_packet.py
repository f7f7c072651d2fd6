"""The MessagePack serializer: each packet is one map in one binary message.

The same on the wire as the JavaScript package `socket.io-msgpack-parser`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engineio.json import MAX_DEPTH
from socketio.exceptions import ProtocolError
from socketio.packet import CONNECT, CONNECT_ERROR, MAX_ACK_ID, Packet, check_payload

try:
    import msgpack
except ImportError as exc:
    raise ImportError(
        'The MessagePack serializer needs the package msgpack. Install it with: pip install "fast-socketio[msgpack]"'
    ) from exc

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["MsgPackPacket"]


class MsgPackPacket(Packet):
    """A packet that is encoded with MessagePack, bytes and all."""

    uses_binary_events = False

    dumps_default: Callable[[Any], Any] | None = None
    """Returns a replacement for an object that MessagePack has no form for, or raises TypeError."""

    ext_hook: Callable[[int, bytes], Any] = msgpack.ExtType
    """Decodes an extension type from its code and its bytes. Is not asked about JavaScript's undefined: that is `None`.

    The JavaScript package writes a Date as the extension type 0 with the milliseconds since 1970, a signed integer of
    64 bits, big-endian.
    """

    @classmethod
    def configure(
        cls,
        dumps_default: Callable[[Any], Any] | None = None,
        ext_hook: Callable[[int, bytes], Any] = msgpack.ExtType,
    ) -> type[Self]:
        """Return a subclass with its own treatment of objects that MessagePack does not know.

        Args:
            dumps_default: returns a replacement for such an object, often a `msgpack.ExtType`, or raises TypeError.
            ext_hook: decodes an extension type from its code and its bytes.
        """
        # As static methods: plain functions would be called with the packet as their first argument.
        attributes = {
            "dumps_default": None if dumps_default is None else staticmethod(dumps_default),
            "ext_hook": staticmethod(ext_hook),
            "__module__": cls.__module__,
            "__doc__": cls.__doc__,
        }
        return type("Configured" + cls.__name__, (cls,), attributes)

    def encode(self) -> bytes:
        """Encode the packet.

        Raises:
            TypeError: something in the data has no form in MessagePack.
            OverflowError: an integer has more than 64 bits.
        """
        packet = self._to_dict()
        # The JavaScript parser wants a string here, and nothing at all where there is no payload.
        packet["nsp"] = self.namespace or "/"
        if self.data is None:
            del packet["data"]
        encoded: bytes = msgpack.packb(packet, default=self.dumps_default)
        return encoded

    def decode(self, encoded_packet: str | bytes) -> int:
        """Set the attributes from an encoded packet.

        Returns:
            The number of attachments that follow, always 0.

        Raises:
            ProtocolError: it is not a packet that a peer may send.
        """
        if isinstance(encoded_packet, str):
            raise ProtocolError("A MessagePack packet is not text")
        ext_hook = self.ext_hook

        def decode_extension(code: int, content: bytes) -> Any:
            # JavaScript's undefined, which its clients send where a CONNECT packet has no payload.
            return None if code == 0 and content == b"\0" else ext_hook(code, content)

        try:
            # No length in the data may exceed the data's own: msgpack's limits are derived from it.
            packet = msgpack.unpackb(encoded_packet, ext_hook=decode_extension)
        except Exception as exc:  # whatever the hook raises, too: it is the peer's data that made it
            raise ProtocolError("The packet is not MessagePack") from exc
        if not isinstance(packet, dict):
            raise ProtocolError("The packet is not a map")
        _check_containers(packet)

        packet_type = packet.get("type")
        if type(packet_type) is not int or not CONNECT <= packet_type <= CONNECT_ERROR:
            raise ProtocolError("Unknown packet type")
        # python-socketio sends nil for the main namespace.
        namespace = packet.get("nsp")
        if namespace is not None and not (isinstance(namespace, str) and namespace.startswith("/")):
            raise ProtocolError("The namespace is not a string that begins with a slash")
        ack_id = packet.get("id")
        if ack_id is not None and (type(ack_id) is not int or not 0 <= ack_id <= MAX_ACK_ID):
            raise ProtocolError("The ack id is not an integer below 2**53")
        data = packet.get("data")
        check_payload(packet_type, data)
        self.packet_type = packet_type
        self.namespace = namespace
        self.id = ack_id
        self.data = data
        self.attachment_count = 0
        self.attachments = []
        return 0


def _check_containers(packet: dict[Any, Any]) -> None:
    """Raise ProtocolError for keys that are no strings, and for more than `MAX_DEPTH` nested arrays and maps."""
    level: list[Any] = [packet]
    for _ in range(MAX_DEPTH):
        below = []
        for container in level:
            if isinstance(container, dict):
                # msgpack itself lets bytes pass.
                if not all(isinstance(key, str) for key in container):
                    raise ProtocolError("A key is not a string")
                container = container.values()
            below += [item for item in container if isinstance(item, (dict, list))]
        if not below:
            return
        level = below
    raise ProtocolError(f"More than {MAX_DEPTH} arrays and maps are nested")
