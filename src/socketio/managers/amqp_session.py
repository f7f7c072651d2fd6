"""`Session`: one channel of a connection to RabbitMQ, what it says and what it makes of the answers. It never waits.

AMQP 0-9-1, with RabbitMQ's extensions; pamqp has the forms of its methods. All errors end the connection, as there is
nothing that could be done with one half of it.
"""

from __future__ import annotations

import importlib
import ssl
import struct
from base64 import b64decode
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .amqp import Deliveries, Publication

__all__ = ["Address", "Session"]

GREETING = b"AMQP\0\0\x09\x01"
HEARTBEAT = b"\x08\0\0\0\0\0\0\xce"
SECONDS = 4
"""Between heartbeats, where the URL says nothing else; after twice as many in silence the broker is lost."""
BIND = 5
"""After how many heartbeats a queue is bound again."""
FRAME_MAX = 131_072
CHANNEL = 1

_PORTS = {"amqp": 5672, "amqps": 5671}


class Address:
    """What a URL says: amqp://[user:password@]host[:port][/vhost], or amqps with TLS.

    Its query is that of aio-pika's URLs: `heartbeat` (in seconds), `name` (of the connection), `auth` (`plain` or
    `external`), `cafile`, `capath`, `cadata`, `certfile`, `keyfile` and `no_verify_ssl=1`.

    Raises:
        ValueError: it is no such URL.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS:
            raise ValueError(f"Unsupported RabbitMQ URL scheme: {parts.scheme}")
        self.host = parts.hostname or "localhost"
        self.port = parts.port or _PORTS[parts.scheme]
        self.user = unquote(parts.username or "guest")
        self.password = unquote(parts.password or "guest")
        self.virtual_host = unquote(parts.path[1:]) or "/"
        self.options = dict(parse_qsl(parts.query))
        self.heartbeat = int(self.options.get("heartbeat", SECONDS))
        self.is_encrypted = parts.scheme == "amqps"

    def make_context(self) -> ssl.SSLContext | None:
        """Returns how to use TLS; `None` for not at all. It reads files."""
        if not self.is_encrypted:
            return None
        options = self.options
        data = options.get("cadata")
        context = ssl.create_default_context(
            cafile=options.get("cafile"), capath=options.get("capath"), cadata=b64decode(data) if data else None
        )
        if "certfile" in options:
            context.load_cert_chain(options["certfile"], options.get("keyfile"))
        if options.get("no_verify_ssl", "0") != "0":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Session:
    """See the module.

    Args:
        address: Says who we are.
        send: Takes bytes for the broker.

    Attributes:
        is_open: Whether there is a channel, so that requests may be made.
        asked: How many requests have been made.
        answered: How many of them have been answered; answers come in order.
        bodies: The messages that were delivered, until somebody takes them.
        blocked: Why the broker takes no messages for now; `None` if it takes them.
    """

    def __init__(self, address: Address, send: Callable[[bytes], Any]) -> None:
        self._address = address
        self._send = send
        self._pamqp = importlib.import_module("pamqp.frame")
        self._commands: Any = importlib.import_module("pamqp.commands")
        self._deliveries = Deliveries(self._receive_frame)
        self._frame_max = FRAME_MAX
        self._publication: tuple[str, Publication] | None = None
        self._bind_again: Any = None
        self._beats = count(1)
        self.is_open = False
        self.asked = self.answered = 0
        self.bodies: list[bytes] = []
        self.blocked: str | None = None
        self._receivers: dict[type, Callable[[Any], None]] = {
            self._commands.Connection.Start: self._receive_start,
            self._commands.Connection.Tune: self._receive_tune,
            self._commands.Connection.Close: self._receive_close,
            self._commands.Connection.Blocked: self._receive_blocked,
            self._commands.Connection.Unblocked: self._receive_unblocked,
            self._commands.Channel.Close: self._receive_close,
            self._commands.Basic.Cancel: self._receive_cancel,
        }

    # What is said

    def start(self) -> None:
        """Says the first word."""
        self._send(GREETING)

    def _say(self, channel: int, *methods: Any) -> None:
        self._send(b"".join([self._pamqp.marshal(method, channel) for method in methods]))

    def _ask(self, *requests: Any) -> None:
        self.asked += len(requests)
        self._say(CHANNEL, *requests)

    def declare(self, exchange: str) -> None:
        """Has an exchange made, as python-socketio has it; a request."""
        self._ask(self._commands.Exchange.Declare(exchange=exchange, exchange_type="fanout"))

    def listen(self, exchange: str, queue: str) -> None:
        """Has messages delivered, by way of a queue that ends with this connection; three requests."""
        commands = self._commands
        self._bind_again = commands.Queue.Bind(queue=queue, exchange=exchange, nowait=True)
        self._ask(
            commands.Queue.Declare(queue=queue, exclusive=True, auto_delete=True),
            commands.Queue.Bind(queue=queue, exchange=exchange),
            commands.Basic.Consume(queue=queue, no_ack=True),
        )

    def publish(self, exchange: str, messages: Sequence[bytes]) -> None:
        """Publishes messages; a request that is answered when the broker has had them.

        That is cheaper than to have each of them confirmed, and fails if the exchange is gone.
        """
        if self._publication is None or self._publication[0] != exchange:
            self._publication = exchange, Publication(exchange, CHANNEL, self._frame_max)
        self._send(self._publication[1].encode(messages))
        self._ask(self._commands.Exchange.Declare(exchange=exchange, passive=True))

    def beat(self) -> None:
        """Shows that we are here; an error follows if somebody has deleted the exchange that we listen to."""
        self._send(HEARTBEAT)
        if self._bind_again is not None and not next(self._beats) % BIND:
            self._say(CHANNEL, self._bind_again)

    def end(self) -> bytes:
        """Returns what says goodbye."""
        goodbye: bytes = self._pamqp.marshal(self._commands.Connection.Close(200, "goodbye", 0, 0), 0)
        return goodbye

    # What is answered

    def receive(self, data: bytes) -> None:
        """Takes a chunk of bytes of the broker's.

        Raises:
            ConnectionError: the broker has ended the connection, or the channel, and says why.
            Exception: that is not AMQP.
        """
        if data.startswith(b"AMQP") and not self.is_open:
            raise ConnectionError("the broker speaks another version of AMQP")
        self.bodies += self._deliveries.feed(data)

    def _receive_frame(self, frame: tuple[int, int, bytes]) -> None:
        kind, channel, payload = frame
        if kind != 1:
            return
        _, _, method = self._pamqp.unmarshal(struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce")
        receive = self._receivers.get(type(method))
        if receive is not None:
            receive(method)
        elif method.name.endswith("Ok"):
            self.answered += 1
            if method.name == "Channel.OpenOk":
                self.is_open = True

    def _receive_start(self, start: Any) -> None:
        address = self._address
        mechanism = address.options.get("auth", "plain").upper()
        if mechanism not in start.mechanisms.split():
            raise ConnectionError(f"the broker has no authentication {mechanism}, but {start.mechanisms}")
        capabilities = ("authentication_failure_close", "connection.blocked", "consumer_cancel_notify")
        properties: dict[str, Any] = {
            "product": "fast-socketio",
            "capabilities": dict.fromkeys(capabilities, True),
        }
        if "name" in address.options:
            properties["connection_name"] = address.options["name"]
        response = f"\0{address.user}\0{address.password}" if mechanism == "PLAIN" else ""
        self._say(0, self._commands.Connection.StartOk(properties, mechanism, response, "en_US"))

    def _receive_tune(self, tune: Any) -> None:
        self._frame_max = min(tune.frame_max or FRAME_MAX, FRAME_MAX)
        ok = self._commands.Connection.TuneOk(tune.channel_max, self._frame_max, self._address.heartbeat)
        self._say(0, ok, self._commands.Connection.Open(self._address.virtual_host))
        self.asked += 1
        self._ask(self._commands.Channel.Open())

    def _receive_close(self, close: Any) -> None:
        raise ConnectionError(f"{close.reply_code} {close.reply_text}")

    def _receive_blocked(self, blocked: Any) -> None:
        self.blocked = blocked.reason or "it says nothing"

    def _receive_unblocked(self, unblocked: Any) -> None:
        self.blocked = None

    def _receive_cancel(self, cancel: Any) -> None:
        raise ConnectionError("the queue is gone")
