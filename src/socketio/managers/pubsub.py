"""`PubSubManager`: the base of the managers with a broker for threads, gevent and eventlet. What waits is here."""

from __future__ import annotations

import atexit
import importlib
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from typing import Any, ClassVar

from engineio.sync.concurrency import THREADS, Threads

from ..sync.manager import Manager
from .base import QUESTION, SLICE, BasePubSubManager

__all__ = ["PubSubManager"]


class PubSubManager(BasePubSubManager, Manager):
    """The manager of a server among several. See :class:`BasePubSubManager` for the options.

    A broker is a subclass with two methods, `_publish` and `_listen`. What an emit says to other processes is published
    by a thread of its own, so that no handler waits for the broker; without a server, by the caller.
    """

    needs_patching: ClassVar[bool] = False
    """Whether its driver blocks all greenlets where the standard library's sockets are not patched."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._kind: Threads = THREADS
        super().__init__(*args, **kwargs)

    def _begin(self) -> None:
        super()._begin()
        self._make_locks()
        self._writer: Any = None
        self._listener: Any = None
        self._closing = False
        self._flushes_at_exit = False

    def _make_locks(self) -> None:
        # Held for the outbox and what is known of the broker; never while waiting for anything else.
        self._changed = self._kind.make_condition(self._kind.make_lock())
        self._publishing_now = self._kind.make_lock()

    # The broker

    def _publish(self, data: Any) -> Any:
        """Publishes a message: a dictionary that JSON can hold. It raises if that fails, and is called again later."""
        raise NotImplementedError("This method must be implemented in a subclass.")

    def _listen(self) -> Iterable[Any]:
        """Yields the messages that are published: dictionaries, or JSON as bytes or text. After an error, or its end,
        it is called again."""
        raise NotImplementedError("This method must be implemented in a subclass.")

    def _publish_batch(self, messages: Sequence[bytes]) -> bool | None:
        """Publishes encoded messages in order; an empty list asks whether the broker is there. The first call after an
        error connects anew. A broker for which one call for each message is slow has its own version.

        Returns:
            For an empty list, whether as many listen as before an outage; `None` if the broker does not say.

        Raises:
            Exception: if the broker may not have all of them; they come again.
        """
        for message in messages:
            self._publish(self.codec.loads(message))
        return None

    def _listen_batches(self) -> Iterator[Sequence[Any]]:
        """Yields lists of messages, as they come; the first, which may be empty, once nothing is missed any more."""
        yield ()
        for message in self._listen():
            yield (message,)

    def _disconnect_broker(self) -> None:
        """Closes all connections, so that whoever waits for the broker stops waiting. Called more than once."""

    # Life

    def set_server(self, server: Any) -> None:
        """Called by the server that uses this manager."""
        super().set_server(server)
        self._kind = server.eio.kind
        self._make_locks()

    def initialize(self) -> None:
        """Starts to listen.

        Raises:
            RuntimeError: this server runs in greenlets, and the sockets of the broker's driver would block them all.
        """
        if self.needs_patching and not _are_sockets_patched(self.server.async_mode):
            whose, mode = self.name.capitalize(), self.server.async_mode
            raise RuntimeError(f"{whose} requires a monkey patched socket library to work with {mode}")
        super().initialize()
        self._closing = False
        if not self.write_only and self._listener is None:
            self._listener = self.server.start_background_task(self._run_listener)
        with self._changed:
            self._start_writer()

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until everything is published, for some seconds at most; returns whether it is."""
        end = inf if timeout is None else time.monotonic() + timeout
        with self._changed:
            while self.outbox:
                left = end - time.monotonic()
                if left <= 0 or self._is_closing():
                    return False
                self._changed.wait(min(left, 1.0))
        return True

    def close(self) -> None:
        """Publishes what is left, in `closing_timeout` seconds at most, and ends all threads and connections."""
        self.flush(self.closing_timeout if self._writer is not None else 0)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            threads = [self._writer, self._listener]
        self._disconnect_broker()
        for thread in threads:
            self._kind.join(thread, 1.0)
        self._listener = None
        self.listening = self.publishing = False
        if self.server is None:  # it may emit again
            self._closing = False

    # Publishing

    def _post(self, encoded: bytes, own: bool = True) -> None:
        with self._changed:
            self._put(encoded, own)
            if self.server is not None:
                self._start_writer()
                self._changed.notify_all()
        if self.server is None:
            self._publish_now()

    def _start_writer(self) -> None:
        if self._writer is None and not self._closing:
            self._writer = self._kind.start(self._run_writer)
            if not self._flushes_at_exit:
                self._flushes_at_exit = True
                _flush_at_exit(self)

    def _publish_now(self) -> None:
        """Publishes from the caller's thread; what the broker does not take is left to a thread that goes on trying."""
        with self._publishing_now:
            while self._writer is None:
                with self._changed:
                    batch = self.outbox.take()
                if not batch:
                    return
                if self._try(batch) is not None:
                    with self._changed:
                        self._start_writer()
                    return

    def _try(self, batch: Sequence[bytes]) -> float | None:
        """Publishes a batch; returns `None`, or for how many seconds to wait before the next attempt."""
        try:
            try:
                all_back = self._publish_batch(batch)
            except Exception as exc:
                with self._changed:
                    if not self._is_stale(exc):
                        raise
                    self.outbox.failed()
                self._publish_batch(())
                with self._changed:
                    if self._outage:  # the listener has come to know of one
                        raise
                    batch = self.outbox.take() if batch else batch
                all_back = self._publish_batch(batch)
        except Exception as exc:
            with self._changed:
                self.outbox.failed()
                return self._lost("publish", exc)
        except BaseException:  # Ctrl-C, a greenlet that is killed
            self.outbox.failed()
            raise
        with self._changed:
            if batch:
                self._took()
                self._steady("publish")
            else:
                self._all_back = all_back
            self._found("publish", time.monotonic())
            self._changed.notify_all()
        return None

    def _run_writer(self) -> None:
        next_attempt = next_question = -inf
        while True:
            batch: Sequence[bytes] = ()
            with self._changed:
                if self._closing or (self.server is None and not self.outbox):
                    self._writer = None
                    return
                now = time.monotonic()
                if now < next_attempt:
                    self._changed.wait(next_attempt - now)
                    continue
                if self.publishing:
                    hold = self._hold(now)
                    if 0 < hold < inf and self._all_back is False and now >= next_question:
                        next_question = now + QUESTION
                    elif hold or not self.outbox:
                        self._changed.wait(min(hold, QUESTION) if hold else None)
                        continue
                    else:
                        batch = self.outbox.take()
            delay = self._try(batch)
            if delay is not None:
                next_attempt = time.monotonic() + delay
            elif batch:
                self._kind.sleep(self.pause)

    # Listening

    def _run_listener(self) -> None:
        while True:
            error: BaseException | None = None
            try:
                for batch in self._listen_batches():
                    if self._is_closing():
                        return
                    self._receive_batch(batch)
            except Exception as exc:
                error = exc
            with self._changed:
                if self._is_closing():
                    return
                delay = self._lost("listen", error)
                self._changed.notify_all()
            end = time.monotonic() + delay
            with self._changed:
                while (left := end - time.monotonic()) > 0:
                    self._changed.wait(left)
                    if self._is_closing():
                        return

    def _is_closing(self) -> bool:
        return self._closing

    def _receive_batch(self, batch: Sequence[Any]) -> None:
        now = time.monotonic()
        if not self.listening:
            with self._changed:
                self._found("listen", now)
                self._changed.notify_all()
        elif batch:
            self._steady("listen")
        messages = iter(batch)
        left = bool(batch)
        while left:
            left = False
            end = now + SLICE
            with self.server.eio.core:
                for message in messages:
                    self.receive(message, now)
                    now = time.monotonic()
                    if now > end:
                        left = True
                        break

    def _disconnect_here(self, sid: str, namespace: str) -> None:
        self.server.start_background_task(self.server.disconnect, sid, namespace, True)

    # What programs call

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str | None = None,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        **kwargs: Any,
    ) -> None:
        """Sends an event to everybody in a room, or in the namespace, whichever process they are connected to.

        Args:
            event: Its name.
            data: A tuple for several arguments, `None` for none; anything else is the only one.
            namespace: `None` for `/`.
            room: A sid, a room, or a list of them; `None` for everybody in the namespace.
            skip_sid: A sid, or several, that do not get it.
            callback: Called with the acknowledgement of each recipient in this process, and the first of another.
            to: Another name of `room`.
            kwargs: `ignore_queue=True` for the clients of this process only.

        Raises:
            RuntimeError: if there is a callback, and no server or one that does not listen.
            ValueError: if there is a callback, and no room; or if the message is larger than 32 MiB.
            TypeError: if JSON cannot hold the data.
        """
        room = room if to is None else to
        namespace = namespace or "/"
        if self.server is None:
            encoded = self._encode_emit(event, data, namespace, room, skip_sid, callback)
        else:
            with self.server.eio.core:
                encoded = None
                if not kwargs.get("ignore_queue"):
                    encoded = self._encode_emit(event, data, namespace, room, skip_sid, callback)
                self.broadcast(event, data, namespace, room, skip_sid, callback)
        if encoded is not None:
            self._post(encoded)

    def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Returns whether a client is here; if it is not, the other processes are told to disconnect it."""
        if self._member(sid, namespace) is not None:
            return super().can_disconnect(sid, namespace)
        self._post(self._encode("disconnect", sid, namespace))
        return False

    def disconnect(self, sid: str, namespace: str | None = None, **kwargs: Any) -> None:
        """Disconnects a client, wherever it is; with `ignore_queue=True` it is only removed from the tables here."""
        namespace = namespace or "/"
        if kwargs.get("ignore_queue"):
            super().disconnect(sid, namespace)
        elif self.server is not None:
            self.server.disconnect(sid, namespace=namespace)
        else:
            self._post(self._encode("disconnect", sid, namespace))

    def enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Puts a client into a room, wherever it is; see `basic_enter_room`."""
        if self._member(sid, namespace) is not None:
            super().enter_room(sid, namespace, room, eio_sid=eio_sid)
        else:
            self._post(self._encode("enter_room", sid, namespace or "/", room=room))

    def leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Takes a client out of a room, wherever it is."""
        if self._member(sid, namespace) is not None:
            super().leave_room(sid, namespace, room)
        else:
            self._post(self._encode("leave_room", sid, namespace or "/", room=room))

    def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Takes everybody out of a room, in all processes; see `basic_close_room`."""
        namespace = namespace or "/"
        if self.server is not None:
            super().close_room(room, namespace)
        self._post(self._encode("close_room", None, namespace, room=room))


def _are_sockets_patched(async_mode: str) -> bool:
    """Returns whether nobody else has to wait while one waits for a socket."""
    if async_mode == "eventlet":
        return bool(importlib.import_module("eventlet.patcher").is_monkey_patched("socket"))
    if async_mode.startswith("gevent"):
        return bool(importlib.import_module("gevent.monkey").is_module_patched("socket"))
    return True


def _flush_at_exit(manager: PubSubManager) -> None:
    """Gives the broker a last chance before the program ends."""
    reference = weakref.ref(manager)

    def flush() -> None:
        left = reference()
        if left is not None:
            left.flush(left.closing_timeout)

    atexit.register(flush)
