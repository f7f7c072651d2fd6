"""Which packet class a server or client has, and how its packets become messages of Engine.IO."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engineio.json import Codec
from engineio.packet import Outgoing

from . import packet

__all__ = ["Encoder"]


class Encoder:
    """Encodes packets for one server or client.

    Args:
        serializer: `default`, `msgpack`, or a subclass of `socketio.packet.Packet`.
        json: The json option, for the packet class.
        codec: What that option stands for.

    Attributes:
        packet_class: The class that the serializer stands for.
        is_default: Whether it is `socketio.packet.Packet` itself, whose encoding needs no packet objects.
        encode: Returns a packet as a message: (type, namespace, ack id, data).

    Raises:
        ValueError: if the serializer is none of these.
    """

    def __init__(self, serializer: str | type[packet.Packet], json: Any, codec: Codec) -> None:
        self.packet_class = _make_packet_class(serializer, json)
        self.is_default = serializer in ("default", packet.Packet)
        self._dumps = codec.dumps
        self.encode: Callable[[int, str, int | None, Any], Outgoing] = (
            self._encode if self.is_default else self._encode_custom
        )

    def _encode(self, kind: int, namespace: str, ack_id: int | None, data: Any) -> Outgoing:
        text, attachments = packet.encode_text(kind, namespace, ack_id, data, self._dumps)
        return Outgoing(b"4" + text, attachments)

    def _encode_custom(self, kind: int, namespace: str, ack_id: int | None, data: Any) -> Outgoing:
        encoded = self.packet_class(kind, data=data, namespace=namespace, id=ack_id).encode()
        parts = encoded if isinstance(encoded, list) else [encoded]
        if isinstance(parts[0], str):
            return Outgoing(b"4" + parts[0].encode(), parts[1:])
        return Outgoing(None, parts)


def _make_packet_class(serializer: str | type[packet.Packet], json: Any) -> type[packet.Packet]:
    if serializer == "default":
        serializer = packet.Packet
    if serializer == "msgpack":
        from .msgpack_packet import MsgPackPacket

        return MsgPackPacket
    if not isinstance(serializer, type):
        raise ValueError(f"unknown serializer {serializer!r}; it can be 'default', 'msgpack' or a Packet subclass")
    # A class of its own for the owner, so that two servers do not share their JSON module.
    return serializer if json is None else type(serializer.__name__, (serializer,), {"json": json})
