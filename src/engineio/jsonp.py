"""JSONP polling: a payload as a call of a function of the page, and back from the field of a form."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote_to_bytes

from .exceptions import ProtocolError

__all__ = ["CONTENT_TYPE", "decode_form", "encode_call", "function_index"]

CONTENT_TYPE = "text/javascript; charset=UTF-8"

MAX_DIGITS = 16
"""How many digits of an index are used: it comes back in the answer."""

_ESCAPED_NEWLINE = re.compile(rb"(\\)?\\n")


def function_index(value: str) -> str:
    """Returns the digits of the query parameter `j`: what else it may hold must not get into a script."""
    return re.sub(r"[^0-9]", "", value[:256])[:MAX_DIGITS]


def encode_call(index: str, payload: bytes) -> bytes:
    """Returns a payload, UTF-8, as a script: a call of the function with that index."""
    # All that is not ASCII is escaped, and with it what JSON takes for ordinary and JavaScript for the end of a line.
    # A "<" could begin the end of the script element, should anybody put the answer into one.
    literal = json.dumps(payload.decode()).replace("<", "\\u003c")
    return f"___eio[{index}]({literal});".encode()


def decode_form(body: bytes) -> bytes:
    """Returns the payload that a JSONP client has put into the field `d` of a form.

    Raises:
        ProtocolError: if there is none, or two of them.
    """
    fields = [field[2:] for field in body.split(b"&", 16) if field.startswith(b"d=")]
    if len(fields) != 1:
        raise ProtocolError("a form without its one field")
    data = unquote_to_bytes(fields[0].replace(b"+", b" "))
    # Browsers change the ends of lines in forms. So the client writes an end of line as \n, and \n as \\n.
    return _ESCAPED_NEWLINE.sub(lambda match: b"\\n" if match[1] else b"\n", data)
