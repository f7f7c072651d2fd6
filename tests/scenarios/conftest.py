"""Fixtures of the scenario suite: the server program served every way, and clients of it.

A test that is a coroutine function is run on an event loop of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER)]
pytest.register_assert_rewrite("old_client", "protocol_client", "serving")

from limits import LIMITS  # noqa: E402
from protocol_client import ProtocolClient  # noqa: E402
from serving import ServerProcess  # noqa: E402
from ways import ASGI_WAYS, ATTACHED_WAYS, MORE_ASGI_WAYS, WAYS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAMS = {way: FOLDER / ("server_app.py" if way in ASGI_WAYS else "sync_app.py") for way in WAYS}
PROGRAMS |= dict.fromkeys(MORE_ASGI_WAYS, FOLDER / "server_app.py")
PROGRAMS |= dict.fromkeys(ATTACHED_WAYS, FOLDER / "attached_app.py")

TEST_DEADLINE = 45.0
"""After how long a test that waits for something is stopped, in seconds."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function on an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def run() -> None:
        async with asyncio.timeout(TEST_DEADLINE):
            await pyfuncitem.obj(**arguments)

    asyncio.run(run())
    return True


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of the tests that run all ways."""
    config.addinivalue_line("markers", "binding: concerns what a binding does itself: is run over each of them")
    config.addinivalue_line("markers", "ways(names): is run over these alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Serve a test each way that it has something to say about.

    The core is the same whatever brings the requests. Over the frameworks that share all of their waiting with a way
    that runs everything, only those tests are repeated that would notice a mistake in their binding.
    """
    if "server" in metafunc.fixturenames:
        is_of_bindings = metafunc.definition.get_closest_marker("binding") is not None
        chosen = metafunc.definition.get_closest_marker("ways")
        fixture, ways = "server", WAYS + MORE_ASGI_WAYS + ATTACHED_WAYS if is_of_bindings else WAYS
        ways = chosen.args if chosen is not None else ways
    elif "own_server" in metafunc.fixturenames:
        # WSGI knows nothing of a start and an end, which are those of the program.
        fixture, ways = "own_server", ASGI_WAYS + MORE_ASGI_WAYS + ATTACHED_WAYS
    else:
        return
    limits = [LIMITS.get(way, {}).get(metafunc.function.__name__) for way in ways]
    params = [
        pytest.param(way, marks=[] if limit is None else [pytest.mark.skip(limit)])
        for way, limit in zip(ways, limits, strict=True)
    ]
    metafunc.parametrize(fixture, params, indirect=True, scope="session" if fixture == "server" else "function")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """The server program, shared by the tests, served each way."""
    server = ServerProcess(PROGRAMS[request.param], request.param)
    yield server
    server.close()


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A server that a test may stop."""
    own = ServerProcess(PROGRAMS[request.param], request.param)
    yield own
    own.close()


@pytest.fixture
def client(server: ServerProcess) -> Callable[[str], ProtocolClient]:
    """A function that makes a client of the server at a path: `client("calm")`."""
    return lambda path: ProtocolClient(server.url, f"/{path.strip('/')}/")
