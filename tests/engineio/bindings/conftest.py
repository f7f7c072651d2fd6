"""Fixtures of the tests of the bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .raw_server import RawServer, Serve


@pytest.fixture
def start_server() -> Iterator[Callable[[Serve], RawServer]]:
    """A function that starts a server, which is closed after the test."""
    servers: list[RawServer] = []

    def start(serve: Serve) -> RawServer:
        servers.append(RawServer(serve))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
