"""The packets of Socket.IO, revisions 3 and 4 (clients 1.x and 2.x): how they differ from those of revision 5."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["counts_attachments", "encode_ack", "parse_query", "refusal_of", "renew"]

MAX_PARAMETERS = 100
"""How many parameters of a query string are looked at, which bounds the work that one can cause."""

_COUNTED_ACK = re.compile(rb"3(\d{1,10})-")
_QUERY = re.compile(rb"([1-6](?:\d{1,10}-)?/[^,?]*)\?[^,]*")


def renew(text: bytes) -> bytes:
    """Returns the text of a packet of revision 3 or 4 as one of revision 5.

    Revision 3 has no BINARY_ACK: the number of attachments is in each ACK. In revision 4 clients may leave the query
    string behind the name of a namespace; only the one of a CONNECT packet means anything.
    """
    if text[:1] == b"3":
        counted = _COUNTED_ACK.match(text)
        if counted is not None:
            count = int(counted[1])
            text = (b"6%d-" % count if count else b"3") + text[counted.end() :]
    if b"?" in text[:512]:
        return _QUERY.sub(rb"\1", text, count=1) if _QUERY.match(text) else text
    return text


def counts_attachments(text: bytes) -> bool:
    """Returns whether this is an ACK packet of revision 3, which no client of revision 4 sends."""
    return _COUNTED_ACK.match(text) is not None


def encode_ack(text: bytes) -> bytes:
    """Returns the text of an ACK or BINARY_ACK packet as one of revision 3."""
    return b"30-" + text[1:] if text[:1] == b"3" else b"3" + text[1:]


def parse_query(query: str) -> dict[str, str] | None:
    """Returns the query string of a namespace, which revision 4 has in place of the auth object; `None` if empty."""
    parameters = query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]
    return dict(parse_qsl("&".join(parameters), keep_blank_values=True)) or None


def refusal_of(refusal: Any) -> Any:
    """Returns the payload of an ERROR packet: the details that a program gives, or else its message, which is text."""
    if not isinstance(refusal, dict):
        return refusal
    # The reference implementation: `err.data || err.message`.
    return refusal.get("data") or refusal.get("message") or "Connection refused by server"
