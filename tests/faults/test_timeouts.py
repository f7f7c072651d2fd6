"""What is not done in time: joining, attachments, connect handlers, pongs, half sent frames and bodies (D, E and J)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import SHORT
from .raw_client import TEXT, Gone, Http, RawSocket, frame, request_bytes, target

if TYPE_CHECKING:
    from .cases import Make
    from .peers import Client
    from .servers import Server

SLACK = 2.0
"""What a busy machine may add to a time limit, in seconds."""


def seconds_to_close(client: Client, at_most: float) -> tuple[float, str]:
    """Answer pings until the server closes the session; return after how many seconds, and how."""
    began = time.monotonic()
    try:
        while True:
            left = at_most - (time.monotonic() - began)
            assert left > 0, f"still open after {at_most} s"
            client.receive(left)
    except Gone as gone:
        return time.monotonic() - began, str(gone)
    except TimeoutError:
        raise AssertionError(f"still open after {at_most} s") from None


def test_F052_never_joins(transport: str, joined_short: Make) -> None:
    client = joined_short(transport, namespace=None)
    seconds, _ = seconds_to_close(client, SHORT["connect_timeout"] + SLACK)
    assert seconds > SHORT["connect_timeout"] * 0.5
    if transport == "polling":
        assert client.peer.poll().code() == 1


def test_F052_joins_in_time_and_stays(transport: str, joined_short: Make) -> None:
    client = joined_short(transport)
    end = time.monotonic() + SHORT["connect_timeout"] * 2
    while time.monotonic() < end:
        client.assert_alive()
        time.sleep(0.1)


def test_F045_header_then_silence(transport: str, short: Server, joined_short: Make) -> None:
    client = joined_short(transport)
    client.send('452-["echo",{"_placeholder":true,"num":0}]', b"one of two")
    seconds, _ = seconds_to_close(client, SHORT["attachments_timeout"] + SLACK)
    assert seconds > SHORT["attachments_timeout"] * 0.5
    assert len(short.disconnects(client.sid)) == 1


def test_F045_no_timeout_once_complete(transport: str, joined_short: Make) -> None:
    client = joined_short(transport)
    client.send('451-1["sizes",{"_placeholder":true,"num":0}]', b"12345")
    assert client.receive() == "431[5]"
    end = time.monotonic() + SHORT["attachments_timeout"] * 2
    while time.monotonic() < end:
        client.assert_alive()
        time.sleep(0.1)


def test_F041_limit_of_attachments_is_an_option(transport: str, joined_short: Make) -> None:
    client = joined_short(transport)
    client.send('454-["echo"]')
    client.assert_killed()


def test_F051_limit_of_namespaces_is_an_option(transport: str, joined_short: Make) -> None:
    client = joined_short(transport)
    for number in range(SHORT["max_namespaces"] - 1):
        client.connect(f"/n{number}")
    client.send("40/n99,")
    answer = client.receive()
    assert isinstance(answer, str) and answer.startswith('44/n99,{"message":"'), answer
    client.assert_alive()


@pytest.mark.parametrize("first", [True, False], ids=["first-namespace", "second-namespace"])
def test_F054_connect_handler_that_hangs(first: bool, transport: str, short: Server, joined_short: Make) -> None:
    client = joined_short(transport, namespace=None if first else "/")
    client.send("40/hang,")
    try:
        answer = client.receive(SHORT["connect_timeout"] + SLACK)
    except Gone:
        pass
    else:
        assert isinstance(answer, str) and answer.startswith("44/hang,{"), answer
    assert short.wait_until(lambda r: r["counters"]["rooms"] <= 6, "no half-joined client")


def test_events_before_the_connect_handler_has_returned(transport: str, joined: Make) -> None:
    client = joined(transport)
    client.send('40/slow,{"seconds":0.2}')
    client.send('42["echo","other namespaces go on"]')
    assert str(client.receive()).startswith("40/slow,{")
    client.assert_alive()


def test_F086_ping_timeout(mode: str, transport: str, short: Server, joined_short: Make) -> None:
    client = joined_short(transport)
    limit = SHORT["ping_interval"] + SHORT["ping_timeout"]
    began = time.monotonic()
    short.wait_until(lambda r: r["disconnects"], "gone without pongs", limit + SLACK, f"sid={client.sid}")
    assert time.monotonic() - began > limit * 0.4
    assert short.disconnects(client.sid) == ["ping timeout"]
    if transport == "polling":
        assert client.peer.poll().code() == 1
    elif mode == "embedded":  # uvicorn's own timeout for the close handshake is 10 s
        client.peer.ws.wait_gone(SHORT["ws_close_timeout"] + SLACK)


STOPPED = """
import sys, time
sys.path.insert(0, sys.argv[1])
from faults.peers import Client, PollingPeer, WebSocketPeer
client = Client((WebSocketPeer if sys.argv[3] == "websocket" else PollingPeer)(int(sys.argv[2])))
print(client.connect(), flush=True)
client.receive(60)
"""


def test_F086_process_that_is_stopped(transport: str, short: Server) -> None:
    command = [sys.executable, "-c", STOPPED, str(Path(__file__).parents[1]), str(short.port), transport]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            sid = process.stdout.readline().strip()
            os.kill(process.pid, signal.SIGSTOP)
            limit = SHORT["ping_interval"] + SHORT["ping_timeout"] + SLACK
            short.wait_until(lambda r: r["disconnects"], "the stopped one is dropped", limit, f"sid={sid}")
        finally:
            process.kill()


@pytest.mark.parametrize("how", ["reset-mid-frame", "reset-after-half-close", "half-close", "close-mid-frame", "reset"])
def test_F086_connection_that_breaks(how: str, server: Server, joined: Make) -> None:
    client = joined("websocket")
    ws = client.peer.ws
    if "mid-frame" in how:
        ws.write(frame(TEXT, b'42["echo"', length=500))
    if "half-close" in how:
        ws.sock.shutdown(1)
    if "reset" in how:
        ws.reset()
    elif how != "half-close":
        ws.close()
    server.wait_until(lambda r: r["disconnects"], "the disconnect handler", 2, f"sid={client.sid}")
    assert server.disconnects(client.sid) in (["transport close"], ["transport error"])


def test_F087_half_a_frame_and_no_pong(short: Server, joined_short: Make) -> None:
    client = joined_short("websocket")
    client.peer.ws.write(frame(TEXT, b'42["remember"', length=100))
    limit = SHORT["ping_interval"] + SHORT["ping_timeout"] + SLACK
    end = time.monotonic() + limit
    while not short.disconnects(client.sid):
        client.peer.ws.write_if_open(b"x")  # a byte now and then is no pong
        assert time.monotonic() < end, "a dribbled frame keeps the session alive"
        time.sleep(0.2)
    assert short.report()["seen"] == 0


def test_F087_dribbled_body(short: Server, joined_short: Make) -> None:
    client = joined_short("polling")
    post = RawSocket(short.port)
    short.clients.append(post)
    post.write(request_bytes("POST", client.peer.target, {"Content-Length": "1000"}, b"4"))
    end = time.monotonic() + SHORT["ping_interval"] + SHORT["ping_timeout"] + SLACK
    while not short.disconnects(client.sid):
        post.write_if_open(b"x")
        assert time.monotonic() < end, "a dribbled body keeps the session alive"
        time.sleep(0.2)


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n"],
    ids=["F087-nothing", "F087-half-header"],
)
def test_silent_connections_harm_nobody(sent: bytes, server: Server) -> None:
    for _ in range(100):
        raw = RawSocket(server.port)
        server.clients.append(raw)
        raw.write_if_open(sent)
    server.canary.assert_answered()


def test_F087_response_never_read(short: Server, joined_short: Make) -> None:
    client = joined_short("polling")
    client.call("join", "unread")
    poll = RawSocket(short.port, receive_buffer=4096)
    short.clients.append(poll)
    short.canary.emit("flood", "unread", 200_000, 1)
    poll.write(request_bytes("GET", client.peer.target))
    limit = SHORT["ping_interval"] + SHORT["ping_timeout"] + SLACK
    short.wait_until(lambda r: r["disconnects"], "gone without pongs", limit, f"sid={client.sid}")


def test_F093_a_handler_that_waits_holds_up_nobody(transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    client.send('42["slow",1]')
    client.assert_alive()
    server.canary.assert_answered()


def test_F093_a_handler_that_blocks_the_loop(transport: str, short: Server, joined_short: Make) -> None:
    client, other = joined_short(transport), joined_short(transport)
    client.send('42["block",1.7]')
    for one in (client, other):
        one.assert_alive()
    short.canary.assert_answered()


@pytest.mark.parametrize("shift", [3600, -3600])
def test_F091_the_clock_of_the_wall_jumps(shift: int, transport: str, short: Server, joined_short: Make) -> None:
    client = joined_short(transport)
    try:
        short.report(f"clock={shift}")
        end = time.monotonic() + SHORT["ping_interval"] + 0.7
        while time.monotonic() < end:
            client.assert_alive()
            time.sleep(0.05)
        assert short.disconnects(client.sid) == []
    finally:
        short.report("clock=0")


def test_F076_an_old_session_is_not_taken_over_after_its_timeout(short: Server) -> None:
    http = Http(short.port)
    short.clients.append(http)
    sid = http.get(target("polling")).sid()
    short.wait_until(lambda r: r["counters"]["sockets"] <= 1, "reaped", 6)
    assert http.post(target("polling", sid), "40").code() == 1
