"""The handshake of a WebSocket by websocket-client: its options, and what becomes of the server's answers."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websocket

from engineio.base_client import BaseClient
from engineio.bindings.websocket_client import Handshake, Opener
from engineio.exceptions import ConnectionError

from .raw_server import LIMIT, Connection, RawServer, Serve, always, answer, opening, values

Start = Callable[[Serve], RawServer]

PLAIN = Handshake({}, None, True, None)


def opener(url: str, handshake: Handshake = PLAIN, **options: Any) -> Opener:
    return Opener(BaseClient(request_timeout=LIMIT, **options), url, handshake)


def open_at(server: RawServer, handshake: Handshake = PLAIN, **options: Any) -> socket.socket:
    return opener(server.websocket_url, handshake, **options).open()


# Options


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Returns what websocket-client is called with, in place of the call."""
    calls: list[dict[str, Any]] = []

    def create_connection(url: str, **options: Any) -> Any:
        assert url == "wss://server.example/engine.io/"
        calls.append(options)
        raise OSError("not in this test")

    def function(handshake: Handshake, **extra: Any) -> dict[str, Any]:
        with pytest.raises(ConnectionError, match="not in this test"):
            opener("wss://server.example/engine.io/", handshake, websocket_extra_options=extra).open()
        return calls.pop()

    monkeypatch.setattr(websocket, "create_connection", create_connection)
    return function


Options = Callable[..., dict[str, Any]]


def test_the_usual_options(options: Options) -> None:
    given = options(Handshake({"X-Token": "t", "Authorization": b"Basic \xe4"}, None, True, None))
    assert given["header"] == {"X-Token": "t", "Authorization": "Basic ä"}
    assert (given["timeout"], given["redirect_limit"], given["sslopt"]) == (LIMIT, 0, {})
    # Nor is one taken from the environment.
    assert given["http_no_proxy"] == ["*"]
    assert "http_proxy_host" not in given


@pytest.mark.parametrize(
    ("proxy", "kind", "host", "port", "credentials"),
    [
        ("http://proxy.example:3128", "http", "proxy.example", 3128, None),
        ("http://proxy.example", "http", "proxy.example", 80, None),
        ("proxy.example:3128", "http", "proxy.example", 3128, None),
        ("proxy.example", "http", "proxy.example", 80, None),
        ("http://[::1]:8080/", "http", "::1", 8080, None),
        ("http://me:secret@proxy.example:1", "http", "proxy.example", 1, ("me", "secret")),
        ("http://me@proxy.example:1", "http", "proxy.example", 1, ("me", "")),
        ("http://m%40e:p%3A%2F@proxy.example:1", "http", "proxy.example", 1, ("m@e", "p:/")),
        ("socks5://proxy.example", "socks5", "proxy.example", 1080, None),
        ("socks5h://proxy.example:9050", "socks5h", "proxy.example", 9050, None),
        ("SOCKS4://me:x@proxy.example", "socks4", "proxy.example", 1080, ("me", "x")),
    ],
)
def test_a_proxy(
    options: Options, proxy: str, kind: str, host: str, port: int, credentials: tuple[str, str] | None
) -> None:
    given = options(Handshake({}, proxy, True, None))
    assert (given["proxy_type"], given["http_proxy_host"], given["http_proxy_port"]) == (kind, host, port)
    assert given.get("http_proxy_auth") == credentials
    # An empty list would have websocket-client ask the environment.
    assert given["http_no_proxy"]
    assert "server.example" not in given["http_no_proxy"]


@pytest.mark.parametrize("extra", [{"http_proxy_host": "own.example", "http_proxy_port": 5}, {"http_no_proxy": ["x"]}])
def test_a_proxy_among_the_extra_options_comes_first(options: Options, extra: dict[str, Any]) -> None:
    given = options(Handshake({}, "http://proxy.example", True, None), **extra)
    assert {name: value for name, value in given.items() if "proxy" in name} == extra


def test_certificates(options: Options, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.touch()
    unverified = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    assert options(Handshake({}, None, False, None))["sslopt"] == unverified
    assert options(Handshake({}, None, str(bundle), None))["sslopt"] == {"ca_certs": str(bundle)}
    assert options(Handshake({}, None, str(tmp_path), None))["sslopt"] == {"ca_cert_path": str(tmp_path)}
    assert options(Handshake({}, None, True, "both"))["sslopt"] == {"certfile": "both"}
    pair = options(Handshake({}, None, False, ("certificate", "key")))["sslopt"]
    assert pair == {**unverified, "certfile": "certificate", "keyfile": "key"}
    given = options(Handshake({}, None, False, "both"), sslopt={"certfile": "own", "server_hostname": "x"})["sslopt"]
    assert given == {**unverified, "certfile": "own", "server_hostname": "x"}


@pytest.mark.parametrize("name", ["header", "headers"])
@pytest.mark.parametrize("extra", [{"x-token": 2, "More": "b: c"}, ["x-token: 2", "More:b: c"]])
def test_headers_among_the_extra_options_come_first(options: Options, name: str, extra: Any) -> None:
    given = options(Handshake({"X-Token": "1", "Cookie": "a=b"}, None, True, None), **{name: extra})
    assert given["header"] == {"Cookie": "a=b", "x-token": "2", "More": "b: c"}
    assert "headers" not in given


def test_other_extra_options_are_handed_on(options: Options) -> None:
    extra = {"timeout": 3, "redirect_limit": 2, "subprotocols": ["a"], "sslopt": None, "header": None}
    given = options(PLAIN, **extra)
    assert (given["timeout"], given["redirect_limit"], given["subprotocols"]) == (3, 2, ["a"])
    assert (given["sslopt"], given["header"]) == ({}, {})


def test_an_own_class(start_server: Start) -> None:
    class Own(websocket.WebSocket):
        pass

    opened: list[Any] = []

    def serve(connection: Connection) -> None:
        connection.send(opening(connection.head()))
        connection.is_over()

    class Watched(Own):
        def connect(self, *args: Any, **kwargs: Any) -> Any:
            opened.append(self)
            return super().connect(*args, **kwargs)

    with open_at(start_server(serve), websocket_extra_options={"class_": Watched}):
        assert len(opened) == 1


# Answers


def test_an_open_websocket_is_handed_over_before_anything_is_read(start_server: Start) -> None:
    heads: list[str] = []

    def serve(connection: Connection) -> None:
        heads.append(connection.head())
        connection.send(opening(heads[0]) + b"\x81\x02hi")
        assert connection.is_over()

    with open_at(start_server(serve), Handshake({"X-Token": "t"}, None, True, None)) as connection:
        connection.settimeout(LIMIT)
        assert connection.recv(4, socket.MSG_WAITALL) == b"\x81\x02hi"
    assert heads[0].startswith("GET /engine.io/ HTTP/1.1\r\n")
    assert values(heads[0], "X-Token") == ["t"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://elsewhere.example/login", None])
def test_a_redirect_is_not_followed(start_server: Start, status: int, location: str | None) -> None:
    header = f"Location: {location}\r\n" if location else ""
    server = start_server(always(answer(b"", f"{status} Elsewhere", header)))
    where = f" (a redirect to {location})" if location else ""
    with pytest.raises(ConnectionError) as caught:
        open_at(server)
    assert caught.value.args == (f"Unexpected status code {status} in server response{where}", None)


@pytest.mark.parametrize(
    ("body", "content"), [(b'{"code":1,"message":"no"}', {"code": 1, "message": "no"}), (b"<html>", None), (b"", None)]
)
def test_a_refusal_says_why(start_server: Start, body: bytes, content: Any) -> None:
    server = start_server(always(answer(body, "403 Forbidden")))
    with pytest.raises(ConnectionError) as caught:
        open_at(server)
    assert caught.value.args == ("Unexpected status code 403 in server response", content)


def test_a_success_that_opens_no_websocket(start_server: Start) -> None:
    with pytest.raises(ConnectionError, match="status code 200"):
        open_at(start_server(always(answer(b"hello"))))


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"HTTP/1.1 101 X\r\nno colon\r\n\r\n",
    ],
)
def test_an_answer_that_makes_no_sense(start_server: Start, response: bytes) -> None:
    def serve(connection: Connection) -> None:
        connection.head()
        connection.send(response)

    with pytest.raises(ConnectionError, match=r"Connection refused or broken: \S"):
        open_at(start_server(serve))


def test_no_answer_in_time(start_server: Start) -> None:
    def serve(connection: Connection) -> None:
        connection.head()
        assert connection.is_over()

    server = start_server(serve)
    with pytest.raises(ConnectionError, match=r"No answer from the server within 0.05 seconds"):
        Opener(BaseClient(request_timeout=0.05), server.websocket_url, PLAIN).open()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionError, match="refused"):
        opener(f"ws://127.0.0.1:{port}/").open()


def test_abort_ends_a_handshake_that_hangs(start_server: Start) -> None:
    asked = threading.Event()

    def serve(connection: Connection) -> None:
        connection.head()
        asked.set()
        assert connection.is_over()

    handshake = opener(start_server(serve).websocket_url)
    handshake.abort()  # nothing to end yet
    errors: list[Exception] = []

    def run() -> None:
        try:
            handshake.open()
        except ConnectionError as exc:
            errors.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    assert asked.wait(LIMIT)
    handshake.abort()
    thread.join(LIMIT / 2)
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("headers", "cookies"),
    [
        ("", {}),
        ("Set-Cookie: a=b; Path=/; HttpOnly\r\n", {"a": "b"}),
        ('Set-Cookie: a="b c"\r\nSet-Cookie: d=e\r\n', {"a": "b c", "d": "e"}),
        ("Set-Cookie: a=b; Expires=Wed, 21 Oct 2065 07:28:00 GMT\r\nset-cookie: d=e; Secure\r\n", {"a": "b", "d": "e"}),
        ("Set-Cookie: nonsense\r\n", {}),
    ],
)
def test_cookies(start_server: Start, headers: str, cookies: dict[str, str]) -> None:
    def serve(connection: Connection) -> None:
        connection.send(opening(connection.head(), headers))
        connection.is_over()

    handshake = opener(start_server(serve).websocket_url)
    handshake.open().close()
    assert handshake.cookies() == cookies


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websocket", None)
    with pytest.raises(RuntimeError, match=r'websocket-client; .* pip install "fast-socketio\[client\]"'):
        opener("ws://127.0.0.1:1/")
