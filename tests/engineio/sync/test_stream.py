"""The socket of a WebSocket that several threads use: plain and with TLS, with poll() and where there is none."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import pytest

from engineio.sync import stream as stream_module
from engineio.sync.stream import Stream, shut_down
from engineio.websocket import BINARY, CLOSE, PING, TEXT, encode_close, encode_frame, encode_masked_frame

from .conftest import Pair

LIMIT = 20.0
"""How long a test waits for something, in seconds."""

MAX_SIZE = 16_000_000


@pytest.fixture(params=["poll", "select"], autouse=True)
def waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How the stream waits: Windows has no poll(), and eventlet removes it."""
    if request.param == "select":
        monkeypatch.delattr(select, "poll")


@pytest.fixture
def joined(pair: Pair) -> Iterator[tuple[Stream, socket.socket]]:
    """A stream and its peer's socket."""
    connection, peer = pair()
    stream = Stream(connection, MAX_SIZE)
    peer.settimeout(LIMIT)
    yield stream, peer
    stream.close()


Joined = tuple[Stream, socket.socket]


def soon() -> float:
    return time.monotonic() + LIMIT


def receive(stream: Stream, count: int) -> list[tuple[int, bytes]]:
    """Receives until there is a number of events, and takes them."""
    while len(stream.events) < count:
        assert stream.receive(soon()) is True
    events = list(stream.events)
    stream.events.clear()
    return events


def fill(stream: Stream) -> int:
    """Sends until nothing more can be sent at once, and returns how many bytes that was."""
    total = 0
    while sent := stream.send(bytes(1 << 16)):
        total += sent
    return total


def in_thread(function: Callable[[], Any]) -> Callable[[], Any]:
    """Calls a function in a thread; the function returned waits for its result."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(function())
        except OSError as exc:
            results.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(LIMIT)
        assert not thread.is_alive()
        return results[0]

    return result


# Receiving


def test_what_arrives_becomes_events(joined: Joined) -> None:
    stream, peer = joined
    peer.sendall(encode_frame(TEXT, b"one") + encode_frame(PING, b"p") + encode_frame(BINARY, bytes(70_000)))
    assert receive(stream, 3) == [(TEXT, b"one"), (PING, b"p"), (BINARY, bytes(70_000))]


def test_nothing_comes_in_time(joined: Joined) -> None:
    stream, peer = joined
    assert stream.receive(time.monotonic() + 0.02) is None
    assert stream.receive(time.monotonic() - 1) is None
    peer.sendall(encode_frame(TEXT, b"after all"))
    assert receive(stream, 1) == [(TEXT, b"after all")]
    assert stream.receive(time.monotonic() + 0.01) is None


def test_what_has_arrived_counts_even_if_it_is_too_late(joined: Joined) -> None:
    stream, peer = joined
    peer.sendall(encode_frame(TEXT, b"here"))
    receive(stream, 1)
    peer.sendall(encode_frame(TEXT, b"there"))
    end = soon()
    while stream.receive(time.monotonic() - 1) is None:
        assert time.monotonic() < end
    assert list(stream.events) == [(TEXT, b"there")]


def test_a_message_without_its_end_is_no_event(joined: Joined) -> None:
    stream, peer = joined
    frame = encode_frame(TEXT, b"whole")
    peer.sendall(frame[:4])
    assert stream.receive(soon()) is True
    assert not stream.events
    peer.sendall(frame[4:])
    assert receive(stream, 1) == [(TEXT, b"whole")]


def test_the_end_comes_after_what_was_sent_before(joined: Joined) -> None:
    stream, peer = joined
    peer.sendall(encode_frame(TEXT, b"last"))
    peer.close()
    assert receive(stream, 1) == [(TEXT, b"last")]
    assert stream.receive(soon()) is False
    assert stream.receive(inf) is False
    assert stream.frames.error is None


def test_a_close_frame_is_an_event(joined: Joined) -> None:
    stream, peer = joined
    peer.sendall(encode_close(1001) + encode_frame(TEXT, b"too late"))
    assert receive(stream, 1) == [(CLOSE, b"\x03\xe9")]
    assert stream.frames.error is None


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (encode_masked_frame(TEXT, b"masked", b"mask"), 1002),
        (encode_frame(TEXT, b"\xff"), 1007),
        (b"\x82\x7f" + (MAX_SIZE + 1).to_bytes(8, "big"), 1009),
    ],
)
def test_a_server_that_breaks_the_protocol(joined: Joined, frame: bytes, code: int) -> None:
    stream, peer = joined
    peer.sendall(encode_frame(TEXT, b"before"))
    assert receive(stream, 1) == [(TEXT, b"before")]
    peer.sendall(encode_frame(TEXT, b"with it") + frame)
    assert stream.receive(soon()) is False
    assert list(stream.events) == [(TEXT, b"with it")]
    assert stream.frames.error is not None
    assert stream.frames.error.code == code
    assert stream.receive(inf) is False


# Sending


def test_what_cannot_be_sent_at_once_is_sent_when_the_peer_reads(joined: Joined) -> None:
    stream, peer = joined
    total = fill(stream)
    assert total > 0
    writable = in_thread(stream.wait_writable)
    received = 0
    while received < total:
        received += len(peer.recv(1 << 16))
    writable()
    # With TLS it is part of a record that was begun, so the same bytes come again.
    assert stream.send(bytes(1 << 16)) > 0


def test_sending_to_nobody(joined: Joined) -> None:
    stream, peer = joined
    peer.close()
    with pytest.raises(OSError):  # what is sent first may still find room
        while True:
            fill(stream)
            stream.wait_writable()


# The end


@pytest.mark.parametrize("limit", [inf, 1e6])
def test_abort_wakes_a_waiting_receive(joined: Joined, limit: float) -> None:
    stream, _ = joined
    result = in_thread(lambda: stream.receive(time.monotonic() + limit))
    time.sleep(0.01)  # it should wait by then; nothing depends on it
    stream.abort()
    assert result() is False or isinstance(result(), OSError)


def test_abort_wakes_a_waiting_writer(joined: Joined) -> None:
    stream, _ = joined
    fill(stream)
    result = in_thread(stream.wait_writable)
    time.sleep(0.01)
    stream.abort()
    assert result() is None
    with pytest.raises(OSError):
        stream.send(bytes(1 << 16))


def test_abort_tells_the_peer(joined: Joined) -> None:
    stream, peer = joined
    peer.sendall(encode_frame(TEXT, b"x"))
    receive(stream, 1)
    stream.abort()
    try:
        assert peer.recv(1) == b""
    except OSError:  # TLS without a goodbye
        pass
    stream.abort()


def test_a_stream_that_is_closed_waits_for_nothing(joined: Joined) -> None:
    stream, _ = joined
    stream.close()
    with pytest.raises(OSError):
        stream.receive(inf)
    stream.wait_writable()
    with pytest.raises(OSError):
        stream.send(b"x")
    stream.abort()
    stream.close()


@pytest.mark.parametrize("goodbye", [encode_close(1000), encode_frame(TEXT, b"more") + encode_close(1000), b""])
def test_waiting_for_the_goodbye_of_the_server(joined: Joined, goodbye: bytes) -> None:
    stream, peer = joined
    result = in_thread(lambda: stream.wait_closed(soon()))
    peer.sendall(encode_frame(TEXT, b"not yet"))
    if goodbye:
        peer.sendall(goodbye)
    else:
        peer.close()
    assert result() is None


def test_waiting_in_vain_for_the_goodbye_of_the_server(joined: Joined) -> None:
    stream, _ = joined
    stream.wait_closed(time.monotonic() + 0.01)
    stream.abort()
    stream.wait_closed(inf)
    stream.close()
    stream.wait_closed(inf)


def test_shutting_down_what_is_no_socket_of_the_standard_library(plain_pair: Pair) -> None:
    connection, peer = plain_pair()

    class Wrapped:
        """As eventlet's: it has a method `shutdown`, but no class of the standard library."""

        def shutdown(self, how: int) -> None:
            connection.shutdown(how)

    shut_down(Wrapped())
    assert peer.recv(1) == b""
    shut_down(Wrapped())


# TLS


@pytest.fixture
def secure(tls_pair: Pair) -> Iterator[Joined]:
    """A stream with TLS and its peer's socket."""
    connection, peer = tls_pair()
    stream = Stream(connection, MAX_SIZE)
    yield stream, peer
    stream.close()


def test_a_message_of_several_records(secure: Joined) -> None:
    stream, peer = secure
    peer.sendall(encode_frame(BINARY, bytes(50_000)))
    assert receive(stream, 1) == [(BINARY, bytes(50_000))]


def test_messages_in_one_record(secure: Joined) -> None:
    stream, peer = secure
    peer.sendall(encode_frame(TEXT, b"one") + encode_frame(TEXT, b"two"))
    assert receive(stream, 2) == [(TEXT, b"one"), (TEXT, b"two")]


def test_what_tls_has_in_its_own_buffer_is_not_waited_for(secure: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "CHUNK", 100)  # less than the record: the rest stays with OpenSSL
    stream, peer = secure
    frames = [encode_frame(TEXT, bytes([65 + number]) * 70) for number in range(10)]
    peer.sendall(b"".join(frames))
    assert [data[:1] for _, data in receive(stream, 10)] == [bytes([65 + number]) for number in range(10)]
    assert stream.receive(time.monotonic() + 0.01) is None


def test_both_directions_at_once(pair: Pair) -> None:
    message = encode_frame(BINARY, bytes(range(256)) * 4096)
    streams = [Stream(connection, MAX_SIZE) for connection in pair()]
    count = 4

    def write(stream: Stream) -> int:
        rest = message * count
        while rest:
            sent = stream.send(rest)
            if not sent:
                stream.wait_writable()
            rest = rest[sent:]
        return len(message) * count

    def read(stream: Stream) -> list[tuple[int, bytes]]:
        while len(stream.events) < count:
            assert stream.receive(soon())
        return list(stream.events)

    results = [in_thread(lambda stream=stream, step=step: step(stream)) for stream in streams for step in (write, read)]
    for number, result in enumerate(results):
        if number % 2:
            assert result() == [(BINARY, bytes(range(256)) * 4096)] * count
        else:
            assert result() == len(message) * count
    for stream in streams:
        stream.close()
