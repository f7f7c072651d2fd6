"""`AsyncClient`: an Engine.IO client for asyncio, on aiohttp."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from .. import interrupts
from ..base_client import BaseClient, ClientReceiver
from ..client_protocol import ClientSocket, ClientState
from ..exceptions import ConnectionError, SocketIsClosedError
from ..flow import InFlight
from ..interfaces import Receiver
from ..packet import Packet
from .client_carrier import Carrier
from .concurrency import Concurrency
from .handler_runner import HandlerRunner

__all__ = ["AsyncClient"]

T = TypeVar("T")


class AsyncClient(Concurrency, BaseClient):
    """An Engine.IO client for asyncio. See :class:`BaseClient` for the options.

    It belongs to the event loop on which `connect` is awaited.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.runner = HandlerRunner()
        self._carrier: Carrier | None = None
        self._jar: Any = None
        self._jar_loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None
        self._background: set[asyncio.Future[Any]] = set()

    @property
    def binding(self) -> Any:
        """The module that makes HTTP requests and WebSockets, imported when it is needed first."""
        return importlib.import_module("engineio.bindings.aiohttp_client")

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this client are coroutines."""
        return True

    async def connect(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        transports: str | Sequence[str] | None = None,
        engineio_path: str = "engine.io",
    ) -> None:
        """Coroutine version of `Client.connect`; what is needed is aiohttp."""
        chosen = self.prepare(url, transports, engineio_path)
        loop = asyncio.get_running_loop()
        if self._jar is None or self._jar_loop is not loop:
            # Unsafe is what it calls cookies of servers that have an address and no name.
            self._jar, self._jar_loop = self.binding.import_aiohttp().CookieJar(unsafe=True), loop
        self._ended = loop.create_future()
        while True:
            source = self.query_source if self.revisions.revision.number == 3 else None
            self.old_query = await source() if source is not None else ""
            carrier = self._carrier = Carrier(self, headers or {}, self._jar, self._accept)
            self.socket = carrier.socket
            try:
                await carrier.open(chosen)
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
        flow = InFlight(cast(Any, socket), self.max_in_flight)
        receiver = ClientReceiver(self, self.runner.submit, flow, self._finished)
        receiver.opened()
        return receiver

    def _finished(self) -> None:
        interrupts.unwatch(self)
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    async def wait(self) -> None:
        """Coroutine version of `Client.wait`."""
        carrier = self._carrier
        if carrier is not None:
            if self.accept is None and self._ended is not None and carrier.socket.state is ClientState.OPEN:
                await asyncio.shield(self._ended)
            await carrier.wait_closed()

    async def send(self, data: str | bytes | Any) -> None:
        """Coroutine version of `Client.send`."""
        await self.send_packet(self.message(data))

    async def send_packet(self, pkt: Packet) -> None:
        """Coroutine version of `Client.send_packet`."""
        carrier = self._carrier
        if carrier is None or carrier.socket.state is not ClientState.OPEN:
            raise SocketIsClosedError("there is no connection")
        carrier.socket.push(pkt.outgoing())
        await self.room()

    async def room(self) -> None:
        """Coroutine version of `Client.room`."""
        carrier = self._carrier
        if carrier is not None and carrier.socket.queued > self.max_send_queue:
            await carrier.room(self.max_send_queue)

    async def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        """Coroutine version of `Client.disconnect`."""
        carrier = self._carrier
        if carrier is None:
            return
        if carrier.socket.state is ClientState.OPEN:
            why = reason or self.reason.CLIENT_DISCONNECT
            if not abort:
                await carrier.leave(why)
            carrier.socket.close(why)
            if self.accept is None and self._ended is not None:
                await asyncio.shield(self._ended)
        elif carrier.socket.state is ClientState.OPENING:
            carrier.socket.close(self.reason.CLIENT_DISCONNECT)
        await carrier.wait_closed()

    def interrupt(self) -> None:
        """Ctrl-C: disconnects in the background."""
        loop = self._jar_loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(lambda: self.start_background_task(self.disconnect, abort=True))
