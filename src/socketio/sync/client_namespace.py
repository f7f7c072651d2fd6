"""`ClientNamespace`: a class-based namespace of a client. Its methods default to its own namespace."""

from __future__ import annotations

from typing import Any

from ..base_namespace import BaseClientNamespace

__all__ = ["ClientNamespace"]


class ClientNamespace(BaseClientNamespace):
    """A class whose methods `on_<event>` are the handlers of a namespace."""

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Calls the method of an event and returns its result; a subclass may put something around it."""
        handler = self.find_method(event)
        return None if handler is None else handler(*self.fit_arguments(event, handler, args))

    trigger_event.is_default = True  # type: ignore[attr-defined]  # see has_own_trigger()

    def emit(self, event: str, data: Any = None, namespace: str | None = None, callback: Any = None) -> None:
        """Emits an event; see `Client.emit`."""
        self.client.emit(event, data=data, namespace=namespace or self.namespace, callback=callback)

    def send(self, data: Any, room: Any = None, namespace: str | None = None, callback: Any = None) -> None:
        """Emits the event `message`; see `Client.send`. `room` does nothing, and is there for existing programs."""
        self.client.send(data, namespace=namespace or self.namespace, callback=callback)

    def call(self, event: str, data: Any = None, namespace: str | None = None, timeout: float | None = None) -> Any:
        """Emits an event and waits for the acknowledgement; see `Client.call`. Without a timeout, for ever."""
        return self.client.call(event, data=data, namespace=namespace or self.namespace, timeout=timeout)

    def disconnect(self) -> None:
        """Disconnects the client, from all namespaces; see `Client.disconnect`."""
        self.client.disconnect()
