"""Floods of groups B and E: more events than handlers can take, output nobody reads, names without end."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from .conftest import SHORT
from .peers import Client
from .raw_client import TEXT, Gone, Http, RawSocket, frame, request_bytes
from .servers import Canary, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cases import Make


def test_F026_events_into_slow_handlers_over_websocket(short: Server, joined_short: Make) -> None:
    client = joined_short("websocket")
    ws = client.peer.ws
    before = short.report("objects")["rss"]
    sent, unsent, end = 0, b"", time.monotonic() + 15
    while ws.writable(0.5) and sent < 2_000_000:
        if not unsent:
            unsent = b"".join(frame(TEXT, f'42["slow",{n}]'.encode()) for n in range(sent, sent + 1000))
            sent += 1000
        unsent = unsent[ws.sock.send(unsent, socket.MSG_DONTWAIT) :]
        assert time.monotonic() < end, "no backpressure"
    assert sent < 2_000_000, "the server reads on and on"
    time.sleep(SHORT["ping_interval"] + SHORT["ping_timeout"] + 0.5)  # its pongs are stuck behind its events
    report = short.report()
    assert report["peak"] <= SHORT["max_in_flight"], report
    assert report["rss"] - before < 20e6, f"RSS +{(report['rss'] - before) / 1e6:.0f} MB"
    short.canary.assert_answered()
    assert short.disconnects(client.sid) == []
    short.report("release")
    ws.sock.settimeout(30)
    ws.write(unsent)
    assert client.call("echo", "after all", timeout=30) == ["after all"]
    report = short.report("numbers")
    assert (report["seen"], report["in_order"]) == (sent, True)


def test_F026_events_into_slow_handlers_over_polling(short: Server, joined_short: Make) -> None:
    client = joined_short("polling")
    before = short.report("objects")["rss"]
    post = RawSocket(short.port)
    short.clients.append(post)
    post.write(
        request_bytes("POST", client.peer.target, body="\x1e".join(f'42["slow",{n}]' for n in range(30_000)).encode())
    )
    short.wait_until(lambda r: r["running"], "handlers run")
    short.canary.assert_answered()
    report = short.report()
    assert report["peak"] <= SHORT["max_in_flight"], report
    assert report["rss"] - before < 30e6, f"RSS +{(report['rss'] - before) / 1e6:.0f} MB"
    short.report("release")
    assert post.read_response(30).status == 200
    report = short.wait_until(lambda r: r["seen"] == 30_000, "all events are handled", 30, "numbers")
    assert report["in_order"]
    client.assert_alive()


def test_F026_the_client_that_vanishes_while_it_is_halted(short: Server, joined_short: Make) -> None:
    client = joined_short("websocket")
    client.peer.ws.write(b"".join(frame(TEXT, f'42["slow",{n}]'.encode()) for n in range(1000)))
    short.wait_until(lambda r: r["running"] == SHORT["max_in_flight"], "handlers run")
    client.peer.ws.reset()
    time.sleep(0.1)
    short.report("release")
    short.wait_until(lambda r: r["disconnects"], "the disconnect handler", query=f"sid={client.sid}")


def test_F027_broadcast_to_websockets_that_do_not_read(short: Server, joined_short: Make) -> None:
    readers = [joined_short("websocket", receive_buffer=4096) for _ in range(3)]
    for client in readers:
        client.call("join", "flooded")
    before = short.report("objects")["rss"]
    short.canary.emit("flood", "flooded", 65_536, 800)
    for client in readers:
        short.wait_until(lambda r: r["disconnects"], "the one that does not read is dropped", 5, f"sid={client.sid}")
    report = short.report("objects")
    assert report["rss"] - before < 40e6, f"RSS +{(report['rss'] - before) / 1e6:.0f} MB"
    short.canary.assert_answered()
    for client in readers:
        try:
            while True:
                client.receive(5)
        except Gone as gone:  # a reset if the kernel had no room for the close frame
            assert str(gone) in ("1013", "end of stream") or "reset" in str(gone), gone


def test_F027_a_queue_over_the_limit_for_one_who_reads_late(mode: str, short: Server, joined_short: Make) -> None:
    client = joined_short("websocket", receive_buffer=4096)
    client.call("join", "late")
    short.canary.emit("flood", "late", 900_000, 12)
    short.wait_until(lambda r: r["disconnects"], "the late one is dropped", 5, f"sid={client.sid}")
    assert len(short.disconnects(client.sid)) == 1


def test_F027_broadcast_to_a_session_that_does_not_poll(short: Server, joined_short: Make) -> None:
    client = joined_short("polling")
    client.call("join", "flooded")
    short.canary.emit("flood", "flooded", 65_536, 100)
    short.wait_until(lambda r: r["disconnects"], "the one that does not poll is dropped", 2, f"sid={client.sid}")
    assert client.peer.poll().code() == 1


def test_F027_stalled_and_merely_slow(mode: str, private_server: Callable[..., Server]) -> None:
    server = private_server(mode, {"server": {"max_send_queue": 64 * 1024 * 1024, "send_stall_timeout": 1}})
    canary = Canary(server)
    server.clients.append(canary)
    stalled, slow = (Client(server.peer("websocket", receive_buffer=4096)) for _ in range(2))
    server.clients += [stalled, slow]
    for client in (stalled, slow):
        client.connect()
        client.call("join", "flooded")
    canary.emit("flood", "flooded", 65_536, 200)
    received, end = 0, time.monotonic() + 3
    while time.monotonic() < end:  # some bytes often: slower than it is sent, but never silent
        try:
            slow.peer.ws.fill(0.2)
        except TimeoutError:
            pass
        received += len(slow.peer.ws.buffer)
        slow.peer.ws.buffer = b""
        time.sleep(0.02)
    server.wait_until(lambda r: r["disconnects"], "the stalled one is dropped", 5, f"sid={stalled.sid}")
    assert received > 0
    if mode == "embedded":  # through ASGI messages nothing is seen of what the system still holds
        assert server.disconnects(slow.sid) == []
    canary.assert_answered()


def test_F028_calls_never_answered(transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    before = server.report("objects")["objects"]
    assert client.call("ask_many", 2000, 0.5, timeout=30) == [2000]
    for _ in range(2):
        client.assert_alive()
    grown = {
        k: n - before.get(k, 0) for k, n in server.report("objects")["objects"].items() if n > before.get(k, 0) + 5
    }
    assert not grown, f"left of 2,000 timed-out calls: {grown}"


def test_F053_callbacks_never_answered_go_with_the_client(transport: str, server: Server, joined: Make) -> None:
    before = server.report("objects")["objects"]
    client = joined(transport)
    client.send('42["emit_with_callbacks",5000]', '421["echo",1]')
    if transport == "polling":
        client.close()
    else:
        while client.receive() != "431[1]":
            pass
        client.close()
    server.wait_until(lambda r: r["disconnects"], "the disconnect handler", query=f"sid={client.sid}")
    grown = {
        k: n - before.get(k, 0) for k, n in server.report("objects")["objects"].items() if n > before.get(k, 0) + 5
    }
    assert not grown, f"left: {grown}"


@pytest.mark.parametrize("kind", ["event", "namespace", "room", "ack"])
def test_F029_names_without_end(kind: str, server: Server, joined: Make) -> None:
    client = joined("websocket")
    packets: dict[str, Callable[[int], str]] = {
        "event": lambda n: f'42["event {n}",{n}]', "namespace": lambda n: f"40/namespace{n},",
        "room": lambda n: f'42["join","room {n}"]' if n % 2 == 0 else f'42["leave","room {n - 1}"]',
        "ack": lambda n: f"43{n}[]",
    }  # fmt: skip

    def send(numbers: range) -> None:
        for start in range(numbers.start, numbers.stop, 500):
            client.send(*(packets[kind](n) for n in range(start, start + 500)))
            client.assert_alive()

    send(range(1000))
    before = server.report("objects")["rss"]
    send(range(1000, 21_000))
    grown = server.report("objects")["rss"] - before
    assert grown < 10e6, f"RSS +{grown / 1e6:.1f} MB"


def test_F029_requests_with_names_without_end(server: Server) -> None:
    http = Http(server.port)
    server.clients.append(http)

    def send(numbers: range) -> None:
        for n in numbers:
            assert http.get(f"/socket.io/?EIO=4&transport=t{n}&sid=s{n}", {"X-Header-" + str(n): "v"}).status == 400

    send(range(300))
    before = server.report("objects")["rss"]
    send(range(300, 4000))
    grown = server.report("objects")["rss"] - before
    assert grown < 10e6, f"RSS +{grown / 1e6:.1f} MB"
