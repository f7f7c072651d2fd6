"""Which kind of concurrency a server has: the value of `async_mode`, checked, and what stands for it."""

from __future__ import annotations

import importlib
import sys
from typing import cast

from .concurrency import THREADS, Threads

__all__ = ["choose_mode", "load_kind"]


def choose_mode() -> str:
    """Returns the mode of a program that names none.

    A program that uses gevent or eventlet has imported it, to patch the standard library or for its web server. That a
    package is merely installed says nothing.
    """
    # The module that uWSGI makes for its workers; its loop engine imports gevent later than the application.
    if getattr(sys.modules.get("uwsgi"), "loop", None) == b"gevent":
        return "gevent_uwsgi"
    for mode in ("eventlet", "gevent"):
        if mode in sys.modules:
            return mode
    return "threading"


def load_kind(mode: str) -> Threads:
    """Returns the kind of threads of a mode.

    Raises:
        RuntimeError: if its package is not installed.
    """
    if mode == "threading":
        return THREADS
    package = mode.removesuffix("_uwsgi")
    try:
        return cast(Threads, importlib.import_module(f"engineio.bindings.{package}").KIND)
    except ImportError as exc:
        raise RuntimeError(f"async_mode {mode!r} needs {package}; install it with: pip install {package}") from exc
