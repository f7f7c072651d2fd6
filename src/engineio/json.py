"""JSON: values in, UTF-8 bytes out, and back, with the limits that text from strangers needs.

Used as a module (`dumps`, `loads`, ...) it is the standard library's :mod:`json` with a limit on the length of
integers. Servers and clients hold a :class:`Codec` of their own, made by :func:`codec_for`.
"""

from __future__ import annotations

import inspect
import json as stdlib_json
import re
import sys
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from json import JSONDecodeError, JSONDecoder, JSONEncoder, dump, dumps, load
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    from orjson import dumps as _orjson_dumps
    from orjson import loads as _orjson_loads
except ImportError:  # PyPy has no orjson
    _orjson_loads = None  # type: ignore[assignment] # the function or nothing

__all__ = [
    "MAX_DEPTH",
    "MAX_INTEGER_DIGITS",
    "Codec",
    "DefaultCodec",
    "JSONDecodeError",
    "JSONDecoder",
    "JSONEncoder",
    "ModuleCodec",
    "StandardCodec",
    "codec_for",
    "dump",
    "dumps",
    "holds_bytes",
    "load",
    "loads",
    "replace_bytes",
]

MAX_DEPTH = 512
"""How many arrays and objects may be nested in what is decoded. Whoever walks through a value relies on it."""

MAX_INTEGER_DIGITS = 100
"""How many digits a decoded integer may have. Beyond some thousands, `int` takes quadratic time and then raises."""


class Codec(Protocol):
    """Turns values into JSON and back, for one server or client. Has no state that a call changes."""

    def loads(self, data: bytes, /) -> Any:
        """Decode one JSON text.

        Raises:
            ValueError: `data` is not JSON, or exceeds a limit.
        """

    def dumps(self, obj: Any, default: Callable[[Any], Any] | None = None, /) -> bytes:
        """Encode a value as one JSON text in UTF-8.

        Args:
            obj: the value.
            default: returns a replacement for an object that has no form in JSON, or raises TypeError: for all that
                it has no replacement for, which includes subclasses of float and tuple. Where it has a method
                `clear`, this is called before `obj` is encoded from the beginning a second time.

        Raises:
            TypeError: something in `obj` has no form in JSON.
        """


def loads(s: str | bytes | bytearray, **kwargs: Any) -> Any:
    """Decode like :func:`json.loads`, but refuse integers of more than 100 digits.

    Raises:
        ValueError: `s` is not JSON, or holds an integer that is too large.
    """
    kwargs.setdefault("parse_int", _integer)
    return stdlib_json.loads(s, **kwargs)


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS and len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise ValueError("Integer is too large")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError("Number is too large")
    return number


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRICT = JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=_constant)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _refuse_deep(value: Any, data: bytes) -> None:
    """Raise ValueError if more than `MAX_DEPTH` arrays and objects are nested in `value`, decoded from `data`."""
    # The brackets are an upper bound of the depth. Looking closer walks through all of the value.
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, (list, dict))
        ]
        if not level:
            return
    raise ValueError(f"More than {MAX_DEPTH} arrays and objects are nested")


class StandardCodec:
    """The codec on the standard library alone.

    It encodes, apart from what :func:`json.dumps` accepts, what orjson does: dataclasses (without the fields that begin
    with an underscore), enumerations as their values, dates and times in ISO 8601, and UUIDs. Numbers that are not
    finite become null, as in JavaScript's `JSON.stringify`.

    It decodes only what RFC 8259 allows, in valid UTF-8 and without lone surrogates; numbers have to be finite,
    integers are exact and have at most `MAX_INTEGER_DIGITS` digits; at most `MAX_DEPTH` containers are nested.
    """

    @staticmethod
    def loads(data: bytes, /) -> Any:
        """Decode one JSON text. See :class:`Codec`."""
        text = data.decode()
        try:
            value = _STRICT.decode(text)
        except RecursionError:
            raise ValueError(f"More than {MAX_DEPTH} arrays and objects are nested") from None
        if isinstance(value, (list, dict)):
            _refuse_deep(value, data)
        if _ESCAPED_SURROGATE.search(text):
            # A lone surrogate would break every recipient whose JSON library is strict: raises UnicodeEncodeError.
            stdlib_json.dumps(value, ensure_ascii=False).encode()
        return value

    @staticmethod
    def dumps(obj: Any, default: Callable[[Any], Any] | None = None, /) -> bytes:
        """Encode a value as one JSON text. See :class:`Codec`."""

        def replace(item: Any) -> Any:
            return _replace(item, default)

        text = stdlib_json.dumps(obj, separators=(",", ":"), default=replace)
        if "NaN" in text or "Infinity" in text:
            text = _STRING_OR_CONSTANT.sub(_null, text)
        return text.encode()


_STRING_OR_CONSTANT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|(NaN|-?Infinity)')


def _null(match: re.Match[str]) -> str:
    return "null" if match[1] else match[0]


def _replace(obj: Any, default: Callable[[Any], Any] | None) -> Any:
    """Replace what orjson encodes by itself and the standard library does not; leave the rest to `default`."""
    if isinstance(obj, Enum):
        return obj.value
    if isinstance(obj, (datetime, date)) or (isinstance(obj, time) and obj.tzinfo is None):
        return obj.isoformat()
    if isinstance(obj, UUID):
        return str(obj)
    if is_dataclass(obj) and not isinstance(obj, type):
        return {field.name: getattr(obj, field.name) for field in fields(obj) if not field.name.startswith("_")}
    if default is not None:
        return default(obj)
    raise TypeError(f"Object of type {type(obj).__name__} is not JSON serializable")


_INERT = frozenset((str, int, bool, type(None)))
"""The types of values in which no integer can have lost digits, and which hold no other values."""

_DIGITS = bytes(0x30 if chr(byte) in "0123456789" else 0x2D if chr(byte) == "-" else 0x20 for byte in range(256))
"""For `bytes.translate`: every digit becomes 0, the minus sign stays, all else becomes a space."""

_DEEP_LENGTH = 2 * MAX_DEPTH
"""What is no longer cannot be nested too deep."""


class DefaultCodec(StandardCodec):
    """The codec on orjson, with the standard library for what orjson refuses or gets wrong.

    Without orjson it is :class:`StandardCodec`, and it accepts and refuses the same in any case.
    """

    if _orjson_loads is not None:

        @staticmethod
        def loads(data: bytes, /) -> Any:
            """Decode one JSON text. See :class:`Codec`."""
            value = _orjson_loads(data)
            if type(value) is list:
                for item in value:
                    if type(item) is not str and type(item) not in _INERT:
                        break
                else:  # the usual event: a name and some scalars
                    return value
            elif type(value) in _INERT:
                return value
            # orjson allows a depth of 1024.
            if len(data) > _DEEP_LENGTH:
                _refuse_deep(value, data)
            # It rounds integers outside of -2**63 .. 2**64-1 to floats without a word. They have 20 digits, or a minus
            # sign and 19. (`partition` takes less time to look for bytes than `in` and `find`: 70, 200 and 120 ns.)
            digits = data.translate(_DIGITS)
            if digits.partition(b"0000000000000000000")[1] and (b"0" * 20 in digits or b"-" + b"0" * 19 in digits):
                return _STRICT.decode(data.decode())
            return value

        @staticmethod
        def dumps(obj: Any, default: Callable[[Any], Any] | None = None, /) -> bytes:
            """Encode a value as one JSON text. See :class:`Codec`."""
            try:
                return _orjson_dumps(obj, default)
            except TypeError:
                # Integers over 64 bits, keys that are no strings, lone surrogates, more than 254 levels, or an error.
                pass
            clear = getattr(default, "clear", None)
            if clear is not None:
                clear()
            return StandardCodec.dumps(obj, default)


class ModuleCodec:
    """The codec on the caller's `json` option, whose rules and limits are its own business (but for the depth)."""

    def __init__(self, json: object) -> None:
        """Wrap a module, a class or an object.

        Args:
            json: has `dumps(obj)`, which returns str or bytes, and `loads(str)`. Where `dumps` has a parameter
                `separators`, it is called with `(",", ":")`, as a caller of :func:`json.dumps` would.

        Raises:
            TypeError: `json` lacks one of the two functions.
        """
        self._loads: Any = getattr(json, "loads", None)
        self._dumps: Any = getattr(json, "dumps", None)
        if not callable(self._loads) or not callable(self._dumps):
            raise TypeError("The json option needs the functions dumps and loads")
        self._options = {"separators": (",", ":")} if _accepts(self._dumps, "separators") else {}

    def loads(self, data: bytes, /) -> Any:
        """Decode one JSON text. See :class:`Codec`."""
        text = data.decode()
        try:
            value = self._loads(text)
        except Exception as exc:  # libraries disagree about what to raise
            raise ValueError(f"JSON decoding failed: {exc}") from exc
        if isinstance(value, (list, dict)):
            _refuse_deep(value, data)
        return value

    def dumps(self, obj: Any, default: Callable[[Any], Any] | None = None, /) -> bytes:
        """Encode a value as one JSON text. See :class:`Codec`.

        `default` gets the bytes, bytearrays and memoryviews in `obj`, and nothing else: many libraries take bytes for
        text without asking, and what else has no form in JSON is up to the caller's functions.
        """
        if default is not None and holds_bytes(obj):
            obj = replace_bytes(obj, default)
        text = self._dumps(obj, **self._options)
        return text.encode() if isinstance(text, str) else bytes(text)


def _accepts(function: Callable[..., Any], name: str) -> bool:
    """Whether `function` has a parameter that can be given as `name=`."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # written in C, without a signature
        return False
    if name in parameters:
        return parameters[name].kind is not inspect.Parameter.POSITIONAL_ONLY
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())


def holds_bytes(obj: Any) -> bool:
    """Whether `obj` is, or holds in lists, tuples and dicts, a bytes, bytearray or memoryview."""
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return True
    if isinstance(obj, dict):
        return any(holds_bytes(item) for item in obj.values())
    return isinstance(obj, (list, tuple)) and any(holds_bytes(item) for item in obj)


def replace_bytes(obj: Any, replace: Callable[[Any], Any]) -> Any:
    """Return a copy of `obj` with all that :func:`holds_bytes` finds, in the order of the text, replaced."""
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return replace(obj)
    if isinstance(obj, dict):
        return {key: replace_bytes(item, replace) for key, item in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [replace_bytes(item, replace) for item in obj]
    return obj


def codec_for(json: object | None) -> Codec:
    """Return the codec for the `json` option of a server or client.

    Args:
        json: `None` or this module for :class:`DefaultCodec`, a codec for itself, all else for :class:`ModuleCodec`.
    """
    if json is None or json is sys.modules[__name__]:
        return DefaultCodec()
    if isinstance(json, (StandardCodec, ModuleCodec)):
        return json
    return ModuleCodec(json)
