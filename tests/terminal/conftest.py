"""Fixtures of the tests of `connect` and `emit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .processes import Server, Talk


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that the tests share, and that none of them ends."""
    server = Server()
    yield server
    server.kill()


@pytest.fixture
def url(server: Server) -> str:
    return server.url


@pytest.fixture
def start_server() -> Iterator[Callable[..., Server]]:
    """A function that starts a server for one test alone."""
    servers: list[Server] = []

    def start(*arguments: str) -> Server:
        servers.append(Server(*arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def talk() -> Iterator[Callable[..., Talk]]:
    """A function that starts a command that goes on."""
    talks: list[Talk] = []

    def start(*arguments: str) -> Talk:
        talks.append(Talk(*arguments))
        return talks[-1]

    yield start
    for one in talks:
        one.kill()
