"""Fixtures of the tests of mounting: server processes by name, and clients of both kinds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER.parent / "interop"), str(FOLDER.parent / "scenarios")]
pytest.register_assert_rewrite("js_client", "serving")

from serving import ServerProcess  # noqa: E402

from ..interop.conftest import driver, node_packages  # noqa: E402, F401

Start = Callable[[str], ServerProcess]


def start(way: str) -> ServerProcess:
    """Starts an application of this folder: `APPLICATION/WAY`, see `serve.py`."""
    return ServerProcess(FOLDER / "serve.py", way)


@pytest.fixture(scope="module")
def get_server() -> Iterator[Start]:
    """A function that returns the server of a name, which is started when the first test needs it."""
    servers: dict[str, ServerProcess] = {}

    def get(way: str) -> ServerProcess:
        if way not in servers:
            servers[way] = start(way)
        return servers[way]

    yield get
    for server in servers.values():
        server.close()


@pytest.fixture
def start_server() -> Iterator[Start]:
    """A function that starts a server for one test alone."""
    servers: list[ServerProcess] = []

    def start_one(way: str) -> ServerProcess:
        servers.append(start(way))
        return servers[-1]

    yield start_one
    for server in servers:
        server.close()
