"""WSGI: what becomes of an environ, of an answer, and of the handshake of a WebSocket."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from typing import Any

import pytest

import engineio
from engineio.bindings.wsgi import find_socket, read_request, respond
from engineio.request import Response
from engineio.websocket import CLOSE

from ..wsgi_calls import KEY, QUERY, UPGRADE, WebSocket, call, connect, get, make_environ, serving

# Requests


def test_a_request() -> None:
    environ = make_environ("/engine.io/", "EIO=4&transport=polling", "POST", CONTENT_TYPE="text/plain")
    environ |= {"CONTENT_LENGTH": "7", "HTTP_X_FORWARDED_PROTO": "https", "HTTP_COOKIE": "a=\xe9"}
    request = read_request(environ)
    assert (request.method, request.path, request.query_string) == ("POST", "/engine.io/", "EIO=4&transport=polling")
    assert (request.scheme, request.client) == ("http", ("192.0.2.7", 4321))
    names = (b"content-type", b"content-length", b"x-forwarded-proto", b"cookie", b"host", b"origin")
    assert [request.header(name) for name in names] == ["text/plain", "7", "https", "a=\xe9", "example.test", None]


@pytest.mark.parametrize(
    ("values", "client"),
    [
        ({"REMOTE_ADDR": "", "REMOTE_PORT": ""}, None),
        ({"REMOTE_ADDR": "::1", "REMOTE_PORT": None}, ("::1", 0)),
        ({"REMOTE_ADDR": "::1", "REMOTE_PORT": 5}, ("::1", 5)),
        ({"REMOTE_ADDR": "x", "REMOTE_PORT": "five"}, ("x", 0)),
    ],
)
def test_the_client_of_a_request(values: dict[str, Any], client: Any) -> None:
    assert read_request(make_environ(**values)).client == client


def test_a_request_without_what_may_be_missing() -> None:
    """PEP 3333: PATH_INFO, QUERY_STRING and the CONTENT_ variables may be empty or absent."""
    request = read_request({"REQUEST_METHOD": "GET", "CONTENT_TYPE": "", "CONTENT_LENGTH": ""})
    assert (request.path, request.query_string, request.client, request.headers) == ("", "", None, [])


def test_the_environ_of_the_handlers_is_that_of_the_request() -> None:
    """behaviours: one dict per session, the same object each time, with what was put there before the WSGI call."""
    environs: list[Any] = []
    with serving() as server:
        server.on("connect", lambda sid, environ: environs.append(environ))
        environ = make_environ(query=QUERY) | {"flask.app": server}
        sid = json.loads(call(server.handle_request, environ).text[1:])["sid"]
        assert environs[0] is environ is server.sockets[sid].environ


# Answers


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 405, 408, 413, 426, 500])
def test_an_answer(status: int) -> None:
    heard: list[Any] = []
    body = respond(Response(status, [("X-A", "b")], b"body"), lambda *arguments: heard.append(arguments))
    [(line, headers)] = heard
    assert line.startswith(f"{status} ") and len(line) > 4 and list(body) == [b"body"]
    assert headers == [("X-A", "b"), ("Content-Length", "4")]


def test_refusals() -> None:
    with serving() as server:
        answer = get(server.handle_request, query="EIO=4&transport=pigeon")
        assert (answer.status, answer.json()) == (400, {"code": 0, "message": "Transport unknown"})
        assert answer.header("cache-control") == ["no-store"] and answer.header("content-type") == ["application/json"]
        answer = get(server.handle_request, query=QUERY + "&sid=nobody")
        assert (answer.status, answer.json()["message"]) == (400, "Session ID unknown")
        assert get(server.handle_request, query="EIO=4&transport=websocket").status == 400
        assert get(server.handle_request, query=QUERY, HTTP_ORIGIN="http://else.test").status == 400


def test_head() -> None:
    """RFC 9110, 9.3.2: "the server MUST NOT send content in the response"; not all of the web servers see to it."""
    with serving() as server:
        answer = get(server.handle_request, query=QUERY, method="HEAD")
        assert (answer.status, answer.body) == (400, b"") and int(answer.header("content-length")[0]) > 0


def test_cors_and_cookies_and_compression() -> None:
    with serving(cors_allowed_origins="http://a.test", cookie="io") as server:
        environ = make_environ(method="OPTIONS", HTTP_ORIGIN="http://a.test")
        answer = call(server.handle_request, environ)
        assert answer.status in (200, 204)
        assert answer.header("access-control-allow-origin") == ["http://a.test"]
        answer = get(server.handle_request, query=QUERY, HTTP_ORIGIN="http://a.test")
        sid = json.loads(answer.text[1:])["sid"]
        assert answer.header("access-control-allow-origin") == ["http://a.test"]
        assert answer.header("set-cookie") == [f"io={sid}; path=/; SameSite=Lax"]
        server.send(sid, "x" * 5000)
        query = f"{QUERY}&sid={sid}"
        answer = get(server.handle_request, query=query, HTTP_ORIGIN="http://a.test", HTTP_ACCEPT_ENCODING="gzip")
        assert answer.header("content-encoding") == ["gzip"] and len(answer.body) < 1000
        assert answer.header("content-length") == [str(len(answer.body))]


@pytest.mark.parametrize("shown", [True, False])
def test_no_upgrade_is_offered_where_there_can_be_none(shown: bool) -> None:
    own, peer = connect()
    with serving() as server:
        more: dict[str, Any] = {"werkzeug.socket": own} if shown else {}
        answer = get(server.handle_request, query=QUERY, **more)
        assert json.loads(answer.text[1:])["upgrades"] == (["websocket"] if shown else [])
    own.close()
    peer.close()


# Sockets


@pytest.mark.parametrize("name", ["werkzeug.socket", "gunicorn.socket"])
def test_where_the_socket_is(name: str) -> None:
    marker = object()
    for mode in ("threading", "gevent", "eventlet"):
        assert find_socket(mode, {name: marker}) is marker
    assert find_socket("threading", make_environ()) is None


WHERE = """
import io, types
from engineio.bindings.wsgi import find_socket
marker = object()
file = types.SimpleNamespace(raw=types.SimpleNamespace(_sock=marker))
environs = {
    "gevent": [{"wsgi.input": file}, {"wsgi.input": types.SimpleNamespace(rfile=file)}],
    "eventlet": [{"eventlet.input": types.SimpleNamespace(get_socket=lambda: marker)}],
}
assert all(find_socket(%(kind)r, environ) is marker for environ in environs[%(kind)r])
assert not any(find_socket(%(kind)r, environ) for environ in ({"wsgi.input": io.BytesIO()}, {}))
"""


@pytest.mark.parametrize("kind", ["gevent", "eventlet"])
def test_where_others_have_the_socket(kind: str) -> None:
    """In a process of its own: to import one of them changes what servers take for the mode of the program."""
    if importlib.util.find_spec(kind) is None:
        pytest.skip(f"{kind} is not installed")
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(engineio.__file__))}
    command = [sys.executable, "-W", "ignore", "-c", WHERE % {"kind": kind}]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


# WebSockets


def test_the_answer_to_a_handshake() -> None:
    with serving() as server:
        client = WebSocket(server.handle_request).accepted()
        lines = client.head.decode().split("\r\n")
        # RFC 6455, 4.2.2
        digest = hashlib.sha1(KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        assert f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}" in lines
        assert {"Upgrade: websocket", "Connection: Upgrade"} <= set(lines)
        client.receive()
        client.send(CLOSE)
        answer = client.end()
        assert (answer.status, answer.body) == (200, b"") and answer.header("connection") == ["close"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"HTTP_CONNECTION": "keep-alive"}, 400),
        ({"HTTP_SEC_WEBSOCKET_VERSION": "8"}, 426),
        ({"HTTP_SEC_WEBSOCKET_KEY": "c2hvcnQ="}, 400),
        ({"HTTP_SEC_WEBSOCKET_KEY": "!" * 24}, 400),
        ({"HTTP_SEC_WEBSOCKET_KEY": "\xe9"}, 400),
        ({"REQUEST_METHOD": "POST"}, 405),
        ({"HTTP_ORIGIN": "http://else.test"}, 403),
        ({"QUERY_STRING": "EIO=4&transport=websocket&sid=nobody"}, 400),
        ({"QUERY_STRING": "EIO=9&transport=websocket"}, 400),
    ],
)
def test_handshakes_that_are_refused(change: dict[str, Any], status: int) -> None:
    own, peer = connect()
    with serving() as server:
        environ = make_environ(query="EIO=4&transport=websocket", **UPGRADE) | {"werkzeug.socket": own} | change
        answer = call(server.handle_request, environ)
        assert answer.status == status and server.sockets == {}
        if status == 426:
            assert answer.header("sec-websocket-version") == ["13"]
    own.close()
    peer.setblocking(True)
    assert peer.recv(1) == b"", "a refusal is up to the web server"
    peer.close()


def test_a_web_server_that_shows_no_socket() -> None:
    with serving() as server:
        environ = make_environ(query="EIO=4&transport=websocket", **UPGRADE)
        assert call(server.handle_request, environ).status == 400 and server.sockets == {}


def test_a_late_upgrade_is_accepted_and_closed() -> None:
    """Suite, "ignores WebSocket connection with same sid after upgrade"."""
    with serving() as server:
        client = WebSocket(server.handle_request)
        sid = client.opened()
        late = WebSocket(server.handle_request, sid).accepted()
        assert late.receive()[0] == CLOSE
        late.send(CLOSE)
        late.end()
        assert list(server.sockets) == [sid]
        client.send(CLOSE)
        client.end()
