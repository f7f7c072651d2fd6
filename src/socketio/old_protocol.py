"""The state machine of a client of Socket.IO 1.x or 2.x (revisions 3 and 4): how it differs from that of revision 5."""

from __future__ import annotations

from typing import Any

from engineio.packet import Outgoing

from .acks import arguments_of
from .members import Member
from .old_packet import counts_attachments, encode_ack, refusal_of, renew
from .packet import ACK, CONNECT, DISCONNECT
from .packet_connection import PacketConnection
from .protocol import Connection

__all__ = ["OldConnection", "OldPacketConnection"]


class _Past:
    """What has to be remembered of such a client.

    Attributes:
        taken: The namespaces in which its id is in use: up to the end of its disconnect handler there.
        waiting: Those that it has left and joins again as soon as it may: name -> name and query string.
        counts: Whether it has proved to speak revision 3.
    """

    __slots__ = ("counts", "taken", "waiting")

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.waiting: dict[str, str] = {}
        self.counts = False


class _Old:
    """Such a client is in the main namespace from the beginning, and its ids are made of that of the connection."""

    __slots__ = ()

    host: Any
    socket: Any
    eio_sid: str
    members: dict[str, Member]
    open: bool
    _past: _Past

    def opened(self) -> None:
        """The handshake is answered, and with it a CONNECT packet that nobody has sent.

        Socket.IO v4, "Packet types", CONNECT: the server sends it "to the default namespace upon connection".
        """
        self.socket.revision = self.socket.revision.for_json()
        if self.host.accepts("/"):
            self.socket.undecided = True
            self._receive_connect("/", None)
        else:
            # Some clients join no other namespace before.
            self.host.transmit(self, CONNECT, "/", None, None)

    # In

    def receive_text(self, data: bytes) -> None:
        """Takes a packet, or the first part of one that has attachments."""
        if data[:1] == b"3" and counts_attachments(data):
            self._past.counts = True
        super().receive_text(renew(data))  # type: ignore[misc]

    def receive_packet(self, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        """Takes a whole packet."""
        if kind == DISCONNECT and self._past.waiting.pop(namespace, None) is not None:
            return  # it has changed its mind
        super().receive_packet(kind, namespace, ack_id, data)  # type: ignore[misc]

    def _receive_connect(self, namespace: str, auth: Any) -> None:
        name = namespace.partition("?")[0]
        if name in self.members:
            # The main namespace is joined without asking; and clients of 2.x that open a socket and then call its
            # connect() ask twice. Neither may end the connection, and the answer is on its way.
            return
        if name in self._past.taken:
            self._past.waiting[name] = namespace
        else:
            super()._receive_connect(namespace, None)  # type: ignore[misc]

    # Out

    def new_sid(self, namespace: str) -> str:
        """Returns the id of this client in a namespace, which it computes itself."""
        self._past.taken.add(namespace)
        return self.eio_sid if namespace == "/" else f"{namespace}#{self.eio_sid}"

    def greeting(self, member: Member) -> Any:
        """Returns the payload of the answer to CONNECT: none."""
        return None

    def refusal(self, content: Any) -> Any:
        """Returns the payload of an ERROR packet."""
        return refusal_of(content)

    def acknowledge(self, member: Member, ack_id: int, result: Any) -> None:
        """Sends an acknowledgement."""
        if not self._past.counts:
            super().acknowledge(member, ack_id, result)  # type: ignore[misc]
        elif self.socket is not None:
            message = self.host.encode(ACK, member.namespace, ack_id, arguments_of(result))
            self.socket.push(Outgoing(b"4" + encode_ack(message.text[1:]), message.attachments))

    # States

    def complete(self, member: Member) -> None:
        """Answers CONNECT."""
        super().complete(member)  # type: ignore[misc]
        self._decide(member)

    def _reject(self, member: Member, refusal: Any) -> None:
        super()._reject(member, refusal)  # type: ignore[misc]
        self._decide(member)

    def _decide(self, member: Member) -> None:
        if member.namespace == "/" and self.socket is not None and self.socket.undecided:
            self.socket.decided()

    def _gone(self, member: Member) -> None:
        super()._gone(member)  # type: ignore[misc]
        self._past.taken.discard(member.namespace)
        again = self._past.waiting.pop(member.namespace, None)
        if again is not None and self.open:
            self._receive_connect(again, None)


class OldConnection(_Old, Connection):
    """One client of Socket.IO 1.x or 2.x."""

    __slots__ = ("_past",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._past = _Past()


class OldPacketConnection(_Old, PacketConnection):
    """One client of Socket.IO 1.x or 2.x, of a server with its own packet class."""

    __slots__ = ("_past",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._past = _Past()
