"""What the Socket.IO servers of both colours share: options, handlers, the table of connections, the encoding."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, ClassVar

from engineio.config import engine_options
from engineio.interfaces import reason
from engineio.logs import logger_for
from engineio.packet import Outgoing
from engineio.protocol import Socket

from . import packet
from .base_namespace import BaseServerNamespace
from .encoder import Encoder
from .handlers import Handler, Handlers
from .members import Member
from .old_protocol import OldConnection, OldPacketConnection
from .packet_connection import PacketConnection
from .protocol import Connection

__all__ = ["BaseServer"]

_SEAMS = frozenset({"_send_packet", "_send_eio_packet"})


class BaseServer:
    """The options and tables of a Socket.IO server.

    Args:
        client_manager: Knows who is where; `None` for a manager of this process alone.
        logger: `True`, `False` or a logger.
        serializer: `default`, `msgpack`, or a subclass of `socketio.packet.Packet`.
        json: A module or object with `dumps` and `loads`, for this server.
        async_handlers: Whether the handlers of one client may run at the same time; otherwise one after the other.
        always_connect: Whether a client is told that it is connected before its connect handler has run.
        namespaces: The namespaces that clients may join besides those with handlers of their own; `*` for all.
        connect_timeout: Seconds after which a client that has joined no namespace is closed.
        max_attachments: How many attachments a packet may have.
        attachments_timeout: Seconds that they may take to arrive.
        max_namespaces: How many namespaces one client may join.
        engineio_logger: As `logger`, for the Engine.IO server.
        engineio_options: All others; see `engineio.base_server.BaseServer`.
    """

    reason: ClassVar[type[reason]] = reason

    def __init__(
        self,
        client_manager: Any = None,
        logger: bool | logging.Logger = False,
        serializer: str | type[packet.Packet] = "default",
        json: Any = None,
        async_handlers: bool = True,
        always_connect: bool = False,
        namespaces: str | Sequence[str] | None = None,
        *,
        connect_timeout: float = 45,
        max_attachments: int = 10,
        attachments_timeout: float = 30,
        max_namespaces: int = 100,
        **engineio_options: Any,
    ) -> None:
        seams = [getattr(type(self), name) for name in _SEAMS]
        self.intercepted = not all(getattr(seam, "is_default", None) is seam for seam in seams)
        """Whether a program has put itself between this server and the Engine.IO server."""
        self.async_handlers = async_handlers
        self.always_connect = always_connect
        self.connect_timeout = connect_timeout
        self.max_attachments = max_attachments
        self.attachments_timeout = attachments_timeout
        self.max_namespaces = max_namespaces
        self.logger = logger_for(logger, "socketio.server")
        self.namespaces = [namespaces] if isinstance(namespaces, str) else list(namespaces or ["/"])
        self.registry = Handlers()
        self.connections: dict[str, Connection] = {}
        """Engine.IO sid -> client."""
        self.eio: Any = self._make_engine(engineio_options, json)
        self.loads: Callable[[bytes], Any] = self.eio.codec.loads
        encoder = Encoder(serializer, json, self.eio.codec)
        self.packet_class = encoder.packet_class
        self.encode: Callable[[int, str, int | None, Any], Outgoing] = encoder.encode
        self._connection_class = Connection if encoder.is_default else PacketConnection
        self._old_connection_class = OldConnection if encoder.is_default else OldPacketConnection
        self.manager = self._default_manager() if client_manager is None else client_manager
        self.manager.set_server(self)
        self.manager_initialized = False

    def _make_engine(self, options: dict[str, Any], json: Any) -> Any:
        engine_class = self._engineio_server_class()
        # Up from here: __init__ of this class, of the subclass, the program.
        picked = engine_options(type(self), engine_class, options, json, stacklevel=4)
        return engine_class(**{**picked, "async_handlers": False})

    # Per colour

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a handler; then calls `finish(token, result, error)`."""
        raise NotImplementedError

    def submit_connect(
        self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Member
    ) -> None:
        """Runs a connect handler; then calls `finish(token, result, error)`."""
        raise NotImplementedError

    def cancel_connect(self, member: Member) -> None:
        """Cancels the connect handler of a member, where that is possible."""

    def _engineio_server_class(self) -> Any:
        raise NotImplementedError

    def _default_manager(self) -> Any:
        raise NotImplementedError

    def _send_packet(self, eio_sid: str, pkt: Any) -> Any:
        raise NotImplementedError

    def _send_eio_packet(self, eio_sid: str, eio_pkt: Any) -> Any:
        raise NotImplementedError

    def _intercept(self, result: Any) -> None:
        """Takes what a replaced `_send_packet` has returned, which may be something to await."""
        raise NotImplementedError

    # Public API

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this server are coroutines."""
        return False

    @property
    def async_mode(self) -> str:
        """How requests arrive."""
        mode: str = self.eio.async_mode
        return mode

    @property
    def handlers(self) -> dict[str, dict[str, Handler]]:
        """namespace -> event -> handler."""
        return self.registry.functions

    @property
    def namespace_handlers(self) -> dict[str, BaseServerNamespace]:
        """namespace -> class-based namespace."""
        return self.registry.objects

    @property
    def environ(self) -> MutableMapping[str, dict[str, Any]]:
        """Engine.IO sid -> WSGI-style dictionary of the handshake."""
        return _Environs(self)

    def on(self, event: str, handler: Handler | None = None, namespace: str | None = None) -> Any:
        """Registers the handler of an event; without a handler it is a decorator.

        Args:
            event: The event, `connect`, `disconnect`, or `*` for all that have no handler of their own.
            handler: Called with (sid, environ[, auth]) for connect, with (sid[, reason]) for disconnect, with
                (sid, *data) for any other event, and for `*` with the event before that. What it returns is the
                acknowledgement.
            namespace: `None` for `/`; `*` for all that have no handler of their own, which get the namespace first.
        """

        def register(handler: Handler) -> Handler:
            self.registry.add(event, handler, namespace or "/")
            return handler

        return register if handler is None else register(handler)

    def event(self, *args: Any, **kwargs: Any) -> Any:
        """Registers a function under its own name: a decorator, with or without the namespace as an argument."""
        if len(args) == 1 and not kwargs and callable(args[0]):
            return self.on(args[0].__name__)(args[0])
        return lambda handler: self.on(handler.__name__, *args, **kwargs)(handler)

    def register_namespace(self, namespace_handler: BaseServerNamespace) -> None:
        """Registers a class-based namespace.

        Raises:
            ValueError: if it is none, or one of the other colour.
        """
        if not isinstance(namespace_handler, BaseServerNamespace):
            raise ValueError("Not a namespace instance")
        if self.is_asyncio_based() != namespace_handler.is_asyncio_based():
            raise ValueError("Not a valid namespace class for this server")
        namespace_handler.set_server(self)
        self.registry.objects[namespace_handler.namespace] = namespace_handler

    def rooms(self, sid: str, namespace: str | None = None) -> list[Any]:
        """Returns the rooms that a client is in, that of its own sid included."""
        rooms: list[Any] = self.manager.get_rooms(sid, namespace or "/")
        return rooms

    def transport(self, sid: str, namespace: str | None = None) -> str:
        """Returns the transport of a client, `polling` or `websocket`.

        Raises:
            KeyError: if there is no such client.
        """
        member: Member = self.manager.member(sid, namespace or "/")
        socket = member.connection.socket
        return "polling" if socket is None else socket.link.name

    def get_environ(self, sid: str, namespace: str | None = None) -> dict[str, Any] | None:
        """Returns the WSGI-style dictionary of a client's handshake, one object for the life of the connection.

        `None` if there is no such client.
        """
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace or "/")
        connection = self.connections.get(eio_sid)
        return None if connection is None else connection.environ

    # protocol.Host

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SEAMS:
            object.__setattr__(self, "intercepted", True)
        object.__setattr__(self, name, value)

    def accepts(self, namespace: str) -> bool:
        """Returns whether clients may join a namespace."""
        names = self.namespaces
        return namespace in names or "*" in names or self.registry.has_namespace(namespace)

    def generate_id(self) -> str:
        """Returns an id for a client in a namespace."""
        sid: str = self.eio.generate_id()
        return sid

    def join(self, connection: Connection, namespace: str) -> Member:
        """Makes a member that is connecting."""
        member = Member(connection.new_sid(namespace), namespace, connection)
        self.manager.add(member)
        return member

    def entered(self, member: Member) -> None:
        """A member's connection is complete."""
        self.manager.entered(member)

    def left(self, member: Member) -> None:
        """Removes a member."""
        self.manager.remove(member)

    def ended(self, connection: Connection) -> None:
        """Forgets a connection."""
        if self.connections.get(connection.eio_sid) is connection:
            del self.connections[connection.eio_sid]

    def schedule(self, item: Any, delay: float | None) -> None:
        """Sets the deadline of an item in seconds from now; `None` removes it."""
        if delay is None:
            self.eio.unschedule(item)
        else:
            self.eio.schedule(item, delay)

    def transmit(self, connection: Connection, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        """Sends one packet to one client."""
        if self.intercepted:
            pkt = self.packet_class(kind, data=data, namespace=namespace, id=ack_id)
            self._intercept(self._send_packet(connection.eio_sid, pkt))
        elif connection.socket is not None:
            connection.socket.push(self.encode(kind, namespace, ack_id, data))

    def _make_connection(self, eio_sid: str, socket: Socket | None, environ: dict[str, Any] | None) -> Connection:
        if not self.manager_initialized:
            self.manager_initialized = True
            self.manager.initialize()
        limit = self.eio.max_in_flight if self.async_handlers else 1
        is_old = socket is not None and socket.revision.number == 3
        connection_class = self._old_connection_class if is_old else self._connection_class
        connection = connection_class(self, eio_sid, socket, limit, environ)
        self.connections[eio_sid] = connection
        return connection

    def _sessions(self, sid: str, namespace: str) -> dict[Any, Any]:
        """Returns namespace -> session of the connection of a client."""
        member: Member = self.manager.member(sid, namespace)
        socket = member.connection.socket
        if socket is None:
            sessions: dict[Any, Any] = member.connection.environ.setdefault("socketio.sessions", {})
            return sessions
        if socket.session is None:
            socket.session = {}
        sessions = socket.session
        return sessions


class _Environs(MutableMapping[str, dict[str, Any]]):
    """Engine.IO sid -> environ, each made when it is first looked at."""

    __slots__ = ("_server",)

    def __init__(self, server: BaseServer) -> None:
        self._server = server

    def __getitem__(self, eio_sid: str) -> dict[str, Any]:
        return self._server.connections[eio_sid].environ

    def __setitem__(self, eio_sid: str, environ: dict[str, Any]) -> None:
        connection = self._server.connections.get(eio_sid)
        if connection is None:
            connection = self._server._make_connection(eio_sid, None, environ)
        connection.environ = environ

    def __delitem__(self, eio_sid: str) -> None:
        del self._server.connections[eio_sid]

    def __contains__(self, eio_sid: object) -> bool:
        return eio_sid in self._server.connections

    def __iter__(self) -> Iterator[str]:
        return iter(self._server.connections)

    def __len__(self) -> int:
        return len(self._server.connections)
