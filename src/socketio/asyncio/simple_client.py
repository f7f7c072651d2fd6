"""`AsyncSimpleClient`: a client without handlers, for programs that ask for the next event."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Sequence
from types import TracebackType
from typing import Any, ClassVar

from ..base_simple_client import BaseSimpleClient
from ..exceptions import BadNamespaceError, DisconnectedError, TimeoutError
from .client import AsyncClient

__all__ = ["AsyncSimpleClient"]


class AsyncSimpleClient(BaseSimpleClient):
    """A client in one namespace whose events are asked for; the options are those of `AsyncClient`."""

    client_class: ClassVar[Any] = AsyncClient

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connected_event = asyncio.Event()
        """Set while there is a connection, and when there will be no other."""
        self.input_event = asyncio.Event()

    async def connect(
        self,
        url: Any,
        headers: Any = None,
        auth: Any = None,
        transports: str | Sequence[str] | None = None,
        namespace: str = "/",
        socketio_path: str = "socket.io",
        wait_timeout: float = 5,
    ) -> None:
        """Coroutine version of `SimpleClient.connect`."""
        client = self.make_client(namespace)
        self.input_event = asyncio.Event()
        self.connected_event = asyncio.Event()

        def connect() -> None:
            self.connected = True
            self.connected_event.set()

        def disconnect() -> None:
            self.connected_event.clear()

        def disconnect_final() -> None:
            self.connected = False
            self.connected_event.set()
            self.input_event.set()

        def receive(event: Any, *args: Any) -> None:
            self.input_buffer.append([event, *args])
            self.input_event.set()

        client.on("connect", connect, namespace=namespace)
        client.on("disconnect", disconnect, namespace=namespace)
        client.on("__disconnect_final", disconnect_final, namespace=namespace)
        client.on("*", receive, namespace=namespace)
        await client.connect(
            url,
            headers=headers,
            auth=auth,
            transports=transports,
            namespaces=[namespace],
            socketio_path=socketio_path,
            wait_timeout=wait_timeout,
        )

    async def emit(self, event: str, data: Any = None) -> None:
        """Coroutine version of `SimpleClient.emit`."""
        while True:
            await self._wait_for_connection()
            try:
                await self.client.emit(event, data, namespace=self.namespace)
                return
            except BadNamespaceError:
                self._not_connected()

    async def call(self, event: str, data: Any = None, timeout: float | None = 60) -> Any:
        """Coroutine version of `SimpleClient.call`."""
        while True:
            await self._wait_for_connection()
            try:
                return await self.client.call(event, data, namespace=self.namespace, timeout=timeout)
            except BadNamespaceError:
                self._not_connected()

    async def receive(self, timeout: float | None = None) -> list[Any]:
        """Coroutine version of `SimpleClient.receive`."""
        try:
            async with asyncio.timeout(timeout):
                while not self.input_buffer:
                    if not self.connected:
                        raise DisconnectedError()
                    self.input_event.clear()
                    await self.input_event.wait()
        except builtins.TimeoutError:
            raise TimeoutError() from None
        return self.input_buffer.popleft()

    async def disconnect(self) -> None:
        """Coroutine version of `SimpleClient.disconnect`."""
        if self.client is not None:
            await self.client.disconnect()
            self.client = None
        self.connected = False
        self.connected_event.set()
        self.input_event.set()

    async def _wait_for_connection(self) -> None:
        if self.client is None:
            raise DisconnectedError()
        await self.connected_event.wait()
        if not self.connected:
            raise DisconnectedError()

    def _not_connected(self) -> None:
        # The connection is gone and its disconnect handler has not run yet; a connect handler will set it again.
        if self.connected:
            self.connected_event.clear()

    async def __aenter__(self) -> AsyncSimpleClient:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.disconnect()
