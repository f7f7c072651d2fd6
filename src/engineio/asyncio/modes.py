"""Which framework brings the requests to an asyncio server: the value of `async_mode`, checked, and its binding."""

from __future__ import annotations

import importlib
import sys
from typing import Any

__all__ = ["BINDINGS", "choose_mode", "framework_of", "load_binding"]

BINDINGS = {
    "aiohttp": "engineio.bindings.aiohttp",
    "sanic": "engineio.bindings.sanic",
    "tornado": "engineio.bindings.tornado",
    "asgi": "engineio.bindings.asgi",
}
"""Mode -> its binding, in the order in which they are looked for. Each has `handle(server, ...)`, to serve a request;
where the framework takes routes from others, `attach(server, app, path)` adds those of a server."""

_SERVERS = {"aiohttp": "aiohttp.web", "sanic": "sanic", "tornado": "tornado.web"}
"""Mode -> the module that a program imports to serve with that framework; aiohttp and Tornado have clients as well."""


def choose_mode() -> str:
    """Returns the mode of a program that names none: that of the framework that it has imported, or else `asgi`.

    Nothing depends on the choice: `AsyncServer.attach` and `AsyncServer.handle_request` see for themselves whose
    application or request they are given.
    """
    return next((mode for mode, module in _SERVERS.items() if module in sys.modules), "asgi")


def framework_of(app: Any) -> str | None:
    """Returns the mode of an application, by the module of its class or of one that it inherits from."""
    for kind in type(app).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in BINDINGS:
            return package
    return None


def load_binding(mode: str) -> Any:
    """Returns the module that translates between a framework and the server.

    Raises:
        RuntimeError: if the framework is not installed.
    """
    try:
        return importlib.import_module(BINDINGS[mode])
    except ImportError as exc:
        raise RuntimeError(f"async_mode {mode!r} needs {mode}; install it with: pip install {mode}") from exc
