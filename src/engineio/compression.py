"""Content coding of polling responses: a body and `Accept-Encoding` in, the coded body and its coding out."""

from __future__ import annotations

import gzip
import zlib

__all__ = ["compress"]

_LEVEL = 6
"""zlib's own default: level 9 takes longer for nearly no gain on JSON."""


def compress(body: bytes, accept_encoding: str | None, enabled: bool, threshold: int) -> tuple[bytes, str | None]:
    """Compress a response body if that is wanted, worth it and understood by the client.

    Args:
        body: The body as it is.
        accept_encoding: The request's header, or `None` if it was not sent.
        enabled: Whether the server compresses at all.
        threshold: The size in bytes from which on it does.

    Returns:
        The body to send and the value of `Content-Encoding`, `None` for a body that is left alone.
    """
    if not enabled or not accept_encoding or len(body) < threshold:
        return body, None
    for element in accept_encoding.split(","):
        coding, _, parameters = element.partition(";")
        coding = coding.strip().lower()
        if coding not in ("gzip", "deflate") or (parameters and _is_excluded(parameters)):
            continue
        if coding == "gzip":
            return gzip.compress(body, _LEVEL, mtime=0), "gzip"
        # RFC 9110, 8.4.1.2: "a 'zlib' data format [RFC1950] containing a 'deflate' compressed data stream".
        return zlib.compress(body, _LEVEL), "deflate"
    return body, None


def _is_excluded(parameters: str) -> bool:
    """Return whether the weight is 0, in any of the spellings of RFC 9110, 12.4.2, or cannot be read."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return not float(value) > 0
            except ValueError:
                return True
    return False
