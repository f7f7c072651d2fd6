"""What an HTTP request or a WebSocket handshake may do: one of the decisions below, taken without waiting."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from .jsonp import function_index
from .payload import REVISIONS, Revision
from .protocol import Socket, State
from .request import Request, Response
from .revision3 import Revision3

__all__ = [
    "REFUSALS",
    "Decision",
    "Handshake",
    "Poll",
    "Post",
    "Refusal",
    "Upgrade",
    "admit",
    "check_handshake",
]


_ALL_REVISIONS: dict[str, Revision] = {**REVISIONS, "3": Revision3(), "2": Revision3()}
"""Socket.IO 1.0 says 2, and means the same but for text beyond ASCII, which it cannot encode in a body of bytes."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The request is refused.

    Attributes:
        status: The HTTP status.
        code: The error code of the reference implementation.
        message: The sentence that goes with it.
    """

    status: int
    code: int
    message: str

    def response(self) -> Response:
        """Returns the answer: JSON with `code` and `message`."""
        body = json.dumps({"code": self.code, "message": self.message}, separators=(",", ":"))
        return Response(self.status, [("Content-Type", "application/json")], body.encode())


# protocol.md D.1, "Error body": the codes and messages of the reference implementation.
UNKNOWN_TRANSPORT = Refusal(400, 0, "Transport unknown")
UNKNOWN_SID = Refusal(400, 1, "Session ID unknown")
BAD_HANDSHAKE_METHOD = Refusal(400, 2, "Bad handshake method")
BAD_REQUEST = Refusal(400, 3, "Bad request")
FORBIDDEN = Refusal(403, 4, "Forbidden")
UNSUPPORTED_VERSION = Refusal(400, 5, "Unsupported protocol version")
TOO_LARGE = Refusal(413, 3, "Payload too large")
METHOD_NOT_ALLOWED = Refusal(405, 3, "Method not allowed")
STOPPING = Refusal(503, 3, "Service unavailable")

REFUSALS = (
    UNKNOWN_TRANSPORT,
    UNKNOWN_SID,
    BAD_HANDSHAKE_METHOD,
    BAD_REQUEST,
    FORBIDDEN,
    UNSUPPORTED_VERSION,
    TOO_LARGE,
    METHOD_NOT_ALLOWED,
    STOPPING,
)


@dataclass(frozen=True, slots=True)
class Handshake:
    """A new connection, to be opened on the transport that the request came over."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class Poll:
    """A GET that fetches packets."""

    socket: Socket


@dataclass(frozen=True, slots=True)
class Post:
    """A POST that brings packets."""

    socket: Socket


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A WebSocket for a connection that exists; it may be too late for it, which `begin_upgrade` decides."""

    socket: Socket


Decision = Refusal | Handshake | Poll | Post | Upgrade


def admit(
    request: Request,
    *,
    websocket: bool,
    sockets: Mapping[str, Socket],
    transports: list[str],
    allow_upgrades: bool,
    allow_eio3: bool = False,
    jsonp: bool = False,
) -> Decision:
    """Decides what the request may do.

    Args:
        request: The parsed request; its origin has been checked.
        websocket: Whether it is the handshake of a WebSocket rather than a plain request.
        sockets: The connections that exist, by sid.
        transports: The transports on offer.
        allow_upgrades: Whether a connection may move from polling to a WebSocket.
        allow_eio3: Whether clients of Engine.IO 3 are served.
        jsonp: Whether the answers to polls may be scripts.
    """
    transport = _only_value(request, "transport")
    if transport not in transports:
        return UNKNOWN_TRANSPORT
    if (transport == "websocket") is not websocket:
        return BAD_REQUEST
    as_script = jsonp and not websocket and request.query("j") is not None
    if as_script and not function_index(request.query("j") or ""):
        return BAD_REQUEST
    # Engine.IO v4, "Protocol version": the version is part of every request; one without it speaks revision 3.
    name = _only_value(request, "EIO") if request.query("EIO") is not None else "3"
    revision = (_ALL_REVISIONS if allow_eio3 else REVISIONS).get(name or "")
    sid = request.query("sid")
    if sid is None:
        if revision is None:
            return UNSUPPORTED_VERSION if request.method == "GET" else BAD_HANDSHAKE_METHOD
        if request.method != "GET":
            return BAD_HANDSHAKE_METHOD
        # Engine.IO v3, "Transports": "If XHR2 isn't supported, clients can send b64=1"; scripts hold no bytes either.
        text_only = as_script or bool(request.query("b64"))
        return Handshake(revision.for_client(text_only, request.query("t") or ""))
    socket = sockets.get(sid)
    if socket is None or (socket.state is State.CLOSING and request.method != "GET"):
        return UNKNOWN_SID
    if revision is None or socket.revision.number != revision.number or socket.state is State.CONNECTING:
        return BAD_REQUEST
    if as_script and not socket.revision.textual:
        return BAD_REQUEST
    if websocket:
        return Upgrade(socket) if allow_upgrades else BAD_REQUEST
    if socket.link.name != "polling":
        return BAD_REQUEST
    if request.method == "GET":
        return Poll(socket)
    return Post(socket) if request.method == "POST" else METHOD_NOT_ALLOWED


def _only_value(request: Request, name: str) -> str | None:
    """Returns the value of a parameter that must not be given twice; such a one counts as unknown."""
    values = request.query_all(name)
    return values[0] if len(values) == 1 else None


def check_handshake(request: Request) -> Response | None:
    """Returns the refusal of a request for a WebSocket that RFC 6455, 4.2.1, does not allow."""
    if request.method != "GET":
        return METHOD_NOT_ALLOWED.response()
    headers = request.merged_headers()
    if b"upgrade" not in headers.get(b"connection", b"").lower():
        return BAD_REQUEST.response()
    if b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0":
        return BAD_REQUEST.response()  # a body is not for the WebSocket, and one cannot be told from the other
    if headers.get(b"sec-websocket-version") != b"13":
        return Refusal(426, 3, "Bad request").response().with_header("Sec-WebSocket-Version", "13")
    try:
        key = base64.b64decode(headers.get(b"sec-websocket-key", b""), validate=True)
    except ValueError:  # not base64
        key = b""
    return None if len(key) == 16 else BAD_REQUEST.response()
