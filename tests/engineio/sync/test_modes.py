"""Which kind of concurrency a server has: what the program has imported, what it names, and what is not there."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

import engineio
from engineio import Server
from engineio.sync.concurrency import THREADS
from engineio.sync.modes import choose_mode, load_kind

GREEN = [
    pytest.param(kind, marks=pytest.mark.skipif(importlib.util.find_spec(kind) is None, reason=f"no {kind}"))
    for kind in ("gevent", "eventlet")
]


def python(program: str) -> str:
    """Runs a program in an interpreter of its own, where nothing is imported yet."""
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(engineio.__file__))}
    command = [sys.executable, "-W", "ignore", "-c", program]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_threads_unless_the_program_says_otherwise() -> None:
    """That a package is installed says nothing, and neither server nor client imports it."""
    program = "import engineio, socketio, sys; sio = socketio.Server(); print(sio.async_mode, sio.eio.kind.name);"
    assert python(program + "print(*{'gevent', 'eventlet'} & set(sys.modules))") == "threading threading"


@pytest.mark.parametrize("kind", GREEN)
@pytest.mark.parametrize("order", ["{0}; import engineio", "import engineio; {0}"])
@pytest.mark.parametrize("patch", [True, False])
def test_what_the_program_has_imported(kind: str, order: str, patch: bool) -> None:
    patching = {"gevent": "import gevent.monkey; gevent.monkey.patch_all()"}
    patching["eventlet"] = "import eventlet; eventlet.monkey_patch()"
    program = order.format(patching[kind] if patch else f"import {kind}")
    assert python(f"{program}; print(engineio.Server().async_mode)") == kind


@pytest.mark.parametrize("kind", GREEN)
def test_what_the_program_names(kind: str) -> None:
    program = f"import sys, {kind}, engineio; server = engineio.Server(async_mode=sys.argv[-1] if 0 else %r);"
    program += "print(server.async_mode, server.kind.name)"
    assert python(program % "threading") == "threading threading"
    assert python(program % kind) == f"{kind} {kind}"


@pytest.mark.parametrize("kind", ["gevent", "eventlet"])
def test_a_package_that_is_missing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    monkeypatch.delitem(sys.modules, f"engineio.bindings.{kind}", raising=False)
    with pytest.raises(RuntimeError, match=f"async_mode '{kind}' needs {kind}; install it with: pip install {kind}"):
        Server(async_mode=kind)


@pytest.mark.parametrize("name", ["gvent", "asgi", "", "Threading"])
def test_a_name_that_is_mistyped(name: str) -> None:
    with pytest.raises(ValueError, match=f"Invalid async_mode specified: '{name}' is none of .*threading"):
        Server(async_mode=name)


def test_the_modes_that_there_are() -> None:
    modes = Server(async_mode="threading").async_modes()
    assert {"eventlet", "gevent", "threading"} <= set(modes)
    assert choose_mode() in modes and load_kind("threading") is THREADS
