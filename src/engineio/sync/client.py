"""`Client`: an Engine.IO client for threads, on requests and websocket-client."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from .. import interrupts
from ..base_client import BaseClient, ClientReceiver
from ..client_protocol import ClientSocket, ClientState
from ..exceptions import ConnectionError, SocketIsClosedError
from ..flow import InFlight
from ..interfaces import Receiver
from ..packet import Packet
from .client_carrier import Carrier
from .concurrency import Concurrency, wait_for
from .handler_runner import HandlerRunner

__all__ = ["Client"]

PATIENCE = 1.0
"""How many seconds `disconnect` waits for idle threads to end."""


class Client(Concurrency, BaseClient):
    """An Engine.IO client for threads, gevent and eventlet. See :class:`BaseClient` for the options.

    All of its methods may be called from any thread. Handlers run in threads of their own, see `HandlerRunner`.

    Attributes:
        lock: Guards the connection; whoever holds it waits for nothing.
        changed: Notified when something has happened that somebody may wait for.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.runner = HandlerRunner(self._settle)
        self._carrier: Carrier | None = None
        self._jar: Any = None
        self._ended = True
        """Whether the disconnect handler is over."""

    @property
    def binding(self) -> Any:
        """The module that makes HTTP requests and WebSockets, imported when it is needed first."""
        return importlib.import_module("engineio.bindings.requests_client")

    def connect(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        transports: str | Sequence[str] | None = None,
        engineio_path: str = "engine.io",
    ) -> None:
        """Connects to a server, and moves to a WebSocket if both sides can.

        Args:
            url: The server, with `http`, `https`, `ws` or `wss`; its query is sent with each request.
            headers: What each request carries.
            transports: A list of `polling` and `websocket`, or one of them, the first to begin with; `None` for both.
            engineio_path: Where on the server it is.

        Raises:
            ConnectionError: (`engineio.exceptions`) if there is no connection; its cause says why.
            ValueError: if there is a connection already, or for arguments that make no sense.
            RuntimeError: if requests or websocket-client is not installed.
        """
        chosen = self.prepare(url, transports, engineio_path)
        if self._jar is None:
            self._jar = self.binding.make_jar()
        while True:
            source = self.query_source if self.revisions.revision.number == 3 else None
            self.old_query = source() if source is not None else ""
            carrier = Carrier(self, headers or {}, self._jar, self._accept)
            with self.lock:
                self._carrier, self.socket = carrier, carrier.socket
            try:
                carrier.open(chosen)
                break
            except ConnectionError as exc:
                if not self.revisions.turn(exc):
                    raise
        if self.handle_sigint:
            interrupts.watch(self)

    def _accept(self, socket: ClientSocket) -> Receiver:
        if self.accept is not None:
            receiver: Receiver = self.accept(socket)
            return receiver
        self._ended = False
        flow = InFlight(cast(Any, socket), self.max_in_flight)
        receiver = ClientReceiver(self, self.runner.submit, flow, self._finished)
        receiver.opened()
        return receiver

    def _finished(self) -> None:
        interrupts.unwatch(self)
        self._ended = True
        self.changed.notify_all()
        self.runner.stop(0)

    def _settle(self, finish: Callable[..., None], token: Any, result: Any, error: BaseException | None) -> None:
        """A handler is over."""
        with self.lock:
            finish(token, result, error)
        self.flush()

    def wait(self) -> None:
        """Waits until the connection is over."""
        carrier = self._carrier
        if carrier is not None:
            with self.changed:
                wait_for(self.changed, lambda: carrier.socket.state is not ClientState.OPEN and self._ended)
            carrier.wait_closed()

    def send(self, data: str | bytes | Any) -> None:
        """Sends a message; what is neither text nor binary goes as JSON. Waits while too much is on its way.

        Raises:
            SocketIsClosedError: if there is no connection.
        """
        self.send_packet(self.message(data))

    def send_packet(self, pkt: Packet) -> None:
        """Sends one packet; see `send`."""
        with self.lock:
            socket = self.socket
            if socket is None or socket.state is not ClientState.OPEN:
                raise SocketIsClosedError("there is no connection")
            socket.push(pkt.outgoing())
        self.flush()
        self.room()

    def flush(self) -> None:
        """Sends what was put into the outbox; called after that, without the lock."""
        carrier = self._carrier
        if carrier is not None:
            carrier.flush()

    def room(self) -> None:
        """Waits while more than `max_send_queue` bytes are waiting to be sent."""
        carrier = self._carrier
        if carrier is not None and carrier.socket.queued > self.max_send_queue:
            carrier.room(self.max_send_queue)

    def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        """Closes the connection and waits until nothing is left of it and the disconnect handler is over.

        Args:
            abort: Whether the server is left without a goodbye.
            reason: What the disconnect handler is told; `None` for "client disconnect".
        """
        carrier = self._carrier
        if carrier is None:
            return
        why = reason or self.reason.CLIENT_DISCONNECT
        if carrier.socket.state is ClientState.OPEN:
            if not abort:
                carrier.leave(why)
            with self.changed:
                carrier.socket.close(why)
                wait_for(self.changed, lambda: self._ended)
        elif carrier.socket.state is ClientState.OPENING:
            with self.lock:
                carrier.socket.close(why)
        carrier.wait_closed()
        self.runner.stop(PATIENCE)

    def interrupt(self) -> None:
        """Ctrl-C: disconnects in the background; the program does not end before that is done."""
        threading.Thread(target=self.disconnect, kwargs={"abort": True}).start()
