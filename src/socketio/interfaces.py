"""What a client's connection asks of its server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from .handlers import Handlers
from .members import Member

__all__ = ["Host"]


class Host(Protocol):
    """What a connection needs of its server."""

    registry: Handlers
    logger: logging.Logger
    max_attachments: int
    max_namespaces: int
    attachments_timeout: float
    connect_timeout: float
    always_connect: bool
    loads: Callable[[bytes], Any]

    def accepts(self, namespace: str) -> bool:
        """Returns whether clients may join a namespace."""

    def generate_id(self) -> str:
        """Returns an id for a client in a namespace."""

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Any) -> None:
        """Runs a handler; then calls `finish(token, result, error)`."""

    def submit_connect(
        self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Any, token: Member
    ) -> None:
        """Runs a connect handler, which `cancel_connect` may end; then calls `finish(token, result, error)`."""

    def cancel_connect(self, member: Member) -> None:
        """Cancels the connect handler of a member."""

    def entered(self, member: Member) -> None:
        """The connection of a member is complete."""

    def transmit(self, connection: Any, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        """Sends one packet."""

    def join(self, connection: Any, namespace: str) -> Member:
        """Makes a member that is connecting and puts it into the tables."""

    def left(self, member: Member) -> None:
        """Removes a member from the tables."""

    def schedule(self, item: Any, delay: float | None) -> None:
        """Sets the deadline of an item in seconds from now; `None` removes it."""

    def ended(self, connection: Any) -> None:
        """The connection is closed and the last of its disconnect handlers is over."""
