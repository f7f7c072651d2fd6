"""One HTTP request or WebSocket handshake as a value, and the response to it: bytes of headers in, text out, no I/O.

Every poll builds a `Request`, so construction only stores what it is given; the query is split and the
headers are indexed on their first use.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from urllib.parse import unquote_plus

__all__ = ["MAX_PARAMETERS", "Request", "Response", "switching_protocols"]

MAX_PARAMETERS = 256
"""How many parameters of a query are looked at; Engine.IO itself uses six. The rest is ignored, which bounds the work
that one long request line can cause."""


class Request:
    """What a client asked for.

    Args:
        method: The HTTP method as sent; a WebSocket handshake is a ``"GET"``.
        path: The percent-decoded path.
        query_string: What follows the ``?``, still percent-encoded.
        headers: Names in lower case and values, both as bytes, in the order of arrival.
        scheme: ``"http"``, ``"https"``, ``"ws"`` or ``"wss"``.
        client: Address and port of the peer, or `None` where there is none (a Unix socket).
    """

    __slots__ = (
        "_index",
        "_parameters",
        "client",
        "headers",
        "method",
        "origin_allowed",
        "path",
        "query_string",
        "scheme",
    )

    origin_allowed: bool | None
    """What the CORS policy said about the origin of this request; `None` until it was asked."""

    def __init__(
        self,
        method: str,
        path: str,
        query_string: str,
        headers: list[tuple[bytes, bytes]],
        scheme: str,
        client: tuple[str, int] | None,
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.scheme = scheme
        self.client = client
        self.origin_allowed = None
        self._index: dict[bytes, bytes] | None = None
        self._parameters: dict[str, list[str]] | None = None

    def __repr__(self) -> str:
        # Neither query nor headers: they hold the sid and the cookies.
        return f"<Request {self.method} {self.scheme} {self.path!r} from {self.client!r}>"

    @property
    def is_secure(self) -> bool:
        """Whether the scheme is that of a TLS connection."""
        return self.scheme in ("https", "wss")

    def header(self, name: bytes) -> str | None:
        """Return a header's value, or `None` if it was not sent.

        Args:
            name: In lower case.

        Returns:
            The latin-1 text. Several values are joined with ``","``, those of ``cookie`` with ``"; "``.
        """
        value = self.merged_headers().get(name)
        return None if value is None else value.decode("latin-1")

    def merged_headers(self) -> dict[bytes, bytes]:
        """Return name -> value with repeated headers joined as `header` says; not to be changed."""
        index = self._index
        if index is None:
            # Micro-optimization: a dict made in one go costs as much as one scan; only repeats need a second look.
            index = dict(self.headers)
            if len(index) != len(self.headers):
                index = _joined(self.headers)
            self._index = index
        return index

    def query(self, name: str) -> str | None:
        """Return the first value of a query parameter, decoded, or `None` if it was not sent."""
        values = (self._parameters or self._parse_query()).get(name)
        return values[0] if values else None

    def query_all(self, name: str) -> list[str]:
        """Return all values of a query parameter, decoded, in the order of arrival."""
        values = (self._parameters or self._parse_query()).get(name)
        return values[:] if values else []

    def _parse_query(self) -> dict[str, list[str]]:
        parameters: dict[str, list[str]] = {}
        parts = self.query_string.split("&", MAX_PARAMETERS)
        del parts[MAX_PARAMETERS:]
        for part in parts:
            # Micro-optimization: nearly no parameter of Engine.IO is encoded, and unquoting costs more than the rest.
            if "%" in part or "+" in part:
                raw_name, _, raw_value = part.partition("=")
                name, value = unquote_plus(raw_name), unquote_plus(raw_value)
            else:
                name, _, value = part.partition("=")
            if name in parameters:
                parameters[name].append(value)
            else:
                parameters[name] = [value]
        self._parameters = parameters
        return parameters


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return name -> value, where a name that was sent several times has all its values."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    # RFC 9113, 8.2.3: cookie fields "MUST be concatenated into a single octet string using the two-octet delimiter
    # of 0x3b, 0x20".
    return {name: (b"; " if name == b"cookie" else b",").join(several) for name, several in values.items()}


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer to a request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def with_header(self, name: str, value: str) -> Response:
        """Return the same response with one more header."""
        return Response(self.status, [*self.headers, (name, value)], self.body)


def switching_protocols(key: bytes, headers: bytes = b"") -> bytes:
    """Return the answer that opens a WebSocket, as bytes for the wire.

    Args:
        key: The `Sec-WebSocket-Key` of the handshake.
        headers: Further header lines, each with its end.
    """
    # RFC 6455, 1.3: "the string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"".
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\n%s\r\n" % (accept, headers)
    )
