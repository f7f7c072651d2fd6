"""Options of a server, and what it tells its clients at the handshake."""

from __future__ import annotations

import inspect
import json
import re
import warnings
from typing import Any

import pytest

from engineio import AsyncServer
from engineio.base_server import BaseServer, option_names
from engineio.cookies import CookieTemplate
from engineio.interfaces import reason
from engineio.request import Request

from .fakes import FakeHost, new_socket, polling_socket, websocket_socket


def handshake(server: AsyncServer, make: Any = polling_socket) -> dict[str, Any]:
    """The content of the open packet for a new connection."""
    socket, _ = make(FakeHost())
    text = server.handshake(socket).text
    assert text is not None
    assert text[:1] == b"0"
    content: dict[str, Any] = json.loads(text[1:])
    return content


# api-contract A.4
CONTRACT = {
    "async_mode": None,
    "ping_interval": 25,
    "ping_timeout": 20,
    "max_http_buffer_size": 1_000_000,
    "allow_upgrades": True,
    "http_compression": True,
    "compression_threshold": 1024,
    "cookie": None,
    "cors_allowed_origins": None,
    "cors_credentials": True,
    "logger": False,
    "json": None,
    "async_handlers": True,
    "monitor_clients": None,
    "transports": None,
}


def test_the_options_and_their_order() -> None:
    parameters = list(inspect.signature(BaseServer).parameters.values())
    positional = {item.name: item.default for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD}
    assert list(positional.items()) == list(CONTRACT.items())


def test_the_defaults() -> None:
    server = AsyncServer()
    assert (server.ping_interval, server.ping_interval_grace_period, server.ping_timeout) == (25, 0, 20)
    assert server.monitor_clients is True
    assert server.transports == ["polling", "websocket"]
    assert server.async_mode in server.async_modes()
    assert server.sockets == {}
    assert server.handlers == {}
    assert server.sequence_number == 0
    assert server.event_names == ["connect", "disconnect", "message"]
    assert server.compression_methods == ["gzip", "deflate"]
    assert server.valid_transports == ["polling", "websocket"]
    assert AsyncServer.reason is reason
    assert not AsyncServer(monitor_clients=False).monitor_clients
    assert AsyncServer(None, 10, 5).ping_interval == 10


@pytest.mark.parametrize(
    ("options", "allow_eio3", "jsonp"),
    [
        ({}, False, False),
        ({"allow_eio3": True}, True, True),
        ({"allowEIO3": True}, True, True),
        ({"allow_eio3": True, "jsonp": False}, True, False),
        ({"jsonp": True}, False, True),
    ],
)
def test_old_clients_are_an_option(options: dict[str, bool], allow_eio3: bool, jsonp: bool) -> None:
    server = AsyncServer(**options)
    assert (server.allow_eio3, server.jsonp) == (allow_eio3, jsonp)


def test_an_unknown_option_warns_where_it_was_written() -> None:
    with pytest.warns(UserWarning, match=r"'ping_timout'.*'ping_timeout'") as caught:
        server = AsyncServer(ping_timout=5)
    assert [warning.filename for warning in caught] == [__file__]
    assert server.ping_timeout == 20


def test_every_unknown_option_warns() -> None:
    with pytest.warns(UserWarning) as caught:
        AsyncServer(message_queue=None, max_inflight=1, zzz=1)
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == 3
    assert "'max_in_flight'" in messages[1]
    assert "did you mean" not in messages[2]


def test_known_options_do_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AsyncServer(**CONTRACT)
        AsyncServer(upgrade_timeout=1, max_send_queue=1, body_timeout=1)


def test_the_names_of_all_options() -> None:
    class Mine(AsyncServer):
        def __init__(self, *others: Any, mine: int = 0, **options: Any) -> None:
            super().__init__(*others, **options)

    names = option_names(Mine)
    assert {"mine", "ping_interval", "max_in_flight"} <= set(names)
    assert not {"self", "args", "kwargs", "others", "options", "unknown"} & set(names)


@pytest.mark.parametrize("mode", ["", "threading", "eventlet", "nonsense"])
def test_an_async_mode_that_it_does_not_have(mode: str) -> None:
    with pytest.raises(ValueError, match="Invalid async_mode specified"):
        AsyncServer(async_mode=mode)


def test_transports_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="No valid transports provided"):
        AsyncServer(transports=["carrier pigeon"])
    assert AsyncServer(transports="websocket").transports == ["websocket"]


# The handshake


def test_the_handshake() -> None:
    # Suite: "have.all.keys", and integers in milliseconds.
    assert handshake(AsyncServer()) == {
        "sid": "sid",
        "upgrades": ["websocket"],
        "pingInterval": 25000,
        "pingTimeout": 20000,
        "maxPayload": 1_000_000,
    }


@pytest.mark.parametrize(
    ("interval", "advertised"), [(0.3, 300), (25, 25000), ((10, 5), 15000), ([0.3, 0.05], 350), (1.0015, 1002)]
)
def test_the_ping_interval_that_the_client_is_told(interval: Any, advertised: int) -> None:
    server = AsyncServer(ping_interval=interval, ping_timeout=0.2)
    content = handshake(server)
    assert (content["pingInterval"], content["pingTimeout"]) == (advertised, 200)
    assert isinstance(content["pingInterval"], int)
    # The grace period is only told: pings go out as ever.
    assert server.ping_interval == (interval if isinstance(interval, float | int) else interval[0])


def test_intervals_assigned_after_construction() -> None:
    server = AsyncServer()
    server.ping_interval, server.ping_timeout = 4, 2.5
    content = handshake(server)
    assert (content["pingInterval"], content["pingTimeout"]) == (4000, 2500)
    assert 2 <= server.first_ping() <= 4


def test_upgrades_that_are_on_offer() -> None:
    assert handshake(AsyncServer(), websocket_socket)["upgrades"] == []
    assert handshake(AsyncServer(allow_upgrades=False))["upgrades"] == []
    assert handshake(AsyncServer(transports="polling"))["upgrades"] == []
    assert handshake(AsyncServer(max_http_buffer_size=5000))["maxPayload"] == 5000


def test_the_first_ping_is_never_late() -> None:
    server = AsyncServer(ping_interval=10)
    delays = [server.first_ping() for _ in range(500)]
    assert min(delays) >= 5
    assert max(delays) <= 10
    assert max(delays) - min(delays) > 2, "clients that came together are spread"


# Sids


def test_generate_id() -> None:
    server, other = AsyncServer(), AsyncServer()
    sids = {generator.generate_id() for generator in (server, other) for _ in range(5000)}
    assert len(sids) == 10_000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{20}", sid) for sid in sids)
    server.sequence_number = 0xFFFFFF
    assert len(server.generate_id()) == 20


# Options assigned after construction


def test_a_cookie_assigned_after_construction() -> None:
    server = AsyncServer(cookie="first")
    assert server.cookie == "first"
    server.cookie = {"name": "second", "HttpOnly": True}
    assert server.cookie == {"name": "second", "HttpOnly": True}
    assert CookieTemplate(server.cookie).header("x") == "second=x; HttpOnly"
    with pytest.raises(ValueError, match="cookie"):
        server.cookie = "not\na name"
    assert server.cookie == {"name": "second", "HttpOnly": True}


def request_from(origin: bytes) -> Request:
    headers = [(b"host", b"example.test"), (b"origin", origin)]
    return Request("GET", "/engine.io/", "", headers, "http", None)


def test_origins_assigned_after_construction() -> None:
    server = AsyncServer()

    def allowed(origin: bytes) -> bool:
        return server.cors.allows(request_from(origin), dict)

    assert allowed(b"http://example.test")
    assert not allowed(b"http://other.test")
    server.cors_allowed_origins = ["http://other.test"]
    assert server.cors_allowed_origins == ["http://other.test"]
    assert allowed(b"http://other.test")
    assert not allowed(b"http://example.test")
    server.cors_allowed_origins = "*"
    assert allowed(b"http://any.test")


# Handlers


def test_on() -> None:
    server = AsyncServer()

    @server.on("connect")
    def connect(sid: str, environ: dict[str, Any]) -> None:
        """Registered by the decorator."""

    def message(sid: str, data: str) -> None:
        """Registered by the call."""

    assert server.on("message", message) is message
    assert server.handlers == {"connect": connect, "message": message}
    server.on("message", connect)
    assert server.handlers["message"] is connect


@pytest.mark.parametrize("event", ["", "open", "Connect", "error"])
def test_an_event_that_does_not_exist(event: str) -> None:
    with pytest.raises(ValueError, match="Invalid event"):
        AsyncServer().on(event, print)
    with pytest.raises(ValueError, match="Invalid event"):
        AsyncServer().on(event)


def test_the_transport_of_a_connection() -> None:
    server = AsyncServer()
    host = FakeHost()
    server.sockets["sid"] = new_socket(host, polling_socket(host)[1])
    assert server.transport("sid") == "polling"
    with pytest.raises(KeyError):
        server.transport("other")
