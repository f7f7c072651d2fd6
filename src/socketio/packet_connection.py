"""Connections of a server or client that has its own packet class: whatever that class makes of messages is taken."""

from __future__ import annotations

from typing import Any

from .client_protocol import ClientConnection
from .exceptions import ProtocolError
from .packet import check_payload, packet_names
from .protocol import Connection

__all__ = ["PacketClientConnection", "PacketConnection"]


class _PacketReceiver:
    """Decodes with the packet class of the host."""

    __slots__ = ()

    host: Any
    _waiting: Any

    def violate(self, why: str) -> None:
        """The peer broke the protocol."""
        raise NotImplementedError

    def receive_packet(self, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        """Takes a whole packet."""
        raise NotImplementedError

    def wait_for_attachments(self, waiting: bool) -> None:
        """Attachments are expected from now on, or no longer."""

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
            self.wait_for_attachments(False)
            self._take(packet)

    def _receive_encoded(self, encoded: str | bytes) -> None:
        try:
            packet = self.host.packet_class(encoded_packet=encoded)
        except Exception as exc:  # the class is the program's: what it raises for a bad packet is up to it
            return self.violate(f"{type(exc).__name__}: {exc}")
        count = packet.attachment_count
        if count > self.host.max_attachments:
            self.violate("too many attachments")
        elif count:
            self._waiting = packet
            self.wait_for_attachments(True)
        else:
            self._take(packet)

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


class PacketConnection(_PacketReceiver, Connection):
    """A client of a server with its own packet class."""

    __slots__ = ("_waiting",)

    violate = Connection.violate
    receive_packet = Connection.receive_packet

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: Any = None

    def wait_for_attachments(self, waiting: bool) -> None:
        """Sets or removes the deadline of the attachments."""
        self.host.schedule(self, self.host.attachments_timeout if waiting else None)

    def expire(self, now: float) -> None:
        """Attachments did not come in time, or no namespace was joined in time."""
        if self._waiting is not None:
            self.violate("attachments did not come")
        else:
            super().expire(now)


class PacketClientConnection(_PacketReceiver, ClientConnection):
    """The connection of a client with its own packet class."""

    __slots__ = ("_waiting",)

    violate = ClientConnection.violate
    receive_packet = ClientConnection.receive_packet

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: Any = None
