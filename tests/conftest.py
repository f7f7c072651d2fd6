"""Settings of the whole suite, and the order of its files."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# No deadline: how long one example takes says more about the neighbours of this machine than about the code.
settings.register_profile("project", deadline=None, max_examples=100)
settings.load_profile("project")

# A shell that runs the tests in its background has them, and the programs that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = (
    "cluster/test_outages.py",
    "faults/test_timeouts.py",
    "clients/test_lifecycle.py",
    "clients/test_client.py",
    "clients/test_hostile_servers.py",
    "terminal/test_ends.py",
    "cluster/",
    "old_clients/test_our_clients.py",
    "interop/",
    "old_clients/",
    "clients/",
    "faults/",
    "wsgi/",
    "stop/",
    "demo/",
    "terminal/",
    "scenarios/",
)
"""What takes longest, first: one long file must not be what everybody waits for at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files by how long they take; the tests of a file stay in their order."""
    items.sort(
        key=lambda item: next((rank for rank, path in enumerate(LONG) if f"tests/{path}" in item.nodeid), len(LONG))
    )
