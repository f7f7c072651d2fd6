"""`AsyncClientNamespace`: a class-based namespace of an asyncio client. Its methods default to its own namespace."""

from __future__ import annotations

import asyncio
from typing import Any

from ..base_namespace import BaseClientNamespace

__all__ = ["AsyncClientNamespace"]


class AsyncClientNamespace(BaseClientNamespace):
    """A class whose methods `on_<event>`, coroutines or not, are the handlers of a namespace."""

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this class are coroutines."""
        return True

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Calls the method of an event and returns its result; a subclass may put something around it."""
        handler = self.find_method(event)
        if handler is None:
            return None
        result = handler(*self.fit_arguments(event, handler, args))
        if asyncio.iscoroutine(result):
            result = await result
        return result

    trigger_event.is_default = True  # type: ignore[attr-defined]  # see has_own_trigger()

    async def emit(self, event: str, data: Any = None, namespace: str | None = None, callback: Any = None) -> None:
        """Emits an event; see `AsyncClient.emit`."""
        await self.client.emit(event, data=data, namespace=namespace or self.namespace, callback=callback)

    async def send(self, data: Any, namespace: str | None = None, callback: Any = None) -> None:
        """Emits the event `message`; see `AsyncClient.send`."""
        await self.client.send(data, namespace=namespace or self.namespace, callback=callback)

    async def call(
        self, event: str, data: Any = None, namespace: str | None = None, timeout: float | None = None
    ) -> Any:
        """Emits an event and waits for the acknowledgement; see `AsyncClient.call`. Without a timeout, for ever."""
        return await self.client.call(event, data=data, namespace=namespace or self.namespace, timeout=timeout)

    async def disconnect(self) -> None:
        """Disconnects the client, from all namespaces; see `AsyncClient.disconnect`."""
        await self.client.disconnect()
