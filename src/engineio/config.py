"""The options of servers and clients: checked once, with a warning for each name that no option has."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = [
    "TRANSPORTS",
    "check_ping_interval",
    "check_transports",
    "engine_options",
    "option_names",
    "warn_about_unknown_options",
]

TRANSPORTS = ("polling", "websocket")
"""The transports that exist, in the order in which clients try them."""


def check_transports(transports: str | Sequence[str] | None) -> list[str]:
    """Returns the transports to offer; `None` stands for all of them and unknown names are left out.

    Raises:
        ValueError: if none is left.
    """
    if transports is None:
        return list(TRANSPORTS)
    names = [transports] if isinstance(transports, str) else list(transports)
    valid = [name for name in names if name in TRANSPORTS]
    if not valid:
        raise ValueError("No valid transports provided")
    return valid


def check_ping_interval(ping_interval: float | Sequence[float]) -> tuple[float, float]:
    """Returns the ping interval and its grace period, both in seconds.

    The grace period is added to the interval that the handshake tells the client, and to nothing else.
    """
    if isinstance(ping_interval, (int, float)):
        return ping_interval, 0
    interval, grace_period = ping_interval
    return interval, grace_period


def warn_about_unknown_options(unknown: Iterable[str], known: Iterable[str], stacklevel: int) -> None:
    """Warns about each option that does not exist and names the nearest one that does."""
    names = list(known)
    for option in unknown:
        nearest = difflib.get_close_matches(option, names, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        warnings.warn(f"unknown option {option!r} is ignored{hint}", UserWarning, stacklevel=stacklevel + 1)


def option_names(owner: type[Any]) -> list[str]:
    """Returns the names of all options of a server or client class, those of its base classes included."""
    names: dict[str, None] = {}
    for cls in owner.__mro__:
        if "__init__" in cls.__dict__:
            for name, parameter in inspect.signature(cls.__dict__["__init__"]).parameters.items():
                if name != "self" and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                    names[name] = None
    return list(names)


def engine_options(
    owner: type[Any], engine_class: type[Any], options: dict[str, Any], json: Any, stacklevel: int
) -> dict[str, Any]:
    """Returns those options of a server or client that its engine takes; warns about what neither of them takes.

    Args:
        owner: The class of the server or client.
        engine_class: That of its engine.
        options: What the owner does not take itself; `engineio_logger` is the logger of the engine.
        json: The json option of both.
        stacklevel: Whom the warning blames, as for `warnings.warn`.
    """
    known = option_names(engine_class)
    unknown = [name for name in options if name not in known and name != "engineio_logger"]
    if unknown:
        warn_about_unknown_options(unknown, [*option_names(owner), *known], stacklevel + 1)
    picked = {name: value for name, value in options.items() if name in known}
    return {**picked, "logger": options.get("engineio_logger", False), "json": json}
