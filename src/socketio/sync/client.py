"""`Client`: the waiting around a Socket.IO client, for threads, gevent and eventlet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from engineio import interrupts
from engineio.exceptions import EngineIOError
from engineio.sync.client import PATIENCE
from engineio.sync.client import Client as EngineClient
from engineio.sync.concurrency import BackgroundThread, Concurrency, join, start_thread, wait_for

from ..acks import LOST
from ..base_client import BaseClient
from ..client_life import GREETING, given
from ..client_protocol import ClientConnection, ClientMember
from ..client_revisions import connection_query
from ..exceptions import ConnectionError, DisconnectedError
from .answers import BlockingAnswer

__all__ = ["Client"]

_in_farewell: ContextVar[bool] = ContextVar("in_farewell", default=False)
"""Whether the caller is a disconnect handler, which must not wait for itself."""

ABORT_INTERVAL = 0.1
"""How often an event that a program has put into `_reconnect_abort` is looked at, in seconds."""


class Client(Concurrency, BaseClient):
    """A Socket.IO client for threads, gevent and eventlet. See :class:`BaseClient` for the options.

    All of its methods may be called from any thread. Handlers are called in threads of their own, in the order in which
    their events arrived: one that takes its time does not keep the next ones waiting.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.eio.accept = self.accept
        self._lock: threading.RLock = self.eio.lock
        self._changed: threading.Condition = self.eio.changed
        self._reconnect_thread: BackgroundThread | None = None
        self._wait_timeout = 1.0
        self._farewells = 0
        """How many disconnect handlers are under way."""
        self._over = True
        """Whether there will be no other connection."""
        self._stop = threading.Event()
        """Ends the attempts to connect."""

    # Connecting

    def connect(
        self,
        url: Any,
        headers: Any = None,
        auth: Any = None,
        transports: str | Sequence[str] | None = None,
        namespaces: str | Sequence[str] | None = None,
        socketio_path: str = "socket.io",
        wait: bool = True,
        wait_timeout: float = 1,
        retry: bool = False,
    ) -> None:
        """Connects to a server.

        Args:
            url: The server. It, `headers` and `auth` may be functions, which are called at each attempt.
            headers: What each HTTP request carries.
            auth: What the connect handlers of the server get.
            transports: A list of `polling` and `websocket`, or one of them, the first to begin with; `None` for both.
            namespaces: What to connect to; `None` for those with handlers, or `/`.
            socketio_path: Where on the server it is.
            wait: Whether to wait until the server has let the client into all of the namespaces.
            wait_timeout: How many seconds it may take for that.
            retry: Whether to go on trying, with the delays and the limit of the reconnection options.

        Raises:
            ConnectionError: (`socketio.exceptions`) if there is a connection already, or none can be made; its cause
                says why.
            ValueError: for arguments that make no sense.
            RuntimeError: if requests or websocket-client is not installed.
        """
        if not self.connected and self._reconnect_thread is not None:
            # The program takes over from the attempts in the background.
            self._stop.set()
            with self._changed:
                wait_for(self._changed, lambda: self._reconnect_thread is None)
        with self._lock:
            self.remember(url, headers, auth, transports, namespaces, socketio_path)
            self._attempting = True
            self._over = False
        self._wait_timeout = wait_timeout
        self._stop.clear()
        if self.handle_sigint:
            interrupts.watch(self)
        try:
            self._attempt(wait, wait_timeout)
        except BaseException as exc:
            if self._stopping or not (retry and isinstance(exc, ConnectionError)):
                self._give_up()
                raise
        else:
            return
        self._retry()
        if not self.connected:
            self._give_up()
            raise ConnectionError("No attempt to connect has succeeded")

    def _attempt(self, wait: bool, wait_timeout: float) -> None:
        self._attempting = True
        try:
            connection = self._connect_engine()
            self.connected = True
            for namespace in list(self.connection_namespaces):
                auth = given(self.auth_for(namespace))
                with self._lock:
                    connection.connect(namespace, auth)
            self.eio.flush()
            with self._changed:
                if wait:
                    wait_for(self._changed, connection.is_decided, wait_timeout)
                    if connection.open and (refusals := connection.refusals()):
                        raise self.refused(refusals)
                if not connection.open and not self._stopping:
                    error = ConnectionError("The connection was lost before the server had answered")
                    raise error from self.eio.socket.error
                # From here on a loss is `lost`'s to take care of.
                self._attempting = False
                if not connection.open:
                    # A handler, or the server, has ended it in the right way already.
                    self.finish_for_good()
        except BaseException:
            self.connected = False
            self.eio.disconnect()
            self._attempting = False
            raise

    def _connect_engine(self) -> ClientConnection:
        try:
            url = given(self.connection_url)
            headers = given(self.connection_headers)
            self.check_wanted()
            arguments = self.engine_arguments(url, headers)
            self.eio.connect(**arguments)
            if not self.is_recognised():
                with self._changed:
                    wait_for(self._changed, self.is_recognised, GREETING)
                if self.must_reopen():
                    self.eio.disconnect()
                    self.eio.connect(**arguments)
        except EngineIOError as exc:
            with self._lock:
                raise self.connection_failed(exc) from exc
        self.check_wanted()
        assert self.connection is not None
        return self.connection

    def _query_source(self) -> str:
        return connection_query(given(self.connection_auth), self.dumps, self.logger)

    def _give_up(self) -> None:
        with self._lock:
            self._finish()

    def connect_namespace(self, namespace: str, auth: Any = None, wait: bool = True, wait_timeout: float = 1) -> None:
        """Joins one more namespace of the server that the client is connected to.

        Args:
            namespace: Its name.
            auth: What its connect handler gets: a value, or a function that returns it, also after a reconnection.
            wait: Whether to wait for the server's answer.
            wait_timeout: How many seconds it may take.

        Raises:
            ConnectionError: if there is no connection, the client is in the namespace already, or is not let in.
        """
        value = given(auth)
        with self._lock:
            self.remember_namespace(namespace, auth)
            connection = self.connection
            assert connection is not None
            member = connection.connect(namespace, value)
        self.eio.flush()
        if not wait:
            return
        with self._changed:
            wait_for(self._changed, lambda: member.told, wait_timeout)
            if member.is_connected():
                return
            refusals = {namespace: member.describe_refusal()}
            connection.disconnect(member)
            self._forget_namespace(namespace)
        self.eio.flush()
        raise self.refused(refusals)

    def disconnect_namespace(self, namespace: str) -> None:
        """Leaves one namespace; the connection and the others stay.

        Raises:
            BadNamespaceError: if the client is not in it.
        """
        with self._lock:
            self.leave_namespace(namespace)
        self.eio.flush()

    # Events

    def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        *,
        on_error: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Sends an event. Waits while too much is on its way.

        Args:
            event: Its name.
            data: The argument; a tuple is several, `None` is none.
            namespace: `None` for `/`.
            callback: Called with the arguments of the acknowledgement, if one comes on this connection.
            on_error: Called instead with a `DisconnectedError` as soon as it is certain that none will come.

        Raises:
            BadNamespaceError: if the client is not in the namespace, unless `buffer_offline` is set.
            DisconnectedError: if the offline buffer is full.
        """
        eio = self.eio
        with self._lock:
            self.send_event(event, data, namespace, callback, on_error)
        eio.flush()
        if eio.socket is not None and eio.socket.queued > eio.max_send_queue:
            eio.room()

    def send(self, data: Any, namespace: str | None = None, callback: Callable[..., Any] | None = None) -> None:
        """Sends the event `message`; the arguments are those of `emit`."""
        self.emit("message", data, namespace, callback)

    def call(self, event: str, data: Any = None, namespace: str | None = None, timeout: float | None = 60) -> Any:
        """Sends an event and returns its acknowledgement: `None`, the value, or a tuple of several.

        Args:
            event: Its name.
            data: As for `emit`.
            namespace: `None` for `/`.
            timeout: How many seconds to wait; `None` for as long as there is a connection.

        Raises:
            TimeoutError: (`socketio.exceptions`) if no answer came in time.
            DisconnectedError: if the connection was lost, so that none will come.
            BadNamespaceError: as for `emit`.
        """
        answer = BlockingAnswer(DisconnectedError(LOST))
        try:
            self.emit(event, data, namespace, answer)
            return answer.value(timeout)
        finally:
            with self._lock:
                self.forget_event(answer)

    # The end

    def wait(self) -> None:
        """Waits until the connection is over and will not be made again."""
        with self._changed:
            wait_for(self._changed, lambda: self._over)
        self.eio.wait()

    def disconnect(self) -> None:
        """Leaves all namespaces, closes the connection, and waits until the disconnect handlers are over."""
        self._stop.set()
        with self._lock:
            self.leave_all()
        self.eio.disconnect()
        join(self._reconnect_thread, None)
        if not _in_farewell.get():
            with self._changed:
                wait_for(self._changed, lambda: not self._farewells)
        self.eio.runner.stop(PATIENCE)

    def shutdown(self) -> None:
        """Ends the connection, or the attempts to make one."""
        self.disconnect()

    def interrupt(self) -> None:
        """Ctrl-C: disconnects in the background; the program does not end before that is done."""
        threading.Thread(target=self.disconnect).start()

    # Reconnecting

    def _retry(self) -> None:
        """Attempts to connect until that succeeds, is no longer wanted, or there were enough attempts."""
        backoff = self.backoff()
        attempt = 0
        while not self._stopping:
            if self._aborted(backoff.next()):
                break
            attempt += 1
            self._announce("reconnect_attempt", attempt)
            try:
                self._attempt(True, max(self._wait_timeout, self.eio.request_timeout))
            except Exception as exc:
                with self._lock:
                    self.attempt_failed(attempt, exc)
            else:
                if self.connected:
                    self._announce("reconnect", attempt)
                return
            if self.reconnection_attempts and attempt >= self.reconnection_attempts:
                self._announce("reconnect_failed")
                return

    def _announce(self, event: str, *arguments: Any) -> None:
        with self._lock:
            self.announce(event, *arguments)

    def _aborted(self, delay: float) -> bool:
        """Waits; returns whether that was interrupted because nobody wants the connection any more."""
        end = time.monotonic() + delay
        while True:
            if self._stop.is_set() or (self._reconnect_abort is not None and self._reconnect_abort.is_set()):
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._stop.wait(left if self._reconnect_abort is None else min(left, ABORT_INTERVAL))

    def _begin_reconnect(self) -> None:
        self._reconnect_thread = start_thread(self._reconnect)

    def _reconnect(self) -> None:
        try:
            self.eio.wait()
            self._retry()
        finally:
            with self._changed:
                # Otherwise the new connection is lost already, and another thread takes care of that.
                if self._reconnect_thread is threading.current_thread():
                    self._reconnect_thread = None
                    if not self.connected and not self._over:
                        self.finish_for_good()
                    self._changed.notify_all()

    # What the core asks; all of it is called with the lock

    def _engineio_client_class(self) -> Any:
        return EngineClient

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a handler; then calls `finish(token, result, error)`."""
        self.eio.runner.submit(handler, arguments, finish, token)

    def submit_farewell(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a disconnect handler, which `disconnect` waits for."""

        def run(*arguments: Any) -> Any:
            before = _in_farewell.set(True)
            try:
                return handler(*arguments)
            finally:
                _in_farewell.reset(before)

        def finished(token: Any, result: Any, error: BaseException | None) -> None:
            self._farewells -= 1
            self._changed.notify_all()
            finish(token, result, error)

        self._farewells += 1
        self.submit(run, arguments, finished, token)

    def decided(self, member: ClientMember) -> None:
        """It is known whether a namespace was joined."""
        self._changed.notify_all()

    def recognised(self) -> None:
        """It is known how old the server is."""
        self._changed.notify_all()

    def lost(self, connection: ClientConnection, why: str) -> None:
        """The Engine.IO connection is gone."""
        self._changed.notify_all()
        super().lost(connection, why)

    def _finish(self) -> None:
        interrupts.unwatch(self)
        self._over = True
        self._changed.notify_all()
        self.eio.runner.stop(0)

    def _close_engine(self) -> None:
        start_thread(self.eio.disconnect)
