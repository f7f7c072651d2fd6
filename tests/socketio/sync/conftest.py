"""Fixtures of the tests of what is for threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import clients


@pytest.fixture(autouse=True)
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After each test the servers are ended that have had clients."""
    monkeypatch.setattr("engineio.sync.server.LINGER", 0.02)
    clients.OPENED.clear()
    yield
    for server in list(clients.OPENED):
        clients.end(server)
