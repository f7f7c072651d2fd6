"""What a server says of a new connection, checked and clamped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .config import TRANSPORTS
from .exceptions import ProtocolError

__all__ = ["USUAL_MAX_PAYLOAD", "Handshake", "read_handshake"]

SHORTEST, LONGEST = 0.05, 86_400.0
"""Between which bounds the server's intervals are believed, in seconds."""

USUAL_MAX_PAYLOAD = 1_000_000
"""What the reference implementation takes by default, in bytes: for servers that do not say it, as Socket.IO 3."""

_LONGEST_SID = 256


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the server says of a new connection."""

    sid: str
    upgrades: tuple[str, ...]
    """The transports that it may move to; only such as exist."""
    ping_interval: float
    """Seconds between two pings of the server."""
    ping_timeout: float
    """Seconds that the server waits for a pong."""
    max_payload: int
    """How many bytes an HTTP body may have."""
    is_newer: bool
    """Whether it says something that no server of Engine.IO 3 says."""


def read_handshake(data: bytes, loads: Callable[[bytes], Any]) -> Handshake:
    """Reads the content of an OPEN packet.

    Numbers that make no sense are replaced by the nearest that does, so that no server can make its clients spin.

    Raises:
        ProtocolError: if it is not a handshake.
    """
    try:
        content = loads(data)
    except ValueError as exc:
        raise ProtocolError("the handshake is not JSON") from exc
    if not isinstance(content, dict):
        raise ProtocolError("the handshake is not an object")
    sid = content.get("sid")
    if not isinstance(sid, str) or not 0 < len(sid) <= _LONGEST_SID or not sid.isprintable():
        raise ProtocolError("the handshake has no valid sid")
    upgrades = content.get("upgrades", [])
    if not isinstance(upgrades, list):
        raise ProtocolError("the upgrades of the handshake are not an array")
    max_payload = content.get("maxPayload")
    if max_payload is not None and not _is_number(max_payload):
        raise ProtocolError("the handshake's maxPayload is not a number")
    return Handshake(
        sid,
        tuple(name for name in TRANSPORTS if name in upgrades),
        _seconds(content, "pingInterval"),
        _seconds(content, "pingTimeout"),
        int(max_payload) if max_payload is not None and max_payload >= 1 else USUAL_MAX_PAYLOAD,
        max_payload is not None,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _seconds(content: dict[str, Any], name: str) -> float:
    value: Any = content.get(name)
    if not _is_number(value):
        raise ProtocolError(f"the handshake's {name} is not a number")
    # Compared before the division: an integer may be too large for a float.
    return SHORTEST if value < SHORTEST * 1000 else LONGEST if value > LONGEST * 1000 else float(value) / 1000
