"""What the simple clients of both colours share: a client in one namespace, and the events not yet asked for."""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

__all__ = ["BaseSimpleClient"]


class BaseSimpleClient:
    """A client in one namespace whose events are received by asking for them.

    Args:
        args, kwargs: The options of the client that it is made of.

    Attributes:
        client: That client; `None` before `connect` and after `disconnect`.
        connected: Whether there is a connection, or may be one again.
        input_buffer: What has arrived: the event and its arguments, in one list.
    """

    client_class: ClassVar[Any]
    """What the client is made of; a subclass may name another."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.client_args = args
        self.client_kwargs = kwargs
        self.client: Any = None
        self.namespace = "/"
        self.connected = False
        self.input_buffer: deque[list[Any]] = deque()

    @property
    def sid(self) -> str | None:
        """The sid of the client; `None` while there is no connection."""
        return self.client.get_sid(self.namespace) if self.client is not None else None

    @property
    def transport(self) -> str:
        """The transport of the connection, `polling` or `websocket`; empty if there is none."""
        return (self.client.transport() or "") if self.client is not None else ""

    def make_client(self, namespace: str) -> Any:
        """Makes the client of a new connection.

        Raises:
            RuntimeError: if there is a connection already.
        """
        if self.connected:
            raise RuntimeError("Already connected")
        self.namespace = namespace
        self.input_buffer.clear()
        self.client = self.client_class(*self.client_args, **self.client_kwargs)
        return self.client
