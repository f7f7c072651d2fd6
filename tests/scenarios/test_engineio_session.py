"""Engine.IO 4 sessions: WebSocket messages, heartbeat and close, with the cases of the conformance suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol_client import NOOP, PING, PONG, ProtocolClient, assert_closed

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import ServerProcess

    Connect = Callable[[str], ProtocolClient]


# WebSocket messages


async def test_websocket_text(client: Connect) -> None:
    """Text frame = `<type><data>` (suite: "sends and receives a plain text packet")."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        for text in ("4hello", "4", "4€ 🦄 \x1e \x00", "4" + "x" * 70_000, "4bAQID"):
            await ws.send(text)
            assert await ws.receive() == text


async def test_websocket_binary(client: Connect) -> None:
    """A binary frame has no type byte and always means message (suite: "sends and receives a binary packet")."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        for data in (b"\x01\x02\x03\x04", b"", b"4hello", bytes(range(256)) * 300):
            await ws.send(data)
            assert await ws.receive() == data


async def test_websocket_order(client: Connect) -> None:
    """Messages keep their order, text and binary alike."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        messages = [f"4{n}" if n % 3 else n.to_bytes(2) for n in range(500)]
        await ws.send(*messages)
        assert await ws.receive_many(500) == messages


@pytest.mark.parametrize("packet", ["abc", "7", "", "0", "2", "2probe", "5", "b!!"])
async def test_websocket_invalid_packet(client: Connect, server: ServerProcess, packet: str) -> None:
    """Suite: "closes the session upon invalid packet format"; a ping from a client goes the wrong way."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        await ws.send(packet)
        assert await ws.wait_closed() == 1002
        assert (await server.hear(type="disconnect", sid=eio.sid))["reason"] == "transport error"


async def test_websocket_too_big(client: Connect, server: ServerProcess) -> None:
    """A message over the limit closes with 1009; one of the size of the limit does not."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        await ws.send("4" + "x" * 999_999)
        assert await ws.receive() == "4" + "x" * 999_999
        await ws.send("4" + "x" * 1_000_000)
        assert await ws.wait_closed() == 1009
        await server.hear(type="disconnect", sid=eio.sid)


async def test_websocket_bad_utf8(client: Connect, server: ServerProcess) -> None:
    """RFC 6455, 8.1: "an endpoint ... finds that the byte stream is not ... valid UTF-8 ... MUST Fail" with 1007."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        await ws.send_broken_text(b"4\xff")
        code = await ws.wait_closed()
        # hypercorn sees it too, and drops the connection without a close frame.
        assert code == (1006 if server.way == "hypercorn" else 1007)
        await server.hear(type="disconnect", sid=eio.sid)


async def test_websocket_dropped_by_the_client(client: Connect, server: ServerProcess) -> None:
    """The end of the transport is the end of the session, once."""
    async with client("calm") as eio:
        async with eio.websocket_session() as ws:
            await ws.close()
        await server.hear(type="disconnect", sid=eio.sid)
        async with client("calm") as other:
            await other.handshake()
        assert server.reports.take_all(type="disconnect", sid=eio.sid) == []


# Heartbeat


async def test_heartbeat_on_polling(client: Connect) -> None:
    """Server sends `2` every pingInterval, expects `3` (suite: "sends ping/pong packets")."""
    async with client("engine.io") as eio:
        await eio.handshake()
        for _ in range(3):
            assert (await eio.poll()).text == PING
            assert (await eio.post(PONG)).text == "ok"


async def test_heartbeat_on_websocket(client: Connect) -> None:
    """Sub-second values must survive (suite uses 300/200 ms)."""
    async with client("engine.io") as eio, eio.websocket_session() as ws:
        for _ in range(3):
            assert await ws.receive() == PING
            await ws.send(PONG)
        await ws.send("4alive")
        assert await ws.receive_past_pings() == "4alive"


async def test_heartbeat_timeout_on_polling(client: Connect, server: ServerProcess) -> None:
    """Timeout must be enforced by timer without outstanding poll (suite: "closes the session upon ping timeout")."""
    async with client("engine.io") as eio:
        await eio.handshake()
        await server.hear(type="disconnect", sid=eio.sid, reason="ping timeout")
        await assert_closed(eio)


async def test_heartbeat_timeout_on_polling_after_a_ping(client: Connect, server: ServerProcess) -> None:
    """A poll that fetches the ping is no pong."""
    async with client("engine.io") as eio:
        await eio.handshake()
        assert (await eio.poll()).text == PING
        await server.hear(type="disconnect", sid=eio.sid, reason="ping timeout")
        await assert_closed(eio)


async def test_heartbeat_timeout_on_websocket(client: Connect, server: ServerProcess) -> None:
    """Close "ping timeout"; messages are no substitute for a pong."""
    async with client("engine.io") as eio, eio.websocket_session() as ws:
        assert await ws.receive() == PING
        await ws.send("4not a pong")
        await ws.wait_closed()
        await server.hear(type="disconnect", sid=eio.sid, reason="ping timeout")


# Close


async def test_close_packet_on_polling(client: Connect, server: ServerProcess) -> None:
    """Over POST the pending GET must be answered `6` and session removed (suite: "forcefully closes the session")."""
    async with client("calm") as eio:
        await eio.handshake()
        poll = await eio.start_poll()
        assert (await eio.post("1")).text == "ok"
        assert ((await poll).status, (await poll).text) == (200, NOOP)
        await assert_closed(eio)
        assert (await server.hear(type="disconnect", sid=eio.sid))["reason"] == "client disconnect"


async def test_close_packet_on_websocket(client: Connect, server: ServerProcess) -> None:
    """Over websocket server closes."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        await ws.send("1")
        await ws.wait_closed()
        assert (await server.hear(type="disconnect", sid=eio.sid))["reason"] == "client disconnect"


async def test_server_closes_with_a_poll_waiting(client: Connect, server: ServerProcess) -> None:
    """Server-side close on polling: answer the poll with `1` immediately if writable."""
    async with client("calm") as eio:
        await eio.handshake()
        poll = await eio.start_poll()
        assert (await eio.post("4close me")).text == "ok"
        assert (await poll).text == "1"
        await assert_closed(eio)
        assert (await server.hear(type="disconnect", sid=eio.sid))["reason"] == "server disconnect"


async def test_server_closes_with_no_poll_waiting(client: Connect, server: ServerProcess) -> None:
    """Else remember: the next poll gets what was sent before, then `1`."""
    async with client("calm") as eio:
        await eio.handshake()
        assert (await eio.post("4before", "4close me", "4after")).status in (200, 400)
        await server.hear(type="disconnect", sid=eio.sid)
        assert (await eio.poll()).packets == ["4before", "1"]
        await assert_closed(eio)


async def test_server_closes_a_websocket(client: Connect, server: ServerProcess) -> None:
    """What was sent before the close arrives."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        await ws.send("4before", "4close me", "4after")
        assert await ws.receive() == "4before"
        await ws.wait_closed()
        assert (await server.hear(type="disconnect", sid=eio.sid))["reason"] == "server disconnect"
