"""A client of a server that has its own packet class."""

from __future__ import annotations

from typing import Any

from .exceptions import ProtocolError
from .packet import check_payload, packet_names
from .protocol import Connection

__all__ = ["PacketConnection"]


class PacketConnection(Connection):
    """A client of a server with its own packet class: whatever that class makes of the messages is taken."""

    __slots__ = ("_waiting",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: Any = None

    def receive_text(self, data: bytes) -> None:
        """Takes an encoded packet as `str`."""
        if self._waiting is not None:
            self.violate("a text where an attachment belongs")
        else:
            self._receive_encoded(data.decode())

    def receive_binary(self, data: bytes) -> None:
        """Takes an attachment, or an encoded packet as `bytes`."""
        packet = self._waiting
        if packet is None:
            self._receive_encoded(data)
            return
        try:
            complete = packet.add_attachment(data)
        except ValueError as exc:
            return self.violate(str(exc))
        if complete:
            self._waiting = None
            self.host.schedule(self, None)
            self._take(packet)

    def _receive_encoded(self, encoded: str | bytes) -> None:
        host: Any = self.host
        try:
            packet = host.packet_class(encoded_packet=encoded)
        except Exception as exc:  # the class is the program's: what it raises for a bad packet is up to it
            return self.violate(f"{type(exc).__name__}: {exc}")
        count = packet.attachment_count
        if count > self.host.max_attachments:
            self.violate("too many attachments")
        elif count:
            self._waiting = packet
            self.host.schedule(self, self.host.attachments_timeout)
        else:
            self._take(packet)

    def expire(self, now: float) -> None:
        """Attachments did not come in time, or no namespace was joined in time."""
        if self._waiting is not None:
            self.violate("attachments did not come")
        else:
            super().expire(now)

    def _take(self, packet: Any) -> None:
        namespace = packet.namespace or "/"
        if packet.packet_type not in range(len(packet_names)):
            return self.violate("an unknown packet type")
        if not isinstance(namespace, str) or not namespace.startswith("/"):
            return self.violate("no namespace")
        if packet.id is not None and not isinstance(packet.id, int):
            return self.violate("no ack id")
        try:
            check_payload(packet.packet_type, packet.data)
        except ProtocolError as exc:
            return self.violate(str(exc))
        self.receive_packet(packet.packet_type, namespace, packet.id, packet.data)
