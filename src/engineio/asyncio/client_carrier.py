"""The waiting around one connection of an `AsyncClient`: its polls and posts, its WebSocket, its deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..client_protocol import ANOTHER, NOTHINGS, PROBE, PROBE_ANSWER, UPGRADE, ClientSocket, ClientState
from ..exceptions import ConnectionError, ProtocolError, RevisionRefusedError
from ..interfaces import Receiver, reason
from ..packet import encode_masked
from .concurrency import Pulse

__all__ = ["Carrier"]

BURST = 65536
"""How many bytes are written at once, about."""

PATIENCE_WITH_NOTHING = 10
"""How many polls in a row a server may answer with nothing before the next one is delayed."""


class Carrier:
    """Carries one connection.

    Args:
        client: Whose connection it is.
        headers: What every request carries.
        jar: The cookies.
        accept: Returns what takes the messages of the connection.
    """

    __slots__ = (
        "_accept",
        "_binary",
        "_client",
        "_closer",
        "_http",
        "_loop",
        "_reader",
        "_resumed",
        "_sent",
        "_text",
        "_timer",
        "_upgrading",
        "_writer",
        "_ws",
        "socket",
    )

    def __init__(
        self, client: Any, headers: Mapping[str, str], jar: Any, accept: Callable[[ClientSocket], Receiver]
    ) -> None:
        self.socket = ClientSocket(self, client.codec.loads, client.revisions.revision, client.revisions.fixed)
        self._client = client
        self._accept = accept
        self._http = client.binding.ClientHTTP(client, headers, jar)
        self._loop = asyncio.get_running_loop()
        kinds = client.binding.import_aiohttp().WSMsgType
        self._text, self._binary = kinds.TEXT, kinds.BINARY
        self._ws: Any = None
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._closer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._upgrading = False
        self._resumed = Pulse()
        self._sent = Pulse()

    # The beginning

    async def open(self, transports: list[str]) -> None:
        """Makes the connection.

        Raises:
            ConnectionError: if it cannot be made; nothing is left of it then.
        """
        try:
            await self._http.open()
            if transports[0] == "polling":
                await self._open_polling("websocket" in transports)
            else:
                await self._open_websocket()
        except BaseException as exc:
            self.socket.fail(exc if isinstance(exc, Exception) else ConnectionError("cancelled"))
            await self.wait_closed()
            if isinstance(exc, ProtocolError):
                raise ConnectionError(f"Unexpected answer from the server: {exc}") from exc
            raise
        if self.socket.state is not ClientState.OPEN:
            await self.wait_closed()
            raise ConnectionError("The server has closed the connection at once") from self.socket.error

    async def _open_polling(self, upgrade: bool) -> None:
        body = await self._http.get(self._url("polling"), self._client.request_timeout)
        others = self.socket.open_payload(body, self._loop.time())
        if not self._client.accepts(self.socket):
            await self.leave(reason.CLIENT_DISCONNECT)
            raise RevisionRefusedError(ANOTHER)
        self._opened()
        self.socket.receive_packets(others)
        self._reader = self._loop.create_task(self._poll())
        handshake = self.socket.handshake
        if upgrade and handshake is not None and "websocket" in handshake.upgrades:
            await self._upgrade()

    async def _open_websocket(self) -> None:
        ws = self._ws = await self._http.websocket(self._url("websocket"))
        try:
            first = await self._receive_first(ws)
        except ConnectionError as exc:
            raise self._client.no_handshake(exc) from exc.__cause__
        self.socket.open(first, "websocket", self._loop.time())
        if self.socket.certain:
            self._client.accepts(self.socket)
        self._opened()
        self._reader = self._loop.create_task(self._read(ws))

    def _opened(self) -> None:
        self.socket.receiver = self._accept(self.socket)
        self._watch()

    async def _receive_first(self, ws: Any) -> bytes:
        seconds = self._client.request_timeout
        try:
            async with asyncio.timeout(seconds):
                message = await ws.receive()
        except TimeoutError as exc:
            raise ConnectionError(f"The server has opened a WebSocket and said nothing in {seconds} seconds") from exc
        if message.type is not self._text:
            raise ConnectionError("The server has opened a WebSocket and closed it at once") from ws.exception()
        text: str = message.data
        return text.encode()

    # From polling to a WebSocket

    async def _upgrade(self) -> None:
        """Moves to a WebSocket if that works; otherwise polling goes on.

        Engine.IO v4, "Upgrade": probe the new transport, end the old one, send the upgrade packet.
        """
        socket = self.socket
        ws = None
        try:
            ws = await self._http.websocket(self._url("websocket"))
            await ws.send_frame(PROBE, self._text)
            answer = await self._receive_first(ws)
            if answer != PROBE_ANSWER:
                raise ConnectionError("The probe of the WebSocket was not answered")
            self._upgrading = True
            # The server answers the poll that it holds, and no other is sent. Nothing is lost: what came with that
            # answer was received, and what waits here goes over the WebSocket.
            await asyncio.wait([task for task in (self._reader, self._writer) if task is not None])
            if socket.state is not ClientState.OPEN:
                raise ConnectionError("The connection was closed during the upgrade")
            await ws.send_frame(UPGRADE, self._text)
            if socket.state is not ClientState.OPEN:
                raise ConnectionError("The connection was closed during the upgrade")
        except (ConnectionError, OSError) as exc:
            self._client.logger.info("cannot move to a WebSocket: %s", exc)
            if ws is not None:
                await self._http.close_websocket(ws)
            if self._upgrading and socket.state is ClientState.OPEN:
                self._upgrading = False
                self._reader = self._loop.create_task(self._poll())
                self.wake()
            return
        except BaseException:
            if ws is not None:
                await self._http.close_websocket(ws)
            raise
        self._upgrading = False
        self._ws = ws
        socket.transport = "websocket"
        self._reader = self._loop.create_task(self._read(ws))
        self.wake()

    # Reading

    async def _poll(self) -> None:
        socket = self.socket
        nothings = 0
        while socket.state is ClientState.OPEN and not self._upgrading:
            try:
                body = await self._http.get(self._url("polling", socket.sid), None)
            except ConnectionError as exc:
                return socket.fail(exc)
            nothings = nothings + 1 if body in NOTHINGS else 0
            socket.receive_payload(body, self._loop.time())
            if nothings > PATIENCE_WITH_NOTHING:
                await asyncio.sleep(0.1)
            if socket.halted:
                await self._while_halted()

    async def _read(self, ws: Any) -> None:
        socket, now, text, binary = self.socket, self._loop.time, self._text, self._binary
        while socket.state is ClientState.OPEN:
            message = await ws.receive()
            if message.type is text:
                socket.receive_text(message.data.encode(), now())
            elif message.type is binary:
                socket.receive_binary(message.data, now())
            else:
                error = ws.exception()
                failure = ConnectionError(f"The WebSocket was closed, code {ws.close_code}")
                failure.__cause__ = error
                return socket.fail(failure)
            if socket.halted:
                await self._while_halted()

    async def _while_halted(self) -> None:
        while self.socket.halted and self.socket.state is ClientState.OPEN:
            await self._resumed.wait()

    # Writing

    async def _write(self) -> None:
        socket, text, binary = self.socket, self._text, self._binary
        prefix, content_type = socket.revision.binary_prefix, socket.revision.content_type
        try:
            while socket.pending() and not self._upgrading:
                ws = self._ws
                if ws is None:
                    await self._http.post(self._url("polling", socket.sid), socket.take_payload(), content_type)
                    continue
                self._write_burst(ws)
                message = socket.take()
                if message is None:  # it was closed meanwhile
                    break
                if message.text is not None:
                    await ws.send_frame(message.text, text)
                for attachment in message.attachments:
                    await ws.send_frame(prefix + attachment, binary)
                self._sent.set()
        except (ConnectionError, OSError) as exc:
            socket.fail(exc)
        finally:
            self._writer = None
            self._sent.set()

    def _write_burst(self, ws: Any) -> None:
        """Writes all messages but the last one, up to 64 KiB, at once; sending the last one waits for all of them."""
        # Micro-optimization: a write takes longer than all else that becomes of a message. aiohttp has no name for it:
        # where it changes its attributes, or compresses, the messages go one by one.
        transport = getattr(getattr(ws, "_writer", None), "transport", None)
        if ws.compress or transport is None or transport.is_closing():
            return
        messages = self.socket.take_burst(BURST, keep=1)
        if messages:
            transport.write(encode_masked(messages, self.socket.revision.binary_prefix))

    async def room(self, limit: int) -> None:
        """Waits until at most `limit` bytes wait to be sent, or the connection is over."""
        while self.socket.queued > limit and self.socket.state is ClientState.OPEN:
            await self._sent.wait()

    # ClientHost

    def wake(self) -> None:
        """There is something to send."""
        if self._writer is None and not self._upgrading:
            self._writer = self._loop.create_task(self._write())

    def resume(self) -> None:
        """Reading may go on."""
        self._resumed.set()

    def closed(self) -> None:
        """The connection is over: everything that belongs to it is closed in the background."""
        self._closer = self._loop.create_task(self._close())

    # The end

    async def leave(self, why: str) -> None:
        """Says goodbye to the server, which gets some seconds for it, and closes the connection."""
        socket = self.socket
        socket.leave(why)
        try:
            async with asyncio.timeout(self._client.request_timeout):
                while socket.pending() or self._writer is not None:
                    await self._sent.wait()
        except TimeoutError:
            pass
        finally:
            socket.close(why)

    async def wait_closed(self) -> None:
        """Waits until nothing is left of a connection that is over."""
        if self._closer is not None:
            await asyncio.shield(self._closer)

    async def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._resumed.set()
        self._sent.set()
        tasks = [task for task in (self._reader, self._writer) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._ws is not None:
            await self._http.close_websocket(self._ws)
        await self._http.close()

    def _watch(self) -> None:
        if self.socket.state is ClientState.OPEN:
            self._timer = self._loop.call_at(self.socket.due, self._expire)

    def _expire(self) -> None:
        # The deadline moves with every packet, and the timer only follows when it goes off.
        if not self.socket.expire(self._loop.time()):
            self._watch()

    def _url(self, transport: str, sid: str | None = None) -> str:
        url: str = self._client.build_url(transport, sid or self.socket.sid, time.time())
        return url
