"""aiohttp and Sanic alike: WebSockets taken over from them, bodies, the end; on both event loops, TLS, Unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("sanic")
pytest.importorskip("uvloop")

from engineio.asyncio.takeover import TakenOver
from engineio.websocket import CLOSE, PING, PONG, encode_masked_frame

from .live import DEADLINE, handshake, head_of
from .live_attached import LIMIT, OPEN, Live, poll, request, talk

WAYS = {"aiohttp": ("aiohttp", False), "aiohttp on uvloop": ("aiohttp", True), "sanic on uvloop": ("sanic", True)}


@pytest.fixture(params=["aiohttp", "sanic"])
def framework(request: pytest.FixtureRequest) -> str:
    """The name of a framework."""
    name: str = request.param
    return name


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_takeover(way: tuple[str, bool]) -> None:
    framework, uses_uvloop = way
    with Live(framework, uses_uvloop=uses_uvloop) as live, live.client() as client:
        talk(client, b"X-Token: secret")
        (link,) = live.links()
        assert type(link) is TakenOver
        environ = live.environs.get(timeout=DEADLINE)
        assert environ["HTTP_X_TOKEN"] == "secret"
        assert (environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])) == client.sock.getsockname()
        assert (environ["SERVER_NAME"], int(environ["SERVER_PORT"])) == client.sock.getpeername()
        assert (environ["PATH_INFO"], environ["RAW_URI"], environ["SCRIPT_NAME"]) == ("/engine.io/", OPEN, "")
        assert (environ["SERVER_SOFTWARE"], environ["wsgi.url_scheme"]) == (framework, "http")
        assert environ["wsgi.async"] is True
        client.close(1001)
        assert client.rest() == [(CLOSE, b"\x03\xe9")]
        assert live.ends.get(timeout=DEADLINE) == "transport close"


def test_a_taken_over_websocket_costs_nothing_of_the_framework(framework: str) -> None:
    """No task, no protocol and no request of the framework's, and no cycle for the garbage collector either."""

    def count() -> dict[str, int]:
        names = [type(thing).__name__ for thing in gc.get_objects()]
        return {name: names.count(name) for name in ("RequestHandler", "HttpProtocol", "Request", "Http", "Task")}

    def has_ended() -> bool:
        return all(number <= before[name] for name, number in count().items())

    with Live(framework) as live, live.client() as first:
        talk(first)
        gc.collect()
        gc.disable()
        try:
            before = count()
            with contextlib.ExitStack() as clients:
                for _ in range(5):
                    talk(clients.enter_context(live.client()))
                wait_until(has_ended)
        finally:
            gc.enable()


def test_frames_sent_with_the_handshake(framework: str) -> None:
    ping = encode_masked_frame(PING, b"early", b"mask")
    with Live(framework) as live, live.client() as client:
        client.ask(handshake(OPEN) + ping + encode_masked_frame(1, b"4early", b"mask"))
        received = [client.receive() for _ in range(3)]
        assert (PONG, b"early") in received
        assert (1, b"4early") in received


def test_many_frames_sent_with_the_handshake(framework: str) -> None:
    """So many that the framework has stopped to read."""
    frame = encode_masked_frame(1, b"4" + b"x" * 50_000, b"mask")
    with Live(framework) as live, live.client() as client:
        sending = threading.Thread(target=client.sock.sendall, args=[handshake(OPEN) + frame * 10])
        sending.start()
        assert head_of(client.answer())[0] == 101
        assert [len((client.receive() or (0, b""))[1]) > 50_000 for _ in range(11)] == [False, *[True] * 10]
        sending.join(DEADLINE)


def test_a_websocket_on_a_connection_that_has_been_used(framework: str) -> None:
    """The session is upgraded over the connection that has polled for it."""
    with Live(framework) as live, live.client() as client:
        target = poll(client)
        client.ask(request("POST", target, b"Content-Length: 6", body=b"4hello"))
        assert client.ask(request("GET", target)).endswith(b"4hello")
        upgrade = target.replace("polling", "websocket")
        assert head_of(client.ask(handshake(upgrade)))[0] == 101
        client.send("2probe")
        assert client.receive() == (1, b"3probe")
        client.send("5")
        client.send("4upgraded")
        assert client.receive() == (1, b"4upgraded")


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
    ids=["no key", "no version", "no upgrade", "a body", "an empty body", "another origin", "another revision"],
)
def test_refused_handshakes(framework: str, asked: bytes, status: int) -> None:
    with Live(framework) as live, live.client() as client:
        assert head_of(client.ask(asked))[0] == status
        assert live.links() == []


def test_a_connect_handler_that_outlives_its_client(framework: str) -> None:
    entered, go = threading.Event(), threading.Event()

    async def connect(sid: str, environ: dict[str, Any]) -> None:
        entered.set()
        await asyncio.to_thread(go.wait)

    with Live(framework) as live:
        live.eio.on("connect", connect)
        with live.client() as client:
            client.sock.sendall(handshake(OPEN))
            assert entered.wait(DEADLINE)
        go.set()
        with live.client() as other:
            live.eio.on("connect", lambda sid, environ: None)
            talk(other)
            wait_until(lambda: len(live.links()) == 1)


def test_a_poll_whose_client_goes(framework: str) -> None:
    with Live(framework) as live, live.client() as client:
        client.sock.sendall(request("GET", poll(client)))
        client.sock.close()
        assert live.ends.get(timeout=DEADLINE) == "transport close"


@pytest.mark.parametrize("length", [b"%d" % (LIMIT + 1), b"9" * 15])
def test_too_long_a_body(framework: str, length: bytes) -> None:
    with Live(framework) as live, live.client() as client:
        answer = client.ask(request("POST", poll(client), b"Content-Length: " + length, body=b"4"))
        status, headers = head_of(answer)
        assert (status, headers["connection"]) == (413, "close")
        assert live.ends.get(timeout=DEADLINE) == "transport error"


def test_too_long_a_body_in_chunks(framework: str) -> None:
    chunk = b"8000\r\n" + b"4" * 0x8000 + b"\r\n"
    with Live(framework) as live, live.client() as client:
        asked = request("POST", poll(client), b"Transfer-Encoding: chunked", body=chunk * (LIMIT // 0x8000 + 1))
        assert head_of(client.ask(asked))[0] == 413
        assert live.ends.get(timeout=DEADLINE) == "transport error"


def test_a_body_in_broken_chunks(framework: str) -> None:
    """aiohttp does not tell its handler: for that the body does not come."""
    with Live(framework, body_timeout=0.3) as live, live.client() as client:
        client.sock.sendall(request("POST", poll(client), b"Transfer-Encoding: chunked", body=b"2\r\n4a\r\n"))
        wait_until(lambda: live.links()[0].posting)
        client.sock.sendall(b"nonsense\r\n")
        assert live.ends.get(timeout=DEADLINE).startswith("transport")
        assert head_of(client.answer())[0] == (408 if framework == "aiohttp" else 400)


def test_end(framework: str) -> None:
    with Live(framework) as live, live.client() as client, live.client() as poller:
        talk(client)
        poller.sock.sendall(request("GET", poll(poller)))
        live.stop()
        assert [(opcode, payload[:2]) for opcode, payload in client.rest()] == [(CLOSE, b"\x03\xf4")]
        assert sorted(live.ends.get(timeout=DEADLINE) for _ in range(2)) == ["server disconnect"] * 2


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_unix_socket(way: tuple[str, bool]) -> None:
    # The folders of pytest have too long names for a socket.
    with (
        tempfile.TemporaryDirectory() as folder,
        Live(way[0], uses_uvloop=way[1], unix=f"{folder}/socket") as live,
        live.client() as client,
        live.client() as poller,
    ):
        talk(client)
        environ = live.environs.get(timeout=DEADLINE)
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("", "0")
        poll(poller)


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


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_tls(way: tuple[str, bool], contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with (
        Live(way[0], uses_uvloop=way[1], context=contexts[0]) as live,
        live.client(contexts[1]) as client,
        live.client(contexts[1]) as poller,
    ):
        talk(client)
        (link,) = live.links()
        assert type(link) is TakenOver
        assert live.environs.get(timeout=DEADLINE)["wsgi.url_scheme"] == "https"
        target = poll(poller)
        assert poller.ask(request("POST", target, b"Content-Length: 6", body=b"4hello")).endswith(b"ok")
        assert poller.ask(request("GET", target)).endswith(b"4hello")
        poller.sock.close()  # uvloop would wait until it has said goodbye
        live.stop()
        assert [(opcode, payload[:2]) for opcode, payload in client.rest()] == [(CLOSE, b"\x03\xf4")]
