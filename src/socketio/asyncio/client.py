"""`AsyncClient`: the waiting around a Socket.IO client, for asyncio."""

from __future__ import annotations

import asyncio
import builtins
import inspect
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from engineio import interrupts
from engineio.asyncio.client import AsyncClient as EngineClient
from engineio.asyncio.concurrency import Concurrency, Pulse
from engineio.exceptions import EngineIOError

from ..acks import LOST
from ..base_client import BaseClient
from ..client_life import GREETING, given
from ..client_protocol import ClientConnection, ClientMember
from ..client_revisions import connection_query
from ..exceptions import ConnectionError, DisconnectedError, TimeoutError
from .answers import AwaitedAnswer

__all__ = ["AsyncClient"]

_in_farewell: ContextVar[bool] = ContextVar("in_farewell", default=False)
"""Whether the caller is a disconnect handler, which must not wait for itself."""

ABORT_INTERVAL = 0.1
"""How often an event of another kind that a program has put into `_reconnect_abort` is looked at, in seconds."""


class AsyncClient(Concurrency, BaseClient):
    """A Socket.IO client for asyncio. See :class:`BaseClient` for the options.

    It belongs to the event loop on which `connect` is awaited.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.eio.accept = self.accept
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reconnect_task: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        """What closes a connection that the server, or the end of its last namespace, has ended."""
        self._wait_timeout = 1.0
        self._background: set[asyncio.Future[Any]] = set()
        self._farewells = 0
        """How many disconnect handlers are under way."""
        self._make_events()
        self._finished.set()

    def _make_events(self) -> None:
        self._changed = Pulse()
        """Set whenever a namespace was decided about, a disconnect handler is over, or the connection has ended."""
        self._finished = asyncio.Event()
        """Set when there will be no other connection."""
        self._stop = asyncio.Event()
        """Ends the attempts to connect."""

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this client are coroutines."""
        return True

    # Connecting

    async def connect(
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
        """Coroutine version of `Client.connect`; `url`, `headers` and `auth` may be coroutine functions, too.

        Raises:
            RuntimeError: if aiohttp is not installed.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._make_events()
            self._loop = loop
        if not self.connected and self._reconnect_task is not None:
            # The program takes over from the attempts in the background.
            self._stop.set()
            await asyncio.wait([self._reconnect_task])
        self.remember(url, headers, auth, transports, namespaces, socketio_path)
        self._wait_timeout = wait_timeout
        self._finished.clear()
        self._stop.clear()
        if self.handle_sigint:
            interrupts.watch(self)
        try:
            await self._attempt(wait, wait_timeout)
        except ConnectionError:
            if not retry or self._stopping:
                self._finish()
                raise
        except BaseException:
            self._finish()
            raise
        else:
            return
        await self._retry()
        if not self.connected:
            self._finish()
            raise ConnectionError("No attempt to connect has succeeded")

    async def _attempt(self, wait: bool, wait_timeout: float) -> None:
        self._attempting = True
        try:
            connection = await self._connect_engine()
            self.connected = True
            for namespace in list(self.connection_namespaces):
                connection.connect(namespace, await _value(self.auth_for(namespace)))
            if wait:
                await self._wait_until(connection.is_decided, wait_timeout)
                if connection.open and (refusals := connection.refusals()):
                    raise self.refused(refusals)
            if not connection.open and not self._stopping:
                error = ConnectionError("The connection was lost before the server had answered")
                raise error from self.eio.socket.error
        except BaseException:
            self.connected = False
            await self.eio.disconnect()
            raise
        finally:
            self._attempting = False
        if not connection.open:
            # A handler, or the server, has ended it in the right way already.
            self.finish_for_good()

    async def _connect_engine(self) -> ClientConnection:
        try:
            url = await _value(self.connection_url)
            headers = await _value(self.connection_headers)
            self.check_wanted()
            arguments = self.engine_arguments(url, headers)
            await self.eio.connect(**arguments)
            if not self.is_recognised():
                await self._wait_until(self.is_recognised, GREETING)
                if self.must_reopen():
                    await self.eio.disconnect()
                    await self.eio.connect(**arguments)
        except EngineIOError as exc:
            raise self.connection_failed(exc) from exc
        self.check_wanted()
        assert self.connection is not None
        return self.connection

    async def _query_source(self) -> str:
        return connection_query(await _value(self.connection_auth), self.dumps, self.logger)

    async def _wait_until(self, condition: Callable[[], object], timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    await self._changed.wait()
        except builtins.TimeoutError:
            pass

    async def connect_namespace(
        self, namespace: str, auth: Any = None, wait: bool = True, wait_timeout: float = 1
    ) -> None:
        """Coroutine version of `Client.connect_namespace`."""
        self.remember_namespace(namespace, auth)
        connection = self.connection
        assert connection is not None
        member = connection.connect(namespace, await _value(auth))
        if not wait:
            return
        await self._wait_until(lambda: member.told, wait_timeout)
        if not member.is_connected():
            refusals = {namespace: member.describe_refusal()}
            connection.disconnect(member)
            self._forget_namespace(namespace)
            raise self.refused(refusals)

    async def disconnect_namespace(self, namespace: str) -> None:
        """Coroutine version of `Client.disconnect_namespace`."""
        self.leave_namespace(namespace)

    # Events

    async def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
        *,
        on_error: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Coroutine version of `Client.emit`; both callbacks may be coroutine functions."""
        self.send_event(event, data, namespace, callback, on_error)
        if self.eio.socket is not None and self.eio.socket.queued > self.eio.max_send_queue:
            await self.eio.room()

    async def send(self, data: Any, namespace: str | None = None, callback: Callable[..., Any] | None = None) -> None:
        """Coroutine version of `Client.send`."""
        await self.emit("message", data, namespace, callback)

    async def call(self, event: str, data: Any = None, namespace: str | None = None, timeout: float | None = 60) -> Any:
        """Coroutine version of `Client.call`."""
        answer = AwaitedAnswer(DisconnectedError(LOST))
        try:
            async with asyncio.timeout(timeout):
                await self.emit(event, data, namespace, answer)
                return await answer.value()
        except builtins.TimeoutError:
            raise TimeoutError() from None
        finally:
            self.forget_event(answer)

    # The end

    async def wait(self) -> None:
        """Coroutine version of `Client.wait`."""
        await self._finished.wait()
        await self.eio.wait()
        closing = self._closing
        if closing is not None and closing is not asyncio.current_task():
            await asyncio.wait([closing])

    async def disconnect(self) -> None:
        """Coroutine version of `Client.disconnect`."""
        self._stop.set()
        self.leave_all()
        await self.eio.disconnect()
        task = self._reconnect_task
        if task is not None and task is not asyncio.current_task():
            await asyncio.wait([task])
        while self._farewells and not _in_farewell.get():
            await self._changed.wait()

    async def shutdown(self) -> None:
        """Coroutine version of `Client.shutdown`."""
        await self.disconnect()

    def interrupt(self) -> None:
        """Ctrl-C: disconnects in the background."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: self.start_background_task(self.disconnect))

    # Reconnecting

    async def _retry(self) -> None:
        """Attempts to connect until that succeeds, is no longer wanted, or there were enough attempts."""
        backoff = self.backoff()
        attempt = 0
        while not self._stopping:
            delay = backoff.next()
            if await self._aborted(delay):
                break
            attempt += 1
            self.announce("reconnect_attempt", attempt)
            try:
                await self._attempt(True, max(self._wait_timeout, self.eio.request_timeout))
            except Exception as exc:
                self.attempt_failed(attempt, exc)
            else:
                if self.connected:
                    self.announce("reconnect", attempt)
                return
            if self.reconnection_attempts and attempt >= self.reconnection_attempts:
                self.announce("reconnect_failed")
                return

    async def _aborted(self, delay: float) -> bool:
        """Waits; returns whether that was interrupted because nobody wants the connection any more."""
        loop = asyncio.get_running_loop()
        end = loop.time() + delay
        while True:
            if self._stop.is_set() or (self._reconnect_abort is not None and self._reconnect_abort.is_set()):
                return True
            left = end - loop.time()
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(left if self._reconnect_abort is None else min(left, ABORT_INTERVAL)):
                    await self._stop.wait()
            except builtins.TimeoutError:
                pass

    def _begin_reconnect(self) -> None:
        self._reconnect_task = self.start_background_task(self._reconnect)

    async def _reconnect(self) -> None:
        try:
            await self.eio.wait()
            await self._retry()
        finally:
            self._reconnect_task = None
            if not self.connected and not self._finished.is_set():
                self.finish_for_good()

    # What the core asks

    def _engineio_client_class(self) -> Any:
        return EngineClient

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a handler; then calls `finish(token, result, error)`."""
        self.eio.runner.submit(handler, arguments, finish, token)

    def submit_farewell(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a disconnect handler, which `disconnect` waits for."""

        def finished(token: Any, result: Any, error: BaseException | None) -> None:
            self._farewells -= 1
            self._changed.set()
            finish(token, result, error)

        self._farewells += 1
        before = _in_farewell.set(True)
        try:
            self.submit(handler, arguments, finished, token)
        finally:
            _in_farewell.reset(before)

    def decided(self, member: ClientMember) -> None:
        """It is known whether a namespace was joined."""
        self._changed.set()

    def recognised(self) -> None:
        """It is known how old the server is."""
        self._changed.set()

    def lost(self, connection: ClientConnection, why: str) -> None:
        """The Engine.IO connection is gone."""
        self._changed.set()
        super().lost(connection, why)

    def _finish(self) -> None:
        interrupts.unwatch(self)
        self._finished.set()

    def _close_engine(self) -> None:
        self._closing = self.start_background_task(self.eio.disconnect)


async def _value(source: Any) -> Any:
    """Returns a value that a program has given as such, or as a function, coroutine or not."""
    result = given(source)
    return await result if inspect.isawaitable(result) else result
