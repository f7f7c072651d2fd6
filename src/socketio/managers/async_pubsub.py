"""`AsyncPubSubManager`: the base of the managers with a broker for asyncio. What waits is here."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from math import inf
from typing import Any, ClassVar

from ..asyncio.manager import AsyncManager
from .base import QUESTION, SLICE, BasePubSubManager

__all__ = ["AsyncPubSubManager", "close_at_end"]


class AsyncPubSubManager(BasePubSubManager, AsyncManager):
    """The manager of an asyncio server among several. See :class:`BasePubSubManager` for the options.

    A broker is a subclass with two methods, `_publish` and `_listen`. What an emit says to other processes is published
    by a task of its own, so that no handler waits for the broker; without a server it is published when `emit` returns.
    """

    name: ClassVar[str] = "asyncpubsub"

    def _begin(self) -> None:
        super()._begin()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._publishing_now = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None

    # The broker

    async def _publish(self, data: Any) -> Any:
        """Publishes a message: a dictionary that JSON can hold. It raises if that fails, and is called again later."""
        raise NotImplementedError("This method must be implemented in a subclass.")

    def _listen(self) -> AsyncIterator[Any]:
        """Yields the messages that are published: dictionaries, or JSON as bytes or text. After an error, or its end,
        it is called again."""
        raise NotImplementedError("This method must be implemented in a subclass.")

    async def _publish_batch(self, messages: Sequence[bytes]) -> bool | None:
        """Publishes encoded messages in order; an empty list asks whether the broker is there. The first call after an
        error, or on another event loop, connects anew. A broker for which one call for each message is slow has its own
        version.

        Returns:
            For an empty list, whether as many listen as before an outage; `None` if the broker does not say.

        Raises:
            Exception: if the broker may not have all of them; they come again.
        """
        for message in messages:
            await self._publish(self.codec.loads(message))
        return None

    async def _listen_batches(self) -> AsyncIterator[Sequence[Any]]:
        """Yields lists of messages, as they come; the first, which may be empty, once nothing is missed any more."""
        yield ()
        async for message in self._listen():
            yield (message,)

    async def _disconnect_broker(self) -> None:
        """Closes all connections. Called more than once."""

    # Life

    def initialize(self) -> None:
        """Starts to listen."""
        super().initialize()
        try:
            self._bind()
        except RuntimeError:  # no event loop runs yet: the first client will have it done
            self.server.manager_initialized = False
            return
        if not self.write_only and self._listener is None:
            self._listener = asyncio.get_running_loop().create_task(self._run_listener())
        self._start_writer()

    def _bind(self) -> None:
        """Makes the running loop the one that tasks and connections belong to."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._changed = asyncio.Event()
            self._publishing_now = asyncio.Lock()
            self._writer = self._listener = None
            self._new_loop()

    def _new_loop(self) -> None:
        """Forgets the connections of another event loop."""

    async def flush(self, timeout: float | None = None) -> bool:
        """Waits until everything is published, for some seconds at most; returns whether it is."""
        end = inf if timeout is None else time.monotonic() + timeout
        while self.outbox:
            left = end - time.monotonic()
            if left <= 0:
                return False
            await self._wait(min(left, 1.0))
        return True

    async def close(self) -> None:
        """Publishes what is left, in `closing_timeout` seconds at most, and ends all tasks and connections."""
        if self._loop is not asyncio.get_running_loop():
            return
        await self.flush(self.closing_timeout if self._writer is not None else 0)
        tasks = [task for task in (self._writer, self._listener) if task is not None]
        self._writer = self._listener = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._disconnect_broker()
        self.listening = self.publishing = False

    async def _wait(self, timeout: float | None) -> None:
        """Waits until something changes, for some seconds at most."""
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            pass

    # Publishing

    def _post(self, encoded: bytes, own: bool = True) -> None:
        self._put(encoded, own)
        self._bind()
        if self._writer is None:
            self._start_writer()
        self._changed.set()

    def _start_writer(self) -> None:
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._run_writer())

    async def _send(self, encoded: bytes) -> None:
        """Has a message published: soon where there is a server, otherwise before this returns."""
        if self.server is not None:
            self._post(encoded)
            return
        self._put(encoded, own=True)
        self._bind()
        async with self._publishing_now:
            # What the broker does not take is left to a task that goes on trying.
            while self._writer is None and (batch := self.outbox.take()):
                if await self._try(batch) is not None:
                    self._start_writer()

    async def _try(self, batch: Sequence[bytes]) -> float | None:
        """Publishes a batch; returns `None`, or for how many seconds to wait before the next attempt."""
        try:
            try:
                all_back = await self._publish_batch(batch)
            except Exception as exc:
                if not self._is_stale(exc):
                    raise
                self.outbox.failed()
                await self._publish_batch(())
                if self._outage:  # the listener has come to know of one
                    raise
                all_back = await self._publish_batch(self.outbox.take() if batch else batch)
        except Exception as exc:
            self.outbox.failed()
            return self._lost("publish", exc)
        except BaseException:  # it is cancelled
            self.outbox.failed()
            raise
        if batch:
            self._took()
            self._steady("publish")
        else:
            self._all_back = all_back
        self._found("publish", time.monotonic())
        self._changed.set()
        return None

    async def _run_writer(self) -> None:
        next_question = -inf
        while self.server is not None or self.outbox:
            batch: Sequence[bytes] = ()
            if self.publishing:
                now = time.monotonic()
                hold = self._hold(now)
                if 0 < hold < inf and self._all_back is False and now >= next_question:
                    next_question = now + QUESTION
                elif hold or not self.outbox:
                    await self._wait(min(hold, QUESTION) if hold else None)
                    continue
                else:
                    batch = self.outbox.take()
            delay = await self._try(batch)
            if delay is not None:
                await asyncio.sleep(delay)
            elif batch:
                await asyncio.sleep(self.pause)
        self._writer = None

    # Listening

    async def _run_listener(self) -> None:
        while True:
            error: BaseException | None = None
            try:
                async for batch in self._listen_batches():
                    await self._receive_batch(batch)
            except Exception as exc:
                error = exc
            delay = self._lost("listen", error)
            self._changed.set()
            await asyncio.sleep(delay)

    async def _receive_batch(self, batch: Sequence[Any]) -> None:
        now = time.monotonic()
        if not self.listening:
            self._found("listen", now)
            self._changed.set()
        elif batch:
            self._steady("listen")
        end = now + SLICE
        for message in batch:
            self.receive(message, now)
            now = time.monotonic()
            if now > end:
                await asyncio.sleep(0)
                end = now + SLICE

    def _disconnect_here(self, sid: str, namespace: str) -> None:
        self.server.start_background_task(self.server.disconnect, sid, namespace, True)

    # What programs call

    async def emit(
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
        """Coroutine version of `PubSubManager.emit`; `callback` may be a coroutine function."""
        if self.server is not None and self.server.eio.is_foreign():
            again = self.emit(event, data, namespace, room, skip_sid, callback, to, **kwargs)
            await self.server.eio.hand_over(again)
            return
        room = room if to is None else to
        namespace = namespace or "/"
        encoded = None
        if not kwargs.get("ignore_queue"):
            encoded = self._encode_emit(event, data, namespace, room, skip_sid, callback)
        if self.server is not None:
            self.broadcast(event, data, namespace, room, skip_sid, callback)
        if encoded is not None:
            await self._send(encoded)

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Returns whether a client is here; if it is not, the other processes are told to disconnect it."""
        if self._member(sid, namespace) is not None:
            return await super().can_disconnect(sid, namespace)
        await self._send(self._encode("disconnect", sid, namespace))
        return False

    async def disconnect(self, sid: str, namespace: str | None = None, **kwargs: Any) -> None:
        """Coroutine version of `PubSubManager.disconnect`."""
        namespace = namespace or "/"
        if kwargs.get("ignore_queue"):
            await super().disconnect(sid, namespace)
        elif self.server is not None:
            await self.server.disconnect(sid, namespace=namespace)
        else:
            await self._send(self._encode("disconnect", sid, namespace))

    async def enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        """Coroutine version of `PubSubManager.enter_room`."""
        if self._member(sid, namespace) is not None:
            await super().enter_room(sid, namespace, room, eio_sid=eio_sid)
        else:
            await self._send(self._encode("enter_room", sid, namespace or "/", room=room))

    async def leave_room(self, sid: str, namespace: str, room: Any) -> None:
        """Coroutine version of `PubSubManager.leave_room`."""
        if self._member(sid, namespace) is not None:
            await super().leave_room(sid, namespace, room)
        else:
            await self._send(self._encode("leave_room", sid, namespace or "/", room=room))

    async def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Coroutine version of `PubSubManager.close_room`."""
        namespace = namespace or "/"
        if self.server is not None:
            await super().close_room(room, namespace)
        await self._send(self._encode("close_room", None, namespace, room=room))


async def close_at_end(close: Callable[[], Any]) -> AsyncGenerator[None, None]:
    """Has a function called, which may be a coroutine function, when the event loop ends or the result is closed."""
    keeper = _keep(close)
    await anext(keeper)
    return keeper


async def _keep(close: Callable[[], Any]) -> AsyncGenerator[None, None]:
    # `asyncio.run` closes the generators that are left.
    try:
        yield
    finally:
        closing = close()
        if inspect.isawaitable(closing):
            await closing
