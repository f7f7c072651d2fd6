"""Fixtures: the servers under attack, the clients of a case, and the checks that follow every case."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from .peers import Client
from .raw_client import Http
from .servers import ATTACHED, Canary, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORT: dict[str, Any] = {
    "ping_interval": 1,
    "ping_timeout": 2,
    "connect_timeout": 1,
    "upgrade_timeout": 1,
    "max_attachments": 3,
    "attachments_timeout": 1,
    "max_namespaces": 5,
    "max_in_flight": 8,
    "max_send_queue": 256 * 1024,
    "send_stall_timeout": 1,
    "ws_close_timeout": 0.5,
    "max_pending_pongs": 60,
}
"""Limits that a test can wait for, in seconds, bytes and counts."""

BAD_LOG = ("Traceback (most recent call last)", "never retrieved", "never awaited", "Exception in callback")
"""What may not be in the log after a case that does not raise anything in the application."""


@pytest.fixture(scope="session")
def mode(request: pytest.FixtureRequest) -> str:
    """The ways to serve: `socketio.run` with the takeover, plain uvicorn through ASGI messages, and the frameworks that
    the cases with the marker `binding` are tried with as well."""
    return request.param


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Attack each server that a case has something to say about."""
    if "mode" in metafunc.fixturenames:
        is_of_bindings = metafunc.definition.get_closest_marker("binding") is not None
        modes = ["embedded", "asgi", *(ATTACHED if is_of_bindings else ())]
        metafunc.parametrize("mode", modes, indirect=True, scope="session")


@pytest.fixture(params=["websocket", "polling"])
def transport(request: pytest.FixtureRequest) -> str:
    """The transport of the offender."""
    return request.param


@dataclass
class Pair:
    """A server and its canary."""

    server: Server
    canary: Canary


def serve(mode: str, options: dict[str, Any] | None = None, kind: type[Canary] = Canary) -> Iterator[Pair]:
    """Run a server with its canary."""
    server = Server(mode, options)
    try:
        pair = Pair(server, kind(server))
        yield pair
        pair.canary.close()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def default_server(mode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A server with the default limits and a directory of static files."""
    root = tmp_path_factory.mktemp("served")
    (root / "static").mkdir()
    (root / "static" / "page.html").write_text("the page")
    (root / "secret.txt").write_text("swordfish")
    (root / "static" / "link.txt").symlink_to(root / "secret.txt")
    yield from serve(mode, {"static": str(root / "static")})


@pytest.fixture(scope="session")
def short_server(mode: str) -> Iterator[Pair]:
    """A server with the limits in `SHORT`."""
    yield from serve(mode, {"server": SHORT})


def guarded(pair: Pair, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Yield the server for one case; then check the process, the canary, the log, and that nothing is left.

    The marker `leaves_traceback` allows tracebacks in the log.
    """
    server, canary = pair.server, pair.canary
    if canary.gone is not None:
        try:
            server.process.wait(1)
        except subprocess.TimeoutExpired:
            pass
    if server.process.poll() is not None:  # some case before has ended it, and has failed for it
        server.http.close()
        server.start()
        canary.gone = "the server has ended"
    if canary.gone is not None:
        canary.close()
        canary = pair.canary = type(canary)(server)
    server.report("reset")
    server.canary = canary
    canary.heard.clear()
    baseline, log_size = server.counters(), len(server.log())
    clients: list[Any] = []
    server.clients = clients
    yield server
    for client in clients:
        client.close()
    server.report("release")
    assert server.process.poll() is None, f"the server has ended:\n{server.log()[-2000:]}"
    canary.assert_answered()
    server.settle(baseline)
    written = server.log()[log_size:]
    if not request.node.get_closest_marker("leaves_traceback"):
        found = [bad for bad in BAD_LOG if bad in written]
        assert not found, f"in the log: {found}\n{written[-3000:]}"
        lines = written.count("\n")
        assert lines <= 20, f"{lines} lines in the log:\n{written[-2000:]}"


@pytest.fixture
def server(default_server: Pair, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server with default limits, guarded for one case."""
    yield from guarded(default_server, request)


@pytest.fixture
def short(short_server: Pair, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server with short limits, guarded for one case."""
    yield from guarded(short_server, request)


@pytest.fixture
def http(server: Server) -> Http:
    """A keep-alive HTTP client."""
    client = Http(server.port)
    server.clients.append(client)
    return client


@pytest.fixture
def joined(server: Server) -> Callable[..., Client]:
    """Make a client that has joined `/`; it is closed after the case."""
    return maker(server)


@pytest.fixture
def joined_short(short: Server) -> Callable[..., Client]:
    """Make a client of the short-limits server that has joined `/`."""
    return maker(short)


def maker(server: Server) -> Callable[..., Client]:
    """Return a function that makes clients and remembers to close them."""

    def make(transport: str, *, namespace: str | None = "/", **options: Any) -> Client:
        client = Client(server.peer(transport, **options))
        server.clients.append(client)
        if namespace is not None:
            client.connect(namespace)
        return client

    return make


@pytest.fixture
def private_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """Start servers that the case itself may ruin."""
    servers: list[Server] = []

    def start(mode: str, options: dict[str, Any] | None = None, **more: Any) -> Server:
        servers.append(Server(mode, options, **more))
        servers[-1].clients = []
        return servers[-1]

    yield start
    for server in servers:
        for client in server.clients:
            client.close()
        server.stop()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "binding: concerns what a binding does itself: is run over each of them")
    config.addinivalue_line("markers", "leaves_traceback: the case makes the application raise, which is logged")
