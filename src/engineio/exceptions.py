"""The exceptions of Engine.IO.

* :exc:`EngineIOError`

  * :exc:`ProtocolError` -- the peer broke the protocol; its connection is closed

    * :exc:`UnknownPacketError`
    * :exc:`ContentTooLongError`
    * :exc:`FrameError` -- a WebSocket frame; carries the close code

  * :exc:`QueueEmpty`
  * :exc:`SocketIsClosedError`
  * :exc:`ConnectionError`

    * :exc:`RevisionRefusedError` -- the server speaks another revision of the protocol
"""

from __future__ import annotations

__all__ = [
    "ConnectionError",
    "ContentTooLongError",
    "EngineIOError",
    "FrameError",
    "ProtocolError",
    "QueueEmpty",
    "RevisionRefusedError",
    "SocketIsClosedError",
    "UnknownPacketError",
]


class EngineIOError(Exception):
    """The base of all exceptions of this package."""


class ProtocolError(EngineIOError, ValueError):
    """The peer sent something that the protocol does not allow; its connection has to be closed."""


class UnknownPacketError(ProtocolError):
    """The peer sent a packet whose type does not exist, or none at all."""


class ContentTooLongError(ProtocolError):
    """The peer sent more than `max_http_buffer_size` bytes at once."""


class FrameError(ProtocolError):
    """The peer broke RFC 6455."""

    code: int
    """The close code that RFC 6455, section 7.4.1, gives to this kind of error."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class QueueEmpty(EngineIOError):
    """There is nothing to take from a queue."""


class SocketIsClosedError(EngineIOError):
    """The connection that should have been used is closed."""


class ConnectionError(EngineIOError):
    """A connection could not be made; `args` are a message and, for an HTTP error, the server's decoded answer."""


class RevisionRefusedError(ConnectionError):
    """The server does not speak the revision of the protocol in which it was asked."""
