"""The exceptions of Socket.IO.

* :exc:`SocketIOError`

  * :exc:`ConnectionError`

    * :exc:`ConnectionRefusedError` -- raised *by a connect handler* to refuse a client

  * :exc:`TimeoutError`
  * :exc:`BadNamespaceError`
  * :exc:`DisconnectedError`
  * :exc:`ProtocolError` -- the peer broke the protocol; its connection is closed
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "BadNamespaceError",
    "ConnectionError",
    "ConnectionRefusedError",
    "DisconnectedError",
    "ProtocolError",
    "SocketIOError",
    "TimeoutError",
]


class SocketIOError(Exception):
    """The base of all exceptions of this package."""


class ConnectionError(SocketIOError):
    """A connection could not be made."""


class ConnectionRefusedError(ConnectionError):
    """Raised by a connect handler to refuse a client.

    The arguments are the reason that the client gets: a message, then any JSON-serializable details.
    """

    error_args: dict[str, Any]
    """The payload of the CONNECT_ERROR packet: `message`, and `data` where details were given."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.error_args = {"message": str(args[0]) if args else "Connection rejected by server"}
        if len(args) == 2:
            self.error_args["data"] = args[1]
        elif len(args) > 2:
            self.error_args["data"] = args[1:]


class TimeoutError(SocketIOError):
    """No acknowledgement came in time."""


class BadNamespaceError(SocketIOError):
    """The namespace is not one that this client is connected to."""


class DisconnectedError(SocketIOError):
    """The connection is closed."""


class ProtocolError(SocketIOError, ValueError):
    """The peer sent something that the protocol does not allow; its connection has to be closed."""
