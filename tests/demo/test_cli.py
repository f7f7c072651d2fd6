"""The command line: what it says, and the exit status, for good and bad arguments."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

if TYPE_CHECKING:
    from pathlib import Path

APPS = """
import socketio

sio = socketio.AsyncServer(async_mode="asgi")
number = 5


class Holder:
    sio = sio


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"plain"})


def wsgi(environ, start_response):
    return []
"""


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    """Return a directory with modules to serve."""
    (tmp_path / "apps.py").write_text(APPS)
    (tmp_path / "broken.py").write_text("import there_is_no_such_module\n")
    (tmp_path / "raising.py").write_text("raise ValueError('at import')\n")
    return tmp_path


def command(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "socketio", *arguments], capture_output=True, text=True, check=False, timeout=30, cwd=cwd
    )


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_names_the_commands(arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert done.returncode == 0
    for name in ("demo", "serve", "connect", "emit"):
        assert f"\n    {name} " in done.stdout


@pytest.mark.parametrize(
    ("name", "option"), [("demo", "--port"), ("serve", "--port"), ("connect", "--wait"), ("emit", "--no-ack")]
)
def test_each_command_has_help(name: str, option: str) -> None:
    done = command(name, "--help")
    assert done.returncode == 0
    assert option in done.stdout


def test_what_only_clients_need_is_not_loaded_at_the_start() -> None:
    code = "import sys, socketio.cli; print({'aiohttp', 'readline', 'socketio.terminal.session'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("apps", "not of the form MODULE:ATTRIBUTE"),
        ("apps:", "not of the form MODULE:ATTRIBUTE"),
        (":sio", "not of the form MODULE:ATTRIBUTE"),
        ("nowhere:sio", "there is no module 'nowhere'"),
        ("nowhere.deeper:sio", "there is no module 'nowhere.deeper'"),
        ("apps.deeper:sio", "there is no module 'apps.deeper'"),
        ("..apps:sio", "not the name of a module"),
        ("apps:nothing", "'apps' has no attribute 'nothing'"),
        ("apps:Holder.nothing", "'apps' has no attribute 'Holder.nothing'"),
        ("apps:number", "neither an ASGI application nor a socketio.AsyncServer but a int"),
        ("apps:wsgi", "neither an ASGI application nor a socketio.AsyncServer but a function"),
        ("apps:Holder", "neither an ASGI application nor a socketio.AsyncServer but a class"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(apps: Path, target: str, message: str) -> None:
    done = command("serve", target, cwd=apps)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("module", "message"),
    [("broken", "No module named 'there_is_no_such_module'"), ("raising", "ValueError: at import")],
)
def test_a_module_that_fails_shows_where(apps: Path, module: str, message: str) -> None:
    done = command("serve", f"{module}:sio", cwd=apps)
    assert done.returncode == 2
    assert message in done.stderr
    assert f'{module}.py", line 1' in done.stderr
    assert done.stderr.splitlines()[-1].endswith(f"importing {module!r} failed, see above")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("demo", "--port", "many"),
        ("demo", "--port", "65536"),
        ("serve",),
        ("serve", "apps:sio", "--log-level", "loud"),
        ("serve", "apps:sio", "--ssl-certfile", "nowhere.pem"),
        ("serve", "apps:sio", "--ssl-keyfile", "apps.py"),
    ],
)
def test_wrong_arguments(apps: Path, arguments: tuple[str, ...]) -> None:
    done = command(*arguments, cwd=apps)
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("demo",), ("serve", "apps:sio")])
def test_a_port_in_use_is_said_in_one_line(apps: Path, arguments: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command(*arguments, "--port", str(port), cwd=apps)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}: " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("target", "path", "status", "body"),
    [
        ("apps:sio", "/socket.io/?EIO=4&transport=polling", 200, '0{"sid"'),
        ("apps:Holder.sio", "/socket.io/?EIO=4&transport=polling", 200, '0{"sid"'),
        ("apps:asgi", "/", 200, "plain"),
    ],
)
def test_serve(apps: Path, serve: Any, port: int, target: str, path: str, status: int, body: str) -> None:
    async def main() -> None:
        async with (
            serve("serve", target, "--app-dir", str(apps), "--log-level", "warning") as server,
            aiohttp.ClientSession() as http,
        ):
            assert server.first_line == f"http://127.0.0.1:{port}/ - {target}. Ctrl-C stops it.\n"
            async with http.get(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.status == status
                assert (await answer.text()).startswith(body)
            assert await server.stop(signal.SIGTERM) == 0

    asyncio.run(main())


def test_serve_on_a_unix_socket(apps: Path, serve: Any) -> None:
    path = apps / "socket"

    async def main() -> None:
        async with (
            serve("serve", "apps:asgi", "--app-dir", str(apps), "--log-level", "warning", uds=path) as server,
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http,
        ):
            assert server.first_line.startswith(f"unix:{path} ")
            async with http.get("http://localhost/") as answer:
                assert await answer.text() == "plain"
            assert await server.stop(signal.SIGINT) == 0

    asyncio.run(main())
