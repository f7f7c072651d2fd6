"""Fixtures of the interop suite: the Node packages, the Node process, and the server served every way."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "scenarios")]
pytest.register_assert_rewrite("js_client", "serving")

from js_client import TRANSPORTS, Clients, Driver  # noqa: E402
from serving import ServerProcess  # noqa: E402
from ways import WAYS, WSGI_WAYS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def program(way: str) -> Path:
    """Return the server program for a way to serve."""
    return FOLDER / ("sync_app.py" if way in WSGI_WAYS else "server_app.py")


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
def driver(node_packages: None) -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.close()


@pytest.fixture(scope="session", params=WAYS)
def server(request: pytest.FixtureRequest, node_packages: None) -> Iterator[ServerProcess]:
    """The server program, shared by the tests, served each way."""
    server = ServerProcess(program(request.param), request.param)
    yield server
    server.close()


@pytest.fixture
def start_server(node_packages: None) -> Iterator[Callable[[str, int | None], ServerProcess]]:
    """A function that starts a server for one test alone: `start_server(way, port)`."""
    servers: list[ServerProcess] = []

    def start(way: str, port: int | None = None) -> ServerProcess:
        servers.append(ServerProcess(program(way), way, port))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(params=TRANSPORTS)
def how(request: pytest.FixtureRequest) -> str:
    """How the client connects: by polling alone, by WebSocket alone, or by the one and then the other."""
    name: str = request.param
    return name


@pytest.fixture
def clients(driver: Driver, server: ServerProcess, how: str) -> Iterator[Clients]:
    clients = Clients(driver, server, how)
    yield clients
    clients.close()
