"""Group J in one process: handlers that raise, clients gone at every moment, and what is left of 10,000."""

from __future__ import annotations

import ast
import asyncio
import functools
import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .crowd import Visitor, run_all, visit_by_polling, visit_by_websocket
from .raw_client import TEXT, RawWebSocket, frame, target, upgrade_bytes

if TYPE_CHECKING:
    from .cases import Make
    from .servers import Server

KINDS = ["ValueError", "BaseException", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "CancelledError"]


def assert_nothing_left(server: Server, before: dict[str, int], slack: int = 10) -> None:
    """Assert that the number of live objects of our classes is back where it was, give or take `slack`."""
    end = time.monotonic() + 5
    while True:
        now = server.report("objects")["objects"]
        grown = {
            name: (before.get(name, 0), count) for name, count in now.items() if count > before.get(name, 0) + slack
        }
        if not grown:
            return
        assert time.monotonic() < end, f"live objects, as (before, now): {grown}"
        time.sleep(0.2)


@pytest.mark.leaves_traceback
@pytest.mark.parametrize("event", ["fail", "fail_at_once", "fail_sync"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"F092-{kind}")
def test_event_handler_raises(kind: str, event: str, transport: str, server: Server, joined: Make) -> None:
    size = len(server.log())
    client = joined(transport)
    client.send(f'425["{event}","{kind}"]', '426["echo",1]')
    assert client.receive() == "436[1]", "no ack for the event whose handler raised"
    client.send('427["echo",2]')
    assert client.receive() == "437[2]"
    server.canary.assert_answered()
    written = server.log()[size:]
    if kind != "CancelledError":
        assert ("Traceback" in written and "from the handler" in written) or (
            kind == "SystemExit" and "Traceback" in written
        ), written
        assert any("socketio.server" in line and event in line for line in written.splitlines()), written
    assert "never retrieved" not in written


@pytest.mark.leaves_traceback
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"F092-{kind}")
def test_connect_handler_raises(kind: str, transport: str, server: Server, joined: Make) -> None:
    size = len(server.log())
    client = joined(transport, namespace=None)
    client.send(f'40{{"raise":"{kind}"}}')
    answer = client.receive()
    assert isinstance(answer, str) and answer.startswith('44{"message":"') and "handler" not in answer, answer
    client.connect("/admin")
    server.canary.assert_answered()
    if kind != "CancelledError":
        assert "Traceback" in server.log()[size:]


@pytest.mark.leaves_traceback
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"F092-{kind}")
def test_disconnect_handler_raises(kind: str, transport: str, server: Server, joined: Make) -> None:
    size = len(server.log())
    client = joined(transport)
    client.send(f'42["fail_at_disconnect","{kind}"]')
    client.assert_alive()
    client.close()
    server.wait_until(lambda r: r["disconnects"], "the disconnect handler", query=f"sid={client.sid}")
    server.canary.assert_answered()
    assert len(server.disconnects(client.sid)) == 1
    if kind != "CancelledError":
        assert "Traceback" in server.log()[size:]


def test_F055_gone_during_the_connect_handler(transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    client.send('40/slow,{"seconds":0.3}')
    server.wait_until(lambda r: r["counts"].get("slow"), "the connect handler runs")
    client.close()
    time.sleep(0.5)
    assert server.report()["counts"].get("slow disconnect", 0) <= 1
    assert len(server.disconnects(client.sid)) == 1


def test_F055_disconnect_packet_during_the_connect_handler(transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    client.send('40/slow,{"seconds":0.3}')
    client.send("41")
    server.wait_until(lambda r: r["disconnects"], "the disconnect handler", query=f"sid={client.sid}")
    assert str(client.receive()).startswith("40/slow,")
    assert len(server.disconnects(client.sid)) == 1


def test_F055_disconnect_inside_its_own_handler(transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    client.send('42["bye"]')
    assert client.receive() == "41"
    server.canary.assert_answered()
    assert server.disconnects(client.sid) == ["server disconnect"]
    client.close()
    server.canary.assert_answered()
    assert server.disconnects(client.sid) == ["server disconnect"]


def test_F055_disconnect_inside_the_connect_handler(transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    client.send("40/vanish,")
    answers = [str(client.receive())]
    if answers[0].startswith("40/vanish,"):
        answers.append(str(client.receive()))
    assert answers[-1].startswith(("41/vanish", "44/vanish")), answers
    client.assert_alive()


def test_F055_leaving_one_namespace_leaves_the_others(transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    client.connect("/admin")
    client.send("41/admin,")
    client.assert_alive()
    client.send('42/admin,["echo"]')
    client.assert_killed()


def test_joining_again_after_leaving_gives_a_new_sid(transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    sids = {client.sid}
    for _ in range(20):
        client.send("41")
        sids.add(client.connect())
    assert len(sids) == 21
    assert server.report()["counts"]["disconnect"] == 20


@pytest.mark.binding
def test_F094_clients_gone_at_every_moment(server: Server) -> None:
    before = server.report("objects")["objects"]
    packets = ["40", '421["join","crowd"]', '42["flood","crowd",1000,20]', '40/slow,{"seconds":0.05}', '452-["echo",1]']
    steps = [upgrade_bytes(target("websocket")), *(frame(TEXT, packet.encode()) for packet in packets)]
    whole = b"".join(steps)

    async def one(number: int) -> None:
        visitor = Visitor(server.port)
        await visitor.open()
        visitor.writer.write(
            whole[: 1 + number * 7 % len(whole)] if number % 2 else b"".join(steps[: 1 + number // 2 % len(steps)])
        )
        await asyncio.sleep(number % 4 * 0.005)
        visitor.reset() if number % 3 else await visitor.close()

    assert not asyncio.run(run_all([functools.partial(one, n) for n in range(400)], 40))
    server.canary.assert_answered(30)
    assert_nothing_left(server, before)


def test_F094_upgrades_given_up_at_every_moment(server: Server, joined: Make) -> None:
    for step in range(8):
        client = joined("polling")
        ws = RawWebSocket(server.port, target("websocket", client.peer.sid))
        if step >= 1:
            ws.send("2probe")
        if step >= 2:
            assert ws.receive() == "3probe"
        if step >= 4:
            ws.send("5")
        if step >= 6:
            ws.send('421["echo",1]')
        ws.reset() if step % 2 else ws.close()
        if step < 4:
            client.assert_alive()
            client.close()
        server.wait_until(lambda r: r["disconnects"], "the disconnect handler", query=f"sid={client.sid}")
        assert len(server.disconnects(client.sid)) == 1


def test_F095_emit_from_another_loop(transport: str, joined: Make) -> None:
    client = joined(transport)
    client.send('421["other_loop"]')
    assert {client.receive(), client.receive()} == {'42["from_thread",1]', "431[]"}


def test_F089_ten_thousand_come_and_go(mode: str, server: Server) -> None:
    # Through ASGI messages each costs several times as much, so there it is a third.
    by_websocket, by_polling = (7000, 3000) if mode == "embedded" else (2300, 1000)

    def crowd(by_websocket: int, by_polling: int) -> None:
        visits = [functools.partial(visit_by_websocket, server.port, n) for n in range(by_websocket)]
        polls = [functools.partial(visit_by_polling, server.port, n) for n in range(by_polling)]
        mixed = [v for pair in itertools.zip_longest(visits, polls) for v in pair if v is not None]
        failures = asyncio.run(run_all(mixed, 100))
        assert not failures, f"{len(failures)} of {len(mixed)}: {failures[:3]}"

    baseline = server.counters()
    crowd(300, 150)
    server.settle(baseline, 5)
    before = server.report("objects")
    crowd(by_websocket, by_polling)
    server.settle(baseline, 5)
    server.canary.assert_answered()
    assert_nothing_left(server, before["objects"])
    counts = server.report()["counts"]
    assert counts["connect"] == counts["disconnect"] == 450 + by_websocket + by_polling
    grown = server.report("objects")["rss"] - before["rss"]
    assert grown < 10e6, f"RSS +{grown / 1e6:.1f} MB"


def test_F089_rooms_churned(server: Server, joined: Make) -> None:
    client = joined("websocket")
    client.call("churn", 1000, 2, timeout=60)
    before = server.report("objects")["rss"]
    rooms = server.counters()["rooms"]
    client.call("churn", 1000, 30, timeout=60)
    assert server.counters()["rooms"] == rooms
    grown = server.report("objects")["rss"] - before
    assert grown < 5e6, f"RSS +{grown / 1e6:.1f} MB"


def test_F088_idle_again_after_a_big_message(mode: str, server: Server, joined: Make) -> None:
    clients = [joined("websocket") for _ in range(300)]
    for client in clients[:20]:
        client.call("sizes", "x" * 65_536)
    before = server.report("objects")["rss"]
    for client in clients[20:]:
        client.call("sizes", "x" * 65_536)
    grown = server.report("objects")["rss"] - before
    # In the ASGI mode the websockets package keeps a buffer of the size of the biggest message for each connection.
    assert grown < 280 * (20_000 if mode == "embedded" else 200_000), f"{grown / 280:.0f} bytes for each stay"


def test_F101_reconnect_storm(mode: str, server: Server) -> None:
    async def storm() -> None:
        visitors = [Visitor(server.port) for _ in range(1000)]
        await asyncio.gather(*(visitor.join_by_websocket() for visitor in visitors))
        for visitor in visitors:
            visitor.reset()

    baseline = server.counters()
    for _ in range(3):
        asyncio.run(storm())
    server.settle(baseline, 5)


def test_F091_no_deadline_depends_on_the_clock_of_the_wall() -> None:
    import engineio
    import socketio

    found = []
    for package in (engineio, socketio):
        for path in Path(package.__file__).parent.rglob("*.py"):
            if path.parent.name == "demo":  # what time it is for people to read
                continue
            text = path.read_text()
            lines = text.splitlines()
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.expr) and "build_url(" in lines[node.lineno - 1]:
                    continue  # the parameter of a URL that keeps caches away is no deadline
                if isinstance(node, ast.expr) and lines[node.lineno - 1] == "record_time = time.time":
                    continue  # nor is what Kafka's records carry
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):  # noqa: SIM102
                    if (node.value.id, node.attr) in {("time", "time"), ("time", "time_ns"), ("datetime", "now")}:
                        found.append(f"{path.name}:{node.lineno}")
                if (
                    isinstance(node, ast.ImportFrom)
                    and node.module == "time"
                    and any(a.name in ("time", "time_ns") for a in node.names)
                ):
                    found.append(f"{path.name}:{node.lineno}")
    assert not found, found
