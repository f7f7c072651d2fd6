"""Values and strings of strangers in, text that is safe to print out: nothing in it moves a cursor or sets a colour."""

from __future__ import annotations

import base64
import json
from typing import Any

__all__ = ["clean", "to_ascii_json", "to_json"]


def clean(text: str) -> str:
    r"""Returns a text with each character that cannot be seen escaped as in JSON, `\u001b`: one line in any case.

    Those are the control characters, of which the terminals' escape sequences are made (also DEL and the range from
    U+0080 on, which JSON leaves as they are), line separators, what turns the direction of writing, and surrogates.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))


def to_json(value: Any) -> str:
    """Returns a value as JSON for people: characters that can be seen stay. Bytes are `{"base64": "..."}`."""
    return clean(json.dumps(value, ensure_ascii=False, default=_replace_bytes))


def to_ascii_json(value: Any) -> str:
    """Returns a value as JSON for programs: ASCII, whatever the encoding of the pipe. Bytes as in `to_json`."""
    return json.dumps(value, default=_replace_bytes)


def _replace_bytes(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return {"base64": base64.b64encode(value).decode()}
    raise TypeError(f"a {type(value).__name__} is not among what comes from a server")
