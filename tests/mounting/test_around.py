"""What the application around a server does reaches it, and what both could do is done once."""

from __future__ import annotations

import gzip
import json

import pytest
import requests
from serving import DEADLINE

import socketio

from .caller import TRANSPORTS, Caller
from .conftest import Start

ORIGIN = "https://example.com"
HANDSHAKE = {"EIO": "4", "transport": "polling"}
MOUNTED = [("starlette/embedded", "/default/socket.io/"), ("litestar/embedded", "/ws/socket.io/")]


@pytest.mark.parametrize(("name", "path"), MOUNTED)
def test_cors_is_the_middlewares(name: str, path: str, get_server: Start) -> None:
    """With `cors_allowed_origins=[]`."""
    url = get_server(name).url + path
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    with requests.options(url, headers={"Origin": ORIGIN, **asks}, timeout=DEADLINE) as preflight:
        assert preflight.ok
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
    with requests.get(url, HANDSHAKE, headers={"Origin": ORIGIN}, timeout=DEADLINE) as answer:
        assert answer.text.startswith("0{")
        assert answer.headers["access-control-allow-origin"] == ORIGIN  # ("a, a" if it were there twice)
        assert answer.headers["access-control-allow-credentials"] == "true"
    with requests.get(url, HANDSHAKE, headers={"Origin": "https://evil.example"}, timeout=DEADLINE) as answer:
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("name", "path"), MOUNTED)
def test_an_answer_is_compressed_once(name: str, path: str, get_server: Start) -> None:
    url = get_server(name).url + path
    with requests.Session() as session:
        handshake = session.get(url, params=HANDSHAKE, timeout=DEADLINE)
        session.params = HANDSHAKE | {"sid": json.loads(handshake.text[1:])["sid"]}
        for packets in ("40", "420" + json.dumps(["echo", "text " * 1000])):
            assert session.post(url, packets, timeout=DEADLINE).text == "ok"
            with session.get(url, stream=True, headers={"Accept-Encoding": "gzip"}, timeout=DEADLINE) as answer:
                body = answer.raw.read()
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(body).decode() == "430" + json.dumps(["text " * 1000], separators=(",", ":"))


@pytest.mark.parametrize("path", ["/default/socket.io/", "/deep/er/socket.io/"])
def test_a_client_that_goes_while_its_poll_waits(path: str, get_server: Start) -> None:
    """Middlewares may pass on late, or in other words, that a client has gone; a session without a poll ends all the
    same."""
    server = get_server("starlette/embedded")
    with requests.Session() as session:
        session.params = HANDSHAKE.copy()
        session.params["sid"] = json.loads(session.get(server.url + path, timeout=DEADLINE).text[1:])["sid"]
        session.post(server.url + path, "40", timeout=DEADLINE)
        sid = json.loads(session.get(server.url + path, timeout=DEADLINE).text[2:])["sid"]
        with pytest.raises(requests.ReadTimeout):
            session.get(server.url + path, timeout=0.2)
    server.reports.take(type="disconnect", sid=sid, reason="transport close")


def test_a_middleware_of_pure_asgi_sees_the_answers(get_server: Start) -> None:
    url = get_server("starlette/embedded").url + "/default/socket.io/"
    with requests.get(url, HANDSHAKE, timeout=DEADLINE) as answer:
        assert answer.headers["x-passed-through"] == "yes"


@pytest.mark.parametrize("how", TRANSPORTS)
def test_a_middleware_refuses(how: str, get_server: Start) -> None:
    url = get_server("starlette/embedded").url
    with pytest.raises(socketio.exceptions.ConnectionError):
        Caller(url, "/default/socket.io", how, headers={"X-User": "mallory"})


@pytest.mark.parametrize("how", TRANSPORTS)
@pytest.mark.parametrize(
    ("name", "path", "state", "user"),
    [
        ("starlette/embedded", "/default/socket.io", "of the lifespan", "ada"),
        ("starlette/uvicorn", "/deep/er/socket.io", "of the lifespan", "ada"),
        ("fastapi/embedded", "/ws/socket.io", "of the lifespan", None),
        ("fastapi_behind/embedded", "/socket.io", "of the lifespan", None),
        ("litestar/embedded", "/ws/socket.io", None, None),
    ],
)
def test_handlers_see_the_state_of_the_application(
    name: str, path: str, state: str | None, user: str | None, how: str, get_server: Start
) -> None:
    """`app.state`, what the lifespan has yielded, and what a middleware knows of the user."""
    with Caller(get_server(name).url, path, how, headers={"X-User": "ada"}) as caller:
        application = None if name.startswith("fastapi_behind") else f"of the {'inner ' * ('deep' in path)}application"
        assert caller.call("state") == {"app.state": application, "state": state, "user": user}


@pytest.mark.parametrize(
    ("name", "text"),
    [("fastapi/embedded", '"FastAPI"'), ("litestar/embedded", "Litestar"), ("quart/embedded", "Quart")],
)
def test_the_applications_own_routes_go_on(name: str, text: str, get_server: Start) -> None:
    with requests.get(get_server(name).url + "/hello", timeout=DEADLINE) as answer:
        assert (answer.status_code, answer.text) == (200, text)
