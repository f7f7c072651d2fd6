"""Engine.IO 4 over HTTP: the numbered request rules of the protocol checklist."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from protocol_client import (
    BAD_HANDSHAKE_METHOD,
    BAD_REQUEST,
    PING,
    SEPARATOR,
    SESSION_ID_UNKNOWN,
    TRANSPORT_UNKNOWN,
    UNSUPPORTED_PROTOCOL_VERSION,
    ProtocolClient,
    assert_closed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from serving import ServerProcess

    Connect = Callable[[str], ProtocolClient]

pytestmark = pytest.mark.binding

LIMIT = 1_000_000
"""`max_http_buffer_size` of the server, in bytes."""


@asynccontextmanager
async def raw_connection(server: ServerProcess) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection to the server, for a request that is not whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def raw_answer(server: ServerProcess, request: bytes) -> tuple[int, bytes]:
    """Send bytes and return the status and body of the answer, without having sent a whole request."""
    async with raw_connection(server) as (reader, writer):
        writer.write(request)
        await writer.drain()
        return await read_answer(reader)


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one response."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split()[1])
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if status == 100 or length is None:
        return status, b""
    return status, await reader.readexactly(int(length[1]))


def post_head(eio: ProtocolClient, *headers: str) -> bytes:
    """Return the request line and headers of a POST for the session of `eio`."""
    target = eio.url.split("/", 3)[3] + f"?EIO=4&transport=polling&sid={eio.sid}"
    lines = [f"POST /{target} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: text/plain;charset=UTF-8", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


# Rule 1: "query EIO=4, transport, sid after handshake [...] Missing/invalid mandatory parameter -> 400"


@pytest.mark.parametrize("version", ["", "5", "abc", "40", None])
async def test_rule_1_invalid_version(client: Connect, version: str | None) -> None:
    """Suite: "fails with an invalid 'EIO' query parameter"."""
    async with client("calm") as eio:
        assert (await eio.request(EIO=version)).error == UNSUPPORTED_PROTOCOL_VERSION


@pytest.mark.parametrize("transport", ["", "abc", "constructor", "__proto__", "webtransport", None])
async def test_rule_1_invalid_transport(client: Connect, transport: str | None) -> None:
    """Suite: "fails with an invalid 'transport' query parameter"; `constructor` and `__proto__` must be harmless."""
    async with client("calm") as eio:
        assert (await eio.request(transport=transport)).error == TRANSPORT_UNKNOWN


@pytest.mark.parametrize("sid", ["unknown", "constructor", "__proto__", "a\r\nX-Injected: 1", "é", "x" * 5_000])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_rule_1_unknown_sid(client: Connect, method: str, sid: str) -> None:
    """Code 1, "Session ID unknown": sid not found."""
    async with client("calm") as eio:
        answer = await eio.request(method, b"4x" if method == "POST" else None, sid=sid)
        assert answer.error == SESSION_ID_UNKNOWN
        assert "X-Injected" not in answer.headers


async def test_rule_1_a_cache_buster_is_ignored(client: Connect) -> None:
    """Optional `t` cache buster."""
    async with client("calm") as eio:
        await eio.handshake(t="abc")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_rule_2_handshake_only_by_get(client: Connect, server: ServerProcess, method: str) -> None:
    """Handshake only by GET: POST and PUT without sid -> 400 (suite: "fails with an invalid request method")."""
    async with client("calm") as eio:
        answer = await eio.request(method)
        if server.way in ("aiohttp", "sanic") and method != "POST":
            assert answer.status == 405, "the framework has no such route"
        else:
            assert answer.error == BAD_HANDSHAKE_METHOD


async def test_rule_3_handshake_response(client: Connect) -> None:
    """200, text/plain, body `0{"sid","upgrades","pingInterval","pingTimeout","maxPayload"}` with exactly those keys."""
    async with client("engine.io") as eio:
        answer = await eio.handshake()
        assert answer.headers["Content-Type"].replace(" ", "").lower() == "text/plain;charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert len(answer.packets) == 1
        sid = eio.open_packet.pop("sid")
        assert isinstance(sid, str) and sid
        expected = {"upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200, "maxPayload": LIMIT}
        assert eio.open_packet == expected
        assert all(type(eio.open_packet[key]) is int for key in ("pingInterval", "pingTimeout", "maxPayload"))


async def test_rule_3_websocket_handshake(client: Connect) -> None:
    """`[]` for websocket."""
    async with client("engine.io") as eio, eio.websocket_session():
        assert eio.open_packet.pop("sid")
        assert eio.open_packet == {"upgrades": [], "pingInterval": 300, "pingTimeout": 200, "maxPayload": LIMIT}


async def test_rule_3_every_session_has_a_sid_of_its_own(client: Connect) -> None:
    """The sid is the server's choice."""
    async with client("calm") as eio:
        sids = [(await eio.handshake()) and eio.sid for _ in range(20)]
        assert len(set(sids)) == 20


async def test_rule_3_the_grace_period_is_added_to_what_the_client_is_told(client: Connect) -> None:
    """`ping_interval=(interval, grace)`: the grace period only reaches the handshake."""
    async with client("grace") as eio, eio.websocket_session() as ws:
        assert eio.open_packet["pingInterval"] == 2_800
        assert await ws.receive() == PING


async def test_rule_4_post_is_answered_ok(client: Connect) -> None:
    """POST: body = payload; success 200 body `ok`."""
    async with client("calm") as eio:
        await eio.handshake()
        answer = await eio.post("4hello")
        assert (answer.status, answer.text) == (200, "ok")
        assert answer.headers["Content-Length"] == "2"
        assert (await eio.poll()).packets == ["4hello"]


async def test_rule_4_chunked_post(client: Connect) -> None:
    """Chunked transfer encoding and multi-chunk bodies must work."""

    async def chunks() -> AsyncIterator[bytes]:
        for part in (b"4hel", b"lo \xe2\x82", b"\xac\x1e", b"4more"):
            yield part
            await asyncio.sleep(0)

    async with client("calm") as eio:
        await eio.handshake()
        assert (await eio.request("POST", chunks(), headers={"Content-Type": "text/plain"})).text == "ok"
        assert await eio.poll_packets(2) == ["4hello €", "4more"]


async def test_rule_4_a_body_in_many_segments(client: Connect, server: ServerProcess) -> None:
    """A body that arrives in pieces."""
    async with client("calm") as eio, raw_connection(server) as (reader, writer):
        await eio.handshake()
        writer.write(post_head(eio, "Content-Length: 12"))
        for part in (b"4", b"hello", b"\x1e4", b"more"):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)  # so that the pieces leave as segments of their own
        assert await read_answer(reader) == (200, b"ok")
        assert await eio.poll_packets(2) == ["4hello", "4more"]


@pytest.mark.parametrize("pace", [1.0, 0.1], ids=["at all", "in time"])
async def test_rule_4_a_body_that_does_not_come(client: Connect, server: ServerProcess, pace: float) -> None:
    """A body that has not arrived when its time is up (here 0.3 s) is answered 408 and ends the session."""
    async with client("short-body") as eio, raw_connection(server) as (reader, writer):
        await eio.handshake()
        writer.write(post_head(eio, "Content-Length: 1000"))

        async def trickle() -> None:
            while True:
                await asyncio.sleep(pace)
                writer.write(b"4")

        task = asyncio.create_task(trickle())
        try:
            status, body = await read_answer(reader)
        finally:
            task.cancel()
        assert status == 408
        assert json.loads(body).keys() == {"code", "message"}
        await server.hear(type="disconnect", sid=eio.sid)
        await assert_closed(eio)


@pytest.mark.parametrize(
    ("header", "part"),
    [("Content-Length: 12", b"4hello"), ("Transfer-Encoding: chunked", b"6\r\n4hello\r\n")],
    ids=["length", "chunked"],
)
async def test_rule_4_a_client_that_goes_within_its_body(
    client: Connect, server: ServerProcess, header: str, part: bytes
) -> None:
    """What has arrived of a body is no payload."""
    async with client("calm") as eio:
        await eio.handshake()
        async with raw_connection(server) as (_, writer):
            writer.write(post_head(eio, header) + part)
            await writer.drain()
            await asyncio.sleep(0.05)
        await server.hear(type="disconnect", sid=eio.sid)
        await assert_closed(eio)
        assert server.reports.take_all(type="message", sid=eio.sid) == []


async def test_rule_5_octet_stream(client: Connect, server: ServerProcess) -> None:
    """`Content-Type: application/octet-stream` POST on EIO4 -> 400 and transport error."""
    async with client("calm") as eio:
        await eio.handshake()
        answer = await eio.post("4hello", headers={"Content-Type": "application/octet-stream"})
        assert answer.error[0] == 400
        await server.hear(type="disconnect", sid=eio.sid, reason="transport error")
        await assert_closed(eio)


async def test_rule_6_a_body_as_large_as_the_limit(client: Connect) -> None:
    """Limit counts bytes."""
    async with client("calm") as eio:
        await eio.handshake()
        text = "4" + "é" * ((LIMIT - 1) // 2) + "x"
        assert len(text.encode()) == LIMIT
        assert (await eio.post(text)).text == "ok"
        assert (await eio.poll()).packets == [text]


@pytest.mark.parametrize("length", [LIMIT + 1, 10**15])
async def test_rule_6_too_long_by_content_length(client: Connect, server: ServerProcess, length: int) -> None:
    """Body larger than maxPayload -> 413, without waiting for it."""
    async with client("calm") as eio:
        await eio.handshake()
        status, body = await raw_answer(server, post_head(eio, f"Content-Length: {length}") + b"4early")
        assert status == 413
        assert json.loads(body).keys() == {"code", "message"}
        assert server.reports.take_all(type="message", sid=eio.sid) == []


async def test_rule_6_too_long_while_reading(client: Connect, server: ServerProcess) -> None:
    """Enforced while reading: a chunked body is refused as soon as it is over the limit."""
    async with client("calm") as eio:
        await eio.handshake()
        chunk = b"186A1\r\n" + b"4" * 100_001 + b"\r\n"
        status, body = await raw_answer(server, post_head(eio, "Transfer-Encoding: chunked") + chunk * 10)
        assert status == 413
        assert json.loads(body).keys() == {"code", "message"}
        assert server.reports.take_all(type="message", sid=eio.sid) == []


@pytest.mark.parametrize(
    "payload",
    ["abc", "", "7", "\x1e" * 1_000, "4a\x1e", "b!!!!", "bAAA", b"4\xff", b"4\xed\xa0\x80", "0", "2", "2probe", "5"],
    ids=repr,
)
async def test_rule_7_malformed_payload(client: Connect, server: ServerProcess, payload: str | bytes) -> None:
    """Malformed payload -> 400 and session closed (suite: "closes the session upon invalid packet format")."""
    async with client("calm") as eio:
        await eio.handshake()
        body = payload.encode() if isinstance(payload, str) else payload
        answer = await eio.request("POST", body, headers={"Content-Type": "text/plain;charset=UTF-8"})
        assert answer.error[0] == 400
        assert (await server.hear(type="disconnect", sid=eio.sid))["reason"] == "transport error"
        await assert_closed(eio)


@pytest.mark.parametrize("packet", ["3", "6"])
async def test_rule_7_unsolicited_pong_and_noop_are_ignored(client: Connect, packet: str) -> None:
    """Pongs and noops that nobody asked for do nothing."""
    async with client("calm") as eio:
        await eio.handshake()
        assert (await eio.post(packet, packet, "4after")).text == "ok"
        assert (await eio.poll()).packets == ["4after"]


async def test_rule_8_two_polls(client: Connect) -> None:
    """Two concurrent GETs: second gets 400, first gets 200 body `1`, session closed, later poll 400."""
    async with client("calm") as eio:
        await eio.handshake()
        first = await eio.start_poll()
        second = await eio.poll()
        assert second.error[0] == 400
        assert ((await first).status, (await first).text) == (200, "1")
        await assert_closed(eio)


async def test_rule_8_two_posts(client: Connect, server: ServerProcess) -> None:
    """Two concurrent POSTs: 400 + close."""
    async with client("calm") as eio, raw_connection(server) as (reader, writer):
        await eio.handshake()
        writer.write(post_head(eio, "Content-Length: 6", "Expect: 100-continue"))
        assert (await read_answer(reader))[0] == 100  # now the first POST is known to be under way
        await asyncio.sleep(0.05)  # Werkzeug says so a moment before it asks the app
        assert (await eio.post("4second")).error[0] == 400
        writer.write(b"4first")
        await server.hear(type="disconnect", sid=eio.sid)
        await assert_closed(eio)
        assert server.reports.take_all(type="message", sid=eio.sid) == []


async def test_rule_9_aborted_poll(client: Connect, server: ServerProcess) -> None:
    """Aborted GET closes the session; next poll 400 (suite: "closes the session upon cancelled polling request")."""
    async with client("calm") as eio:
        await eio.handshake()
        poll = await eio.start_poll()
        poll.cancel()
        await server.hear(type="disconnect", sid=eio.sid)
        await assert_closed(eio)


async def test_rule_10_a_poll_waits_for_data(client: Connect) -> None:
    """Poll waits until there is data."""
    async with client("calm") as eio:
        await eio.handshake()
        poll = await eio.start_poll()
        assert (await eio.post("4hello")).text == "ok"
        assert (await poll).packets == ["4hello"]


async def test_rule_10_packets_come_batched(client: Connect) -> None:
    """Several POSTed packets may come back in one GET, joined by `\\x1e` (suite: "several plain text packets")."""
    async with client("calm") as eio:
        await eio.handshake()
        packets = ["4test1", "4test2", "4test3", "4", "4€ 🦄"]
        assert (await eio.post(*packets)).text == "ok"
        assert (await eio.poll()).text == SEPARATOR.join(packets)


async def test_rule_10_binary_is_base64(client: Connect) -> None:
    """Binary in polling = `b<base64>` without type digit (suite: "plain text and binary packets")."""
    async with client("calm") as eio:
        await eio.handshake()
        assert (await eio.post("4hello", "bAQIDBA==", "b", "b/+8=")).text == "ok"
        assert (await eio.poll()).packets == ["4hello", "bAQIDBA==", "b", "b/+8="]


async def test_rule_10_a_payload_of_many_packets(client: Connect) -> None:
    """The size of the body is the only limit of a payload."""
    async with client("calm") as eio:
        await eio.handshake()
        packets = [f"4{n}" for n in range(2_000)]
        assert (await eio.post(*packets)).text == "ok"
        assert await eio.poll_packets(2_000) == packets


async def test_rule_11_transport_mismatch(client: Connect) -> None:
    """GET/POST with `transport` different from the session's current transport and no upgrade -> 400 code 3."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        assert (await eio.poll()).error == BAD_REQUEST
        assert (await eio.post("4hello")).error == BAD_REQUEST
        assert (await eio.poll(transport="websocket")).error == BAD_REQUEST
        await ws.send("4alive")
        assert await ws.receive() == "4alive"


async def test_rule_12_what_the_client_needs_to_split_its_payload(client: Connect) -> None:
    """Client SHOULD split its outgoing payload by maxPayload: the handshake tells the limit in bytes."""
    async with client("grace") as eio:
        await eio.handshake()
        assert eio.open_packet["maxPayload"] == 1_000_000
