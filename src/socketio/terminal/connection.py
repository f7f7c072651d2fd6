"""A client as the command line's options want it, its failures in words, and what it asks the server."""

from __future__ import annotations

import argparse
import asyncio
import builtins
from collections.abc import Callable, Iterable
from typing import Any

from engineio.exceptions import EngineIOError

from ..acks import Answer
from ..asyncio.client import AsyncClient
from ..cli_errors import CommandFailedError
from ..exceptions import ConnectionError, DisconnectedError, TimeoutError
from .text import to_json

__all__ = ["Question", "TerminalClient"]


class TerminalClient(AsyncClient):
    """The client behind a command.

    Args:
        options: What `add_connection_options` has added and `prepare` has checked.
        reconnection: Whether a connection that is lost is made again.
        max_send_queue: How many bytes may wait to be sent before `emit` waits, too.
        announced: Called with the name and the arguments of what happens between two connections.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        *,
        reconnection: bool,
        max_send_queue: int = 1 << 20,
        announced: Callable[..., object] | None = None,
    ) -> None:
        super().__init__(
            reconnection=reconnection,
            # asyncio.run has a way of its own: it cancels the command, which disconnects.
            handle_sigint=False,
            request_timeout=options.timeout,
            ssl_verify=not options.no_verify,
            max_send_queue=max_send_queue,
        )
        self.options = options
        self._announced_to = announced
        self._refusals: dict[str, Any] = {}
        self.on("connect_error", self._refused, namespace="*")

    def announce(self, event: str, *arguments: Any, namespaces: Iterable[str] | None = None) -> None:
        """Tells what happened to the connection: once, not in each namespace, and not mixed up with a server's events.

        A server may send an event that is called `reconnect`, and its handler would be the same.
        """
        if self._announced_to is not None:
            self._announced_to(event, *arguments)

    def _refused(self, namespace: str, data: Any = None) -> None:
        self._refusals[namespace] = data

    async def open(self) -> None:
        """Connects.

        Raises:
            CommandFailedError: if that is not possible; the message says why.
        """
        options = self.options
        try:
            await self.connect(
                options.url,
                headers=options.headers,
                auth=options.auth,
                transports=options.transports,
                namespaces=options.namespaces,
                socketio_path=options.path,
                wait_timeout=options.timeout,
            )
        except ConnectionError as exc:
            raise CommandFailedError(f"cannot connect: {self._describe(exc)}") from exc
        except RuntimeError as exc:
            # The extra is not installed; anything else that goes wrong keeps its traceback.
            if isinstance(exc.__cause__, ImportError):
                raise CommandFailedError(str(exc)) from exc
            raise

    async def join(self, namespace: str, auth: Any) -> None:
        """Joins a namespace.

        Raises:
            ConnectionError: if that is not possible; the message says why.
        """
        self._refusals.clear()
        try:
            await self.connect_namespace(namespace, auth, wait_timeout=self.options.timeout)
        except ConnectionError as exc:
            raise ConnectionError(self._describe(exc)) from exc

    def _describe(self, error: ConnectionError) -> str:
        """Returns why a connection was not made, with all that the server has said about it."""
        if isinstance(error.__cause__, EngineIOError):
            details = error.__cause__.args[1:]
            return f"{error} {to_json(details[0])}" if details and details[0] is not None else str(error)
        return "; ".join(f"{name} {_refusal(data)}" for name, data in self._refusals.items()) or str(error)


def _refusal(data: Any) -> str:
    if not isinstance(data, dict) or "message" not in data:
        return f"refused: {to_json(data)}"
    more = f" {to_json(data['data'])}" if "data" in data else ""
    return f"refused: {data['message']}{more}"


class Question:
    """An event that is acknowledged. Other than `call()` it tells no argument from one that is null.

    Args:
        client: Who sends it.
        timeout: How many seconds the acknowledgement may take.
    """

    def __init__(self, client: AsyncClient, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        future: asyncio.Future[tuple[Any, ...] | None] = asyncio.get_running_loop().create_future()
        self._future = future

        def settle(arguments: tuple[Any, ...] | None) -> None:
            if not future.done():
                future.set_result(arguments)

        self._namespace = ""
        self._answer = Answer(settle, lambda: settle(None))

    async def send(self, event: str, arguments: list[Any], namespace: str) -> None:
        """Sends the event. Raises what `AsyncClient.emit` raises."""
        self._namespace = namespace
        await self._client.emit(event, tuple(arguments), namespace, self._answer)

    async def arguments(self) -> tuple[Any, ...]:
        """Waits for the acknowledgement and returns its arguments.

        Raises:
            TimeoutError: (`socketio.exceptions`) if it did not come in time.
            DisconnectedError: if it will never come.
        """
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._future
        except builtins.TimeoutError:
            raise TimeoutError(f"no acknowledgement within {self._timeout:g} seconds") from None
        finally:
            self._client.forget_event(self._answer)
        if found is None:
            raise DisconnectedError(f"the connection to {self._namespace} was lost before the acknowledgement came")
        return found
