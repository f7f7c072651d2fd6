"""How a client joins namespaces, which differs between the revisions of Socket.IO: 5, and 4 and 3 of old servers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from engineio.client_revisions import CLIENT_REVISIONS

from .packet import CONNECT, CONNECT_ERROR, DISCONNECT, packet_names

if TYPE_CHECKING:
    from .client_protocol import ClientConnection, ClientMember

__all__ = ["Revision", "auth_query", "connection_query", "revision_for"]

INCOMPATIBLE = "The server has answered CONNECT without a sid, as Socket.IO 2 does, whose protocol is another one"

TAKEN = frozenset(("EIO", "transport", "sid", "t", "j", "b64"))
"""The parameters that Engine.IO itself has in its URLs."""


def auth_query(auth: Any, dumps: Callable[[Any], bytes], logger: logging.Logger) -> str:
    """Returns what an old server gets in a query instead of the payload of CONNECT.

    Args:
        auth: Of a dictionary each item becomes a parameter: text as it is, anything else as JSON. Nothing becomes of
            what is no dictionary.
        dumps: Encodes JSON.
        logger: Hears of what cannot be sent.
    """
    if not isinstance(auth, dict):
        if auth is not None:
            logger.warning("the server is too old for an auth that is no dictionary: it is not sent")
        return ""
    return urlencode({name: value if isinstance(value, str) else dumps(value) for name, value in auth.items()})


def connection_query(auth: Any, dumps: Callable[[Any], bytes], logger: logging.Logger) -> str:
    """Returns what goes into the query of requests to an old server: as `auth_query`, without the protocol's own."""
    if isinstance(auth, dict) and (taken := TAKEN.intersection(auth)):
        logger.warning("auth names what the URL of a connection has already: %s is not sent", ", ".join(sorted(taken)))
        auth = {name: value for name, value in auth.items() if name not in taken}
    return auth_query(auth, dumps, logger)


class Revision(Protocol):
    """One way to join namespaces."""

    def ask(self, connection: ClientConnection, member: ClientMember, auth: Any) -> None:
        """Asks the server to let the client into a namespace."""

    def sid(self, connection: ClientConnection, namespace: str, data: Any) -> str | None:
        """Returns the client's sid in a namespace that it was let into, with this answer; `None` for a wrong answer."""

    def receive_unasked(self, connection: ClientConnection, kind: int, namespace: str, data: Any) -> None:
        """Takes a packet for a namespace that the client is not in."""

    def refused(self, connection: ClientConnection, namespace: str, data: Any) -> None:
        """The server has refused the client."""


class Revision5:
    """Socket.IO 3 and newer: one CONNECT for each namespace, and an answer with a sid."""

    def ask(self, connection: ClientConnection, member: ClientMember, auth: Any) -> None:
        """Sends CONNECT with the auth data."""
        # The reference implementation always sends an object, and there are servers that count on it.
        connection.host.transmit(connection, CONNECT, member.namespace, None, {} if auth is None else auth)

    def sid(self, connection: ClientConnection, namespace: str, data: Any) -> str | None:
        """Returns the sid that the server has sent."""
        sid = data.get("sid") if isinstance(data, dict) else None
        if isinstance(sid, str) and sid:
            return sid
        if connection.engine is not None and not connection.engine.certain:
            connection.engine.adopt(CLIENT_REVISIONS[3])  # for the next connection to know
        return None

    def receive_unasked(self, connection: ClientConnection, kind: int, namespace: str, data: Any) -> None:
        """Finds out about a server whose WebSocket did not tell its age: only the old ones speak first."""
        engine = connection.engine
        if engine is not None and not engine.certain and kind in (CONNECT, CONNECT_ERROR) and namespace == "/":
            engine.adopt(CLIENT_REVISIONS[3])
            connection.revision = Revision4()
            connection.revision.receive_unasked(connection, kind, namespace, data)
            connection.host.recognised()
        else:
            # It crossed the packet with which this side left.
            connection.host.logger.debug("%s for %s, which the client is not in", packet_names[kind], namespace)

    def refused(self, connection: ClientConnection, namespace: str, data: Any) -> None:
        """Nothing follows for the other namespaces."""


class Revision4:
    """Socket.IO 1 and 2: the server lets each client into `/` unasked, and into others by a query and without a sid.

    Its answer for `/` may come before anybody wants it.
    """

    def __init__(self) -> None:
        self._unused: tuple[int, Any] | None = None
        """What the server has said about `/`, until somebody wants to know."""
        self._said = False
        """Whether it has said that, and it was used: to join `/` once more the client has to ask."""
        self._refusal: tuple[Any] | None = None
        """What the server said when it refused the client in `/`: there will be no answer from other namespaces."""

    def ask(self, connection: ClientConnection, member: ClientMember, auth: Any) -> None:
        """Sends CONNECT with the auth data as a query; for `/` only to join it once more."""
        namespace, unused = member.namespace, self._unused
        if namespace == "/":
            self._unused = None
            if unused is not None:
                connection.receive_packet(unused[0], "/", None, unused[1])
            elif self._said:
                self._refusal = None
                connection.host.transmit(connection, CONNECT, "/", None, None)
        elif self._refusal is not None:
            connection.refuse(member, self._refusal[0])
        else:
            query = auth_query(auth, connection.host.dumps, connection.host.logger)
            connection.host.transmit(connection, CONNECT, f"{namespace}?{query}" if query else namespace, None, None)

    def sid(self, connection: ClientConnection, namespace: str, data: Any) -> str | None:
        """Returns the sid, which both sides make of that of the Engine.IO connection."""
        engine_sid = connection.engine.sid if connection.engine is not None else None
        if namespace == "/":
            self._said = True
            return engine_sid
        return f"{namespace}#{engine_sid}"

    def receive_unasked(self, connection: ClientConnection, kind: int, namespace: str, data: Any) -> None:
        """Keeps what concerns `/`; other namespaces that were not asked for are left alone."""
        if namespace == "/" and kind == DISCONNECT:
            self._unused, self._said = None, True
        elif namespace == "/" and kind in (CONNECT, CONNECT_ERROR) and not self._said:
            self._unused = kind, data
            if kind == CONNECT_ERROR:
                self._refuse_others(connection, data)

    def refused(self, connection: ClientConnection, namespace: str, data: Any) -> None:
        """A client that is refused in `/` gets no answer from the others."""
        if namespace == "/":
            self._said = True
            self._refuse_others(connection, data)

    def _refuse_others(self, connection: ClientConnection, data: Any) -> None:
        self._refusal = (data,)
        for member in list(connection.members.values()):
            if member.is_connecting():
                connection.refuse(member, data)


_REVISION_5 = Revision5()


def revision_for(number: int) -> Revision:
    """Returns the revision that belongs to one of Engine.IO."""
    return Revision4() if number == 3 else _REVISION_5
