"""A client in one namespace: its state, its rooms and the acknowledgements that are waited for."""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from engineio.packet import Outgoing

from .acks import Answer

__all__ = ["Member", "MemberState", "connecting", "drop"]

connecting: ContextVar[Member | None] = ContextVar("connecting", default=None)
"""The member whose connect handler is running, in the context of that handler."""


class MemberState(enum.Enum):
    """The life of a client in a namespace, in this order; it may skip from any state to the last."""

    CONNECTING = enum.auto()
    """Its connect handler is running: what is sent to it waits, and so does what it sends."""
    CONNECTED = enum.auto()
    LEAVING = enum.auto()
    """Its disconnect handler is running: rooms and session can be read, nothing is sent any more."""
    GONE = enum.auto()


def drop(message: Outgoing) -> None:
    """Takes what is sent to a member that has left."""


class Member:
    """One client in one namespace.

    Attributes:
        sid: Its id in the namespace; another than the Engine.IO sid.
        push: Sends it an encoded message: the method of its socket, or what stands in for it while it is not connected.
        rooms: The rooms it is in, `None` if none; that of its own sid does not count.
        acks: id -> what to call with the acknowledgement, `None` if there was never one.
        early: While connecting, what is sent to it: messages, or (ack id, event and its data) on an intercepted server.
        held: While connecting, the packets that it has sent already: (type, ack id, data).
        left_by: Why it has left, if that was while it was connecting.
    """

    __slots__ = (
        "_last_ack",
        "acks",
        "bucket",
        "connection",
        "early",
        "held",
        "left_by",
        "namespace",
        "push",
        "rooms",
        "sid",
        "state",
    )

    bucket: int | None

    def __init__(self, sid: str, namespace: str, connection: Any) -> None:
        self.sid = sid
        self.bucket = None
        self.namespace = namespace
        self.connection = connection
        self.state = MemberState.CONNECTING
        self.early: list[Any] | None = []
        self.push: Callable[[Outgoing], None] = self.early.append
        self.held: list[tuple[int, int | None, Any]] | None = None
        self.left_by: str | None = None
        self.rooms: set[Any] | None = None
        self.acks: dict[int, Callable[..., Any]] | None = None
        self._last_ack = 0

    def expire(self, now: float) -> None:
        """Its connect handler has taken too long."""
        self.connection.give_up(self)

    def expect_ack(self, callback: Callable[..., Any]) -> int:
        """Returns the id under which `callback` waits for an acknowledgement."""
        if self.acks is None:
            self.acks = {}
        self._last_ack += 1
        self.acks[self._last_ack] = callback
        return self._last_ack

    def take_ack(self, ack_id: int) -> Callable[..., Any] | None:
        """Returns what waits for an acknowledgement, once; `None` for an id that is unknown or was taken before."""
        return self.acks.pop(ack_id, None) if self.acks else None

    def abandon_acks(self) -> None:
        """No acknowledgement will come any more."""
        acks, self.acks = self.acks, None
        for callback in (acks or {}).values():
            if isinstance(callback, Answer):
                callback.abandon()
