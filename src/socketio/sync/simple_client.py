"""`SimpleClient`: a client without handlers, for programs that ask for the next event."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, ClassVar

from engineio.sync.concurrency import wait_for

from ..base_simple_client import BaseSimpleClient
from ..exceptions import BadNamespaceError, DisconnectedError, TimeoutError
from .client import Client

__all__ = ["SimpleClient"]


class SimpleClient(BaseSimpleClient):
    """A client in one namespace whose events are asked for; the options are those of `Client`."""

    client_class: ClassVar[Any] = Client

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._changed = threading.Condition()
        """Notified when there is another event or connection, or there will be none."""

    def connect(
        self,
        url: Any,
        headers: Any = None,
        auth: Any = None,
        transports: str | Sequence[str] | None = None,
        namespace: str = "/",
        socketio_path: str = "socket.io",
        wait_timeout: float = 5,
    ) -> None:
        """Connects to a server; the arguments are those of `Client.connect`.

        Raises:
            RuntimeError: if there is a connection already.
            ConnectionError: (`socketio.exceptions`) if none can be made.
        """
        client = self.make_client(namespace)

        def connect() -> None:
            with self._changed:
                self.connected = True
                self._changed.notify_all()

        def receive(event: Any, *args: Any) -> None:
            with self._changed:
                self.input_buffer.append([event, *args])
                self._changed.notify_all()

        client.on("connect", connect, namespace=namespace)
        client.on("__disconnect_final", self._end, namespace=namespace)
        client.on("*", receive, namespace=namespace)
        client.connect(
            url,
            headers=headers,
            auth=auth,
            transports=transports,
            namespaces=[namespace],
            socketio_path=socketio_path,
            wait_timeout=wait_timeout,
        )

    def emit(self, event: str, data: Any = None) -> None:
        """Sends an event; while a lost connection is being made again, this waits.

        Raises:
            DisconnectedError: if there will be no connection.
        """
        while True:
            client = self._wait_for_connection()
            try:
                return client.emit(event, data, namespace=self.namespace)  # type: ignore[no-any-return]
            except BadNamespaceError:  # it was lost in between
                pass

    def call(self, event: str, data: Any = None, timeout: float | None = 60) -> Any:
        """Sends an event, as `emit` does, and returns its acknowledgement: `None`, the value, or a tuple of several.

        Raises:
            TimeoutError: (`socketio.exceptions`) if no answer came within `timeout` seconds.
            DisconnectedError: if the connection was lost after the event was sent, or there will be none.
        """
        while True:
            client = self._wait_for_connection()
            try:
                return client.call(event, data, namespace=self.namespace, timeout=timeout)
            except BadNamespaceError:
                pass

    def receive(self, timeout: float | None = None) -> list[Any]:
        """Returns the next event: its name and its arguments, in one list.

        Args:
            timeout: How many seconds to wait for it; `None` for as long as there is or may be a connection.

        Raises:
            TimeoutError: (`socketio.exceptions`) if there was none in time.
            DisconnectedError: if there will be no connection.
        """
        with self._changed:
            if not wait_for(self._changed, lambda: self.input_buffer or not self.connected, timeout):
                raise TimeoutError()
            if not self.input_buffer:
                raise DisconnectedError()
            return self.input_buffer.popleft()

    def disconnect(self) -> None:
        """Closes the connection."""
        client, self.client = self.client, None
        if client is not None:
            client.disconnect()
        self._end()

    def _end(self) -> None:
        with self._changed:
            self.connected = False
            self._changed.notify_all()

    def _wait_for_connection(self) -> Any:
        client = self.client
        if client is None:
            raise DisconnectedError()
        with self._changed:
            wait_for(self._changed, lambda: not self.connected or client.get_sid(self.namespace) is not None)
        if not self.connected:
            raise DisconnectedError()
        return client

    def __enter__(self) -> SimpleClient:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.disconnect()
