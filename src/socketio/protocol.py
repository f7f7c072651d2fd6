"""The state machine of one client: Socket.IO packets in, handlers to run and packets to send out.

A `Connection` is a client on one Engine.IO socket; a `Member` is that client in one namespace. Nothing here waits.
"""

from __future__ import annotations

import builtins
from typing import Any

from engineio.flow import InFlight
from engineio.interfaces import reason
from engineio.protocol import Socket

from .acks import Answer, arguments_of
from .exceptions import ConnectionRefusedError, ProtocolError
from .interfaces import Host
from .members import Member, MemberState, drop
from .old_packet import parse_query
from .packet import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    decode_text,
    packet_names,
    reconstruct,
)

__all__ = ["Connection"]

MAX_ECHOED_NAME = 256
"""How much of an unknown namespace's name is sent back, in characters."""

MAX_HELD = 64
"""How many packets a client may send to a namespace whose connect handler is running."""


# Micro-optimization: the attribute of an Enum class costs a descriptor, a global does not.
_CONNECTING, _CONNECTED, _LEAVING, _GONE = MemberState


class Connection(InFlight):
    """One client: the receiver of an Engine.IO socket.

    Attributes:
        host: The server.
        eio_sid: The sid of the Engine.IO socket.
        members: namespace -> this client there.
    """

    __slots__ = ("_environ", "_leaving", "_partial", "bucket", "eio_sid", "host", "members", "open")

    bucket: int | None

    def __init__(
        self, host: Host, eio_sid: str, socket: Socket | None, limit: int, environ: dict[str, Any] | None = None
    ) -> None:
        super().__init__(socket, limit)
        self.host = host
        self.eio_sid = eio_sid
        self.members: dict[str, Member] = {}
        self.open = True
        self.bucket = None
        self._environ = environ
        # A packet whose attachments are still on their way: how many they are, and which have come.
        self._partial: tuple[int, str, int | None, Any, int, list[bytes]] | None = None
        self._leaving = 0

    @property
    def environ(self) -> dict[str, Any]:
        """The WSGI-style dictionary of the handshake; the same object each time."""
        if self._environ is None:
            self._environ = self.socket.environ if self.socket is not None else {}
        return self._environ

    @environ.setter
    def environ(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    # Packets in

    def receive_text(self, data: bytes) -> None:
        """Takes a packet, or the first part of one that has attachments."""
        host = self.host
        if self._partial is not None:
            return self.violate("a text where an attachment belongs")
        try:
            kind, namespace, ack_id, content, attachments = decode_text(data, host.loads)
        except ProtocolError as exc:
            return self.violate(str(exc))
        member = self.members.get(namespace)
        if kind == EVENT and member is not None and member.state is _CONNECTED:
            self._dispatch(member, ack_id, content)
        elif kind >= BINARY_EVENT:
            if member is None:
                self.violate("a packet for a namespace that was not joined")
            elif attachments > host.max_attachments:
                self.violate("too many attachments")
            elif attachments == 0:
                self.violate("a binary packet without attachments")
            else:
                self._partial = kind, namespace, ack_id, content, attachments, []
                host.schedule(self, host.attachments_timeout)
        else:
            self.receive_packet(kind, namespace, ack_id, content)

    def receive_binary(self, data: bytes) -> None:
        """Takes an attachment."""
        partial = self._partial
        if partial is None:
            return self.violate("an attachment that belongs to nothing")
        kind, namespace, ack_id, content, count, attachments = partial
        attachments.append(data)
        if len(attachments) < count:
            return
        self._partial = None
        self.host.schedule(self, None)
        try:
            content = reconstruct(content, attachments)
        except ProtocolError as exc:
            return self.violate(str(exc))
        self.receive_packet(kind, namespace, ack_id, content)

    def receive_packet(self, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        """Takes a whole packet."""
        if kind == CONNECT:
            return self._receive_connect(namespace, data)
        member = self.members.get(namespace)
        if member is None:
            # Socket.IO v5, "Connection to a namespace": CONNECT has to be the first packet of each namespace.
            self.violate("a packet for a namespace that was not joined")
        elif kind == DISCONNECT:
            self.leave(member, reason.CLIENT_DISCONNECT)
        elif member.state is _CONNECTING:
            self._hold(member, kind, ack_id, data)
        elif kind in (EVENT, BINARY_EVENT):
            self._dispatch(member, ack_id, data)
        elif kind in (ACK, BINARY_ACK):
            self.receive_ack(member, ack_id, data)
        else:
            self.violate(f"{packet_names[kind]} from a client")

    def _hold(self, member: Member, kind: int, ack_id: int | None, data: Any) -> None:
        if member.held is None:
            member.held = []
        member.held.append((kind, ack_id, data))
        if len(member.held) > MAX_HELD:
            self.violate("too many packets before the answer to CONNECT")

    def _dispatch(self, member: Member, ack_id: int | None, data: list[Any]) -> None:
        event = data[0]
        data[0] = member.sid
        host = self.host
        found = host.registry.find(event, member.namespace, tuple(data))
        if found is None:
            return
        # Micro-optimization: started(), written out.
        count = self.count = self.count + 1
        if count >= self.limit:
            self.halt()
        host.submit(found[0], found[1], self._event_done, (member, ack_id, event))

    def _event_done(self, token: tuple[Member, int | None, str], result: Any, error: BaseException | None) -> None:
        self.finished()
        member, ack_id, event = token
        if error is not None:
            self._log_failure(f"handler of event {event!r}", error)
        elif ack_id is not None and member.state is _CONNECTED:
            try:
                self.acknowledge(member, ack_id, result)
            except Exception as exc:  # what a handler returns may not be serializable
                self._log_failure(f"acknowledgement of event {event!r}", exc)

    def acknowledge(self, member: Member, ack_id: int, result: Any) -> None:
        """Sends an acknowledgement; `result` is what the handler has returned."""
        self.host.transmit(self, ACK, member.namespace, ack_id, arguments_of(result))

    def _log_failure(self, what: str, error: BaseException) -> None:
        self.host.logger.error("%s failed", what, exc_info=error)

    def receive_ack(self, member: Member, ack_id: int | None, data: list[Any]) -> None:
        """Calls what waits for an acknowledgement, if anything does."""
        callback = member.take_ack(ack_id) if ack_id is not None else None
        if callback is None:
            self.host.logger.debug("unknown acknowledgement from %s", member.sid)
        elif isinstance(callback, Answer):
            callback(*data)
        else:
            self.started()
            self.host.submit(callback, tuple(data), self._callback_done, None)

    def _callback_done(self, token: None, result: Any, error: BaseException | None) -> None:
        self.finished()
        if error is not None:
            self._log_failure("callback of an acknowledgement", error)

    def violate(self, why: str) -> None:
        """The client broke the protocol: its connection is closed."""
        self.host.logger.info("closing %s: %s", self.eio_sid, why)
        if self.socket is not None:
            self.socket.fail()

    def expire(self, now: float) -> None:
        """Attachments did not come in time, or no namespace was joined in time."""
        if self._partial is not None:
            self.violate("attachments did not come")
        elif not self.members:
            self.violate("no namespace was joined")

    # Joining

    def _receive_connect(self, namespace: str, auth: Any) -> None:
        host = self.host
        # Clients of revision 4 put a query string behind the name.
        name, _, query = namespace.partition("?")
        if query and auth is None:
            auth = parse_query(query)
        if name in self.members:
            return self.violate("CONNECT to a namespace that was joined before")
        if not host.accepts(name):
            return self.refuse(name[:MAX_ECHOED_NAME], {"message": "Invalid namespace"})
        if len(self.members) >= host.max_namespaces:
            return self.refuse(name[:MAX_ECHOED_NAME], {"message": "Too many namespaces"})
        member = self.members[name] = host.join(self, name)
        if host.always_connect:
            self.complete(member)
        found = host.registry.find("connect", name, ())
        if found is not None:
            handler, prefix = found
            arguments = host.registry.fit(handler, (*prefix, member.sid, self.environ, auth), optional=1)
            # It counts, so that where handlers run one after the other, nothing is read before it is over.
            self.started()
            if member.state is _CONNECTING:
                host.schedule(member, host.connect_timeout)
            host.submit_connect(handler, arguments, self._connect_done, member)
        elif member.state is _CONNECTING:
            self.complete(member)

    def give_up(self, member: Member) -> None:
        """The connect handler has taken too long: the client is refused, and the handler cancelled."""
        if member.state is not _CONNECTING:
            return
        self.host.logger.warning("the connect handler of %s took too long", member.sid)
        if member.left_by is not None:
            member.left_by = None
            self._leaving -= 1
        self._reject(member, {"message": "Connection timed out"})
        self.host.cancel_connect(member)
        if self.open and not self.members:
            self.host.schedule(self, self.host.connect_timeout)

    def _connect_done(self, member: Member, result: Any, error: BaseException | None) -> None:
        if member.state is _GONE:  # it was given up
            self.finished()
            return
        refusal: Any = None
        if isinstance(error, ConnectionRefusedError):
            refusal = error.error_args
        elif error is not None:
            refusal = {"message": "Connection refused by server"}
            if not isinstance(error, builtins.ConnectionRefusedError):
                self._log_failure("connect handler", error)
        elif result is False:
            refusal = {"message": "Connection rejected by server"}
        if member.left_by is not None:
            self._leaving -= 1
        try:
            if refusal is not None:
                self._reject(member, refusal)
            elif member.state is not _CONNECTING:
                pass  # always_connect
            elif self.members.get(member.namespace) is member:
                self.complete(member)
            else:
                # The client left while its connect handler was at work, which believes that it is connected.
                self._finish_leaving(member, member.left_by or reason.SERVER_DISCONNECT)
        finally:
            self.finished()

    def complete(self, member: Member) -> None:
        """Answers CONNECT; what waited for that goes out and in."""
        member.state = _CONNECTED
        host = self.host
        host.entered(member)
        if member.bucket is not None:
            host.schedule(member, None)
        # Socket.IO v5, "Connection to a namespace": the answer to CONNECT comes before any event.
        host.transmit(self, CONNECT, member.namespace, None, self.greeting(member))
        if self.bucket is not None and self._partial is None:
            host.schedule(self, None)
        socket = self.socket
        member.push = socket.push if socket is not None else drop
        early, member.early = member.early, None
        for message in early or ():
            if isinstance(message, tuple):
                host.transmit(self, EVENT, member.namespace, *message)
            else:
                member.push(message)
        held, member.held = member.held, None
        for kind, ack_id, data in held or ():
            if member.state is _CONNECTED:
                self.receive_packet(kind, member.namespace, ack_id, data)

    def _reject(self, member: Member, refusal: Any) -> None:
        connected = member.state is _CONNECTED
        present = self.open and self.members.get(member.namespace) is member
        if present:
            del self.members[member.namespace]
            if connected:  # always_connect. The reason is lost: Socket.IO v5 has no payload for DISCONNECT.
                self.host.transmit(self, DISCONNECT, member.namespace, None, None)
            else:
                self.refuse(member.namespace, refusal)
        if member.state is not _LEAVING:
            self._gone(member)

    def refuse(self, namespace: str, content: Any) -> None:
        """Sends CONNECT_ERROR."""
        try:
            self.host.transmit(self, CONNECT_ERROR, namespace, None, self.refusal(content))
        except Exception as exc:  # what the program gives as a reason may not be serializable
            self._log_failure("CONNECT_ERROR", exc)
            content = self.refusal({"message": "Connection refused by server"})
            self.host.transmit(self, CONNECT_ERROR, namespace, None, content)

    # What differs between the revisions of Socket.IO

    def new_sid(self, namespace: str) -> str:
        """Returns an id for this client in a namespace."""
        return self.host.generate_id()

    def greeting(self, member: Member) -> Any:
        """Returns the payload of the answer to CONNECT."""
        return {"sid": member.sid}

    def refusal(self, content: Any) -> Any:
        """Returns the payload of a CONNECT_ERROR packet."""
        return content

    # Leaving

    def leave(self, member: Member, why: str) -> None:
        """The member leaves its namespace; the disconnect handler is started and then the tables are cleared."""
        if self.members.get(member.namespace) is member:
            del self.members[member.namespace]
        if member.state is _CONNECTED:
            self._finish_leaving(member, why)
        elif member.state is _CONNECTING and member.left_by is None:
            # The end of its connect handler decides.
            member.left_by = why
            self._leaving += 1

    def _finish_leaving(self, member: Member, why: str) -> None:
        member.state = _LEAVING
        member.push = drop
        member.early = member.held = None
        member.abandon_acks()
        host = self.host
        found = host.registry.find_fitting("disconnect", member.namespace, (member.sid, why), optional=1)
        self._leaving += 1
        if found is None:
            self._disconnect_done(member, None, None)
        else:
            host.submit(found[0], found[1], self._disconnect_done, member)

    def _disconnect_done(self, member: Member, result: Any, error: BaseException | None) -> None:
        if error is not None:
            self._log_failure("disconnect handler", error)
        self._leaving -= 1
        self._gone(member)

    def _gone(self, member: Member) -> None:
        member.state = _GONE
        member.push = drop
        if member.bucket is not None:
            self.host.schedule(member, None)
        member.abandon_acks()
        self.host.left(member)
        if not self.open and not self._leaving:
            self.host.ended(self)

    def closed(self, why: str) -> None:
        """The Engine.IO socket is gone."""
        if not self.open:
            return
        self.open = False
        self._partial = None
        self.host.schedule(self, None)
        self._leaving += 1  # so that the end comes once, and last
        for member in list(self.members.values()):
            self.leave(member, why)
        self._leaving -= 1
        if not self._leaving:
            self.host.ended(self)
