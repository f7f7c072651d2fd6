"""Handshakes of every kind: uvicorn with the takeover answers each as uvicorn does without it, and then goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from .live import ACCEPT, KEY, OURS, OWN, TAKING, WAYS, Live, handshake, head_of


async def app(scope: Any, receive: Any, send: Any) -> None:
    """An echo that knows nothing of a takeover; any HTTP request is answered too."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"plain"})
        return
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"] + scope["path"]})


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Live]]:
    lives: dict[str, Live] = {}
    try:
        for way in WAYS:
            lives[way] = Live(app, way, lifespan="off").__enter__()
        yield lives
    finally:
        for live in lives.values():
            live.__exit__()


HANDSHAKES: dict[str, tuple[int | None, bytes]] = {
    "plain": (101, handshake()),
    "path": (101, handshake("/a%20b/%C3%A9?x=%20&y")),
    "absolute target": (101, handshake("http://localhost/a")),
    "no host": (None, handshake(drop="Host")),
    "lower case": (101, handshake().replace(b"Host", b"host").replace(b"Sec-WebSocket-K", b"sec-websocket-k")),
    "upper case": (101, handshake().replace(b"Sec-WebSocket-", b"SEC-WEBSOCKET-").replace(b"Upgrade:", b"UPGRADE:")),
    "values in upper case": (101, handshake("/", b"Upgrade: WebSocket", b"Connection: UPGRADE", drop="Upgrade")),
    "one connection value in upper case": (
        101,
        handshake("/", b"UPGRADE: WEBSOCKET", drop="Upgrade").replace(b"Connection: Upgrade", b"Connection: UPGRADE"),
    ),
    "more connection tokens": (101, handshake("/", b"Connection: keep-alive, Upgrade", drop="Connection")),
    "connection without upgrade": (200, handshake("/", b"Connection: keep-alive", drop="Connection")),
    "connection with a part of it": (200, handshake("/", b"Connection: upgrades", drop="Connection")),
    "no connection": (200, handshake(drop="Connection")),
    "two connections": (101, handshake("/", b"Connection: keep-alive", b"Connection: Upgrade", drop="Connection")),
    "other upgrade": (200, handshake("/", b"Upgrade: h2c", drop="Upgrade")),
    "two upgrades": (None, handshake("/", b"Upgrade: h2c, websocket", drop="Upgrade")),
    "version 12": (400, handshake("/", b"Sec-WebSocket-Version: 12", drop="Sec-WebSocket-Version")),
    "version 013": (400, handshake("/", b"Sec-WebSocket-Version: 013", drop="Sec-WebSocket-Version")),
    "no version": (None, handshake(drop="Sec-WebSocket-Version")),
    "version twice": (400, handshake("/", b"Sec-WebSocket-Version: 13")),
    "no key": (400, handshake(drop="Sec-WebSocket-Key")),
    "key twice": (400, handshake("/", b"Sec-WebSocket-Key: " + KEY)),
    "empty key": (400, handshake("/", b"Sec-WebSocket-Key:", drop="Sec-WebSocket-Key")),
    "short key": (400, handshake("/", b"Sec-WebSocket-Key: dGhlIHNhbXBsZQ==", drop="Sec-WebSocket-Key")),
    "key that is no base64": (400, handshake("/", b"Sec-WebSocket-Key: " + b"*" * 24, drop="Sec-WebSocket-Key")),
    "key of 18 bytes": (400, handshake("/", b"Sec-WebSocket-Key: " + b"a" * 24, drop="Sec-WebSocket-Key")),
    "key with blanks": (101, handshake("/", b"Sec-WebSocket-Key:  \t" + KEY + b" \t ", drop="Sec-WebSocket-Key")),
    "cookie twice": (101, handshake("/", b"Cookie: a=1", b"Cookie: b=2")),
    "protocol twice": (101, handshake("/", b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Protocol: b")),
    "extension": (101, handshake("/", b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")),
    "empty header": (101, handshake("/", b"X-Empty:", b"X-Blank:   ")),
    "colons": (101, handshake("/", b"X-Colons: a: b: c")),
    "value beyond ascii": (101, handshake("/", b"X-Name: Jos\xe9", b"X-Other: \xc3\xa9\xff")),
    "folded header": (None, handshake("/", b"X-Folded: a\r\n b")),
    "name with a blank": (400, handshake("/", b"X Name: a")),
    "blank before the colon": (None, handshake("/", b"X-Name : a")),
    "bare line feeds": (None, handshake().replace(b"\r\n", b"\n")),
    "zero byte": (400, handshake("/", b"X-Zero: a\0b")),
    "empty body": (None, handshake("/", b"Content-Length: 0")),
    "expect": (None, handshake("/", b"Expect: 100-continue")),
    "HTTP/1.0": (None, handshake(version=b"HTTP/1.0")),
    "HTTP/2": (None, handshake(version=b"HTTP/2.0")),
    "POST": (None, handshake(method=b"POST")),
    "HEAD": (None, handshake(method=b"HEAD")),
    "OPTIONS": (None, handshake(method=b"OPTIONS")),
    "target beyond ascii": (None, handshake(b"/\xe9")),
    "target with a wrong escape": (None, handshake("/%zz%c3?%zz")),
    "malformed protocol": (400, handshake("/", b"Sec-WebSocket-Protocol: ;;")),
    "malformed extension": (None, handshake("/", b"Sec-WebSocket-Extensions: ;;")),
    "target without a slash": (None, handshake("a")),
    "target *": (None, handshake("*")),
}
"""Name -> status, where RFC 6455 or RFC 9110 leave no choice, and the request."""

UNREADABLE: dict[str, bytes] = {
    "body": handshake("/", b"Content-Length: 5") + b"hello",
    "chunked body": handshake("/", b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
    "long header": handshake("/", b"Cookie: " + b"a" * 9000),
    "long target": handshake("/" + "a" * 9000),
    "many headers": handshake("/", *[b"X-%d: a" % number for number in range(150)]),
}
"""What uvicorn's protocol does not answer at all."""


def comparable(answer: bytes) -> bytes:
    """Leave out what differs from second to second."""
    return re.sub(rb"(?i)\r\ndate: [^\r]*", b"", answer)


def talk(live: Live, request: bytes, *more: bytes) -> tuple[bytes, Any]:
    """Return the answer to a handshake, and what comes when it was accepted and the client sends something."""
    with live.client() as client:
        answer = client.ask(request, *more)
        if not answer.startswith(b"HTTP/1.1 101"):
            return comparable(answer), None
        assert ACCEPT in answer
        client.send("one")
        first = client.receive()
        client.send("two")
        second = client.receive()
        client.close(1000)
        return comparable(answer), [first, second, *client.rest()]


@pytest.mark.parametrize("way", OURS)
@pytest.mark.parametrize("name", HANDSHAKES)
def test_answer_is_that_of_uvicorn(servers: dict[str, Live], way: str, name: str) -> None:
    status, request = HANDSHAKES[name]
    expected = talk(servers[OWN[way]], request)
    assert talk(servers[way], request) == expected
    if status is not None:
        assert head_of(expected[0])[0] == status


@pytest.mark.parametrize("way", TAKING)
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_uvicorn_cannot_read_is_refused(servers: dict[str, Live], way: str, name: str) -> None:
    live = servers[way]
    before = len(live.errors())
    answer, _ = talk(live, UNREADABLE[name])
    assert head_of(answer)[0] == 400
    assert live.errors()[before:] == []


@pytest.mark.parametrize("way", WAYS)
def test_handshake_in_pieces(servers: dict[str, Live], way: str) -> None:
    request = handshake("/p")
    answer, frames = talk(servers[way], *[request[at : at + 7] for at in range(0, len(request), 7)])
    assert head_of(answer)[0] == 101
    assert frames[:2] == [(1, b"one/p"), (1, b"two/p")]


@pytest.mark.parametrize("way", WAYS)
def test_handshake_after_a_request_on_the_same_connection(servers: dict[str, Live], way: str) -> None:
    with servers[way].client() as client:
        assert head_of(client.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))[0] == 200
        assert head_of(client.ask(handshake("/again")))[0] == 101
        client.send("x")
        assert client.receive() == (1, b"x/again")


@pytest.mark.parametrize("way", OURS)
def test_bad_handshakes_leave_nothing(way: str) -> None:
    with Live(app, way, lifespan="off") as live:
        for _, request in HANDSHAKES.values():
            talk(live, request)
        for request in UNREADABLE.values() if way in TAKING else ():
            talk(live, request)
        live.server.should_exit = True
    assert live.server.server_state.connections == set()
    assert live.server.server_state.tasks == set()
    assert live.errors() == []
