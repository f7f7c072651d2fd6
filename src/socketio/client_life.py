"""The life of a client's connection: what it is made with, what its loss means, and who hears of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engineio.exceptions import EngineIOError

from .backoff import Backoff
from .client_protocol import ClientConnection, ClientMember
from .exceptions import BadNamespaceError, ConnectionError
from .handlers import Handlers

__all__ = ["GREETING", "ClientLife", "given"]


GREETING = 0.2
"""How long to wait for an old server to speak first where its handshake did not tell its age, in seconds. Only those of
Socket.IO 3.0 to 4.4, over WebSocket alone, have anybody wait that long."""


class ClientLife:
    """What both colours decide alike about their connections; see `BaseClient` for the options.

    A connection has one owner: `connect()` or the series of attempts that makes it, and nobody afterwards, so that its
    loss starts exactly one new series.
    """

    registry: Handlers
    logger: logging.Logger
    eio: Any

    def __init__(
        self,
        reconnection: bool,
        reconnection_attempts: int,
        reconnection_delay: float,
        reconnection_delay_max: float,
        randomization_factor: float,
    ) -> None:
        self.reconnection = reconnection
        self.reconnection_attempts = reconnection_attempts
        self.reconnection_delay = reconnection_delay
        self.reconnection_delay_max = reconnection_delay_max
        self.randomization_factor = randomization_factor
        self.connection: ClientConnection | None = None
        self.connected = False
        """Whether there is a connection; between the loss of one and the next there is none."""
        self.connection_url: Any = None
        self.connection_headers: Any = None
        self.connection_auth: Any = None
        self.connection_transports: str | Sequence[str] | None = None
        self.connection_namespaces: list[str] = []
        """The namespaces that the client is in, or will be in again after the next connection."""
        self.socketio_path = "socket.io"
        self._namespace_auth: dict[str, Any] = {}
        self._left_namespaces: list[str] = []
        self._attempting = False
        """Whether a connection is being made; who makes it then takes care of its loss."""
        self._stopping = False
        """Whether the program has asked for the end of the connection."""
        self._reconnect_abort: Any = None
        """An event that ends the attempts to connect when it is set; programs assign one of their own."""

    # Per colour, or what the client does besides

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a handler; then calls `finish(token, result, error)`."""
        raise NotImplementedError

    def _query_source(self) -> Any:
        """Returns (in asyncio: as a coroutine) what an Engine.IO 3 server gets in the query of each request."""
        raise NotImplementedError

    def _begin_reconnect(self) -> None:
        """Starts to make the connection again, in the background."""
        raise NotImplementedError

    def _finish(self) -> None:
        """The connection is over and will not be made again: `wait` returns."""
        raise NotImplementedError

    def _close_engine(self) -> None:
        """Closes the Engine.IO connection, in the background."""
        raise NotImplementedError

    def _abandon_events(self) -> None:
        """Forgets what waits for a connection."""
        raise NotImplementedError

    # Before a connection

    def remember(
        self,
        url: Any,
        headers: Any,
        auth: Any,
        transports: str | Sequence[str] | None,
        namespaces: str | Sequence[str] | None,
        socketio_path: str,
    ) -> None:
        """Keeps the arguments of `connect` for this connection and those after it.

        Raises:
            ConnectionError: if there is a connection already.
        """
        if self.connected or self._attempting:
            raise ConnectionError("Already connected")
        if namespaces is None:
            names = {*self.registry.functions, *self.registry.objects} - {"*"}
            self.connection_namespaces = sorted(names) or ["/"]
        else:
            self.connection_namespaces = [namespaces] if isinstance(namespaces, str) else list(namespaces)
        self.connection_url = url
        self.connection_headers = headers
        self.connection_auth = auth
        self.connection_transports = transports
        self.socketio_path = socketio_path
        self._namespace_auth = {}
        self._left_namespaces = []
        self._stopping = False
        self.eio.query_source = None if auth is None else self._query_source

    def engine_arguments(self, url: str, headers: Any) -> dict[str, Any]:
        """Returns the arguments of the `connect` of the Engine.IO client."""
        return {
            "url": url,
            "headers": headers or {},
            "transports": self.connection_transports,
            "engineio_path": self.socketio_path,
        }

    def is_recognised(self) -> bool:
        """Returns whether nothing more is to be waited for to know how old the server is."""
        return bool(self.eio.socket.certain or not self.eio.is_open())

    def must_reopen(self) -> bool:
        """Returns whether the server is so old that it needs another connection, with the auth data in the query."""
        engine = self.eio.socket
        if self.eio.accepts(engine):
            return False
        self.eio.revisions.settle(engine.revision)
        return True

    def check_wanted(self) -> None:
        """Raises ConnectionError if the program has ended the connection while it is being made."""
        if self._stopping:
            raise ConnectionError("The connection was given up")

    def remember_namespace(self, namespace: str, auth: Any) -> None:
        """Keeps a namespace that is joined later.

        Raises:
            ConnectionError: if there is no connection, or the client is in the namespace.
        """
        if self.connection is None or not self.connected:
            raise ConnectionError("Not connected")
        member = self.connection.members.get(namespace)
        if member is not None and (member.is_connected() or member.is_connecting()):
            raise ConnectionError(f"Already connected to {namespace}")
        if namespace not in self.connection_namespaces:
            self.connection_namespaces.append(namespace)
        self._namespace_auth[namespace] = auth

    def auth_for(self, namespace: str) -> Any:
        """Returns what to send to a namespace: a value, or a function that returns it."""
        return self._namespace_auth.get(namespace, self.connection_auth)

    def leave_namespace(self, namespace: str) -> None:
        """Leaves one namespace.

        Raises:
            BadNamespaceError: if the client is not in it.
        """
        member = self._member(namespace)
        if member is None:
            raise BadNamespaceError(f"{namespace} is not a connected namespace.")
        self._forget_namespace(namespace)
        member.connection.disconnect(member)
        self._end_if_empty(member.connection)

    def leave_all(self) -> None:
        """Leaves all namespaces, for good; the Engine.IO connection is the caller's to close."""
        self._stopping = True
        connection = self.connection
        if connection is not None and connection.open:
            for member in list(connection.members.values()):
                connection.disconnect(member)

    def _forget_namespace(self, namespace: str) -> None:
        if namespace in self.connection_namespaces:
            self.connection_namespaces.remove(namespace)
            self._left_namespaces.append(namespace)
        self._namespace_auth.pop(namespace, None)

    def _member(self, namespace: str) -> ClientMember | None:
        member = self.connection.members.get(namespace) if self.connection is not None else None
        return member if member is not None and member.is_connected() else None

    # After it

    def left(self, member: ClientMember) -> None:
        """The server has disconnected the client from a namespace: the program has to ask for it again."""
        self._forget_namespace(member.namespace)
        self._end_if_empty(member.connection)

    def _end_if_empty(self, connection: ClientConnection) -> None:
        # As in the reference implementation, the connection ends with the last namespace.
        if not any(member.is_connected() or member.is_connecting() for member in connection.members.values()):
            self._stopping = True
            self._close_engine()

    def lost(self, connection: ClientConnection, why: str) -> None:
        """The Engine.IO connection is gone."""
        if connection is not self.connection or self._attempting:
            return
        self.connected = False
        if self.reconnection and not self._stopping:
            self._begin_reconnect()
        else:
            self.finish_for_good()

    def refused(self, refusals: dict[str, str]) -> ConnectionError:
        """Returns the exception for namespaces that were not joined."""
        self.eio.revisions.settle(self.eio.socket.revision)  # an old server may have been taken for a new one
        details = ", ".join(f"{namespace} ({why})" for namespace, why in refusals.items())
        return ConnectionError(f"One or more namespaces failed to connect: {details}")

    def announce(self, event: str, *arguments: Any, namespaces: Iterable[str] | None = None) -> None:
        """Calls the handlers of something that happened to the connection, in each of its namespaces."""
        for namespace in list(self.connection_namespaces if namespaces is None else namespaces):
            found = self.registry.find_exact(event, namespace, arguments, optional=len(arguments))
            if found is not None:
                self.submit(found[0], found[1], self._announced, event)

    def _announced(self, event: str, result: Any, error: BaseException | None) -> None:
        if error is not None:
            self.logger.error("%s handler failed", event, exc_info=error)

    def connection_failed(self, error: EngineIOError) -> ConnectionError:
        """Tells the program that there is no Engine.IO connection, and returns the exception for it."""
        answer = error.args[1] if len(error.args) > 1 else None
        self.announce("connect_error", str(error.args[0]) if answer is None else answer)
        return ConnectionError(error.args[0])

    def attempt_failed(self, attempt: int, error: Exception) -> None:
        """An attempt to connect again has failed: it is logged, and the program hears of it."""
        if isinstance(error, (ConnectionError, ValueError)):
            self.logger.info("attempt %d to connect failed: %s", attempt, error)
        else:
            # A function of the program that gives the URL, headers or auth: what it needs may come back, too.
            self.logger.error("attempt %d to connect failed", attempt, exc_info=error)
        self.announce("reconnect_error", str(error))

    def backoff(self) -> Backoff:
        """Returns the delays of a series of attempts to connect."""
        return Backoff(self.reconnection_delay, self.reconnection_delay_max, self.randomization_factor)

    def finish_for_good(self) -> None:
        """The connection is over and will not be made again."""
        self.connected = False
        self._abandon_events()
        self.announce("__disconnect_final", namespaces={*self.connection_namespaces, *self._left_namespaces})
        self._finish()


def given(source: Any) -> Any:
    """Returns a value that a program has given as such, or as a function."""
    return source() if callable(source) else source
