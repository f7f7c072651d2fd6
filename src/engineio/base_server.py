"""What the Engine.IO servers of both colours share: options, the table of connections, handlers, request answers."""

from __future__ import annotations

import base64
import inspect
import logging
import random
import secrets
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from . import json as engineio_json
from . import jsonp as jsonp_codec
from .admission import FORBIDDEN, STOPPING, Decision, Handshake, Refusal, admit
from .compression import compress
from .config import TRANSPORTS, check_ping_interval, check_transports, option_names, warn_about_unknown_options
from .cookies import CookieTemplate
from .cors import CORSPolicy
from .deadlines import Deadlines
from .flow import InFlight
from .logs import logger_for
from .old_protocol import OldSocket
from .packet import Outgoing
from .payload import Revision
from .protocol import Socket, reason
from .request import Request, Response

__all__ = ["BaseServer", "HandlerReceiver"]

Handler = Callable[..., Any]


class BaseServer:
    """The options and tables of an Engine.IO server.

    Args:
        async_mode: How requests arrive; see the subclasses.
        ping_interval: Seconds between two pings, or a pair with a grace period in seconds that is added to the
            interval which the client is told. Fractions are kept to the millisecond.
        ping_timeout: Seconds that a client has to answer a ping.
        max_http_buffer_size: The longest message or request body to accept, in bytes.
        allow_upgrades: Whether a connection may move from polling to a WebSocket.
        http_compression: Whether polling answers are compressed.
        compression_threshold: From how many bytes on they are.
        cookie: `None`, the name of a cookie that holds the sid, or a dictionary with `name` and attributes.
        cors_allowed_origins: `None` for the server's own origin, `"*"` for all, one origin, several, or a function of
            (origin, environ) or (origin); an empty list leaves CORS to the application.
        cors_credentials: Whether browsers may send cookies and authentication headers.
        logger: `True`, `False` or a logger.
        json: A module or object with `dumps` and `loads`.
        async_handlers: Whether the message handlers of one client may run at the same time.
        monitor_clients: Whether a client that does not answer pings is closed.
        transports: A list of `polling` and `websocket`, or one of them; `None` for both.
        allow_eio3: Whether clients of Engine.IO 3 are served, which are those of Socket.IO 1.x and 2.x.
        allowEIO3: The same under the name that it has in JavaScript.
        jsonp: Whether polling by script elements is served; `None`: if clients of Engine.IO 3 are.
        upgrade_timeout: Seconds that an upgrade may take.
        body_timeout: Seconds that the body of a POST may take to arrive.
        max_in_flight: How many handlers of one client may be under way before its connection stops being read.
        max_send_queue: How many bytes may wait for a client that does not read before it is closed.
        send_stall_timeout: Seconds after which a client that reads nothing of what is being sent is closed.
        ws_close_timeout: Seconds that a client may take to answer a close frame.
        max_pending_pongs: How many WebSocket pings a client may send without reading the pongs.

    Raises:
        ValueError: for options that make no sense.
    """

    event_names: ClassVar[list[str]] = ["connect", "disconnect", "message"]
    valid_transports: ClassVar[list[str]] = list(TRANSPORTS)
    compression_methods: ClassVar[list[str]] = ["gzip", "deflate"]
    reason = reason

    def __init__(
        self,
        async_mode: str | None = None,
        ping_interval: float | Sequence[float] = 25,
        ping_timeout: float = 20,
        max_http_buffer_size: int = 1_000_000,
        allow_upgrades: bool = True,
        http_compression: bool = True,
        compression_threshold: int = 1024,
        cookie: str | dict[str, Any] | None = None,
        cors_allowed_origins: str | Sequence[str] | Callable[..., bool] | None = None,
        cors_credentials: bool = True,
        logger: bool | logging.Logger = False,
        json: Any = None,
        async_handlers: bool = True,
        monitor_clients: bool | None = None,
        transports: str | Sequence[str] | None = None,
        *,
        upgrade_timeout: float = 10,
        body_timeout: float = 20,
        max_in_flight: int = 64,
        max_send_queue: int = 16 * 1024 * 1024,
        send_stall_timeout: float = 30,
        ws_close_timeout: float = 5,
        max_pending_pongs: int = 60,
        allow_eio3: bool = False,
        allowEIO3: bool = False,
        jsonp: bool | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            warn_about_unknown_options(unknown, option_names(type(self)), stacklevel=3)
        self.async_mode = self._check_async_mode(async_mode)
        self.ping_interval, self.ping_interval_grace_period = check_ping_interval(ping_interval)
        self.ping_timeout = ping_timeout
        self.max_http_buffer_size = max_http_buffer_size
        self.allow_upgrades = allow_upgrades
        self.http_compression = http_compression
        self.compression_threshold = compression_threshold
        self.cookie = cookie
        self.cors_allowed_origins = cors_allowed_origins
        self.cors_credentials = cors_credentials
        self.json = json or engineio_json
        self.codec = engineio_json.codec_for(json)
        self.async_handlers = async_handlers
        self.monitor_clients = True if monitor_clients is None else monitor_clients
        self.transports = check_transports(transports)
        self.upgrade_timeout = upgrade_timeout
        self.body_timeout = body_timeout
        self.max_in_flight = max_in_flight
        self.max_send_queue = max_send_queue
        self.send_stall_timeout = send_stall_timeout
        self.ws_close_timeout = ws_close_timeout
        self.max_pending_pongs = max_pending_pongs
        self.allow_eio3 = allow_eio3 or allowEIO3
        self.jsonp = self.allow_eio3 if jsonp is None else jsonp
        self.logger = logger_for(logger, "engineio.server")
        self.sockets: dict[str, Socket] = {}
        self.leaving: dict[str, Socket] = {}
        """The connections that are over but for their disconnect handlers, which may still ask for the session."""
        self.handlers: dict[str, Handler] = {}
        self.sequence_number = 0
        self.stopping = False
        """Whether no new clients are taken any more."""
        self.deadlines = Deadlines(self.resolution())

    # Options that programs assign after construction

    @property
    def cookie(self) -> str | dict[str, Any] | None:
        """The cookie option."""
        return self._cookie

    @cookie.setter
    def cookie(self, cookie: str | dict[str, Any] | None) -> None:
        self._cookie_template = CookieTemplate(cookie)
        self._cookie = cookie

    @property
    def cors_allowed_origins(self) -> Any:
        """The origins whose pages may connect."""
        return self._cors_allowed_origins

    @cors_allowed_origins.setter
    def cors_allowed_origins(self, origins: Any) -> None:
        self._cors_allowed_origins = origins
        self._cors: CORSPolicy | None = None

    @property
    def cors(self) -> CORSPolicy:
        """The policy that the two CORS options make."""
        policy = self._cors
        if policy is None:
            policy = self._cors = CORSPolicy(self._cors_allowed_origins, self.cors_credentials)
        return policy

    def resolution(self) -> float:
        """Returns how exactly deadlines are kept, in seconds."""
        shortest = min(self.ping_interval, self.ping_timeout)
        return min(max(shortest / 20, 0.005), 0.25)

    # Public API of both colours

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this server are coroutines."""
        return False

    def async_modes(self) -> list[str]:
        """Returns the values that `async_mode` may have."""
        raise NotImplementedError

    def _check_async_mode(self, async_mode: str | None) -> str:
        modes = self.async_modes()
        if async_mode is None:
            return modes[0]
        if async_mode not in modes:
            raise ValueError(f"Invalid async_mode specified: {async_mode!r} is none of {', '.join(modes)}")
        return async_mode

    def on(self, event: str, handler: Handler | None = None) -> Any:
        """Registers the handler of `connect`, `message` or `disconnect`; without a handler it is a decorator.

        The handlers are called with (sid, environ), (sid, data) and (sid, reason). A connect handler refuses the
        client by returning anything but `None` and `True`, which the client is told.

        Raises:
            ValueError: if there is no such event.
        """
        if event not in self.event_names:
            raise ValueError("Invalid event")

        def register(handler: Handler) -> Handler:
            self.handlers[event] = handler
            return handler

        return register if handler is None else register(handler)

    def transport(self, sid: str) -> str:
        """Returns `polling` or `websocket`.

        Raises:
            KeyError: if there is no such connection.
        """
        return self._socket(sid).link.name

    def generate_id(self) -> str:
        """Returns a new sid: 96 random bits and a counter, 20 characters that need no escaping."""
        self.sequence_number = (self.sequence_number + 1) & 0xFFFFFF
        token = secrets.token_bytes(12) + self.sequence_number.to_bytes(3, "big")
        return base64.urlsafe_b64encode(token).decode()

    def _socket(self, sid: str) -> Socket:
        socket = self.sockets.get(sid) or self.leaving.get(sid)
        if socket is None:
            raise KeyError("Session not found")
        return socket

    # What a shell asks

    def admit(self, request: Request, environ: Callable[[], dict[str, Any]], websocket: bool) -> Decision:
        """Decides what a request may do, its origin included."""
        if not self.cors.allows(request, environ):
            self.logger.info("refused the origin of %r", request)
            # What a reference server answers to an origin that it does not take is its "bad request"; for a WebSocket
            # a browser shows no more than the status.
            return Refusal(403 if websocket else 400, 3, "Bad request")
        if self._index_of(request) is not None and not self.cors.allows_script(request, environ):
            self.logger.info("refused a script that %r comes from", request)
            return FORBIDDEN
        decision = admit(
            request,
            websocket=websocket,
            sockets=self.sockets,
            transports=self.transports,
            allow_upgrades=self.allow_upgrades,
            allow_eio3=self.allow_eio3,
            jsonp=self.jsonp,
        )
        return STOPPING if self.stopping and isinstance(decision, Handshake) else decision

    def make_socket(self, revision: Revision, link: Any, source: Any) -> Socket:
        """Makes the socket of a new connection and puts it into the table."""
        sid = self.generate_id()
        host: Any = self  # whose methods the subclasses have
        socket_class = Socket if revision.number == 4 else OldSocket
        socket = self.sockets[sid] = socket_class(host, sid, revision, link, source)
        return socket

    def handshake(self, socket: Socket, upgradable: bool = True) -> Outgoing:
        """Returns the packet that answers a handshake. Engine.IO v4, "Handshake".

        Args:
            socket: The connection.
            upgradable: Whether there can be a WebSocket at all.
        """
        upgrades: list[str] = []
        if upgradable and socket.link.name == "polling" and self.allow_upgrades and "websocket" in self.transports:
            upgrades.append("websocket")
        content = {
            "sid": socket.sid,
            "upgrades": upgrades,
            "pingInterval": round((self.ping_interval + self.ping_interval_grace_period) * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        return Outgoing(b"0" + self.codec.dumps(content))

    def first_ping(self) -> float:
        """Returns the delay of a connection's first ping in seconds: early by up to half an interval at random, so that
        clients that came together (after a restart) are not pinged together for ever."""
        return self.ping_interval * random.uniform(0.5, 1)

    def _index_of(self, request: Request) -> str | None:
        """Returns the value of the query parameter `j`, if polling by script elements is served."""
        return request.query("j") if self.jsonp else None

    def payload(self, request: Request, socket: Socket, messages: list[Outgoing]) -> Response:
        """Returns the answer to a poll or a polling handshake."""
        revision = socket.revision
        body = revision.encode_payload(messages)
        index = self._index_of(request)
        if index is None:
            return Response(200, [("Content-Type", revision.content_type_of(body))], body)
        headers = [("Content-Type", jsonp_codec.CONTENT_TYPE), ("X-Content-Type-Options", "nosniff")]
        return Response(200, headers, jsonp_codec.encode_call(jsonp_codec.function_index(index), body))

    def packets(self, request: Request, socket: Socket, body: bytes) -> list[tuple[int, bytes, bool]]:
        """Returns the packets of the body of a POST; see `payload.Revision.decode_payload`.

        Raises:
            ProtocolError: if it is broken.
        """
        if self._index_of(request) is not None:
            body = jsonp_codec.decode_form(body)
        return socket.revision.decode_payload(body, request.header(b"content-type") or "")

    def finish(self, request: Request, response: Response) -> Response:
        """Adds what every answer carries: CORS headers, and compression where it is worth it."""
        headers = [*response.headers, ("Cache-Control", "no-store")]
        if self.stopping:
            headers.append(("Connection", "close"))  # a client that stays would keep the web server from its end
        body, encoding = compress(
            response.body, request.header(b"accept-encoding"), self.http_compression, self.compression_threshold
        )
        if encoding is not None:
            headers.append(("Content-Encoding", encoding))
            headers.append(("Vary", "Accept-Encoding"))
        headers += self.cors.headers(request)
        return Response(response.status, headers, body)


class HandlerReceiver:
    """Gives the messages of a connection to the program's own handlers.

    Args:
        server: Whose handlers they are.
        socket: The connection.
        submit: Has a function called and its result awaited: (handler, arguments, finish, token).
        flow: Counts the handlers that are under way.
    """

    __slots__ = ("flow", "handlers", "server", "socket", "submit")

    def __init__(self, server: BaseServer, socket: Socket, submit: Callable[..., None], flow: InFlight) -> None:
        self.server = server
        self.handlers = server.handlers
        self.socket = socket
        self.submit = submit
        self.flow = flow

    def opened(self) -> None:
        """The connect handler has run already."""

    def receive_text(self, data: bytes) -> None:
        """Calls the message handler with a `str`, or with what it says if it is JSON; integers stay text."""
        try:
            value = self.server.codec.loads(data)
        except ValueError:
            value = None
        self._receive(data.decode() if value is None or isinstance(value, int) else value)

    def receive_binary(self, data: bytes) -> None:
        """Calls the message handler with `bytes`."""
        self._receive(data)

    def _receive(self, data: Any) -> None:
        handler = self.handlers.get("message")
        if handler is not None:
            self.flow.started()
            self.submit(handler, (self.socket.sid, data), self._message_done, None)

    def _message_done(self, token: Any, result: Any, error: BaseException | None) -> None:
        self.flow.finished()
        self._log("message", error)

    def closed(self, why: str) -> None:
        """Calls the disconnect handler."""
        handler = self.handlers.get("disconnect")
        if handler is not None:
            self.server.leaving[self.socket.sid] = self.socket
            arguments = (self.socket.sid, why) if _takes(handler, 2) else (self.socket.sid,)
            self.submit(handler, arguments, self._disconnect_done, None)

    def _disconnect_done(self, token: Any, result: Any, error: BaseException | None) -> None:
        self.server.leaving.pop(self.socket.sid, None)
        self._log("disconnect", error)

    def _log(self, event: str, error: BaseException | None) -> None:
        if error is not None:
            self.server.logger.error("%s handler failed", event, exc_info=error)


def _takes(handler: Handler, count: int) -> bool:
    """Returns whether a handler can be called with so many positional arguments."""
    try:
        inspect.signature(handler).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True
