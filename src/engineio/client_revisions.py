"""What differs between the revisions of Engine.IO for a client, and which of them it speaks with a server."""

from __future__ import annotations

import re
from typing import Any, Protocol

from .exceptions import RevisionRefusedError
from .packet import Outgoing
from .payload import Revision4
from .revision3 import Revision3

__all__ = ["CLIENT_REVISIONS", "NEWEST", "ClientRevision", "RevisionChoice", "refuses_revision", "revision_of"]

_REVISION_3, _REVISION_4 = Revision3(), Revision4()


class ClientRevision(Protocol):
    """One revision, as a client speaks it."""

    number: int
    """The value of the query parameter `EIO`."""
    content_type: str
    """The `Content-Type` of what it posts."""
    separator: bytes
    """What stands between two packets of a payload."""
    binary_prefix: bytes
    """What each binary message of a WebSocket begins with."""
    pings: bool
    """Whether it is the client that pings."""

    def decode_payload(self, body: bytes) -> list[tuple[int, bytes, bool]]:
        """Returns the packets of an answer as (packet type, data, whether the data is binary).

        Raises:
            ProtocolError: if it is not a payload.
        """

    def segment(self, message: Outgoing) -> bytes:
        """Returns a message of one part as a part of a payload."""


class ClientRevision4:
    """Engine.IO 4."""

    number = 4
    content_type = "text/plain;charset=UTF-8"
    separator = b"\x1e"
    binary_prefix = b""
    pings = False

    def decode_payload(self, body: bytes) -> list[tuple[int, bytes, bool]]:
        """Returns the packets of an answer."""
        # The servers' content types differ, and nothing depends on them.
        return _REVISION_4.decode_payload(body, "")

    def segment(self, message: Outgoing) -> bytes:
        """Returns a message of one part as a part of a payload."""
        return message.segment()


class ClientRevision3:
    """Engine.IO 3, which servers of Socket.IO 1 and 2 speak.

    It posts the binary form of payloads only: in the other one the servers of Socket.IO 1 take text that was encoded as
    UTF-8 twice, and those of Socket.IO 2 text that was not.
    """

    number = 3
    content_type = "application/octet-stream"
    separator = b""
    binary_prefix = b"\x04"
    pings = True

    def decode_payload(self, body: bytes) -> list[tuple[int, bytes, bool]]:
        """Returns the packets of an answer in either form."""
        return _REVISION_3.decode_payload(body, "")

    def segment(self, message: Outgoing) -> bytes:
        """Returns a message of one part as a part of a payload.

        Engine.IO v3, "Payload": "<0 for string data, 1 for binary data><Any number of numbers between 0 and 9>
        <The number 255><packet1 (first type, then data)>".
        """
        binary = message.text is None
        packet = self.binary_prefix + message.attachments[0] if binary else message.text
        assert packet is not None
        return bytes((binary, *map(int, str(len(packet))), 255)) + packet


CLIENT_REVISIONS: dict[int, ClientRevision] = {3: ClientRevision3(), 4: ClientRevision4()}
NEWEST = CLIENT_REVISIONS[4]


def revision_of(body: bytes) -> ClientRevision | None:
    """Returns the revision in which a server has answered the first request of a connection; `None` if in none."""
    if re.match(rb"[0-9]+:|[\0\1][\0-\x09]+\xff", body):
        return CLIENT_REVISIONS[3]
    return CLIENT_REVISIONS[4] if body.startswith(b"0") else None


def refuses_revision(content: Any) -> bool:
    """Returns whether a server says in the (decoded) answer to a handshake that it speaks another revision."""
    if isinstance(content, dict):
        return content.get("code") == 5  # as the reference implementation
    return isinstance(content, str) and "unsupported version" in content  # as python-engineio


class RevisionChoice:
    """Which revision a client speaks with a server: always the same, or what that has turned out to speak.

    Args:
        protocol: 3 or 4; or `auto`: the newest one, the other one if the server does not speak that.

    Raises:
        ValueError: for any other value.

    Attributes:
        fixed: Whether no other one is tried.
        revision: The one to begin the next connection with.
    """

    def __init__(self, protocol: int | str) -> None:
        self.fixed = protocol != "auto"
        if self.fixed and (isinstance(protocol, bool) or protocol not in CLIENT_REVISIONS):
            raise ValueError(f"protocol is 3, 4 or 'auto', not {protocol!r}")
        self.revision = CLIENT_REVISIONS[protocol] if isinstance(protocol, int) else NEWEST
        self._server = ""
        self._turned = False

    def begin(self, server: str) -> None:
        """A connection to a server is about to be made; what is known of another one is forgotten."""
        if server != self._server:
            self._server = server
            self.settle(NEWEST)
        self._turned = False

    def settle(self, revision: ClientRevision) -> None:
        """The server speaks this one."""
        if not self.fixed:
            self.revision = revision

    def turn(self, error: Exception) -> bool:
        """A connection could not be made: returns whether to try the other revision now."""
        if self.fixed or not isinstance(error, RevisionRefusedError):
            return False
        if self._turned:
            self.revision = NEWEST
            return False
        self._turned = True
        self.revision = CLIENT_REVISIONS[3 if self.revision.number == 4 else 4]
        return True
