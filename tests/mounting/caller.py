"""A client of ours that a test talks through."""

from __future__ import annotations

import queue
from types import TracebackType
from typing import Any, Self

from serving import DEADLINE

import socketio

TRANSPORTS: dict[str, list[str] | None] = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}
"""How a client connects -> the option `transports`."""


class Caller:
    """One client, connected; use it as a context manager, which disconnects it.

    Args:
        url: The server.
        path: The path of the server.
        how: One of `TRANSPORTS`.
        options: For `connect()`.
    """

    def __init__(self, url: str, path: str = "/socket.io", how: str = "upgrade", **options: Any) -> None:
        self.told: queue.Queue[Any] = queue.Queue()
        self.left: queue.Queue[str] = queue.Queue()
        self.client = socketio.Client(reconnection=False, **options.pop("client", {}))
        self.client.on("told", self.told.put)
        self.client.on("disconnect", self.left.put)
        self.client.connect(url, socketio_path=path, transports=TRANSPORTS[how], wait_timeout=DEADLINE, **options)
        assert self.client.transport() == ("polling" if how == "polling" else "websocket")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.disconnect()

    def call(self, event: str, *args: Any) -> Any:
        """Sends an event and returns what its acknowledgement carries."""
        return self.client.call(event, args, timeout=DEADLINE)
