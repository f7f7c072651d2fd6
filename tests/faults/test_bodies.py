"""Group B over HTTP: bodies that are too big, too slow, too many, or of the wrong type."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from .cases import Make, rows
from .raw_client import Gone, Http, RawSocket, request_bytes, target

if TYPE_CHECKING:
    from .servers import Server

pytestmark = pytest.mark.binding


def test_F018_octet_stream(server: Server, joined: Make) -> None:
    client = joined("polling")
    client.peer.last_post = client.peer.http.post(
        client.peer.target, b"\x00\x04\xff4", {"Content-Type": "application/octet-stream"}
    )
    client.assert_killed()


@rows({"F018-again": (b"6", "application/octet-stream"), "F008-again": (b"2", "text/plain")})
def test_F019_many_bad_posts(case: tuple[bytes, str], server: Server, http: Http) -> None:
    for _ in range(150):
        opened = http.get(target("polling"))
        assert http.post(target("polling", opened.sid()), case[0], {"Content-Type": case[1]}).status == 400


@pytest.mark.parametrize("length", [1_000_001, 1_500_000, 10**15, 10**18], ids=lambda n: f"F020-{n}")
def test_body_announced_too_big(length: int, server: Server, joined: Make) -> None:
    client = joined("polling")
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(request_bytes("POST", client.peer.target, {"Content-Length": str(length), "Content-Type": "text/plain"}))
    assert raw.read_response(5).status == 413


def test_F020_body_of_exactly_the_limit(server: Server, joined: Make) -> None:
    client = joined("polling")
    assert client.peer.handshake["maxPayload"] == 1_000_000
    text = '421["sizes","' + "x" * (1_000_000 - 15) + '"]'
    assert len(text) == 1_000_000
    assert client.peer.http.post(client.peer.target, text).status == 200
    assert client.receive() == f"431[{1_000_000 - 15}]"


def test_F021_chunked_eight_megabytes(server: Server, joined: Make) -> None:
    client = joined("polling")
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(request_bytes("POST", client.peer.target, {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}))
    chunk = b"10000\r\n" + b"4" * 65536 + b"\r\n"
    whole = all(raw.write_if_open(chunk) for _ in range(128)) and raw.write_if_open(b"0\r\n\r\n")
    try:
        assert raw.read_response(10).status == 413
    except Gone:
        assert not whole  # the answer is lost when the server resets a connection on which bytes were still coming
    server.canary.assert_answered()


def test_F021_chunked_small(server: Server, joined: Make) -> None:
    client = joined("polling")
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(request_bytes("POST", client.peer.target, {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}))
    raw.write(b"".join(b"1\r\n%c\r\n" % byte for byte in b'421["echo",1]') + b"0\r\n\r\n")
    assert raw.read_response().status == 200
    assert client.receive() == "431[1]"


def test_F022_body_longer_than_announced(mode: str, server: Server, joined: Make) -> None:
    client = joined("polling")
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(request_bytes("POST", client.peer.target, {"Content-Length": "1"}, b'6\x1e42["remember",1]'))
    # What follows is no request: uvicorn answers 400 and closes, mostly before we could answer the POST.
    assert raw.read_response().status in (200, 400)
    if mode != "sanic":  # which waits for the rest of that request
        raw.wait_gone()
    client.assert_alive()
    assert server.report()["seen"] == 0


@pytest.mark.parametrize("how", ["close", "reset"])
def test_F022_body_shorter_than_announced(how: str, server: Server, joined: Make) -> None:
    client = joined("polling")
    raw = RawSocket(server.port)
    raw.write(request_bytes("POST", client.peer.target, {"Content-Length": "50"}, b'42["remember",1]'))
    server.canary.assert_answered()
    raw.close() if how == "close" else raw.reset()
    server.canary.assert_answered()
    assert server.report()["seen"] == 0


def test_F022_body_of_a_get(server: Server, joined: Make, http: Http) -> None:
    client = joined("polling")
    client.send('421["echo",1]')
    response = http.request("GET", client.peer.target, body=b"hello")
    assert (response.status, response.body) == (200, b"431[1]")


def test_F023_body_in_chunks_of_a_byte(server: Server, joined: Make) -> None:
    client = joined("polling")

    def seconds(size: int) -> float:
        raw = RawSocket(server.port)
        server.clients.append(raw)
        body = b'42["remember","' + b"x" * size + b'"]'
        raw.write(
            request_bytes("POST", client.peer.target, {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"})
        )
        began = time.monotonic()
        raw.write(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert raw.read_response(60).status == 200
        return time.monotonic() - began

    seconds(1000)
    small, big = seconds(100_000), seconds(800_000)
    assert big < 5 + 8 * 4 * small, f"{small:.2f} s for 100 kB, {big:.2f} s for 800 kB"


def test_F023_body_in_writes_of_a_byte(server: Server, joined: Make) -> None:
    client = joined("polling")
    raw = RawSocket(server.port)
    server.clients.append(raw)
    body = b'421["sizes","' + b"x" * 20_000 + b'"]'
    for byte in request_bytes("POST", client.peer.target, body=body):
        raw.sock.send(b"%c" % byte)
    assert raw.read_response(30).status == 200
    assert client.receive() == "431[20000]"


@pytest.mark.parametrize("packet", ["3", "6"], ids=["F024-pongs", "F024-noops"])
def test_unsolicited_packets(packet: str, transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    tasks = server.counters()["tasks"]
    client.send(*[packet] * 100_000)
    client.assert_alive()
    assert server.counters()["tasks"] <= tasks


def test_F025_handshakes_never_polled(short: Server) -> None:
    http = Http(short.port)
    short.clients.append(http)
    http.get("/debug")  # from now on the connection itself counts, for which some frameworks have a task
    baseline, before = short.counters(), short.report("objects")["rss"]
    began = time.monotonic()
    sids = [http.get(target("polling")).sid() for _ in range(2000)]
    grown = short.report()["rss"] - before
    assert grown < 2000 * 12_000 + 5e6, f"RSS +{grown / 2000:.0f} bytes for each"
    short.settle(baseline, within=8, but=("files",))
    assert time.monotonic() - began < 20
    assert http.get(target("polling", sids[0])).code() == 1
