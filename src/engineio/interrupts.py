"""Ctrl-C: clients that are connected say goodbye before the program's own handler of SIGINT runs."""

from __future__ import annotations

import signal
import threading
import weakref
from types import FrameType
from typing import Any, Protocol

__all__ = ["unwatch", "watch"]


class Interruptible(Protocol):
    """A client."""

    def interrupt(self) -> None:
        """Called in the handler of the signal: has the client disconnect, and does not wait for it."""


_clients: weakref.WeakSet[Any] = weakref.WeakSet()
_previous: Any = None


def watch(client: Interruptible) -> None:
    """Has `client.interrupt()` called at Ctrl-C while the client exists and is not unwatched.

    Only the main thread can set handlers of signals; on others this does nothing.
    """
    global _previous
    if threading.current_thread() is not threading.main_thread():
        return
    _clients.add(client)
    if signal.getsignal(signal.SIGINT) is not _handle:
        _previous = signal.signal(signal.SIGINT, _handle)


def unwatch(client: Interruptible) -> None:
    """Forgets a client; with the last one the handler from before comes back."""
    _clients.discard(client)
    if _clients or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is _handle:
        signal.signal(signal.SIGINT, signal.SIG_DFL if _previous is None else _previous)


def _handle(number: int, frame: FrameType | None) -> Any:
    for client in list(_clients):
        client.interrupt()
    previous = _previous
    if callable(previous):
        return previous(number, frame)
    if previous == signal.SIG_DFL:
        signal.default_int_handler(number, frame)
    return None
