"""Tornado: WebSockets whose sockets it has given up, TLS whose streams it keeps, bodies, and handlers of programs."""

from __future__ import annotations

import asyncio
import gc
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.iostream import IOStream
from tornado.web import HTTPError, RequestHandler

from engineio.asyncio.takeover import TakenOver
from engineio.bindings import tornado
from engineio.bindings.tornado_stream import StreamTransport
from engineio.websocket import CLOSE, PING, PONG, encode_masked_frame

from .live import DEADLINE, Client, handshake, head_of
from .live_tornado import LIMIT, Live

OPEN = "/engine.io/?EIO=4&transport=websocket"
POLL = "/engine.io/?EIO=4&transport=polling"


def talk(client: Client, *headers: bytes, early: bytes = b"") -> None:
    """Open a connection and have messages echoed."""
    assert head_of(client.ask(handshake(OPEN, *headers) + early))[0] == 101
    _, packet = client.receive() or (0, b"")
    assert packet.startswith(b'0{"sid":')
    client.send("4héllo")
    assert client.receive() == (1, "4héllo".encode())
    client.send(b"\0\xff", 2)
    assert client.receive() == (2, b"\0\xff")


def poll(client: Client, *headers: bytes) -> bytes:
    """Open a session by polling and return its target."""
    answer = client.ask(b"\r\n".join([b"GET %s HTTP/1.1" % POLL.encode(), b"Host: localhost", *headers, b"", b""]))
    assert head_of(answer)[0] == 200, answer
    sid = answer.partition(b'"sid":"')[2].partition(b'"')[0]
    return POLL.encode() + b"&sid=" + sid


def request(method: bytes, target: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """Return a request."""
    return b"\r\n".join([b"%s %s HTTP/1.1" % (method, target), b"Host: localhost", *headers, b"", body])


def post(target: bytes, body: bytes, length: int | None = None) -> bytes:
    """Return a POST."""
    return request(b"POST", target, b"Content-Length: %d" % (len(body) if length is None else length), body=body)


# WebSocket


def test_takeover() -> None:
    with Live() as live, live.client() as client:
        talk(client, b"X-Token: secret")
        (link,) = live.links()
        assert type(link) is TakenOver
        assert isinstance(link.transport, asyncio.Transport)
        environ = live.environs.get(timeout=DEADLINE)
        handler = environ["tornado.handler"]
        assert handler.request.headers["X-Token"] == environ["HTTP_X_TOKEN"] == "secret"
        assert handler.get_argument("transport") == "websocket"
        assert handler.request.connection is None
        assert (environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])) == client.sock.getsockname()
        assert (environ["SERVER_SOFTWARE"], environ["wsgi.url_scheme"]) == ("tornado", "http")
        client.close(1001)
        assert client.rest() == [(CLOSE, b"\x03\xe9")]
        assert live.ends.get(timeout=DEADLINE) == "transport close"


def test_nothing_of_tornado_is_left() -> None:
    """But for the handler, which is in `environ`: it makes up for half of the memory of an idle connection."""
    kinds = (HTTP1Connection, HTTP1ServerConnection, IOStream)
    with Live() as live, live.client() as client:
        talk(client)
        end = time.monotonic() + DEADLINE
        while any(isinstance(item, kinds) for item in gc.get_objects()):
            assert time.monotonic() < end
            gc.collect()


def test_frames_sent_with_the_handshake() -> None:
    ping = encode_masked_frame(PING, b"early", b"mask")
    with Live() as live, live.client() as client:
        client.ask(handshake(OPEN) + ping + encode_masked_frame(1, b"4early", b"mask"))
        received = [client.receive() for _ in range(3)]
        assert (PONG, b"early") in received
        assert (1, b"4early") in received


def test_client_behind_a_proxy() -> None:
    with Live(xheaders=True) as live, live.client() as client:
        talk(client, b"X-Real-Ip: 192.0.2.7")
        environ = live.environs.get(timeout=DEADLINE)
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.7", "0")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (handshake(OPEN, drop="Sec-WebSocket-Key"), 400),
        (handshake(OPEN, drop="Sec-WebSocket-Version"), 426),
        (handshake(OPEN, drop="Connection"), 400),
        (handshake(OPEN, b"Content-Length: 1") + b"x", 400),
        (handshake(OPEN, b"Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
        (handshake(OPEN, b"Origin: http://elsewhere.example"), 403),
        (handshake(OPEN.replace("EIO=4", "EIO=1")), 400),
    ],
)
def test_refused_handshakes(asked: bytes, status: int) -> None:
    with Live() as live, live.client() as client:
        assert head_of(client.ask(asked))[0] == status


def test_end() -> None:
    with Live() as live, live.client() as client, live.client() as poller:
        talk(client)
        target = poll(poller)
        poller.sock.sendall(request(b"GET", target))
        live.stop()
        assert [(opcode, payload[:2]) for opcode, payload in client.rest()] == [(CLOSE, b"\x03\xf4")]
        assert sorted(live.ends.get(timeout=DEADLINE) for _ in range(2)) == ["server disconnect"] * 2


# TLS


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext]]:
    """The TLS of a server and of a client that trusts it."""
    folder: Path = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key", "-out", "cert"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert", folder / "key")
    yield server, ssl.create_default_context(cafile=str(folder / "cert"))


def test_tls(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Live(context=contexts[0]) as live, live.client(contexts[1]) as client:
        talk(client)
        assert isinstance(live.links()[0].transport, StreamTransport)
        assert live.environs.get(timeout=DEADLINE)["wsgi.url_scheme"] == "https"
        message = "4" + "x" * (LIMIT - 10)
        client.send(message)
        assert client.receive() == (1, message.encode())

        async def send() -> None:
            for number in range(100):
                await live.eio.send(next(iter(live.eio.sockets)), f"{number} {message}")

        asyncio.run_coroutine_threadsafe(send(), live.loop).result(DEADLINE)  # more than the kernel takes at once
        for number in range(100):
            assert client.receive() == (1, f"4{number} {message}".encode())
        live.stop()
        assert client.rest()[0][0] == CLOSE
        assert live.ends.get(timeout=DEADLINE) == "server disconnect"


def test_tls_client_that_does_not_read(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Live(context=contexts[0], send_stall_timeout=0.2) as live, live.client(contexts[1]) as client:
        talk(client)
        message = "4" + "x" * (LIMIT - 10)
        with pytest.raises(OSError):
            while True:
                client.send(message)
        assert live.ends.get(timeout=DEADLINE) == "transport error"


def test_tls_client_that_goes(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Live(context=contexts[0]) as live:
        with live.client(contexts[1]) as client:
            talk(client)
        assert live.ends.get(timeout=DEADLINE) == "transport close"


# HTTP


def test_polling() -> None:
    with Live() as live, live.client() as client:
        target = poll(client)
        assert client.ask(post(target, b"4one\x1e4two")).endswith(b"ok")
        status, headers = head_of(client.ask(request(b"GET", target, b"If-None-Match: *")))
        assert status == 200
        assert "etag" not in headers
        assert client.ask(request(b"PUT", target)).endswith(b'{"code":3,"message":"Method not allowed"}')
        assert live.environs.get(timeout=DEADLINE)["tornado.handler"].request.remote_ip == "127.0.0.1"


@pytest.mark.parametrize("length", [LIMIT + 1, 2 * LIMIT, 10**18])
def test_too_long_a_body(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tornado, "LINGER", 0.5)
    with Live() as live, live.client() as client:
        target = poll(client)
        status, headers = head_of(client.ask(post(target, b"4", length)))
        assert (status, headers["connection"]) == (413, "close")
        assert live.ends.get(timeout=DEADLINE) == "transport error"
        client.sock.sendall(b"x" * LIMIT)  # the answer is not lost for one who goes on sending
        assert client.answer() == b""


def test_too_long_a_body_in_chunks() -> None:
    chunk = b"%x\r\n%s\r\n" % (60_000, b"x" * 60_000)
    with Live() as live, live.client() as client:
        target = poll(client)
        answer = client.ask(request(b"POST", target, b"Transfer-Encoding: chunked"), chunk, chunk)
        assert head_of(answer)[0] == 413


def test_expected_body() -> None:
    with Live() as live, live.client() as client:
        target = poll(client)
        asked = request(b"POST", target, b"Content-Length: 4", b"Expect: 100-continue")
        client.sock.sendall(asked)
        assert client.sock.recv(1000).startswith(b"HTTP/1.1 100 ")
        assert client.ask(b"4one").endswith(b"ok")


def test_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tornado, "LINGER", 0.1)
    with Live(body_timeout=0.2) as live, live.client() as client:
        target = poll(client)
        assert head_of(client.ask(post(target, b"4", 5)))[0] == 408
        assert client.answer() == b""
        assert live.ends.get(timeout=DEADLINE) == "transport error"


@pytest.mark.parametrize("what", ["poll", "body"])
def test_client_that_goes(what: str) -> None:
    with Live() as live, live.client() as client:
        target = poll(client)
        with live.client() as other:
            other.sock.sendall(request(b"GET", target) if what == "poll" else post(target, b"4", 5))
            assert client.ask(request(b"DELETE", target)) != b""  # which is served later than the other one
        assert live.ends.get(timeout=DEADLINE) == "transport close"


# Programs


def test_settings_of_the_application() -> None:
    """They protect forms, and compress pages."""
    settings = {"xsrf_cookies": True, "cross_origin_protection": True, "compress_response": True}
    origins = "http://other.example"
    with Live(settings=settings, cors_allowed_origins=origins) as live, live.client() as client:
        target = poll(client)
        origin = b"Origin: http://other.example"
        status, headers = head_of(client.ask(request(b"POST", target, origin, b"Content-Length: 4", body=b"4one")))
        assert (status, headers["access-control-allow-origin"]) == (200, "http://other.example")


def test_prepare() -> None:
    """A handler of the program lets requests pass, or does not."""

    def program(own: type[Any]) -> type[RequestHandler]:
        class Guarded(own):  # type: ignore[misc]
            def prepare(self) -> Any:
                if "X-Token" not in self.request.headers:
                    raise HTTPError(401)
                return super().prepare() if self.request.headers["X-Token"] == "calls super" else None

        return Guarded

    with Live(program) as live:
        with live.client() as client:
            assert head_of(client.ask(handshake(OPEN)))[0] == 401
        for token in (b"calls super", b"does not"):
            with live.client() as client:
                talk(client, b"X-Token: " + token)
            with live.client() as client:
                target = poll(client, b"X-Token: " + token)
                body = request(b"POST", target, b"X-Token: " + token, b"Content-Length: 1", body=b"6")
                assert client.ask(body).endswith(b"ok")


def test_check_origin() -> None:
    """A handler of the program may be stricter than `cors_allowed_origins`."""

    def program(own: type[Any]) -> type[RequestHandler]:
        class Strict(own):  # type: ignore[misc]
            def check_origin(self, origin: str) -> bool:
                return bool(super().check_origin(origin)) and origin.endswith("two.example")

        return Strict

    origins = ["http://one.example", "http://two.example"]
    with Live(program, cors_allowed_origins=origins) as live:
        for origin, status in [("one", 403), ("two", 101), ("three", 403)]:
            with live.client() as client:
                asked = handshake(OPEN, b"Origin: http://%s.example" % origin.encode())
                assert head_of(client.ask(asked))[0] == status


def test_handle_request() -> None:
    """Any handler may leave its request to the server."""

    def program(own: type[Any]) -> type[RequestHandler]:
        class Plain(RequestHandler):
            async def get(self) -> None:
                await own.server.handle_request(self)

            post = get

        return Plain

    with Live(program) as live, live.client() as client, live.client() as other:
        talk(other)
        assert client.ask(post(poll(client), b"4one")).endswith(b"ok")


def test_connect_handler_that_outlives_its_client() -> None:
    with Live() as live:
        entered, leave = threading.Semaphore(0), threading.Event()

        async def connect(sid: str, environ: dict[str, Any]) -> None:
            entered.release()
            await asyncio.to_thread(leave.wait, DEADLINE)

        live.eio.on("connect", connect)
        with live.client() as client:
            client.sock.sendall(handshake(OPEN))
            assert entered.acquire(timeout=DEADLINE)
        leave.set()
        with live.client() as client:
            talk(client)
            assert entered.acquire(timeout=DEADLINE)
            assert not entered.acquire(blocking=False), "it was called again for the first one"
            assert len(live.links()) == 1


def test_imports() -> None:
    """Tornado is imported by who uses it only; without it there is `None`, as existing programs expect."""
    program = """
import sys, engineio, socketio
assert "tornado" not in sys.modules
assert issubclass(engineio.get_tornado_handler(engineio.AsyncServer()), object) and "tornado" in sys.modules
import tornado.websocket
handler = socketio.get_tornado_handler(socketio.AsyncServer(async_mode="tornado"))
assert issubclass(handler, tornado.websocket.WebSocketHandler)
from engineio.async_drivers.tornado import get_tornado_handler
for name in [name for name in sys.modules if name.partition(".")[0] in ("tornado", "engineio", "socketio")]:
    del sys.modules[name]
sys.modules["tornado"] = None
import engineio, socketio
assert engineio.get_tornado_handler is None
try:
    socketio.get_tornado_handler(socketio.AsyncServer())
except ImportError:
    pass
else:
    raise AssertionError
try:
    engineio.nothing
except AttributeError:
    pass
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
