"""The deadlines of a client's connection over polling in Engine.IO 3: it has to ping while it waits for a poll."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..client_protocol import ClientSocket
from .concurrency import wait_for

__all__ = ["beat"]


def beat(socket: ClientSocket, changed: threading.Condition, is_over: Callable[[], bool]) -> None:
    """Has the connection ping in time, or notice that the server has been silent for too long, until it is over.

    Args:
        socket: The connection.
        changed: Guards it; notified when it may be over.
        is_over: Returns whether there is nothing more to do; called with the lock.
    """
    with changed:
        while not wait_for(changed, is_over, max(socket.due - time.monotonic(), 0)):
            socket.expire(time.monotonic())
