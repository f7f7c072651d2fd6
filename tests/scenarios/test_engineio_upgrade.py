"""Engine.IO 4: the upgrade from polling to WebSocket, complete, abandoned, doubled, and racing with the close."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import pytest
from protocol_client import BAD_REQUEST, NOOP, PING, PONG, ProtocolClient, WebSocket, assert_closed

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import ServerProcess

    Connect = Callable[[str], ProtocolClient]


pytestmark = pytest.mark.binding


async def assert_second_websocket_is_refused(eio: ProtocolClient) -> None:
    """A second WebSocket for the session is refused or closed without a word."""
    try:
        async with eio.websocket() as second:
            await second.send("2probe")
            await second.wait_closed()
    except aiohttp.WSServerHandshakeError as refusal:
        assert refusal.status in (400, 403)


async def polls_until(eio: ProtocolClient, packet: str) -> bool:
    """Poll past noops until `packet` arrives."""
    while True:
        packets = [each for each in await eio.poll_past_pings() if each != NOOP]
        if packets:
            return packets == [packet]


async def test_upgrade(client: Connect) -> None:
    """After `3probe` a GET returns exactly `6` (suite: "successfully upgrades from HTTP long-polling to WebSocket")."""
    async with client("calm") as eio:
        await eio.handshake()
        assert eio.open_packet["upgrades"] == ["websocket"]
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            assert (await eio.poll()).text == NOOP
            await ws.send("5", "4hello")
            assert await ws.receive() == "4hello"
            await ws.send("4transport?")
            assert await ws.receive() == "4websocket"


async def test_upgrade_releases_the_pending_poll(client: Connect) -> None:
    """Server answers `3probe` and flushes a `6` noop into the pending GET."""
    async with client("calm") as eio:
        await eio.handshake()
        poll = await eio.start_poll()
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            assert (await poll).text == NOOP
            await ws.send("5", "4hello")
            assert await ws.receive() == "4hello"


async def test_upgrade_without_waiting_for_the_probe(client: Connect) -> None:
    """`2probe` immediately followed by `5` without waiting must work."""
    async with client("calm") as eio:
        await eio.handshake()
        async with eio.websocket() as ws:
            await ws.send("2probe", "5", "4hello", b"\x01")
            assert [await ws.receive() for _ in range(3)] == ["3probe", "4hello", b"\x01"]


async def test_upgrade_flushes_the_buffer_in_order(client: Connect) -> None:
    """Server switches, discards polling and flushes the buffer on ws (no loss, no duplication, order kept)."""
    async with client("calm") as eio:
        await eio.handshake()
        packets = [f"4{n}" for n in range(50)]
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            # What is posted while the upgrade is under way is answered either here or there.
            assert (await eio.post(*packets)).text == "ok"
            await ws.send("5", "4end")
            assert await ws.receive_many(51) == [*packets, "4end"]


async def test_upgrade_of_a_session_with_messages_waiting(client: Connect) -> None:
    """What waits at the probe is either in the released poll or on the WebSocket, once and in order."""
    async with client("calm") as eio:
        await eio.handshake()
        packets = [f"4{n}" for n in range(10)]
        assert (await eio.post(*packets)).text == "ok"
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            polled = (await eio.poll()).packets
            await ws.send("5", "4end")
            received = [packet for packet in polled if packet != NOOP]
            while not received or received[-1] != "4end":
                received.append(str(await ws.receive()))
            assert received == [*packets, "4end"]


async def test_http_requests_after_the_upgrade(client: Connect) -> None:
    """GET/POST with that sid -> 400, ws keeps working (suite: "ignores HTTP requests with same sid after upgrade")."""
    async with client("calm") as eio, eio.upgraded_session() as ws:
        await ws.send("4upgraded")
        assert await ws.receive() == "4upgraded"
        assert (await eio.poll()).error == BAD_REQUEST
        assert (await eio.post("4hello")).error == BAD_REQUEST
        await ws.send("4alive")
        assert await ws.receive() == "4alive"


async def test_second_websocket_after_the_upgrade(client: Connect) -> None:
    """Second ws with that sid is closed (suite: "ignores WebSocket connection with same sid after upgrade")."""
    async with client("calm") as eio, eio.upgraded_session() as ws:
        await ws.send("4upgraded")
        assert await ws.receive() == "4upgraded"
        await assert_second_websocket_is_refused(eio)
        await ws.send("4alive")
        assert await ws.receive() == "4alive"


async def test_second_websocket_for_a_websocket_session(client: Connect) -> None:
    """The same for a session that began as a WebSocket."""
    async with client("calm") as eio, eio.websocket_session() as ws:
        await assert_second_websocket_is_refused(eio)
        await ws.send("4alive")
        assert await ws.receive() == "4alive"


async def test_second_websocket_during_the_upgrade(client: Connect) -> None:
    """During upgrade a second ws attempt is closed too, and the first goes on."""
    async with client("calm") as eio:
        await eio.handshake()
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            await assert_second_websocket_is_refused(eio)
            await ws.send("5", "4hello")
            assert await ws.receive() == "4hello"


@pytest.mark.parametrize("first", ["40", "4hello", "5", "2foo", "2", "3", "abc", "", b"\x01"], ids=repr)
async def test_anything_but_a_probe_fails_the_upgrade_alone(
    client: Connect, server: ServerProcess, first: str | bytes
) -> None:
    """Anything other than ping probe/upgrade -> close the ws transport, session continues on polling."""
    async with client("calm") as eio:
        await eio.handshake()
        async with eio.websocket() as ws:
            await ws.send(first)
            await ws.wait_closed()
        await eio.post("4still polling")
        assert await eio.poll_packets(1) == ["4still polling"]
        assert (await server.hear(type="message", sid=eio.sid))["size"] == len("still polling")
        assert server.reports.take_all(type="message", sid=eio.sid) == []


@pytest.mark.parametrize("second", ["4hello", "2probe", "abc", b"\x01"], ids=repr)
async def test_anything_but_an_upgrade_after_the_probe_fails_the_upgrade_alone(
    client: Connect, second: str | bytes
) -> None:
    """The same after the probe."""
    async with client("calm") as eio:
        await eio.handshake()
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            await ws.send(second)
            await ws.wait_closed()
        await eio.post("4still polling")
        assert await polls_until(eio, "4still polling")


async def test_a_websocket_that_goes_away_during_the_upgrade(client: Connect) -> None:
    """Client never upgrades: fine."""
    async with client("calm") as eio:
        await eio.handshake()
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
        await eio.post("4still polling")
        assert await polls_until(eio, "4still polling")
        async with eio.websocket() as ws:  # and it may try again
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            await ws.send("5", "4hello")
            assert await ws.receive() == "4hello"


async def test_an_upgrade_that_gets_stuck(client: Connect) -> None:
    """Upgrade timeout (here 0.3 s): the ws is closed, polling goes on and no packet is lost."""
    async with client("short-upgrade") as eio:
        await eio.handshake()
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            assert (await eio.post("4meanwhile")).text == "ok"
            await ws.wait_closed()
        assert await polls_until(eio, "4meanwhile")


async def test_close_during_the_upgrade(client: Connect, server: ServerProcess) -> None:
    """Upgrade may race with close (test "should abort upgrade if socket is closed (GH-35)")."""
    async with client("calm") as eio:
        await eio.handshake()
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            assert (await eio.post("1")).text == "ok"
            await ws.wait_closed()
        await server.hear(type="disconnect", sid=eio.sid)
        await assert_closed(eio)
        assert server.reports.take_all(type="disconnect", sid=eio.sid) == []


async def test_close_and_upgrade_at_once(client: Connect, server: ServerProcess) -> None:
    """Whichever wins, the session ends once and the WebSocket with it."""
    for _ in range(5):
        async with client("calm") as eio:
            await eio.handshake()
            async with eio.websocket() as ws:
                await ws.send("2probe")
                assert await ws.receive() == "3probe"
                answer, _ = await asyncio.gather(eio.post("1"), ws.send("5"))
                if answer.status != 200:
                    assert answer.error[0] == 400
                    await ws.send("1")
                await ws.wait_closed()
            await server.hear(type="disconnect", sid=eio.sid)
            assert server.reports.take_all(type="disconnect", sid=eio.sid) == []


async def test_heartbeat_goes_on_after_the_upgrade(client: Connect) -> None:
    """Pings move to the WebSocket."""
    async with client("engine.io") as eio, eio.upgraded_session() as ws:
        for _ in range(3):
            assert await ws.receive() == PING
            await ws.send(PONG)


async def test_no_upgrade_is_offered_or_taken_without_allow_upgrades(client: Connect) -> None:
    """`allow_upgrades=False`: `upgrades` is empty and the WebSocket gets nowhere."""
    async with client("no-upgrades") as eio:
        await eio.handshake()
        assert eio.open_packet["upgrades"] == []
        await assert_second_websocket_is_refused(eio)
        await eio.post("4still polling")
        assert await polls_until(eio, "4still polling")


async def test_many_sessions_upgrade_at_once(client: Connect) -> None:
    """Upgrades do not get into each other's way."""
    async with AsyncExitStack() as stack:

        async def one(number: int) -> None:
            eio = await stack.enter_async_context(client("calm"))
            ws: WebSocket = await stack.enter_async_context(eio.upgraded_session())
            await ws.send(f"4{number}")
            assert await ws.receive() == f"4{number}"

        await asyncio.gather(*map(one, range(20)))
