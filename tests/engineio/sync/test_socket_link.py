"""`SocketLink`: a WebSocket over the socket of a request, whose peer is read and written by the test."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from engineio.interfaces import reason
from engineio.sync.socket_link import SocketLink
from engineio.websocket import BINARY, CLOSE, PING, PONG, TEXT, encode_masked_frame

from ..wsgi_calls import LIMIT, WebSocket, serving, wait_until

SMALL = 4096
"""The size of a buffer of the kernel that is soon full, in bytes."""


def code(number: int) -> bytes:
    return number.to_bytes(2, "big")


@pytest.fixture
def reasons() -> list[str]:
    return []


def link_of(server: Any, sid: str) -> SocketLink:
    link = server.sockets[sid].link
    assert isinstance(link, SocketLink)
    return link


# In and out


def test_messages_go_in_and_out_in_order() -> None:
    with serving() as server:
        server.on("message", lambda sid, data: server.send(sid, data))
        client = WebSocket(server.handle_request)
        sid = client.opened()
        assert server.transport(sid) == "websocket"
        client.text(*(b"4" + str(number).encode() for number in range(200)))
        client.send(BINARY, b"\x00\xff")
        client.send(TEXT, "4\u20ac".encode())
        expected = [(TEXT, b"4%d" % number) for number in range(200)]
        expected += [(BINARY, b"\x00\xff"), (TEXT, "4\u20ac".encode())]
        assert [client.receive() for _ in expected] == expected
        client.send(CLOSE, code(1000))
        assert client.frames() == [(CLOSE, code(1000))]
        client.end()


def test_bytes_arrive_one_by_one() -> None:
    with serving() as server:
        server.on("message", lambda sid, data: server.send(sid, data))
        client = WebSocket(server.handle_request)
        client.opened()
        for byte in encode_masked_frame(TEXT, b"4slow", b"abcd"):
            client.peer.sendall(bytes([byte]))
        assert client.receive() == (TEXT, b"4slow")
        client.peer.close()
        client.end()


def test_many_threads_send_in_order() -> None:
    """Each thread's messages arrive completely and in its order, through a kernel that is full again and again."""
    with serving() as server:
        client = WebSocket(server.handle_request, buffer=SMALL)
        sid = client.opened()

        def emit(name: int) -> None:
            choice = random.Random(name)
            for number in range(150):
                server.send(sid, f"{name} {number} " + "x" * choice.choice([0, 10, 5000]))

        threads = [threading.Thread(target=emit, args=(name,)) for name in range(6)]
        for thread in threads:
            thread.start()
        seen: dict[int, list[int]] = {name: [] for name in range(6)}
        for _ in range(900):
            name, number = client.receive()[1][1:].split()[:2]
            seen[int(name)].append(int(number))
        for thread in threads:
            thread.join()
        assert seen == {name: list(range(150)) for name in range(6)}
        client.peer.close()
        client.end()


# A peer that does not read


def fill(server: Any, sid: str) -> int:
    """Sends until the kernel takes no more, and some more; returns how many messages that is."""
    count = 0
    while not link_of(server, sid).blocked:
        server.send(sid, f"{count} " + "x" * 20_000)
        count += 1
        assert count < 2000
    for _ in range(5):
        server.send(sid, f"{count} ")
        count += 1
    return count


def test_a_thread_writes_what_the_kernel_does_not_take() -> None:
    with serving() as server:
        client = WebSocket(server.handle_request, buffer=SMALL)
        sid = client.opened()
        before = threading.active_count()
        for _ in range(2):
            count = fill(server, sid)
            assert threading.active_count() == before + 1
            numbers = [int(client.receive()[1][1:].split()[0]) for _ in range(count)]
            assert numbers == list(range(count))
            wait_until(lambda: threading.active_count() == before)
            assert not link_of(server, sid).blocked and server.sockets[sid].pending == 0
        server.send(sid, "at once")
        assert client.receive() == (TEXT, b"4at once")
        client.peer.close()
        client.end()


def test_a_stalled_peer_is_closed(reasons: list[str]) -> None:
    """1013: it reads nothing for `send_stall_timeout`."""
    with serving(send_stall_timeout=0.02, ping_interval=0.2) as server:
        server.on("disconnect", lambda sid, why: reasons.append(why))
        client = WebSocket(server.handle_request, buffer=SMALL)
        fill(server, client.opened())
        assert client.request.result().status == 200
        wait_until(lambda: reasons)
        client.end()
    assert reasons == [reason.TRANSPORT_ERROR]


def test_a_stalled_peer_that_is_not_read_is_closed_as_well(reasons: list[str]) -> None:
    """The thread of the request waits for the handlers, not for the peer: it has to be told."""
    go = threading.Event()
    with serving(send_stall_timeout=0.02, ping_interval=0.2, max_in_flight=1) as server:
        server.on("message", lambda sid, data: go.wait(LIMIT))
        server.on("disconnect", lambda sid, why: reasons.append(why))
        client = WebSocket(server.handle_request, buffer=SMALL)
        sid = client.opened()
        client.text(b"4slow")
        wait_until(lambda: server.sockets[sid].halted)
        fill(server, sid)
        assert client.request.result().status == 200
        go.set()
        wait_until(lambda: reasons)
        client.end()
    assert reasons == [reason.TRANSPORT_ERROR]


def test_a_slow_peer_is_not_closed() -> None:
    """As long as it reads something."""
    with serving(send_stall_timeout=0.3, ping_interval=1) as server:
        client = WebSocket(server.handle_request, buffer=SMALL)
        sid = client.opened()
        count = fill(server, sid)
        for number in range(count):
            assert client.receive()[1].startswith(b"4%d " % number)
            if number % 4 == 0:
                server.sleep(0.002)
        client.peer.close()
        client.end()


def test_too_much_for_a_peer_that_does_not_read(reasons: list[str]) -> None:
    with serving(max_send_queue=100_000) as server:
        server.on("disconnect", lambda sid, why: reasons.append(why))
        client = WebSocket(server.handle_request, buffer=SMALL)
        sid = client.opened()
        for _ in range(1000):
            server.send(sid, "x" * 10_000)
        client.request.result()
        client.end()
    assert reasons == [reason.TRANSPORT_ERROR]


# Flow


def test_reading_stops_while_handlers_are_busy() -> None:
    gates = [threading.Event() for _ in range(6)]
    started: list[int] = []

    def handler(sid: str, data: Any) -> None:
        started.append(int(data))
        gates[int(data)].wait(LIMIT)

    with serving(max_in_flight=2) as server:
        server.on("message", handler)
        client = WebSocket(server.handle_request)
        sid = client.opened()
        client.text(*(b"4%d" % number for number in range(6)))
        wait_until(lambda: len(started) == 2)
        assert server.sockets[sid].halted
        for number in range(6):
            gates[number].set()
        wait_until(lambda: len(started) == 6)
        assert started == list(range(6))
        server.on("message", lambda sid, data: server.send(sid, data))
        client.text(b"4again")
        assert client.receive() == (TEXT, b"4again")
        client.peer.close()
        client.end()


# Control frames


def test_pings_of_the_peer_are_answered() -> None:
    with serving() as server:
        client = WebSocket(server.handle_request)
        client.opened()
        client.send(PING, b"hello")
        assert client.receive() == (PONG, b"hello")
        client.peer.close()
        client.end()


def test_pings_of_the_server_are_answered(reasons: list[str]) -> None:
    """Engine.IO 4: "2" asks, "3" answers; who does not answer is closed."""
    with serving(ping_interval=0.02, ping_timeout=0.1, ws_close_timeout=0.02) as server:
        server.on("disconnect", lambda sid, why: reasons.append(why))
        client = WebSocket(server.handle_request)
        client.opened()
        for _ in range(4):
            assert client.receive() == (TEXT, b"2")
            client.text(b"3")
        frames = client.frames()
        assert frames[-1][0] == CLOSE and set(frames[:-1]) == {(TEXT, b"2")}
        client.end()
    assert reasons == [reason.PING_TIMEOUT]


# The end


def test_the_peer_closes(reasons: list[str]) -> None:
    with serving() as server:
        server.on("disconnect", lambda sid, why: reasons.append(why))
        client = WebSocket(server.handle_request)
        client.opened()
        client.send(CLOSE, code(1001) + b"going away")
        assert client.frames() == [(CLOSE, code(1001))]
        assert client.end().status == 200
        assert server.sockets == {}
    assert reasons == [reason.TRANSPORT_CLOSE]


def test_the_server_closes(reasons: list[str]) -> None:
    """What was sent before arrives; the answer of the peer ends the connection."""
    with serving(ws_close_timeout=LIMIT) as server:
        server.on("disconnect", lambda sid, why: reasons.append(why))
        client = WebSocket(server.handle_request)
        sid = client.opened()
        server.send(sid, "last")
        server.disconnect(sid)
        server.send(sid, "too late")
        assert client.receive() == (TEXT, b"4last")
        opcode, payload = client.receive()
        assert opcode == CLOSE and payload[:2] == code(1000)
        assert not client.request.is_over()
        client.text(b"4ignored")
        client.send(CLOSE, code(1000))
        assert client.frames() == []
        client.end()
    assert reasons == [reason.SERVER_DISCONNECT]


def test_a_peer_that_does_not_answer_the_close_frame() -> None:
    with serving(ws_close_timeout=0.02, ping_interval=0.2) as server:
        client = WebSocket(server.handle_request)
        server.disconnect(client.opened())
        assert [opcode for opcode, _ in client.frames()] == [CLOSE]
        client.end()


def test_the_server_closes_while_the_kernel_is_full() -> None:
    """The close frame follows what the peer has yet to read."""
    with serving() as server:
        client = WebSocket(server.handle_request, buffer=SMALL)
        sid = client.opened()
        count = fill(server, sid)
        server.disconnect(sid)
        numbers = [int(client.receive()[1][1:].split()[0]) for _ in range(count)]
        assert numbers == list(range(count))
        assert client.receive()[0] == CLOSE
        client.send(CLOSE, code(1000))
        assert client.frames() == []
        client.end()


def test_the_peer_closes_while_the_kernel_is_full() -> None:
    """Its close frame is answered behind all the rest, and then the connection ends at once."""
    with serving(ws_close_timeout=LIMIT) as server:
        client = WebSocket(server.handle_request, buffer=SMALL)
        sid = client.opened()
        fill(server, sid)
        client.send(CLOSE, code(1000))
        wait_until(lambda: sid not in server.sockets)
        frames = client.frames()
        assert frames[-1] == (CLOSE, code(1000)) and len(frames) > 1
        client.end()


@pytest.mark.parametrize("full", [False, True])
def test_the_connection_breaks(full: bool, reasons: list[str]) -> None:
    with serving() as server:
        server.on("disconnect", lambda sid, why: reasons.append(why))
        client = WebSocket(server.handle_request, buffer=SMALL)
        sid = client.opened()
        if full:
            fill(server, sid)
        client.peer.close()
        client.end()
        server.send(sid, "to nobody")
        assert server.sockets == {}
    assert reasons == [reason.TRANSPORT_CLOSE]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x81\x01x", 1002),  # not masked
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode that there is not
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x82\xff" + (1 << 40).to_bytes(8, "big") + bytes(4), 1009),
    ],
)
def test_broken_frames(data: bytes, status: int, reasons: list[str]) -> None:
    with serving(ws_close_timeout=0.1, ping_interval=1) as server:
        server.on("disconnect", lambda sid, why: reasons.append(why))
        client = WebSocket(server.handle_request)
        client.opened()
        client.peer.sendall(data)
        opcode, payload = client.receive()
        assert (opcode, payload[:2]) == (CLOSE, code(status))
        client.peer.close()
        client.end()
    assert reasons == [reason.TRANSPORT_ERROR]


def test_a_broken_packet(reasons: list[str]) -> None:
    with serving(ws_close_timeout=0.1, ping_interval=1) as server:
        server.on("disconnect", lambda sid, why: reasons.append(why))
        client = WebSocket(server.handle_request)
        client.opened()
        client.text(b"9what")
        assert client.receive()[0] == CLOSE
        client.peer.close()
        client.end()
    assert reasons == [reason.TRANSPORT_ERROR]
