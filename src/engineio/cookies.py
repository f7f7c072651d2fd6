"""The cookie that tells a load balancer which process a session lives in: settings and a sid in, `Set-Cookie` out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CookieTemplate"]

# RFC 6265, 4.1.1: an attribute's value is "any CHAR except CTLs or ';'".
_FORBIDDEN = re.compile(r"[^\x20-\x7e]|;")
_FORBIDDEN_IN_NAME = re.compile(r"[^\x21-\x7e]|[;=,]")


class CookieTemplate:
    """Makes the `Set-Cookie` header of a handshake response.

    Args:
        cookie: `None`, ``""`` and ``{}`` mean no cookie. A string is its name; it is then valid for all paths and
            has ``SameSite=Lax``. A dict has the name under ``"name"`` (default ``"io"``) and else the attributes,
            which are used as they are: text, a number, `True` for an attribute without value, `False` or `None` for
            none, or a callable that is called for every cookie and returns one of these.

    Raises:
        ValueError: A name or value contains what could start another attribute or header.
        TypeError: A name or value is of another type.
    """

    __slots__ = ("_attributes", "_name", "_suffix")

    def __init__(self, cookie: str | dict[str, Any] | None) -> None:
        self._name: str | None = None
        self._attributes: list[tuple[str, str | Callable[[], Any]]] = []
        self._suffix: str | None = None
        if not cookie:
            return
        if isinstance(cookie, str):
            cookie = {"name": cookie, "path": "/", "SameSite": "Lax"}
        elif not isinstance(cookie, dict):
            raise TypeError(f"a cookie must be a string or a dict, not {cookie!r}")
        self._name = _checked_name(cookie.get("name", "io"))
        self._attributes = [
            (_checked_name(key), value if callable(value) else _attribute(key, value))
            for key, value in cookie.items()
            if key != "name"
        ]
        if not any(callable(value) for _, value in self._attributes):
            self._suffix = self._render()

    def header(self, sid: str) -> str | None:
        """Return the value of `Set-Cookie` for a new session, or `None` if there is no cookie.

        Raises:
            ValueError: The sid, or what a callable returned, cannot be in a cookie.
            TypeError: A callable returned a value of another type.
        """
        if self._name is None:
            return None
        if _FORBIDDEN.search(sid):
            raise ValueError("a sid must not contain control characters, ';' or non-ASCII characters")
        return f"{self._name}={sid}{self._render() if self._suffix is None else self._suffix}"

    def _render(self) -> str:
        return "".join(_attribute(key, value()) if callable(value) else value for key, value in self._attributes)


def _attribute(key: str, value: Any) -> str:
    """Return an attribute with the separator before it, or nothing if it is switched off."""
    if value is None or value is False:
        return ""
    if value is True:
        return f"; {key}"
    if isinstance(value, (int, float)):
        value = str(value)
    elif not isinstance(value, str):
        raise TypeError(f"the cookie attribute {key!r} must be text, a number, a flag or a callable, not {value!r}")
    if _FORBIDDEN.search(value):
        raise ValueError(f"the cookie attribute {key!r} contains a control character, ';' or a non-ASCII character")
    return f"; {key}={value}"


def _checked_name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name of a cookie or of its attribute must be a string, not {name!r}")
    if not name or _FORBIDDEN_IN_NAME.search(name):
        raise ValueError(f"{name!r} cannot be the name of a cookie or of its attribute")
    return name
