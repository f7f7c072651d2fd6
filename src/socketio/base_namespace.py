"""Class-based namespaces: events as the methods of a class. What those of servers and clients of both colours share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .handlers import accepted_arguments

__all__ = ["BaseClientNamespace", "BaseNamespace", "BaseServerNamespace"]


class BaseNamespace:
    """A class whose methods `on_<event>` are the handlers of a namespace.

    Args:
        namespace: The namespace; `None` stands for `/`.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self.namespace = namespace or "/"

    def is_asyncio_based(self) -> bool:
        """Returns whether the methods of this class are coroutines."""
        return False

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Calls the method of an event."""
        raise NotImplementedError

    def find_method(self, event: Any) -> Callable[..., Any] | None:
        """Returns the method `on_<event>`, or `None` if there is none."""
        return getattr(self, f"on_{event}", None) if isinstance(event, (str, int)) else None

    def has_own_trigger(self) -> bool:
        """Returns whether a subclass has replaced `trigger_event`, through which every event then goes."""
        trigger = type(self).trigger_event
        return "trigger_event" in self.__dict__ or getattr(trigger, "is_default", None) is not trigger


class BaseServerNamespace(BaseNamespace):
    """A class-based namespace of a server."""

    def __init__(self, namespace: str | None = None) -> None:
        super().__init__(namespace)
        self.server: Any = None

    def set_server(self, server: Any) -> None:
        """Called by the server that this namespace is registered with."""
        self.server = server

    def rooms(self, sid: str, namespace: str | None = None) -> list[Any]:
        """Returns the rooms that a client is in; see `BaseServer.rooms`."""
        rooms: list[Any] = self.server.rooms(sid, namespace=namespace or self.namespace)
        return rooms


class BaseClientNamespace(BaseNamespace):
    """A class-based namespace of a client."""

    def __init__(self, namespace: str | None = None) -> None:
        super().__init__(namespace)
        self.client: Any = None

    def set_client(self, client: Any) -> None:
        """Called by the client that this namespace is registered with."""
        self.client = client

    def fit_arguments(self, event: str, handler: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the arguments for a method: the data and the reason are for those who take them."""
        if event in ("connect_error", "disconnect") and len(args) > accepted_arguments(handler):
            return args[:-1]
        return args
