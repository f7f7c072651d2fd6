"""Clients of Engine.IO 3 that lie about lengths, send what is not theirs to send, or never stop; beside one of 4."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .cases import rows
from .conftest import SHORT, guarded, serve
from .raw_client import BINARY, TEXT, Http, RawWebSocket, frame, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Pair
    from .servers import Server

BYTES = {"Content-Type": "application/octet-stream"}
TEXTUAL = {"Content-Type": "text/plain;charset=UTF-8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def old_pair(mode: str) -> Iterator[Pair]:
    """A server with short limits that serves Engine.IO 3; its clients say nothing by themselves, so they have time."""
    yield from serve(mode, {"server": {**SHORT, "ping_interval": 25, "ping_timeout": 20, "allow_eio3": True}})


@pytest.fixture
def old(old_pair: Pair, request: pytest.FixtureRequest) -> Iterator[Server]:
    """That server, guarded for one case: its canary speaks Engine.IO 4."""
    yield from guarded(old_pair, request)


def old_target(transport: str, sid: str | None = None, more: str = "") -> str:
    """Return the path and query of a request of Engine.IO 3."""
    return target(transport, sid).replace("EIO=4", "EIO=3") + more


class Poller:
    """A session over polling; it says nothing by itself."""

    def __init__(self, server: Server, more: str = "") -> None:
        self.http = Http(server.port)
        self.more = more
        body = self.http.get(old_target("polling", None, more)).body.decode()
        if body.startswith("___eio"):
            body = json.loads(body[body.index("(") + 1 : -2])
        self.sid: str = json.loads(body[body.index(":") + 2 : body.index("}") + 1])["sid"]
        server.clients.append(self)

    def post(self, body: bytes, headers: dict[str, str] = TEXTUAL) -> Any:
        return self.http.post(old_target("polling", self.sid, self.more), body, headers)

    def poll(self, timeout: float = 15.0) -> Any:
        return self.http.get(old_target("polling", self.sid, self.more), timeout=timeout)

    def close(self) -> None:
        self.post(b"1:1")
        self.http.close()


def open_websocket(server: Server) -> RawWebSocket:
    """A WebSocket whose client is in the main namespace."""
    ws = RawWebSocket(server.port, old_target("websocket"))
    server.clients.append(ws)
    assert str(ws.receive()).startswith("0{")
    assert ws.receive() == "40"
    return ws


@rows(
    {
        "longer than the body": (b"99:42", TEXTUAL),
        "shorter than the packet": (b'2:42["echo",1]', TEXTUAL),
        "a million digits": (b"9" * 999_000 + b":4", TEXTUAL),
        "310 digits": (b"9" * 310 + b":4", TEXTUAL),
        "zeros": (b"0" * 999_000, TEXTUAL),
        "no digits": (b":" * 999_000, TEXTUAL),
        "negative": (b"-1:4", TEXTUAL),
        "digits of another script": ("١:4".encode(), TEXTUAL),
        "nothing": (b"", TEXTUAL),
        "half of a pair": ("2:4😀".encode(), TEXTUAL),
        "half of a pair among many": ("3:4😀2:4😀".encode(), TEXTUAL),
        "not UTF-8": (b"3:4\xff\xff", TEXTUAL),
        "a lone surrogate": (b"2:4\xed\xa0\x80", TEXTUAL),
        "a binary ping": (b"6:b2AAAA", TEXTUAL),
        "no base64": (b"6:b4AA==A", TEXTUAL),
        "bytes longer than the body": (b"\x01\x09\x09\xff\x04", BYTES),
        "bytes with 311 digits": (b"\x01" + b"\x09" * 311 + b"\xff\x04", BYTES),
        "bytes without end of length": (b"\x01" + b"\x01" * 999_000, BYTES),
        "bytes of neither kind": (b"\x00\x01\xff6\x07\x01\xff6", BYTES),
        "bytes with a type that is a digit": (b"\x01\x02\xff4a", BYTES),
        "bytes without type": (b"\x01\x00\xff", BYTES),
        "text among bytes that is not UTF-8": (b"\x00\x02\xff4\xff", BYTES),
        "a pong": (b"1:3", TEXTUAL),
        "a pong in the shape of a probe": (b"6:3probe", TEXTUAL),
        "open, upgrade": (b"1:01:5", TEXTUAL),
        "an attachment of nothing": (b"\x01\x02\xff\x04a", BYTES),
        "a packet of Engine.IO 4": (b'42["echo",1]', TEXTUAL),
    }
)
def test_payloads(case: tuple[bytes, dict[str, str]], old: Server) -> None:
    client = Poller(old)
    response = client.post(*case)
    assert (response.status, response.code()) == (400, 3)
    after = client.poll()
    assert (after.status, after.code()) == (400, 1)


@rows({"empty": b"", "a type alone": b"d", "twice": b"d=1:6&d=1:6", "fields": b"&" * 900_000, "no packet": b"d=%00"})
def test_forms(case: bytes, old: Server) -> None:
    client = Poller(old, "&j=0")
    assert client.post(case, FORM).status == 400
    assert client.poll().code() == 1


@rows(
    {
        "an unknown type": frame(TEXT, b"7"),
        "nothing": frame(TEXT, b""),
        "a pong": frame(TEXT, b"3"),
        "a binary pong": frame(BINARY, b"\x03"),
        "bytes of Engine.IO 4": frame(BINARY, b"\x00\x01\x02"),
        "no bytes": frame(BINARY, b""),
        "a binary ping in base64": frame(TEXT, b"b2AAAA"),
        "an attachment of nothing": frame(BINARY, b"\x04a"),
        "an event for nowhere": frame(TEXT, b'42/admin,["echo",1]'),
        "the acknowledgement of an error": frame(TEXT, b'44"x"'),
        "attachments of revision 3 that are too many": frame(TEXT, b"439999999999-1[]"),
        "attachments of revision 3 without end": frame(TEXT, b"43" + b"9" * 100_000 + b"-1[]"),
    }
)
def test_messages(case: bytes, old: Server) -> None:
    ws = open_websocket(old)
    ws.write(case)
    assert ws.close_code() == 1002


def test_pings_without_end_that_nobody_reads_the_answers_of(old: Server) -> None:
    ws = open_websocket(old)
    before = old.report("objects")["rss"]
    pings = frame(TEXT, b"2" + b"x" * 100) * 1000
    for _ in range(100):
        if not ws.write_if_open(pings):
            break
    old.canary.assert_answered()
    rss = old.report("objects")["rss"]
    assert rss - before < 20e6, f"RSS +{(rss - before) / 1e6:.0f} MB"


def test_pings_without_end_over_polling(old: Server) -> None:
    client = Poller(old)
    assert client.post(b"1:2" * 100_000).status == 200
    old.canary.assert_answered()
    bodies = client.poll().body
    assert bodies.endswith(b"1:3")
    assert len(bodies) < 1000


def test_coming_and_going(old: Server) -> None:
    ws = open_websocket(old)
    ws.write(b"".join(frame(TEXT, packet) for packet in [b"40/admin", b"41/admin"] * 2000))
    ws.write(frame(TEXT, b"40/admin") + frame(TEXT, b'421["echo","after all"]'))
    while ws.receive() != '431["after all"]':
        pass


def test_a_query_string_of_a_megabyte(old: Server) -> None:
    ws = open_websocket(old)
    ws.write(frame(TEXT, b"40/admin?" + b"a=1&" * 200_000))
    ws.write(frame(TEXT, b'421["echo","after all"]'))
    answers = {ws.receive(), ws.receive()}
    assert answers == {"40/admin,", '431["after all"]'}


def test_namespaces_without_end(old: Server) -> None:
    ws = open_websocket(old)
    ws.write(b"".join(frame(TEXT, b"40/n%d" % number) for number in range(100)))
    answers = [ws.receive() for _ in range(100)]
    assert sum(answer.startswith("44") for answer in map(str, answers)) == 100 - (SHORT["max_namespaces"] - 1)
