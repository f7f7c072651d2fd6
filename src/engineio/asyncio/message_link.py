"""A WebSocket that an ASGI server keeps in its own hands: messages in and out, no frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..deadlines import Deadline
from ..interfaces import reason
from ..packet import Outgoing
from .server import AsyncServer

__all__ = ["MessageLink"]

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_GONE = (1006, "")
"""RFC 6455, 7.4.1: 1006 "is designated for use in applications" and never sent."""


class MessageLink:
    """The link of a socket whose frames somebody else reads and writes."""

    __slots__ = (
        "_closing",
        "_deadline",
        "_send",
        "_sending",
        "_sent",
        "_server",
        "_task",
        "_urgent",
        "open",
        "readable",
        "target",
    )

    name = "websocket"

    def __init__(self, server: AsyncServer, send: Send) -> None:
        self.target: Any = None
        self.readable = asyncio.Event()
        self.readable.set()
        self._server = server
        self._send = send
        self._sending = False
        self._task: asyncio.Task[Any] | None = None
        self._urgent: list[Outgoing] = []
        self._closing: tuple[int, str] | None = None
        self._sent = 0
        self._deadline: Deadline | None = None
        self.open: asyncio.Timeout | None = None
        """What ends the coroutine that serves this WebSocket."""

    def receive_text(self, data: bytes) -> None:
        """Takes a text message, unless it is too long."""
        if self._closing is None and self._fits(data):
            self.target.receive_text(data)

    def receive_binary(self, data: bytes) -> None:
        """Takes a binary message, unless it is too long."""
        if self._closing is None and self._fits(data):
            self.target.receive_binary(data)

    def _fits(self, data: bytes) -> bool:
        if len(data) > self._server.max_http_buffer_size:
            self.target.fail(reason.TRANSPORT_ERROR, 1009)
            return False
        return True

    def send(self, message: Outgoing) -> None:
        """Sends one message past the outbox."""
        self._urgent.append(message)
        self._start()

    def flush(self) -> None:
        """Sends the outbox of the socket, in the order of calls."""
        if self._closing is None:
            self._start()

    def _start(self) -> None:
        # No task of its own: the runner steps the coroutine, which with most servers does not wait.
        if not self._sending:
            self._sending = True
            if self._deadline is None:
                self._watch()
            self._server.runner.submit(self._drain, (), self._drained, None)

    def _watch(self) -> None:
        sent = self._sent

        def check() -> None:
            self._deadline = None
            if not self._sending:  # it is not set again for each message: setting it costs as much as sending one
                return
            if self._sent != sent:
                self._watch()
                return
            # The peer does not read, and the ASGI server waits for it: so would a close frame.
            self._server.logger.info("closing a WebSocket that takes nothing")
            self.target.fail(reason.TRANSPORT_ERROR, 1013)
            if self.open is not None:
                self.open.reschedule(0)

        self._deadline = Deadline(check)
        self._server.schedule(self._deadline, self._server.send_stall_timeout)

    async def _drain(self) -> None:
        self._task = asyncio.current_task()  # its own, as soon as it waits: see HandlerRunner
        while True:
            messages, self._urgent = self._urgent, []
            if self._closing is None:
                messages += self.target.take()
            if not messages:
                break
            for message in messages:
                self._sent += 1
                if message.text is not None:
                    await self._send({"type": "websocket.send", "text": message.text.decode()})
                for attachment in message.attachments:
                    await self._send({"type": "websocket.send", "bytes": attachment})
        if self._closing is not None and self._closing is not _GONE:
            await self._send_close(*self._closing)

    async def _send_close(self, code: int, why: str) -> None:
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": why})
        except Exception:
            # daphne takes only the codes that RFC 6455, 7.4.2, leaves to applications, and would not close at all.
            await self._send({"type": "websocket.close", "code": code + 3000, "reason": why})

    def _drained(self, token: Any, result: Any, error: BaseException | None) -> None:
        self._sending = False
        self._task = None
        if error is not None and self._closing is None:
            # Each ASGI server raises something of its own for a client that has gone; receive() tells it as well.
            self._server.logger.debug("cannot send: %r", error)
            self.lost()
        elif self._urgent or (self._closing is None and getattr(self.target, "outbox", None)):
            self._start()

    def close(self, code: int, reason: str) -> None:
        """Sends the outbox, then closes the WebSocket."""
        if self._closing is None:
            self._urgent += self.target.take()
            self._closing = code, reason
            self.readable.set()
            if not self._sending:
                self._start()

    def lost(self) -> None:
        """The WebSocket is gone."""
        if self._closing is None:
            self._closing = _GONE
            self.readable.set()
        self._urgent.clear()
        if self._deadline is not None:
            self._server.unschedule(self._deadline)
            self._deadline = None
        if self._sending and self._task is not None:
            self._task.cancel()  # granian never says of what is being sent that it cannot be
        self.target.lost(reason.TRANSPORT_CLOSE)

    def pause_reading(self) -> None:
        """Has the ASGI server keep what arrives."""
        self.readable.clear()

    def resume_reading(self) -> None:
        """Takes messages again."""
        self.readable.set()
