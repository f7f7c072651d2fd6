"""Wherever a server is mounted, and whatever is around it, clients reach it, and their WebSockets are taken over."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from js_client import Clients, Driver
from serving import DEADLINE

from .caller import TRANSPORTS, Caller
from .conftest import Start


@dataclass(frozen=True)
class Place:
    """Where a server is.

    Attributes:
        server: The application and the way it is served.
        path: The path that clients use.
        label: Which server that is.
        mount: What the handlers learn of the mount, as `SCRIPT_NAME`.
        below: And of the path below it, as `PATH_INFO`.
    """

    server: str
    path: str
    label: str
    mount: str = ""
    below: str = "/socket.io/"

    def __str__(self) -> str:
        return f"{self.server}{self.path}"

    @property
    def link(self) -> str:
        """The kind of link that a WebSocket gets."""
        return "MessageLink" if self.server.endswith(("uvicorn", "hypercorn")) else "TakenOver"


STARLETTE = [
    Place("starlette/embedded", "/default/socket.io", "default", "/default"),
    Place("starlette/embedded", "/whole", "whole", "/whole", "/"),
    Place("starlette/embedded", "/with-prefix/socket.io", "with-prefix", "/with-prefix"),
    Place("starlette/embedded", "/named/live/io", "named", "/named", "/live/io/"),
    Place("starlette/embedded", "/deep/er/socket.io", "deep", "/deep/er"),
    Place("starlette/embedded", "/socket.io", "same", "/socket.io", "/"),
    Place("starlette/prefixed", "/socket.io", "same", "/api/socket.io", "/"),
    Place("starlette/embedded", "/routed", "routed", "", "/routed/"),
]
PLAIN = [
    Place("starlette/uvicorn", "/default/socket.io", "default", "/default"),
    Place("starlette/hypercorn", "/deep/er/socket.io", "deep", "/deep/er"),
]
OTHERS = [
    Place("fastapi/embedded", "/socket.io", "root"),
    Place("fastapi/embedded", "/ws/socket.io", "below", "/ws"),
    Place("fastapi/prefixed", "/socket.io", "root", "/api"),
    Place("fastapi/prefixed", "/ws/socket.io", "below", "/api/ws"),
    Place("fastapi_root_path/embedded", "/socket.io", "root", "/api"),
    Place("fastapi_root_path/embedded", "/ws/socket.io", "below", "/api/ws"),
    Place("litestar/embedded", "/ws/socket.io", "mounted"),
    Place("litestar/embedded", "/socket.io", "front"),
    Place("quart/embedded", "/socket.io", "front"),
    Place("quart/hypercorn", "/inside", "middleware", "", "/inside/"),
    Place("django/embedded", "/socket.io", "front"),
    Place("django_router/embedded", "/socket.io", "dispatched"),
]


@pytest.mark.parametrize("how", TRANSPORTS)
@pytest.mark.parametrize("place", STARLETTE + PLAIN + OTHERS, ids=str)
def test_clients_reach_the_server(place: Place, how: str, get_server: Start) -> None:
    server = get_server(place.server)
    with Caller(server.url, place.path, how) as caller:
        link = "PollingLink" if how == "polling" else place.link
        assert caller.call("who") == {"label": place.label, "link": link, "path": [place.mount, place.below]}
        arguments = ("text " * 20_000, bytes(range(256)) * 400, [1, None])
        assert caller.call("echo", *arguments) == arguments
        caller.client.emit("to_all", "hello")
        assert caller.told.get(timeout=DEADLINE) == [place.label, "hello"]
        sid = caller.client.get_sid()
    assert server.reports.take(type="disconnect", sid=sid)["label"] == place.label


@pytest.mark.parametrize(
    "place", [STARLETTE[0], OTHERS[3], *(place for place in OTHERS if place.server[0] in "lqd")], ids=str
)
def test_the_official_client_reaches_the_server(place: Place, driver: Driver, get_server: Start) -> None:
    clients = Clients(driver, get_server(place.server), "upgrade")
    socket = clients.connect(path=place.path + "/")
    assert socket.call("who")[0]["link"] == place.link
    assert socket.call("echo", b"bytes", {"a": [1]}) == [b"bytes", {"a": [1]}]
    socket.emit("to_all", "hello")
    assert socket.receive("told") == [[place.label, "hello"]]
    clients.close()
