"""The HTTP side of a connection on requests: answers, the end from another thread, what the WebSocket takes over."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from engineio.base_client import BaseClient
from engineio.bindings import requests_client
from engineio.bindings.requests_client import ClientHTTP, make_jar
from engineio.bindings.websocket_client import Handshake
from engineio.exceptions import ConnectionError

from .raw_server import LIMIT, Connection, RawServer, Serve, always, answer, opening, values

Start = Callable[[Serve], RawServer]


class Carrier:
    """Makes `ClientHTTP`s, opens them, and closes them after the test."""

    def __init__(self) -> None:
        self.made: list[ClientHTTP] = []

    def __call__(self, headers: dict[str, str] | None = None, jar: Any = None, **options: Any) -> ClientHTTP:
        client = BaseClient(**{"request_timeout": LIMIT, **options})
        http = ClientHTTP(client, headers or {}, make_jar() if jar is None else jar)
        self.made.append(http)
        http.open()
        return http


@pytest.fixture
def connect() -> Iterator[Carrier]:
    carrier = Carrier()
    yield carrier
    for http in carrier.made:
        http.close()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A session of the program's."""
    with requests.Session() as session:
        yield session


# Requests


def test_get_and_post(start_server: Start, connect: Carrier) -> None:
    heads: list[str] = []

    def serve(connection: Connection) -> None:
        for body in (b"4one", b"ok"):
            heads.append(connection.head())
            if heads[-1].startswith("POST"):
                while not connection.rest:
                    connection.rest = connection.socket.recv(100)
            connection.send(answer(body))
        bodies.append(connection.rest)

    bodies: list[bytes] = []
    server = start_server(serve)
    http = connect({"X-Token": "t"})
    assert http.get(server.url, LIMIT) == b"4one"
    http.post(server.url, b"4two", "text/plain;charset=UTF-8")  # through the same connection
    http.close()
    server.close()
    assert bodies == [b"4two"]
    assert [values(head, "X-Token") for head in heads] == [["t"], ["t"]]
    assert values(heads[1], "Content-Type") == ["text/plain;charset=UTF-8"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(start_server: Start, connect: Carrier, status: int) -> None:
    server = start_server(always(answer(b"", f"{status} Elsewhere", "Location: /login\r\n")))
    with pytest.raises(ConnectionError) as caught:
        connect().get(server.url, LIMIT)
    assert caught.value.args == (f"Unexpected status code {status} in server response (a redirect to /login)", None)


def test_a_refusal_says_why(start_server: Start, connect: Carrier) -> None:
    server = start_server(always(answer(b'{"code":1}', "400 Bad Request")))
    http = connect()
    for request in (
        lambda: http.get(server.url, LIMIT),
        lambda: http.post(server.url, b"", "text/plain;charset=UTF-8"),
    ):
        with pytest.raises(ConnectionError) as caught:
            request()
        assert caught.value.args == ("Unexpected status code 400 in server response", {"code": 1})


CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("size", [1000, 1001])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_that_is_too_long_is_refused(
    start_server: Start, connect: Carrier, monkeypatch: pytest.MonkeyPatch, size: int, chunked: bool
) -> None:
    monkeypatch.setattr(requests_client, "MAX_MESSAGE_SIZE", 1000)
    body = bytes(size)
    response = answer(body)
    if chunked:
        response = f"HTTP/1.1 200 OK\r\n{CHUNKED}\r\n{size:x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    server = start_server(always(response))
    if size <= 1000:
        assert connect().get(server.url, LIMIT) == body
    else:
        with pytest.raises(ConnectionError, match="Invalid answer from the server: an answer of more than 1000 bytes"):
            connect().get(server.url, LIMIT)


def test_an_answer_without_end_is_refused(
    start_server: Start, connect: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests_client, "MAX_MESSAGE_SIZE", 100_000)

    def serve(connection: Connection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.send(bytes(10_000))

    with pytest.raises(ConnectionError, match="more than 100000 bytes"):
        connect().get(start_server(serve).url, LIMIT)


def test_an_answer_that_comes_byte_by_byte_has_the_same_limit(start_server: Start, connect: Carrier) -> None:
    over = threading.Event()

    def serve(connection: Connection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not over.wait(0.01):
            connection.send(b"x")

    with pytest.raises(ConnectionError, match=r"No answer from the server within 0.1 seconds"):
        connect().get(start_server(serve).url, 0.1)
    over.set()


def test_no_answer_in_time(start_server: Start, connect: Carrier) -> None:
    def serve(connection: Connection) -> None:
        connection.head()
        assert connection.is_over()

    with pytest.raises(ConnectionError, match=r"No answer from the server within 0.05 seconds"):
        connect().get(start_server(serve).url, 0.05)


@pytest.mark.parametrize("response", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"])
def test_a_broken_answer(start_server: Start, connect: Carrier, response: bytes) -> None:
    def serve(connection: Connection) -> None:
        connection.head()
        connection.send(response)

    with pytest.raises(ConnectionError, match="roken"):
        connect().get(start_server(serve).url, LIMIT)


@pytest.mark.parametrize("part", ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome"])
def test_abort_wakes_a_get_that_hangs(start_server: Start, connect: Carrier, part: str) -> None:
    asked = threading.Event()
    errors: list[Exception] = []

    def serve(connection: Connection) -> None:
        connection.head()
        connection.send(part.encode())
        asked.set()
        assert connection.is_over()

    server = start_server(serve)
    http = connect()

    def run() -> None:
        try:
            http.get(server.url, 1000)
        except ConnectionError as exc:
            errors.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    assert asked.wait(LIMIT)
    time.sleep(0.01)  # it should wait in the body by then; nothing depends on it
    http.abort()
    thread.join(LIMIT / 2)
    assert len(errors) == 1
    with pytest.raises(ConnectionError, match="given up"):
        http.get(server.url, LIMIT)


def test_close_closes_what_an_exception_refers_to(start_server: Start, connect: Carrier) -> None:
    closed: list[bool] = []

    def serve(connection: Connection) -> None:
        connection.head()
        connection.send(answer(b"", "500 No"))  # the connection could serve another request
        closed.append(connection.is_over())

    server = start_server(serve)
    http = connect()
    with pytest.raises(ConnectionError) as caught:
        http.get(server.url, LIMIT)
    http.close()
    with pytest.raises(ConnectionError, match="given up"):
        http.get(server.url, LIMIT)
    server.close()
    assert closed == [True]
    assert caught.value.__traceback__ is not None


@pytest.mark.parametrize("own", ["session", "factory"])
def test_whose_session_is_closed(connect: Carrier, session: requests.Session, own: str) -> None:
    closed: list[bool] = []
    session.close = lambda: closed.append(True)  # type: ignore[method-assign]
    connect(http_session=session if own == "session" else lambda: session).close()
    assert closed == ([] if own == "session" else [True])


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(RuntimeError, match=r'requests; .* pip install "fast-socketio\[client\]"'):
        make_jar()


# Cookies


def test_cookies_of_the_program_and_of_the_server_go_together(start_server: Start, connect: Carrier) -> None:
    heads: list[str] = []

    def serve(connection: Connection) -> None:
        while head := connection.head():
            heads.append(head)
            connection.send(answer(headers="Set-Cookie: sticky=7; Path=/\r\nSet-Cookie: other=2; Path=/\r\n"))

    server = start_server(serve)
    jar = make_jar()
    http = connect({"cookie": "own=1; sticky=8"}, jar)
    for _ in range(2):
        http.get(server.url, LIMIT)
    connect(jar=jar).get(server.url, LIMIT)  # another connection of the same client
    cookies = [values(head, "Cookie") for head in heads]
    assert cookies[:2] == [["own=1; sticky=8"], ["own=1; sticky=8; other=2"]]
    assert sorted(cookies[2][0].split("; ")) == ["other=2", "sticky=7"]


def test_cookies_of_the_websocket_are_kept_and_sent(start_server: Start, connect: Carrier) -> None:
    heads: list[str] = []

    def serve(connection: Connection) -> None:
        heads.append(connection.head())
        cookie = "Set-Cookie: sticky=7; Path=/\r\n"
        connection.send(opening(heads[-1], cookie) if "Upgrade" in heads[-1] else answer())
        connection.is_over()

    server = start_server(serve)
    http = connect()
    for _ in range(2):
        http.websocket(server.websocket_url).close()
    http.get(server.url, LIMIT)
    assert [values(head, "Cookie") for head in heads] == [[], ["sticky=7"], ["sticky=7"]]


# What the WebSocket takes over


class FakeOpener:
    """Takes the place of `Opener`, and opens nothing."""

    made: list[FakeOpener]

    def __init__(self, client: BaseClient, url: str, handshake: Handshake) -> None:
        self.client, self.url, self.handshake = client, url, handshake
        self.aborted = False
        self.made.append(self)

    def open(self) -> socket.socket:
        return socket.socket()

    def abort(self) -> None:
        self.aborted = True

    def cookies(self) -> dict[str, str]:
        return {"new": "1"}


@pytest.fixture
def openers(monkeypatch: pytest.MonkeyPatch) -> list[FakeOpener]:
    """What was to open a WebSocket. No proxy comes from the environment."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(FakeOpener, "made", [], raising=False)
    monkeypatch.setattr(requests_client, "Opener", FakeOpener)
    return FakeOpener.made


URL = "wss://server.example/engine.io/?EIO=4"


def take_over(http: ClientHTTP, url: str = URL) -> Handshake:
    http.websocket(url).close()
    opener: FakeOpener = FakeOpener.made[-1]
    assert opener.url == url
    return opener.handshake


def test_an_own_session(openers: list[FakeOpener], connect: Carrier) -> None:
    given = take_over(connect({"X-Token": "t", "Cookie": "a=b"}))
    assert given.headers["X-Token"] == "t"
    assert given.headers["Cookie"] == "a=b"
    assert not {name.lower() for name in given.headers} & {"accept", "accept-encoding", "connection", "content-length"}
    assert given.verify == requests.utils.DEFAULT_CA_BUNDLE_PATH
    assert (given.proxy, given.certificate) == (None, None)


def test_headers_cookies_and_credentials_of_a_session(
    openers: list[FakeOpener], connect: Carrier, session: requests.Session
) -> None:
    session.headers["X-Session"] = "s"
    session.auth = ("me", "secret")
    session.cookies.set("kept", "2")
    http = connect({"X-Token": "t"}, http_session=session)
    headers = take_over(http).headers
    assert (headers["X-Session"], headers["X-Token"], headers["Cookie"]) == ("s", "t", "kept=2")
    assert str(headers["Authorization"]).startswith("Basic ")
    assert session.cookies.get("new") == "1"
    assert set(str(take_over(http).headers["Cookie"]).split("; ")) == {"kept=2", "new=1"}


@pytest.mark.parametrize("verify", [False, "bundle"])
@pytest.mark.parametrize("certificate", [None, "both", ("certificate", "key")])
def test_certificates_of_a_session(
    openers: list[FakeOpener], connect: Carrier, session: requests.Session, verify: Any, certificate: Any
) -> None:
    session.verify, session.cert = verify, certificate
    given = take_over(connect(http_session=session))
    assert (given.verify, given.certificate) == (verify, certificate)


def test_no_verification_at_all(openers: list[FakeOpener], connect: Carrier, session: requests.Session) -> None:
    session.verify = "bundle"
    assert take_over(connect(ssl_verify=False)).verify is False
    assert take_over(connect(ssl_verify=False, http_session=session)).verify is False


def test_a_bundle_of_the_environment(
    openers: list[FakeOpener], connect: Carrier, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "from-environment")
    assert take_over(connect()).verify == "from-environment"
    session.verify = "bundle"
    assert take_over(connect(http_session=session)).verify == "bundle"
    assert take_over(connect(ssl_verify=False)).verify is False


def test_proxies(
    openers: list[FakeOpener], connect: Carrier, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.proxies = {"http": "http://plain:1", "https": "http://me:secret@secure:2"}
    http = connect(http_session=session)
    assert take_over(http).proxy == "http://me:secret@secure:2"
    assert take_over(http, "ws://server.example/engine.io/").proxy == "http://plain:1"
    monkeypatch.setenv("https_proxy", "socks5h://environment:3")
    assert take_over(connect()).proxy == "socks5h://environment:3"
    monkeypatch.setenv("no_proxy", "server.example")
    assert take_over(connect()).proxy is None


def test_abort_reaches_a_handshake(openers: list[FakeOpener], connect: Carrier) -> None:
    http = connect()
    take_over(http)
    http.abort()
    assert [opener.aborted for opener in openers] == [True]
    with pytest.raises(ConnectionError, match="given up"):
        http.websocket(URL)


def test_abort_that_comes_too_early_for_the_opener(openers: list[FakeOpener], connect: Carrier) -> None:
    class Aborting(requests.Session):
        def merge_environment_settings(self, *args: Any) -> Any:
            http.abort()
            return super().merge_environment_settings(*args)

    with Aborting() as session:
        http = connect(http_session=session)
        with pytest.raises(ConnectionError, match="given up"):
            http.websocket(URL)
