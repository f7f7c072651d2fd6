"""The lifespan of an application: in front of it, below it, and where it fails."""

from __future__ import annotations

import json

import pytest
import requests
from serving import DEADLINE

from .caller import Caller
from .conftest import Start


@pytest.mark.parametrize("way", ["embedded", "hypercorn"])
def test_quart_in_both_nestings(way: str, start_server: Start) -> None:
    """Its own functions run, and the clients of each server, in front of it and inside, hear of the end."""
    # Under hypercorn, which ends the connections itself before the lifespan, the reason is its own.
    expected = {"reason": "server disconnect"} if way == "embedded" else {}
    server = start_server(f"quart/{way}")
    server.reports.take(type="start")
    with Caller(server.url) as front, Caller(server.url, "/inside", "polling") as inside:
        server.process.terminate()
        for caller, label in ((front, "front"), (inside, "middleware")):
            caller.left.get(timeout=DEADLINE)
            server.reports.take(type="disconnect", label=label, **expected)
        server.reports.take(type="stop")
    assert server.process.wait(DEADLINE) == 0


def test_django_has_none(start_server: Start) -> None:
    """The server in front of it sees to it itself, also under an ASGI server that knows nothing of ours."""
    server = start_server("django/uvicorn")
    with requests.Session() as session:
        url = server.url + "/socket.io/"
        session.params = {"EIO": "4", "transport": "polling"}
        session.params["sid"] = json.loads(session.get(url, timeout=DEADLINE).text[1:])["sid"]
        session.post(url, "40", timeout=DEADLINE)
        assert session.get(url, timeout=DEADLINE).text.startswith("40{")
    server.process.terminate()
    server.reports.take(type="disconnect", label="front", reason="server disconnect")


def test_functions_below_a_dispatcher(start_server: Start) -> None:
    """They are not called, and that is said."""
    server = start_server("django_router/embedded")
    for _ in range(2):
        with Caller(server.url) as caller:
            assert caller.call("echo", 1) == 1
    assert server.terminate() == 0
    server.close()
    assert server.errors.count("on_startup and on_shutdown are not called") == 1
    assert server.reports.take_all(type="start") == []


@pytest.mark.parametrize("where", ["application", "function"])
@pytest.mark.parametrize("way", ["embedded", "uvicorn", "hypercorn"])
def test_a_start_that_fails(way: str, where: str, start_server: Start) -> None:
    """The program ends, and says why."""
    with pytest.raises(AssertionError, match=r"did not start(.|\n)*no database at startup"):
        start_server(f"failing:startup:{where}/{way}")


@pytest.mark.parametrize("where", ["application", "function"])
def test_an_end_that_fails(where: str, start_server: Start) -> None:
    server = start_server(f"failing:shutdown:{where}/embedded")
    with Caller(server.url) as caller:
        server.process.terminate()
        caller.left.get(timeout=DEADLINE)
        server.reports.take(type="disconnect", label="failing", reason="server disconnect")
    server.process.wait(DEADLINE)
    server.close()
    assert "no database at shutdown" in server.errors
