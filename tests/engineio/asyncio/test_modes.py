"""Which framework brings the requests: what the program has imported, what it names, and what is not there."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Any

import pytest

import engineio
from engineio import AsyncServer
from engineio.asyncio.modes import BINDINGS, framework_of, load_binding
from engineio.bindings import asgi

FRAMEWORKS = [
    pytest.param(mode, module, marks=pytest.mark.skipif(importlib.util.find_spec(mode) is None, reason=f"no {mode}"))
    for mode, module in (("aiohttp", "aiohttp.web"), ("sanic", "sanic"), ("tornado", "tornado.web"))
]


def python(program: str) -> str:
    """Runs a program in an interpreter of its own, where nothing is imported yet."""
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(engineio.__file__))}
    command = [sys.executable, "-W", "ignore", "-c", program]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_asgi_unless_the_program_says_otherwise() -> None:
    """That a framework is installed says nothing, the server imports none, and a client is no server."""
    program = (
        "import sys, engineio, socketio; print(socketio.AsyncServer().async_mode, engineio.AsyncServer().async_mode)"
    )
    assert python(f"{program}; print({{'aiohttp', 'sanic', 'tornado'}} & set(sys.modules))") == "asgi asgi\nset()"
    if importlib.util.find_spec("aiohttp") is not None:
        assert python(f"import aiohttp; {program}") == "asgi asgi"


@pytest.mark.parametrize(("mode", "module"), FRAMEWORKS)
def test_what_the_program_has_imported(mode: str, module: str) -> None:
    assert python(f"import engineio, {module}; print(engineio.AsyncServer().async_mode)") == mode


def test_what_the_program_names() -> None:
    assert AsyncServer(async_mode="asgi").async_mode == "asgi"
    assert list(BINDINGS) == AsyncServer().async_modes()


@pytest.mark.parametrize("mode", ["aiohttp", "sanic", "tornado"])
def test_a_framework_that_is_missing(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [mode, *[name for name in sys.modules if name.startswith(f"{mode}.")]]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, BINDINGS[mode], raising=False)
    with pytest.raises(RuntimeError, match=f"async_mode '{mode}' needs {mode}; install it with: pip install {mode}"):
        AsyncServer(async_mode=mode)


@pytest.mark.parametrize("name", ["aoihttp", "threading", "", "ASGI"])
def test_a_name_that_is_mistyped(name: str) -> None:
    with pytest.raises(ValueError, match=f"Invalid async_mode specified: '{name}' is none of .*aiohttp"):
        AsyncServer(async_mode=name)


class App:
    """An application of no framework."""


def test_whose_application_it_is() -> None:
    of_aiohttp = type("Application", (), {"__module__": "aiohttp.web_app"})
    assert framework_of(of_aiohttp()) == "aiohttp"
    assert framework_of(type("Mine", (of_aiohttp,), {"__module__": "program"})()) == "aiohttp"
    assert framework_of(App()) is None
    assert load_binding("asgi") is asgi


def test_attaching_to_what_takes_no_routes() -> None:
    with pytest.raises(ValueError, match=r"attach\(\) is for the applications of aiohttp and Sanic"):
        AsyncServer(async_mode="asgi").attach(App())


@pytest.mark.parametrize("path", ["engine.io", "/engine.io", "/engine.io/"])
def test_attaching(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application says which binding it is, whatever the server was made for."""
    attached: list[Any] = []
    monkeypatch.setitem(
        sys.modules, BINDINGS["sanic"], type("Binding", (), {"attach": lambda *args: attached.append(args)})
    )
    app = type("Sanic", (), {"__module__": "sanic.app"})()
    server = AsyncServer(async_mode="asgi")
    server.attach(app, path)
    assert attached == [(server, app, "/engine.io")]
    assert server.async_mode == "sanic"
