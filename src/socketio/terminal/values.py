"""What people type in, the names and values that they mean out: the words of a line, or one argument of a shell."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from engineio.json import StandardCodec

from ..packet import RESERVED_EVENTS

__all__ = ["RULE", "Words", "check_event", "check_namespace", "parse_argument", "parse_auth", "parse_json"]

RULE: Final = """\
An ARGUMENT that begins with {, [ or " is JSON and has to be correct; numbers, true, false and null are JSON, too.
@FILE is the content of a file, sent as bytes. Anything else is a string, just as it stands."""
"""What an argument means, for the help."""

_BEGINS_JSON: Final = ("{", "[", '"')
_CONSTANT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_SPACE: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r"\S+")
_DECODER: Final = json.JSONDecoder(parse_int=str)
"""Finds where a value ends; what it is, `parse_json` finds out."""


def parse_argument(text: str) -> Any:
    """Returns the value of one argument of the command line; see `RULE`.

    Raises:
        ValueError: if it begins like JSON and is none, is not UTF-8, or the file cannot be read.
    """
    if text.startswith(_BEGINS_JSON):
        return parse_json(text)
    if text.startswith("@"):
        return _read(text[1:])
    return _constant_or_string(text)


def parse_json(text: str) -> Any:
    """Returns the value of a JSON text, with the limits of what is sent.

    Raises:
        ValueError: if it is none; the message says why in one line.
    """
    try:
        return StandardCodec.loads(text.encode())
    except json.JSONDecodeError as exc:
        raise ValueError(f"not JSON: {exc.msg} at character {exc.pos + 1}") from exc
    except UnicodeError as exc:
        raise ValueError("not JSON: half a character, which has no form in UTF-8") from exc
    except ValueError as exc:
        raise ValueError(f"not JSON: {exc}") from exc


def parse_auth(text: str) -> Any:
    """Returns what a server gets as auth: JSON, or that of a file whose name comes after an @.

    Raises:
        ValueError: as for `parse_json`, or if the file cannot be read.
    """
    return parse_json(_read(text[1:]).decode() if text.startswith("@") else text)


def check_event(name: str) -> str:
    """Returns the name of an event to send.

    Raises:
        ValueError: if a server would close the connection because of it.
    """
    if name in RESERVED_EVENTS:
        raise ValueError(f"the event name {name} is reserved")
    return _encodable(name)


def check_namespace(name: str) -> str:
    """Returns the name of a namespace, with the slash that it begins with.

    Raises:
        ValueError: if there can be none of this name.
    """
    # Socket.IO v5, "Packet encoding": in a packet, a comma ends the namespace.
    if "," in name:
        raise ValueError(f"{name!r} is not a namespace: there can be no comma in its name")
    return _encodable(name if name.startswith("/") else f"/{name}")


def _constant_or_string(word: str) -> Any:
    return parse_json(word) if _CONSTANT.fullmatch(word) else _encodable(word)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ValueError(f"{text!r} is not UTF-8") from exc
    return text


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError) as exc:
        raise ValueError(f"cannot read {name!r}: {getattr(exc, 'strerror', None) or exc}") from exc


class Words:
    """Takes a line apart, from left to right."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._position = 0
        self._skip_space()

    def name(self, what: str) -> str:
        """Takes a name: a word, or a JSON string.

        Args:
            what: What to call it when it is missing.

        Raises:
            ValueError: if it is missing, or begins with a quote and is no JSON string.
        """
        found = self.optional_name()
        if found is None:
            raise ValueError(f"{what} is missing")
        return found

    def optional_name(self) -> str | None:
        """Takes a name as `name` does; returns `None` at the end of the line."""
        if self.at_end():
            return None
        return str(self._json()) if self._begins('"') else self._word()

    def values(self) -> list[Any]:
        """Takes all arguments up to the end of the line; see `RULE`.

        Raises:
            ValueError: as for `parse_argument`.
        """
        found = []
        while not self.at_end():
            if self._begins(*_BEGINS_JSON):
                found.append(self._json())
            elif self._begins('@"'):  # a file with a space in its name
                self._position += 1
                found.append(_read(self._json()))
            else:
                found.append(parse_argument(self._word()))
        return found

    def rest(self) -> str:
        """Takes what is left of the line."""
        rest, self._position = self._line[self._position :].rstrip(), len(self._line)
        return rest

    def at_end(self) -> bool:
        """Returns whether nothing is left."""
        return self._position == len(self._line)

    def finish(self) -> None:
        """Checks that nothing is left.

        Raises:
            ValueError: if there is.
        """
        if not self.at_end():
            raise ValueError(f"{self.rest()!r} is too much")

    def _begins(self, *prefixes: str) -> bool:
        return self._line.startswith(prefixes, self._position)

    def _word(self) -> str:
        match = _WORD.match(self._line, self._position)
        assert match is not None
        self._position = match.end()
        self._skip_space()
        return match[0]

    def _json(self) -> Any:
        start = self._position
        try:
            _, end = _DECODER.raw_decode(self._line, start)
        except json.JSONDecodeError as exc:
            raise ValueError(f"not JSON: {exc.msg} at character {exc.pos + 1} of the line") from exc
        except RecursionError as exc:
            raise ValueError("not JSON: too many arrays and objects are nested") from exc
        if not self._line[end : end + 1].isspace() and end < len(self._line):
            raise ValueError(f"a space is missing at character {end + 1} of the line")
        self._position = end
        self._skip_space()
        return parse_json(self._line[start:end])

    def _skip_space(self) -> None:
        match = _SPACE.match(self._line, self._position)
        assert match is not None
        self._position = match.end()
