"""The state machine of a client on one Engine.IO connection: Socket.IO packets in, handlers to run and packets out.

A `ClientConnection` is the receiver of an Engine.IO connection; a `ClientMember` is the client in one namespace.
Nothing here waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol, cast

from engineio.client_protocol import ClientSocket
from engineio.flow import InFlight
from engineio.interfaces import reason

from .acks import Answer, arguments_of
from .client_revisions import INCOMPATIBLE, Revision, revision_for
from .exceptions import ProtocolError
from .handlers import Handlers
from .members import Member, MemberState
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

__all__ = ["ClientConnection", "ClientHost", "ClientMember"]

INTERNAL = "__disconnect_final"
"""An event that only this side can cause."""

# Micro-optimization: the attribute of an Enum class costs a descriptor, a global does not.
_CONNECTING, _CONNECTED, _GONE = MemberState.CONNECTING, MemberState.CONNECTED, MemberState.GONE


class ClientHost(Protocol):
    """What a connection needs of its client."""

    registry: Handlers
    logger: logging.Logger
    max_attachments: int
    loads: Callable[[bytes], Any]
    dumps: Callable[[Any], bytes]

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a handler; then calls `finish(token, result, error)`."""

    def submit_farewell(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """As `submit`, for a disconnect handler."""

    def transmit(self, connection: ClientConnection, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        """Sends one packet."""

    def joined(self, member: ClientMember) -> None:
        """A namespace was joined; its connect handler has not been started."""

    def decided(self, member: ClientMember) -> None:
        """It is known whether a namespace was joined, and the handler that is told so is over."""

    def recognised(self) -> None:
        """It is known how old the server is, which its WebSocket did not tell."""

    def left(self, member: ClientMember) -> None:
        """The server has ended the client's presence in a namespace."""

    def lost(self, connection: ClientConnection, why: str) -> None:
        """The Engine.IO connection is gone."""


class ClientMember(Member):
    """The client in one namespace.

    Attributes:
        refusal: What the server said when it refused the client; `None` if it has not.
        told: Whether the handler of `connect` or `connect_error` is over.
    """

    __slots__ = ("refusal", "told")

    def __init__(self, namespace: str, connection: ClientConnection) -> None:
        super().__init__("", namespace, connection)
        self.refusal: Any = None
        self.told = False

    def is_connected(self) -> bool:
        """Returns whether events can be sent."""
        return self.state is _CONNECTED

    def is_connecting(self) -> bool:
        """Returns whether the server has not answered yet."""
        return self.state is _CONNECTING

    def describe_refusal(self) -> str:
        """Returns why the client is not in the namespace, for a message to people."""
        refusal = "no answer in time" if self.refusal is None else self.refusal
        return str(refusal["message"]) if isinstance(refusal, dict) and "message" in refusal else str(refusal)


class ClientConnection(InFlight):
    """The client on one Engine.IO connection.

    Attributes:
        host: The client.
        engine: The Engine.IO connection.
        revision: How namespaces are joined.
        members: namespace -> the client there; also those that were refused.
        open: Whether the Engine.IO connection is there.
    """

    __slots__ = ("_attachments", "_partial", "engine", "host", "members", "open", "revision")

    def __init__(self, host: ClientHost, engine: ClientSocket | None, limit: int) -> None:
        super().__init__(cast(Any, engine), limit)
        self.host = host
        self.engine = engine
        self.revision: Revision = revision_for(4 if engine is None else engine.revision.number)
        self.members: dict[str, ClientMember] = {}
        self.open = True
        self._partial: tuple[int, str, int | None, Any, int] | None = None
        self._attachments: list[bytes] = []

    def is_decided(self) -> bool:
        """Returns whether nothing more is to be waited for: each namespace is told, or the connection is gone."""
        return not self.open or all(member.told for member in self.members.values())

    def refusals(self) -> dict[str, str]:
        """Returns the namespaces that were not joined, with the reasons; empty if all were."""
        members = self.members.values()
        return {member.namespace: member.describe_refusal() for member in members if not member.is_connected()}

    # Packets out

    def connect(self, namespace: str, auth: Any) -> ClientMember:
        """Asks the server to let the client into a namespace."""
        member = self.members[namespace] = ClientMember(namespace, self)
        self.revision.ask(self, member, auth)
        return member

    def emit(self, member: ClientMember, arguments: list[Any], callback: Callable[..., Any] | None) -> None:
        """Sends an event, with its name as the first argument; `callback` gets the acknowledgement."""
        if callback is None:
            self.host.transmit(self, EVENT, member.namespace, None, arguments)
            return
        ack_id = member.expect_ack(callback)
        if isinstance(callback, Answer):
            callback.member, callback.ack_id = member, ack_id
        try:
            self.host.transmit(self, EVENT, member.namespace, ack_id, arguments)
        except BaseException:  # what is not serializable is not acknowledged either
            member.take_ack(ack_id)
            raise

    def disconnect(self, member: ClientMember, why: str = reason.CLIENT_DISCONNECT) -> None:
        """Leaves a namespace."""
        if self.members.get(member.namespace) is member:
            del self.members[member.namespace]
        if member.state is not _GONE:
            self.host.transmit(self, DISCONNECT, member.namespace, None, None)
            self._leave(member, why)

    # Packets in

    def receive_text(self, data: bytes) -> None:
        """Takes a packet, or the first part of one that has attachments."""
        if self._partial is not None:
            return self.violate("a text where an attachment belongs")
        host = self.host
        try:
            kind, namespace, ack_id, content, attachments = decode_text(data, host.loads)
        except ProtocolError as exc:
            return self.violate(str(exc), exc)
        member = self.members.get(namespace)
        if kind == EVENT and member is not None and member.state is _CONNECTED:
            self._dispatch(member, ack_id, content)
        elif kind < BINARY_EVENT:
            self.receive_packet(kind, namespace, ack_id, content)
        elif attachments > host.max_attachments:
            self.violate("too many attachments")
        elif attachments:
            self._partial = kind, namespace, ack_id, content, attachments
        else:
            self.violate("a binary packet without attachments")

    def receive_binary(self, data: bytes) -> None:
        """Takes an attachment."""
        if self._partial is None:
            return self.violate("an attachment that belongs to nothing")
        self._attachments.append(data)
        kind, namespace, ack_id, content, count = self._partial
        if len(self._attachments) < count:
            return
        attachments, self._attachments = self._attachments, []
        self._partial = None
        try:
            content = reconstruct(content, attachments)
        except ProtocolError as exc:
            return self.violate(str(exc), exc)
        self.receive_packet(kind, namespace, ack_id, content)

    def receive_packet(self, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        """Takes a whole packet."""
        member = self.members.get(namespace)
        if member is None or member.state is _GONE:
            self.revision.receive_unasked(self, kind, namespace, data)
        elif kind == CONNECT:
            self._receive_connect(member, data)
        elif kind == CONNECT_ERROR:
            if member.state is _CONNECTING:
                self.refuse(member, data)
                self.revision.refused(self, namespace, data)
        elif kind == DISCONNECT:
            del self.members[namespace]
            self._leave(member, reason.SERVER_DISCONNECT)
            self.host.left(member)
        elif member.state is not _CONNECTED:
            # Socket.IO v5, "Connection to a namespace": the answer to CONNECT comes before any event.
            self.violate(f"{packet_names[kind]} before the answer to CONNECT")
        elif kind in (EVENT, BINARY_EVENT):
            self._dispatch(member, ack_id, data)
        elif kind in (ACK, BINARY_ACK):
            self._receive_ack(member, ack_id, data)

    def _receive_connect(self, member: ClientMember, data: Any) -> None:
        if member.state is not _CONNECTING:
            return
        sid = self.revision.sid(self, member.namespace, data)
        if sid is None:
            return self.refuse(member, {"message": INCOMPATIBLE})
        member.sid = sid
        member.state = _CONNECTED
        self.host.joined(member)
        found = self.host.registry.find("connect", member.namespace, ())
        self._tell(found, member)

    def refuse(self, member: ClientMember, data: Any) -> None:
        """The client is not let into a namespace."""
        member.state = _GONE
        member.refusal = "refused" if data is None else data
        self._tell(self.host.registry.find_fitting("connect_error", member.namespace, (data,), optional=1), member)

    def _tell(self, found: tuple[Callable[..., Any], tuple[Any, ...]] | None, member: ClientMember) -> None:
        if found is None:
            self._told(member, None, None)
        else:
            self.started()
            self.host.submit(found[0], found[1], self._tell_done, member)

    def _tell_done(self, member: ClientMember, result: Any, error: BaseException | None) -> None:
        self.finished()
        self._told(member, result, error)

    def _told(self, member: ClientMember, result: Any, error: BaseException | None) -> None:
        if error is not None:
            self._log_failure("handler of connect or connect_error", error)
        member.told = True
        self.host.decided(member)

    def _dispatch(self, member: ClientMember, ack_id: int | None, data: list[Any]) -> None:
        event = data[0]
        host = self.host
        found = host.registry.find(event, member.namespace, tuple(data[1:]))
        if found is None or event == INTERNAL:
            # A server that asks for an acknowledgement gets one, as from the reference implementation.
            if ack_id is not None:
                host.transmit(self, ACK, member.namespace, ack_id, [])
            return
        # Micro-optimization: started(), written out.
        count = self.count = self.count + 1
        if count >= self.limit:
            self.halt()
        host.submit(found[0], found[1], self._event_done, (member, ack_id, event))

    def _event_done(
        self, token: tuple[ClientMember, int | None, Any], result: Any, error: BaseException | None
    ) -> None:
        self.finished()
        member, ack_id, event = token
        if error is not None:
            self._log_failure(f"handler of event {event!r}", error)
        elif ack_id is not None and member.state is _CONNECTED:
            try:
                self.host.transmit(self, ACK, member.namespace, ack_id, arguments_of(result))
            except Exception as exc:  # what a handler returns may not be serializable
                self._log_failure(f"acknowledgement of event {event!r}", exc)

    def _receive_ack(self, member: ClientMember, ack_id: int | None, data: list[Any]) -> None:
        callback = member.take_ack(ack_id) if ack_id is not None else None
        if callback is None:
            self.host.logger.debug("unknown acknowledgement in %s", member.namespace)
        elif isinstance(callback, Answer):
            callback(*data)
        else:
            self.started()
            self.host.submit(callback, tuple(data), self._handler_done, "callback of an acknowledgement")

    def _handler_done(self, what: str, result: Any, error: BaseException | None) -> None:
        self.finished()
        if error is not None:
            self._log_failure(what, error)

    def _log_failure(self, what: str, error: BaseException) -> None:
        self.host.logger.error("%s failed", what, exc_info=error)

    def violate(self, why: str, cause: Exception | None = None) -> None:
        """The server broke the protocol: the connection is closed."""
        self.host.logger.info("closing the connection: %s", why)
        error = cause if cause is not None else ProtocolError(why)
        if self.engine is not None:
            self.engine.fail(error)

    # Leaving

    def _leave(self, member: ClientMember, why: str) -> None:
        connected = member.state is _CONNECTED
        member.state = _GONE
        member.abandon_acks()
        if not connected:
            member.refusal = "the connection was closed"
            self._told(member, None, None)
            return
        found = self.host.registry.find_fitting("disconnect", member.namespace, (why,), optional=1)
        if found is not None:
            self.started()
            self.host.submit_farewell(found[0], found[1], self._handler_done, "disconnect handler")

    def closed(self, why: str) -> None:
        """The Engine.IO connection is gone."""
        if not self.open:
            return
        self.open = False
        self._partial = None
        self._attachments = []
        for member in list(self.members.values()):
            if member.state is not _GONE:
                self._leave(member, why)
        self.host.lost(self, why)
