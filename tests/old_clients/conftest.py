"""Fixtures of the tests of old versions. A test that is a coroutine function is run on an event loop of its own."""

from __future__ import annotations

import asyncio
import fcntl
import inspect
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), *(str(FOLDER.parent / name) for name in ("scenarios", "interop", "clients"))]
pytest.register_assert_rewrite("js_client", "serving")

from colours import Asyncio, Colour, Threads  # noqa: E402
from js_client import TRANSPORTS, Clients, Driver  # noqa: E402
from node import VERSIONS, NodeServer  # noqa: E402
from serving import ServerProcess  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 60.0
"""After how long a test that waits for something is stopped, in seconds."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine function; it fails if it leaves a task over."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def run() -> None:
        async with asyncio.timeout(LIMIT):
            await pyfuncitem.obj(**arguments)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task is left over"

    asyncio.run(run())
    return True


@pytest.fixture(scope="session")
def node_packages() -> None:
    """Install what package-lock.json names, once; skip where there is no Node or no network to install from."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        # npm writes this file last, so that a folder left by an interrupted installation does not count.
        if (FOLDER / "node_modules" / ".package-lock.json").exists():
            return
        installed = subprocess.run(["npm", "ci"], cwd=FOLDER, capture_output=True, text=True, timeout=100)
        if installed.returncode != 0:
            pytest.skip(f"npm ci failed: {installed.stderr[-500:]}")


@pytest.fixture(scope="session")
def node_servers(node_packages: None) -> Iterator[Callable[[str], NodeServer]]:
    """A function that returns the official server of a version, the same one each time."""
    servers: dict[str, NodeServer] = {}

    def get(version: str) -> NodeServer:
        if version not in servers:
            servers[version] = NodeServer(version)
        return servers[version]

    yield get
    for server in servers.values():
        server.close()


@pytest.fixture(params=VERSIONS)
def node_server(request: pytest.FixtureRequest, node_servers: Callable[[str], NodeServer]) -> NodeServer:
    """The official server of each version."""
    server = node_servers(request.param)
    server.reports.take_all()
    return server


@pytest.fixture
def start_node_server(node_packages: None) -> Iterator[Callable[..., NodeServer]]:
    """A function that starts an official server for one test alone: `start(version, port, *arguments)`."""
    servers: list[NodeServer] = []

    def start(version: str, port: int | None = None, *arguments: str) -> NodeServer:
        servers.append(NodeServer(version, port, *arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(params=[Asyncio, Threads], ids=lambda colour: colour.name)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Our clients: for asyncio, or for threads."""
    return request.param


@pytest.fixture(params=TRANSPORTS)
def how(request: pytest.FixtureRequest) -> str:
    """How the client connects: by polling alone, by WebSocket alone, or by the one and then the other."""
    name: str = request.param
    return name


@pytest.fixture(scope="session", params=["embedded", "werkzeug"])
def server(request: pytest.FixtureRequest, node_packages: None) -> Iterator[ServerProcess]:
    """Our server, for asyncio and for threads, shared by the tests."""
    program = FOLDER / ("server_app.py" if request.param == "embedded" else "sync_app.py")
    server = ServerProcess(program, request.param)
    yield server
    server.close()


@pytest.fixture(scope="session")
def drivers(node_packages: None) -> Iterator[Callable[[str], Driver]]:
    """A function that returns the Node process with the official client of a version, the same one each time."""
    started: dict[str, Driver] = {}

    def get(version: str) -> Driver:
        if version not in started:
            started[version] = Driver(FOLDER / "driver.cjs", f"socket.io-client-{version}")
        return started[version]

    yield get
    for driver in started.values():
        driver.close()


@pytest.fixture
def open_clients(drivers: Callable[[str], Driver], server: ServerProcess) -> Iterator[Callable[[str, str], Clients]]:
    """A function that gives the official clients of a version that connect in a certain way: `open(version, how)`."""
    opened: list[Clients] = []
    server.reports.take_all()

    def get(version: str, how: str) -> Clients:
        opened.append(Clients(drivers(version), server, how))
        return opened[-1]

    yield get
    for clients in opened:
        clients.close()


@pytest.fixture
def start_new_server() -> Iterator[Callable[[str], ServerProcess]]:
    """A function that starts our server as it is without options, that of the interop suite: `start(way)`."""
    servers: list[ServerProcess] = []

    def start(way: str) -> ServerProcess:
        program = "server_app.py" if way == "embedded" else "sync_app.py"
        servers.append(ServerProcess(FOLDER.parent / "interop" / program, way))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
