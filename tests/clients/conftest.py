"""Fixtures of the client tests. A test that is a coroutine function is run on an event loop of its own."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import inspect
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .colours import Asyncio, Colour, Threads
from .processes import Server

FOLDER = Path(__file__).parent
DEADLINE = 45.0
"""After how long a test that waits for something is stopped, in seconds."""

LAST_BREATH = 1.0
"""How long a thread may take to end after the client has, in seconds."""

KINDS = ["python", "werkzeug", "socket.io", "socket.io-3"]
"""The servers: ours for asyncio and for threads, and the official ones of two ages."""

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine function; it fails if it leaves a task, thread, socket, or an unseen exception."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    unseen: list[dict[str, Any]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: unseen.append(context))
        before, threads = open_sockets(), threading.enumerate()
        async with asyncio.timeout(DEADLINE):
            await pyfuncitem.obj(**arguments)
        while any(task.get_coro().__name__ == "_accept_connection2" for task in asyncio.all_tasks()):
            await asyncio.sleep(0.01)  # a TLS handshake with a server of the test's that the client has refused
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task is left over"
        end = loop.time() + LAST_BREATH
        for _ in range(3):  # a transport that is closed lets go of its socket in the next iteration
            await asyncio.sleep(0)
        if not open_sockets() <= before:
            gc.collect()  # urllib3 closes its sockets then, without a word; any other gives a ResourceWarning
        assert open_sockets() <= before, "a socket is left over"
        while left := {thread for thread in threading.enumerate() if thread not in threads and not is_asyncio(thread)}:
            # One that has done its last work is not over yet; if it does not end, the limit of the test is reached.
            await asyncio.sleep(0.01)
            assert loop.time() < end, f"a thread is left over: {left}"

    asyncio.run(run())
    gc.collect()
    assert not unseen
    return True


def is_asyncio(thread: threading.Thread) -> bool:
    """Tell whether a thread belongs to the event loop, which looks up names in threads that end with it."""
    return thread.name.startswith("asyncio_")


def open_sockets() -> set[str]:
    """Returns the sockets of this process."""
    links = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            link = str(entry.readlink())
        except OSError:
            continue
        if link.startswith("socket:"):
            links.add(link)
    return links


@pytest.fixture(scope="session")
def node_packages() -> None:
    """Install what package-lock.json names, once; skip where there is no Node or no network to install from."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        if (FOLDER / "node_modules" / ".package-lock.json").exists():
            return
        installed = subprocess.run(["npm", "ci"], cwd=FOLDER, capture_output=True, text=True, timeout=100)
        if installed.returncode != 0:
            pytest.skip(f"npm ci failed: {installed.stderr[-500:]}")


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of each kind, shared by the tests."""
    if request.param.startswith("socket.io"):
        request.getfixturevalue("node_packages")
    server = Server(request.param)
    yield server
    server.kill()


@pytest.fixture
def start_server() -> Iterator[Callable[[], Server]]:
    """A function that starts a server for one test alone."""
    yield from starting("python")


@pytest.fixture(params=KINDS)
def start_any_server(request: pytest.FixtureRequest) -> Iterator[Callable[[], Server]]:
    """A function that starts a server for one test alone; one of each kind."""
    if request.param.startswith("socket.io"):
        request.getfixturevalue("node_packages")
    yield from starting(request.param)


def starting(kind: str) -> Iterator[Callable[[], Server]]:
    """Gives a function that starts a server, and stops what it has started."""
    servers: list[Server] = []

    def start() -> Server:
        servers.append(Server(kind))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 that it has signed itself, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "certificate"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    path = folder / "both"
    path.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return path


@pytest.fixture(params=TRANSPORTS)
def transports(request: pytest.FixtureRequest) -> list[str]:
    """How the client connects: by polling alone, by WebSocket alone, or by the one and then the other."""
    return TRANSPORTS[request.param]


@pytest.fixture(params=[Asyncio, Threads], ids=lambda colour: colour.name)
def colour(request: pytest.FixtureRequest) -> Colour:
    """The clients: for asyncio, or for threads."""
    return request.param
