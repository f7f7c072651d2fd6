"""The clients of both colours with one face, so that one test tries both: that of the asyncio clients.

The clients for threads are real ones. Each of their calls gets a thread of its own, and their handlers, which run in
their threads, wait there for what the test does on its event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

import engineio
import socketio

BLOCKING = frozenset(
    {
        *("connect", "wait", "emit", "send", "call", "disconnect", "shutdown", "sleep", "receive"),
        *("connect_namespace", "disconnect_namespace"),
    }
)
"""What is a coroutine function in asyncio."""


async def in_thread(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function in a new thread and return its result.

    Not `asyncio.to_thread`: that has but a few threads.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)

    def run() -> None:
        try:
            outcome: tuple[Any, BaseException | None] = function(*args, **kwargs), None
        except BaseException as exc:
            outcome = None, exc
        loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
    return await done


class Bridge:
    """A client for threads that looks like one for asyncio."""

    def __init__(self, client: Any) -> None:
        self.__dict__["client"] = client
        self.__dict__["loop"] = asyncio.get_running_loop()

    def _on_the_loop(self, function: Any) -> Any:
        """Return a function that runs another one on the event loop and waits for its result."""
        if not callable(function):
            return function

        async def run(*args: Any) -> Any:
            result = function(*args)
            return await result if inspect.iscoroutine(result) else result

        @functools.wraps(function)
        def wrapped(*args: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(run(*args), self.loop).result()

        return wrapped

    def on(self, event: str, handler: Any = None, **kwargs: Any) -> Any:
        def register(handler: Any) -> Any:
            self.client.on(event, self._on_the_loop(handler), **kwargs)
            return handler

        return register if handler is None else register(handler)

    def event(self, handler: Any) -> Any:
        return self.on(handler.__name__, handler)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.client, name)
        if name not in BLOCKING:
            return attribute

        async def call(*args: Any, **kwargs: Any) -> Any:
            args = tuple(self._on_the_loop(arg) for arg in args)
            kwargs = {key: self._on_the_loop(arg) for key, arg in kwargs.items()}
            return await in_thread(attribute, *args, **kwargs)

        return call

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.client, name, value)

    async def __aenter__(self) -> Bridge:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await in_thread(self.client.__exit__, *exc_info)


class Asyncio:
    """The clients of asyncio."""

    name = "asyncio"
    Client = socketio.AsyncClient
    SimpleClient = socketio.AsyncSimpleClient
    Engine = engineio.AsyncClient


class Threads:
    """The clients of threads, behind bridges."""

    name = "threads"

    @staticmethod
    def Client(**options: Any) -> Any:
        return Bridge(socketio.Client(**options))

    @staticmethod
    def SimpleClient(**options: Any) -> Any:
        return Bridge(socketio.SimpleClient(**options))

    @staticmethod
    def Engine(**options: Any) -> Any:
        return Bridge(engineio.Client(**options))


async def asked(client: Any, count: int = 1) -> None:
    """Wait until the client waits for a number of acknowledgements."""
    while len(client.connection.members["/"].acks or ()) < count:
        await asyncio.sleep(0.001)


async def settled(client: Any) -> None:
    """Wait until the handlers of a client whose connection is over are over, too."""
    if isinstance(client, Bridge):
        while client.eio.runner.threads:
            await asyncio.sleep(0.001)
    else:
        await client.eio.runner.idle()


Colour = Any
"""One of the two classes above."""
