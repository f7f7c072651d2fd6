"""`BasePubSubManager`: what managers with a broker have in common, whatever the broker and the colour.

It makes messages of what the program asks for, does what the messages of others ask for, and knows whether the broker
can be reached. It never waits: who publishes and listens, and how that waits, is the shells'.
"""

from __future__ import annotations

import logging
import os
import uuid
import weakref
from collections.abc import Callable, Mapping
from itertools import count
from math import inf
from typing import Any, ClassVar

import engineio.json
from engineio.json import Codec, codec_for
from engineio.logs import logger_for

from ..acks import Answer
from ..backoff import Backoff
from ..base_manager import BaseManager
from ..cluster import (
    MAX_SIZE,
    BadMessage,
    arguments_of,
    callback_of,
    client_of,
    decode,
    encode_callback,
    encode_emit,
    listed,
    room_of,
    with_attachments,
)
from ..outbox import Outbox
from ..senders import Callbacks, Senders

__all__ = ["QUESTION", "SLICE", "BasePubSubManager"]

QUIET = 10.0
"""Bad messages are logged once in so many seconds."""
SLICE = 0.01
"""For how many seconds messages of others may be seen to before somebody else has a turn."""
QUESTION = 0.1
"""How many seconds lie between two questions whether all are back."""


class BasePubSubManager(BaseManager):
    """Emits to the clients of all processes that are on the same channel of a broker.

    Args:
        channel: The name under which they find each other.
        write_only: Whether this process only emits. It needs no server then.
        logger: `True`, `False` or a logger; `None` for that of the server.
        json: A module or object with `dumps` and `loads`, where there is no server that has one.
        outage_buffer: How many bytes of messages are kept while the broker cannot be reached; beyond that the oldest
            are dropped.

    Attributes:
        host_id: The name of this process among the others; another one after a fork.
        ignored: How many messages were ignored because no server sends such.
    """

    name: ClassVar[str] = "pubsub"

    publish_timeout: float = 2.0
    """How many seconds the broker has to take a message, besides the time that its size takes."""

    retry_delay: float = 0.1
    """After how many seconds a lost broker is tried again at first, about."""

    retry_delay_max: float = 1.0
    """After how many seconds at most."""

    settle: float = 2.0
    """For how many seconds after an outage nothing is published, so that the others are listening again.

    0 where the broker keeps messages for those who are not there.
    """

    patience: float = 4.0
    """For how many seconds at most, where the broker says whether the others are listening again."""

    closing_timeout: float = 5.0
    """For how many seconds at most the end of the server waits until everything is published."""

    pause: float = 0.001
    """How many seconds lie between two batches of messages: those that come meanwhile go together."""

    def __init__(
        self,
        channel: str = "socketio",
        write_only: bool = False,
        logger: bool | logging.Logger | None = None,
        json: Any = None,
        *,
        outage_buffer: int = 32 * 1024 * 1024,
    ) -> None:
        super().__init__()
        self.channel = channel
        self.write_only = write_only
        self.logger = logger
        self.json: Any = engineio.json if json is None else json
        """What brokers of programs encode with."""
        self.codec: Codec = codec_for(json)
        self.outbox = Outbox(outage_buffer)
        self.ignored = 0
        self._ignored_quietly_until = -inf
        self._begin()
        if hasattr(os, "register_at_fork"):
            after_fork = weakref.WeakMethod(self.after_fork)
            os.register_at_fork(after_in_child=lambda: (method := after_fork()) and method())

    def _begin(self) -> None:
        self.host_id = uuid.uuid4().hex
        self.listening = False
        """Whether the messages of others arrive."""
        self.publishing = False
        """Whether the broker took what was published last."""
        self.error = ""
        """Why the broker was lost last."""
        self._outage = False
        self._all_back: bool | None = None
        self._reachable_since = -inf
        self._overflowing = False
        self._numbers = count(1)
        self._callbacks = Callbacks()
        self._senders = Senders()
        self._backoffs = {name: self._new_backoff() for name in ("listen", "publish")}
        self.outbox.clear()

    def after_fork(self) -> None:
        """Begins anew in a child process: connections, threads and what waits to be sent are the parent's."""
        self._begin()

    @property
    def host_id(self) -> str:
        """The name of this process among the others."""
        return self._host_id

    @host_id.setter
    def host_id(self, host_id: str) -> None:
        self._host_id = host_id
        # Messages begin with it, so that those that come back are recognised without decoding them.
        self._prefix = b'{"host_id":' + self.codec.dumps(host_id) + b","

    def set_server(self, server: Any) -> None:
        """Called by the server that uses this manager."""
        super().set_server(server)
        self.codec = server.eio.codec
        self.json = server.packet_class.json

    def _get_logger(self) -> logging.Logger:
        if self.logger is not None:
            return logger_for(self.logger, "socketio")
        if self.server is not None:
            logger: logging.Logger = self.server.logger
            return logger
        return logging.getLogger("socketio")

    # Per colour

    def _post(self, encoded: bytes, own: bool = True) -> None:
        """Has an encoded message published soon; see `_put`."""
        raise NotImplementedError

    def _disconnect_here(self, sid: str, namespace: str) -> None:
        """Has a client of this process disconnected, soon."""
        raise NotImplementedError

    # Sending

    def _encode(self, method: str, sid: str | None, namespace: str, **more: Any) -> bytes:
        """Returns a message that is about a client, or none."""
        message = {"method": method, "sid": sid, "namespace": namespace, **more}
        if sid is None:
            del message["sid"]
        return self.codec.dumps(message)

    def _encode_emit(
        self, event: str, data: Any, namespace: str, room: Any, skip_sid: Any, callback: Callable[..., Any] | None
    ) -> bytes | None:
        """Returns the message of an `emit`, `None` if all of its recipients are here.

        Raises:
            RuntimeError: if nobody would hear the acknowledgement.
            ValueError: if there is no telling whose acknowledgement that would be.
            TypeError: if JSON cannot hold the data.
        """
        expected = None
        if callback is not None:
            if self.server is None or self.write_only:
                raise RuntimeError("Callbacks can only be issued from the context of a server.")
            if room is None:
                raise ValueError("Cannot use callback without a room set.")
        if isinstance(room, str) and self._member(room, namespace) is not None:
            return None  # a client's own room is nowhere else
        if callback is not None:
            expected = (room, namespace, self._callbacks.add(room, namespace, callback))
            if isinstance(callback, Answer):
                callback.member, callback.ack_id = self._callbacks, expected[2]
        encoded = encode_emit(
            self.codec.dumps,
            {
                "method": "emit",
                "event": event,
                "data": list(data) if isinstance(data, tuple) else [data],
                "binary": False,
                "namespace": namespace,
                "room": listed(room),
                "skip_sid": listed(skip_sid),
                "callback": expected,
            },
        )
        if len(encoded) > MAX_SIZE:
            raise ValueError(f"a message of {len(encoded)} bytes is too large for other processes")
        return encoded

    def _return_callback(self, host_id: str, room: Any, namespace: str, callback_id: int, *arguments: Any) -> None:
        """A client of this process has acknowledged what another process has sent to it."""
        message = {"method": "callback", "host_id": host_id, "sid": room, "namespace": namespace, "id": callback_id}
        self._post(encode_callback(self.codec.dumps, message, arguments), own=False)

    # Receiving

    def receive(self, message: Any, now: float) -> None:
        """Does what a message of another process asks for; bad ones are counted, and logged now and then.

        Args:
            message: Bytes, text, or the dictionary that they stand for.
            now: In seconds, monotonic.
        """
        if message.__class__ is bytes and message.startswith(self._prefix):
            return
        try:
            self._do(decode(message, self.codec))
        except BadMessage as exc:
            self._ignore(str(exc), now)
        except Exception:
            self._get_logger().exception("%s: a message of another process could not be handled", self.name)

    def _ignore(self, why: str, now: float) -> None:
        self.ignored += 1
        if now >= self._ignored_quietly_until:
            self._ignored_quietly_until = now + QUIET
            self._get_logger().warning("%s: ignoring bad messages (%s so far): %s", self.name, self.ignored, why)

    def _do(self, message: Mapping[str, Any]) -> None:
        method = message["method"]
        host_id = message.get("host_id")
        if method == "callback":
            if host_id == self.host_id:
                self._receive_callback(message)
            return
        if host_id == self.host_id:
            return
        receive = _METHODS.get(method)
        if receive is None:
            raise BadMessage("the method is unknown")
        if self._senders.is_new(host_id, message.get("seq"), message.get("again")):
            receive(self, message)

    def _receive_emit(self, message: Mapping[str, Any]) -> None:
        data = arguments_of(message)
        whose = callback_of(message)
        callback = None
        if whose is not None:

            def callback(*arguments: Any) -> None:
                self._return_callback(*whose, *arguments)

        namespace = message.get("namespace") or "/"
        self.broadcast(message["event"], data, namespace, message.get("room"), message.get("skip_sid"), callback)

    def _receive_callback(self, message: Mapping[str, Any]) -> None:
        arguments = message.get("args")
        if not isinstance(arguments, list):
            raise BadMessage("the arguments of an acknowledgement are no list")
        if "attachments" in message:
            arguments = with_attachments(arguments, message["attachments"])
        callback = self._callbacks.take(message.get("id"), message.get("sid"), message.get("namespace"))
        if callback is None:
            self._get_logger().debug("%s: an unknown acknowledgement", self.name)
        elif isinstance(callback, Answer):
            callback(*arguments)
        else:
            self.server.submit(callback, tuple(arguments), self._callback_done, None)

    def _callback_done(self, token: None, result: Any, error: BaseException | None) -> None:
        if error is not None:
            self._get_logger().error("the callback of an acknowledgement failed", exc_info=error)

    def _receive_disconnect(self, message: Mapping[str, Any]) -> None:
        sid, namespace = client_of(message)
        if self.is_here(sid, namespace):
            self._disconnect_here(sid, namespace)

    def _receive_enter_room(self, message: Mapping[str, Any]) -> None:
        sid, namespace = client_of(message)
        if self.is_pre_connected(sid, namespace):
            try:
                self.basic_enter_room(sid, namespace, room_of(message))
            except ValueError as exc:
                raise BadMessage(str(exc)) from exc

    def _receive_leave_room(self, message: Mapping[str, Any]) -> None:
        sid, namespace = client_of(message)
        self.basic_leave_room(sid, namespace, room_of(message))

    def _receive_close_room(self, message: Mapping[str, Any]) -> None:
        try:
            self.basic_close_room(room_of(message), message.get("namespace") or "/")
        except ValueError as exc:
            raise BadMessage(str(exc)) from exc

    # Health

    @property
    def healthy(self) -> bool:
        """Whether what is published reaches the broker, and what others publish arrives."""
        return self.publishing and (self.listening or self.write_only)

    def time_for(self, size: int) -> float:
        """Returns how many seconds the broker has to take so many bytes: `publish_timeout`, and a second for 10 MB."""
        return self.publish_timeout + size / 10_000_000

    def _new_backoff(self) -> Backoff:
        return Backoff(self.retry_delay, self.retry_delay_max, 1.0)

    def _is_stale(self, error: Exception) -> bool:
        """Returns whether publishing has failed because a connection was closed while nothing was published.

        That is no outage: it is tried again at once.
        """
        return self.publishing and not self._outage and not isinstance(error, TimeoutError)

    def _lost(self, what: str, error: BaseException | None) -> float:
        """Neither direction is trusted after a loss in one; returns for how many seconds to wait."""
        was_healthy, began = self.healthy, not self._outage
        self.publishing = False
        if what == "listen":
            self.listening = False
        self._outage = True
        self._all_back = None
        self.error = "it has ended" if error is None else f"{type(error).__name__}: {error}".removesuffix(": ")
        if was_healthy or began:
            self._get_logger().error("%s: the broker cannot be reached (%s), trying again", self.name, self.error)
        return self._backoffs[what].next()

    def _found(self, what: str, now: float) -> None:
        was_healthy = self.healthy
        if what == "listen":
            self.listening = True
        else:
            self.publishing = True
        if self.healthy and not was_healthy:
            self._reachable_since = now
            self._overflowing = False
            self._get_logger().info("%s: the broker is reached", self.name)

    def _steady(self, what: str) -> None:
        """It has worked for a while: after the next loss attempts begin in quick succession again."""
        self._backoffs[what] = self._new_backoff()

    def _hold(self, now: float) -> float:
        """Returns for how many seconds nothing may be published; infinity for until something changes."""
        if not self._outage or (self._all_back and self.healthy):
            return 0.0
        if not self.healthy:
            return inf
        return max(self._reachable_since + (self.settle if self._all_back is None else self.patience) - now, 0.0)

    def _put(self, encoded: bytes, own: bool) -> None:
        """Puts a message into the outbox; one that is `own` says who has sent it, and its number."""
        if own:
            encoded = b'%b"seq":%d,%b' % (self._prefix, next(self._numbers), encoded[1:])
        if self.outbox.put(encoded) and not self._overflowing:
            self._overflowing = True
            self._get_logger().error("%s: too much waits for the broker, the oldest messages are dropped", self.name)

    def _took(self) -> None:
        """The broker has taken what the outbox had given."""
        self.outbox.done()
        if self.listening or self.write_only:
            self._outage = False


_METHODS: dict[str, Callable[[Any, Mapping[str, Any]], None]] = {
    "emit": BasePubSubManager._receive_emit,
    "disconnect": BasePubSubManager._receive_disconnect,
    "enter_room": BasePubSubManager._receive_enter_room,
    "leave_room": BasePubSubManager._receive_leave_room,
    "close_room": BasePubSubManager._receive_close_room,
}
