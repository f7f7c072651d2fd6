"""What the Engine.IO clients of both colours share: options, handlers, URLs, and what a server's answer means."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from . import json as engineio_json
from .client_protocol import ClientSocket, ClientState
from .client_revisions import RevisionChoice, refuses_revision
from .config import TRANSPORTS, check_transports, option_names, warn_about_unknown_options
from .exceptions import ConnectionError, RevisionRefusedError
from .flow import InFlight
from .interfaces import reason
from .logs import logger_for
from .packet import MESSAGE, Packet, binary_types

__all__ = ["BaseClient", "ClientReceiver"]

Handler = Callable[..., Any]

MAX_MESSAGE_SIZE = 100 * 1024 * 1024
"""The longest message or HTTP body to take from a server unless the options say otherwise, in bytes."""


class BaseClient:
    """The options and handlers of an Engine.IO client.

    Args:
        logger: `True`, `False` or a logger.
        json: A module or object with `dumps` and `loads`.
        request_timeout: Seconds that a request, a handshake or an upgrade may take.
        http_session: A session of the HTTP library to use (and to leave open), or a function that makes one for each
            connection, which is then closed with it. `None`: an own one; its cookies outlive the connection.
        ssl_verify: Whether the server's certificate is verified.
        handle_sigint: Whether Ctrl-C disconnects before it does whatever else it does.
        websocket_extra_options: Further arguments for the function of the WebSocket library that connects.
        timestamp_requests: Whether each request gets a parameter `t`, so that no cache answers it.
        max_in_flight: How many handlers may be under way before no more messages are read.
        max_send_queue: How many bytes may wait to be sent before `send` waits, too.
        protocol: The revision of Engine.IO to speak: 4 (Socket.IO 3 and newer), 3 (Socket.IO 1 and 2), or `auto`: 4,
            and 3 with a server that does not know 4. What a server speaks is remembered for the next connection to it.

    Raises:
        ValueError: for another protocol.
    """

    event_names: ClassVar[list[str]] = ["connect", "disconnect", "message"]
    valid_transports: ClassVar[list[str]] = list(TRANSPORTS)
    reason = reason

    def __init__(
        self,
        logger: bool | logging.Logger = False,
        json: Any = None,
        request_timeout: float = 5,
        http_session: Any = None,
        ssl_verify: bool = True,
        handle_sigint: bool = True,
        websocket_extra_options: Mapping[str, Any] | None = None,
        timestamp_requests: bool = True,
        *,
        max_in_flight: int = 1000,
        max_send_queue: int = 4 * 1024 * 1024,
        protocol: int | str = "auto",
        **unknown: Any,
    ) -> None:
        if unknown:
            warn_about_unknown_options(unknown, option_names(type(self)), stacklevel=3)
        self.logger = logger_for(logger, "engineio.client")
        self.json = json or engineio_json
        self.codec = engineio_json.codec_for(json)
        self.request_timeout = request_timeout
        self.http = http_session
        self.ssl_verify = ssl_verify
        self.handle_sigint = handle_sigint
        self.websocket_extra_options: dict[str, Any] = dict(websocket_extra_options or {})
        self.timestamp_requests = timestamp_requests
        self.max_in_flight = max_in_flight
        self.max_send_queue = max_send_queue
        self.revisions = RevisionChoice(protocol)
        self.handlers: dict[str, Handler] = {}
        self.accept: Callable[[Any], Any] | None = None
        """Set by an application protocol that takes the connection instead of the program's handlers."""
        self.query_source: Callable[[], Any] | None = None
        """Set by an application protocol that has something to say in the query of the requests to an Engine.IO 3
        server; returns it, in asyncio as a coroutine."""
        self.old_query = ""
        """What that has returned."""
        self.base_url = ""
        self.engineio_path = "engine.io"
        self.transports: list[str] | None = None
        self.socket: ClientSocket | None = None
        """The connection; the last one, after its end."""

    # Public API

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this client are coroutines."""
        return False

    def on(self, event: str, handler: Handler | None = None) -> Any:
        """Registers the handler of `connect`, `message` or `disconnect`; without a handler it is a decorator.

        The handlers are called with no arguments, with the data, and with the reason.

        Raises:
            ValueError: if there is no such event.
        """
        if event not in self.event_names:
            raise ValueError("Invalid event")

        def register(handler: Handler) -> Handler:
            self.handlers[event] = handler
            return handler

        return register if handler is None else register(handler)

    def transport(self) -> str | None:
        """Returns `polling` or `websocket`; `None` before the first connection."""
        return self.current_transport

    @property
    def current_transport(self) -> str | None:
        """The transport of the connection."""
        return (self.socket.transport or None) if self.socket is not None else None

    @property
    def sid(self) -> str | None:
        """The id of the connection; `None` while there is none."""
        return self.socket.sid if self.socket is not None and self.socket.state is ClientState.OPEN else None

    @property
    def state(self) -> str:
        """`connected` or `disconnected`."""
        return "connected" if self.is_open() else "disconnected"

    def is_open(self) -> bool:
        """Returns whether there is a connection."""
        return self.socket is not None and self.socket.state is ClientState.OPEN

    @property
    def upgrades(self) -> list[str]:
        """The transports that the server has offered to move to."""
        socket = self.socket
        return [] if socket is None or socket.handshake is None else list(socket.handshake.upgrades)

    @property
    def ping_interval(self) -> float | None:
        """Seconds between two pings, as the server has said."""
        socket = self.socket
        return None if socket is None or socket.handshake is None else socket.handshake.ping_interval

    @property
    def ping_timeout(self) -> float | None:
        """Seconds that the server waits for a pong, as it has said."""
        socket = self.socket
        return None if socket is None or socket.handshake is None else socket.handshake.ping_timeout

    # What a shell asks

    def prepare(self, url: str, transports: str | Sequence[str] | None, engineio_path: str) -> list[str]:
        """Checks the arguments of `connect` and returns the transports to try, in order.

        Raises:
            ValueError: if there is a connection already, for an unknown transport, or for a URL of another kind.
        """
        if self.is_open():
            raise ValueError("Client is not in a disconnected state")
        chosen = check_transports(transports)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.netloc:
            raise ValueError(f"{url!r} is not the URL of a server: it needs http://, https://, ws:// or wss://")
        self.base_url = url
        self.engineio_path = engineio_path
        self.revisions.begin(f"{parts.netloc} {engineio_path}")
        self.transports = chosen
        return chosen

    def build_url(self, transport: str, sid: str | None = None, timestamp: float | None = None) -> str:
        """Returns the URL of a request.

        Args:
            transport: `polling` or `websocket`.
            sid: The id of the connection, once there is one.
            timestamp: Seconds since the epoch, for the parameter that keeps caches away.
        """
        # Programs give the URL of a page or of the endpoint: its path does not count, its query does.
        parts = urlsplit(self.base_url)
        secure = "s" if parts.scheme in ("https", "wss") else ""
        scheme = ("ws" if transport == "websocket" else "http") + secure
        query = f"{parts.query}&" if parts.query else ""
        revision = self.revisions.revision if self.socket is None else self.socket.revision
        query += f"transport={transport}&EIO={revision.number}"
        if revision.number == 3 and self.old_query:
            query += f"&{self.old_query}"
        if sid is not None:
            query += f"&sid={quote(sid, safe='')}"
        if timestamp is not None and self.timestamp_requests:
            query += f"&t={timestamp}"
        path = self.engineio_path.strip("/")
        return f"{scheme}://{parts.netloc}/{path}{'/' if path else ''}?{query}"

    def accepts(self, socket: ClientSocket) -> bool:
        """Returns whether a new connection can be used; what its server speaks is remembered then.

        It cannot if the server has turned out to be of the kind that should have got something in the query.
        """
        asked = self.revisions.revision
        if socket.revision is not asked and socket.revision.number == 3 and self.query_source is not None:
            return False
        self.revisions.settle(socket.revision)
        return True

    def no_handshake(self, error: ConnectionError) -> ConnectionError:
        """Returns the exception for a WebSocket that was opened and brought nothing."""
        # So do servers of Socket.IO 3 and 4 refuse a revision: they look at it when the WebSocket is open, and then
        # write an HTTP answer into it, or nothing.
        return RevisionRefusedError(*error.args) if self.revisions.revision.number == 3 else error

    def refusal(self, status: int, body: bytes, location: str | None = None) -> ConnectionError:
        """Returns the exception for an answer that is no success: `args` are a sentence and the decoded answer."""
        try:
            content = self.codec.loads(body)
        except ValueError:
            content = None
        where = f" (a redirect to {location})" if location else ""
        message = f"Unexpected status code {status} in server response{where}"
        # aiohttp keeps the answer to a WebSocket handshake to itself, and what ASGI servers make of it is a bare 403.
        # Where nobody says why, no secret goes into the URL of another attempt.
        silent = not body and status in (400, 403) and (self.revisions.revision.number == 3 or not self.query_source)
        if silent or (status == 400 and refuses_revision(content)):
            return RevisionRefusedError(message, content)
        return ConnectionError(message, content)

    def message(self, data: Any) -> Packet:
        """Returns the packet of a message: text or binary as it is, all else as JSON."""
        if data is not None and not isinstance(data, (str, *binary_types)):
            data = self.codec.dumps(data).decode()
        return Packet(MESSAGE, data)


class ClientReceiver:
    """Gives the messages of a connection to the program's own handlers.

    Args:
        client: Whose handlers they are.
        submit: Has a function called and its result awaited: (handler, arguments, finish, token).
        flow: Counts the handlers that are under way.
        done: Called after the disconnect handler.
    """

    def __init__(
        self, client: BaseClient, submit: Callable[..., None], flow: InFlight, done: Callable[[], object]
    ) -> None:
        self.client = client
        self.submit = submit
        self.flow = flow
        self.done = done

    def opened(self) -> None:
        """Calls the connect handler."""
        self._submit("connect", (), self._finished, "connect")

    def receive_text(self, data: bytes) -> None:
        """Calls the message handler with a `str`."""
        self._receive(data.decode())

    def receive_binary(self, data: bytes) -> None:
        """Calls the message handler with `bytes`."""
        self._receive(data)

    def _receive(self, data: str | bytes) -> None:
        self._submit("message", (data,), self._finished, "message")

    def closed(self, why: str) -> None:
        """Calls the disconnect handler."""
        handler = self.client.handlers.get("disconnect")
        if handler is None:
            self.done()
        else:
            self.flow.started()
            self.submit(handler, (why,) if _takes_one(handler) else (), self._ended, "disconnect")

    def _submit(self, event: str, arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        handler = self.client.handlers.get(event)
        if handler is not None:
            self.flow.started()
            self.submit(handler, arguments, finish, token)

    def _finished(self, event: str, result: Any, error: BaseException | None) -> None:
        self.flow.finished()
        if error is not None:
            self.client.logger.error("%s handler failed", event, exc_info=error)

    def _ended(self, event: str, result: Any, error: BaseException | None) -> None:
        self._finished(event, result, error)
        self.done()


def _takes_one(handler: Handler) -> bool:
    """Returns whether a handler can be called with one positional argument."""
    try:
        inspect.signature(handler).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True
