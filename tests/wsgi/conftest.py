"""Fixtures of the tests of WSGI: the server served each way, and clients of each kind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent
sys.path[:0] = [str(FOLDER / "interop"), str(FOLDER / "scenarios")]
pytest.register_assert_rewrite("js_client", "serving", "tests.wsgi.processes")

from js_client import TRANSPORTS, Driver  # noqa: E402

from ..interop.conftest import node_packages  # noqa: E402, F401
from .peers import KINDS, Loop, Peers  # noqa: E402
from .processes import WsgiProcess, start  # noqa: E402
from .serve import WAYS  # noqa: E402


@pytest.fixture(scope="session")
def get_driver(request: pytest.FixtureRequest) -> Iterator[Callable[[], Driver]]:
    """A function that returns the Node process, which is started when the first test needs it."""
    drivers: list[Driver] = []

    def get() -> Driver:
        request.getfixturevalue("node_packages")
        if not drivers:
            drivers.append(Driver())
        return drivers[0]

    yield get
    for driver in drivers:
        driver.close()


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """The event loop of the clients of asyncio."""
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session", params=[way for way in WAYS if way != "waitress"])
def server(request: pytest.FixtureRequest) -> Iterator[WsgiProcess]:
    """The server, served each way that has WebSockets."""
    server = start(request.param)
    yield server
    server.close()


@pytest.fixture
def start_server() -> Iterator[Callable[[str], WsgiProcess]]:
    """A function that starts a server for one test alone."""
    servers: list[WsgiProcess] = []

    def start_one(way: str) -> WsgiProcess:
        servers.append(start(way))
        return servers[-1]

    yield start_one
    for server in servers:
        server.close()


@pytest.fixture(params=TRANSPORTS)
def how(request: pytest.FixtureRequest) -> str:
    """How the client connects: by polling alone, by WebSocket alone, or by the one and then the other."""
    name: str = request.param
    return name


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The client: ours for threads, ours for asyncio, or the official one."""
    name: str = request.param
    return name


@pytest.fixture
def peers(kind: str, how: str, server: WsgiProcess, get_driver: Callable[[], Driver], loop: Loop) -> Iterator[Peers]:
    """Clients of one kind, which connect in one way to the server."""
    peers = Peers(kind, how, server, get_driver, loop)
    yield peers
    peers.close()
