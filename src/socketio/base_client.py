"""What the Socket.IO clients of both colours share: options, handlers, and what is sent where."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar

from engineio.client_protocol import ClientSocket
from engineio.config import engine_options
from engineio.interfaces import reason
from engineio.logs import logger_for

from . import packet
from .acks import Answer, make_answer
from .base_namespace import BaseClientNamespace
from .client_life import ClientLife
from .client_protocol import ClientConnection, ClientMember
from .encoder import Encoder
from .exceptions import BadNamespaceError
from .handlers import Handler, Handlers
from .offline import OfflineBuffer
from .packet_connection import PacketClientConnection

__all__ = ["BaseClient"]


class BaseClient(ClientLife):
    """The options and handlers of a Socket.IO client.

    Args:
        reconnection: Whether a connection that is lost is made again.
        reconnection_attempts: After how many attempts to give up; 0 for never.
        reconnection_delay: Seconds before the first attempt; the delay doubles with each further one.
        reconnection_delay_max: The longest delay in seconds.
        randomization_factor: By which fraction of itself a delay may be made longer or shorter, at random.
        logger: `True`, `False` or a logger.
        serializer: `default`, `msgpack`, or a subclass of `socketio.packet.Packet`.
        json: A module or object with `dumps` and `loads`, for this client.
        handle_sigint: Whether Ctrl-C disconnects before it does whatever else it does.
        buffer_offline: Whether what is emitted while there is no connection is kept, and sent in order after the
            next connection; otherwise it is an error.
        offline_buffer_size: How many events are kept at most.
        max_attachments: How many attachments a packet may have.
        engineio_logger: As `logger`, for the Engine.IO client.
        engineio_options: All others, as `protocol`; see `engineio.base_client.BaseClient`.
    """

    reserved_events: ClassVar[list[str]] = ["connect", "connect_error", "disconnect", "__disconnect_final"]
    reason = reason

    def __init__(
        self,
        reconnection: bool = True,
        reconnection_attempts: int = 0,
        reconnection_delay: float = 1,
        reconnection_delay_max: float = 5,
        randomization_factor: float = 0.5,
        logger: bool | logging.Logger = False,
        serializer: str | type[packet.Packet] = "default",
        json: Any = None,
        handle_sigint: bool = True,
        *,
        buffer_offline: bool = False,
        offline_buffer_size: int = 1000,
        max_attachments: int = 100,
        **engineio_options: Any,
    ) -> None:
        super().__init__(
            reconnection, reconnection_attempts, reconnection_delay, reconnection_delay_max, randomization_factor
        )
        self.handle_sigint = handle_sigint
        self.buffer_offline = buffer_offline
        self.max_attachments = max_attachments
        self.logger = logger_for(logger, "socketio.client")
        self.registry = Handlers()
        self.eio: Any = self._make_engine(engineio_options, json)
        self.loads: Callable[[bytes], Any] = self.eio.codec.loads
        self.dumps: Callable[[Any], bytes] = self.eio.codec.dumps
        encoder = Encoder(serializer, json, self.eio.codec)
        self.packet_class = encoder.packet_class
        self._encode = encoder.encode
        self._connection_class = ClientConnection if encoder.is_default else PacketClientConnection
        self._offline = OfflineBuffer(offline_buffer_size)

    def _make_engine(self, options: dict[str, Any], json: Any) -> Any:
        engine_class = self._engineio_client_class()
        # Up from here: __init__ of this class, of the subclass, the program.
        picked = engine_options(type(self), engine_class, options, json, stacklevel=4)
        # One of the two is enough, and this one also ends the attempts to connect again.
        return engine_class(**{**picked, "handle_sigint": False})

    # Per colour

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a handler; then calls `finish(token, result, error)`."""
        raise NotImplementedError

    def submit_farewell(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """As `submit`, for a disconnect handler: `disconnect` waits for it, unless that is called in it."""
        raise NotImplementedError

    def _engineio_client_class(self) -> Any:
        raise NotImplementedError

    def decided(self, member: ClientMember) -> None:
        """It is known whether a namespace was joined."""
        raise NotImplementedError

    def recognised(self) -> None:
        """It is known how old the server is."""
        raise NotImplementedError

    # Public API

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this client are coroutines."""
        return False

    @property
    def handlers(self) -> dict[str, dict[str, Handler]]:
        """namespace -> event -> handler."""
        return self.registry.functions

    @property
    def namespace_handlers(self) -> dict[str, BaseClientNamespace]:
        """namespace -> class-based namespace."""
        return self.registry.objects

    @property
    def namespaces(self) -> dict[str, str]:
        """The namespaces that the client is in: namespace -> its sid there."""
        members = self.connection.members.values() if self.connection is not None else ()
        return {member.namespace: member.sid for member in members if member.is_connected()}

    @property
    def sid(self) -> str | None:
        """The sid of the Engine.IO connection; `get_sid` returns those of the namespaces."""
        sid: str | None = self.eio.sid
        return sid

    def on(self, event: str, handler: Handler | None = None, namespace: str | None = None) -> Any:
        """Registers the handler of an event; without a handler it is a decorator.

        Args:
            event: The event; `connect`, `disconnect`, `connect_error`; `reconnect`, `reconnect_attempt`,
                `reconnect_error`, `reconnect_failed`; or `*` for all that have no handler of their own.
            handler: Called with no arguments for connect, with ([reason]) for disconnect, with ([data]) for
                connect_error, with (*data) for any other event, and for `*` with the event before that. What it
                returns is the acknowledgement.
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

    def register_namespace(self, namespace_handler: BaseClientNamespace) -> None:
        """Registers a class-based namespace.

        Raises:
            ValueError: if it is none, or one of the other colour.
        """
        if not isinstance(namespace_handler, BaseClientNamespace):
            raise ValueError("Not a namespace instance")
        if self.is_asyncio_based() != namespace_handler.is_asyncio_based():
            raise ValueError("Not a valid namespace class for this client")
        namespace_handler.set_client(self)
        self.registry.objects[namespace_handler.namespace] = namespace_handler

    def get_sid(self, namespace: str | None = None) -> str | None:
        """Returns the sid of the client in a namespace; `None` if it is not in it."""
        return self.namespaces.get(namespace or "/")

    def transport(self) -> str | None:
        """Returns the transport of the connection, `polling` or `websocket`."""
        transport: str | None = self.eio.transport()
        return transport

    # client_protocol.ClientHost

    def transmit(self, connection: ClientConnection, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        """Sends one packet."""
        if connection.engine is not None:
            connection.engine.push(self._encode(kind, namespace, ack_id, data))

    def joined(self, member: ClientMember) -> None:
        """A namespace was joined: what was emitted meanwhile is sent."""
        self._offline.send(member, self.logger)

    # What a shell asks

    def accept(self, engine: ClientSocket) -> ClientConnection:
        """Makes the connection on a new Engine.IO connection."""
        self.connection = self._connection_class(self, engine, self.eio.max_in_flight)
        return self.connection

    def send_event(
        self,
        event: Any,
        data: Any,
        namespace: str | None,
        callback: Callable[..., Any] | None,
        on_error: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Sends an event or puts it into the offline buffer.

        Raises:
            BadNamespaceError: if the client is not in the namespace.
            DisconnectedError: if the offline buffer is full.
        """
        namespace = namespace or "/"
        arguments = [event, *data] if isinstance(data, tuple) else [event] if data is None else [event, data]
        if on_error is not None:
            callback = make_answer(
                callback, on_error, lambda what, args: self.submit(what, args, self._announced, "ack")
            )
        member = self._member(namespace)
        if member is not None:
            member.connection.emit(member, arguments, callback)
        elif not self.buffer_offline:
            raise BadNamespaceError(f"{namespace} is not a connected namespace.")
        else:
            self._offline.add(namespace, arguments, callback)

    def _abandon_events(self) -> None:
        self._offline.clear()

    def forget_event(self, answer: Answer) -> None:
        """Nobody waits any more for the answer to an event; if it has not been sent yet, it never will be."""
        answer.forget()
        if answer.member is None:
            self._offline.remove(answer)
