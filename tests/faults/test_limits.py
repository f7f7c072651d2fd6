"""The default limits, as the documentation lists them, and the options that set them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import SHORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Client
    from .servers import Server

DEFAULTS: dict[str, Any] = {
    "max_http_buffer_size": 1_000_000,
    "ping_interval": 25,
    "ping_timeout": 20,
    "connect_timeout": 45,
    "upgrade_timeout": 10,
    "max_attachments": 10,
    "attachments_timeout": 30,
    "max_namespaces": 100,
    "max_in_flight": 64,
    "max_send_queue": 16 * 1024 * 1024,
    "send_stall_timeout": 30,
    "ws_close_timeout": 5,
    "max_pending_pongs": 60,
}


def find(server: Any, name: str) -> Any:
    """Return the limit `name` of a server, from it or from its Engine.IO server."""
    for holder in (server, server.eio):
        for attribute in (name, f"_{name}"):
            if hasattr(holder, attribute):
                return getattr(holder, attribute)
    raise AssertionError(f"neither the server nor its eio has {name}")


@pytest.mark.parametrize("name", DEFAULTS)
def test_default(name: str) -> None:
    import socketio

    assert find(socketio.AsyncServer(async_mode="asgi"), name) == DEFAULTS[name]


@pytest.mark.parametrize("name", DEFAULTS)
def test_option(name: str) -> None:
    import socketio

    value = SHORT.get(name, 4321)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        server = socketio.AsyncServer(async_mode="asgi", **{name: value})
    assert find(server, name) == value


def test_defaults_on_the_wire(transport: str, joined: Callable[..., Client], server: Server) -> None:
    handshake = joined(transport).peer.handshake
    assert {k: v for k, v in handshake.items() if k not in ("sid", "upgrades")} == {
        "pingInterval": 25_000,
        "pingTimeout": 20_000,
        "maxPayload": 1_000_000,
    }
    assert handshake["upgrades"] == (["websocket"] if transport == "polling" else [])
