"""Who writes what waits in the outbox of a WebSocket: order, bursts, a full kernel, and that nothing stays behind."""

from __future__ import annotations

import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engineio.client_protocol import ClientSocket, ClientState
from engineio.json import codec_for
from engineio.packet import Outgoing
from engineio.sync import writer as writer_module
from engineio.sync.stream import Stream
from engineio.sync.writer import LINGER, Writer
from engineio.websocket import BINARY, CLOSE, PONG, TEXT, FrameReader

from .conftest import Pair

LIMIT = LINGER / 2
"""How long a test waits for something, in seconds: a thread that was not woken lingers for longer."""

HANDSHAKE = b'0{"sid":"a","pingInterval":25000,"pingTimeout":20000}'
MAX_SIZE = 16_000_000


class Shell:
    """A writer with its socket and stream; the peer, which may read in a thread; and what both are told."""

    def __init__(self, connection: socket.socket, peer: socket.socket) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.socket = ClientSocket(self, codec_for(None).loads)
        self.socket.open(HANDSHAKE, "websocket", 0.0)
        self.stream = Stream(connection, MAX_SIZE)
        self.takers: list[int] = []
        """Which thread has taken something out of the outbox, each time."""
        self.ends = 0
        self.writer = Writer(self.socket, self.stream, self.changed, self.taken)
        self.peer = peer
        self.frames = FrameReader(MAX_SIZE)
        self.events: list[tuple[int, bytes]] = []
        self.arrived = threading.Condition()
        self.reading: threading.Thread | None = None

    def taken(self) -> None:
        self.takers.append(threading.get_ident())

    def wake(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def closed(self) -> None:
        self.ends += 1

    def push(self, *messages: Outgoing) -> None:
        with self.changed:
            for message in messages:
                self.socket.push(message)

    def send(self, *messages: Outgoing) -> None:
        self.push(*messages)
        self.writer.flush()

    def read(self) -> None:
        """Has the peer read from now on, in a thread."""
        self.reading = threading.Thread(target=self._read)
        self.reading.start()

    def _read(self) -> None:
        try:
            while data := self.peer.recv(1 << 18):
                with self.arrived:
                    self.events += self.frames.receive(data)
                    self.arrived.notify_all()
        except OSError:
            pass

    def wait(self, count: int, limit: float = LIMIT) -> list[tuple[int, bytes]]:
        """Waits until the peer has read a number of messages, and returns all."""
        with self.arrived:
            enough = self.arrived.wait_for(lambda: len(self.events) >= count, limit)
        assert enough, f"{count - len(self.events)} of {count} messages stayed behind"
        return self.events

    def wait_done(self) -> None:
        with self.changed:
            assert self.changed.wait_for(self.writer.is_done, LIMIT)


@pytest.fixture
def shell(plain_pair: Pair) -> Iterator[Shell]:
    """A writer on an open connection; after its end no thread may be left."""
    before = set(threading.enumerate())
    shell = Shell(*plain_pair())
    yield shell
    with shell.changed:
        shell.socket.close("client disconnect")
    shell.stream.abort()
    shell.writer.stop(LIMIT)
    shell.stream.close()
    if shell.reading is not None:
        shell.reading.join(LIMIT)
    assert set(threading.enumerate()) <= before
    assert shell.frames.error is None


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message is near enough to another one to be part of a burst."""
    monkeypatch.setattr(writer_module, "GAP", 0)


@pytest.fixture
def burst(monkeypatch: pytest.MonkeyPatch) -> None:
    """All messages but the first are part of a burst."""
    monkeypatch.setattr(writer_module, "GAP", 3600)


def text(number: int) -> Outgoing:
    return Outgoing(b"4" + str(number).encode())


def parts(messages: list[Outgoing]) -> list[tuple[int, bytes]]:
    """Returns the frames that messages become."""
    frames: list[tuple[int, bytes]] = []
    for message in messages:
        if message.text is not None:
            frames.append((TEXT, message.text))
        frames += [(BINARY, attachment) for attachment in message.attachments]
    return frames


# Who writes


def test_a_message_is_written_at_once_by_whoever_has_it(at_once: None, shell: Shell) -> None:
    before = threading.active_count()
    shell.writer.flush()  # nothing yet
    for number in range(10):
        shell.send(text(number))
        assert shell.writer.is_done()
    assert shell.takers == [threading.get_ident()] * 10
    assert threading.active_count() == before
    # It is with the kernel already.
    shell.peer.setblocking(False)
    assert shell.frames.receive(shell.peer.recv(1000)) == parts([text(number) for number in range(10)])


def test_a_burst_is_written_by_a_thread(burst: None, shell: Shell) -> None:
    shell.read()
    for number in range(100):
        shell.send(text(number))
    assert shell.wait(100) == parts([text(number) for number in range(100)])
    shell.wait_done()
    assert shell.takers[0] == threading.get_ident()
    assert len(set(shell.takers[1:])) == 1
    assert shell.takers[1] != threading.get_ident()


def test_the_lock_may_be_held(at_once: None, shell: Shell) -> None:
    shell.read()
    with shell.changed:
        shell.socket.push(text(1))
        shell.writer.flush()
        assert shell.wait(1) == parts([text(1)])


def test_the_thread_lingers_for_the_next_burst_and_ends(
    burst: None, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "LINGER", 0.01)
    before = threading.active_count()
    shell.read()
    for number in range(5):
        shell.send(text(number))
        shell.wait(number + 1)
        end = time.monotonic() + LIMIT
        while threading.active_count() > before + 1:  # the peer's
            assert time.monotonic() < end
            time.sleep(0.001)


# What arrives


def random_message(choice: random.Random, name: int, number: int) -> Outgoing:
    """Returns a message whose frames all say which it is."""
    head = f"4{name}-{number}-".encode()
    size = choice.choice([0, 10, 10, 200, 20_000])
    return Outgoing(head + b"x" * size, [head + bytes(size) for _ in range(choice.choice([0, 0, 1, 3]))])


@pytest.mark.parametrize("gap", [0, writer_module.GAP, 3600])
def test_many_threads_write_in_order(shell: Shell, gap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "GAP", gap)
    pushed: list[Outgoing] = []

    def emit(name: int) -> None:
        choice = random.Random(name)
        for number in range(150):
            message = random_message(choice, name, number)
            with shell.changed:
                pushed.append(message)
                shell.socket.push(message)
            shell.writer.flush()

    shell.read()
    threads = [threading.Thread(target=emit, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = parts(pushed)
    assert shell.wait(len(expected)) == expected
    shell.wait_done()
    assert shell.socket.queued == 0


@pytest.fixture(params=["usual", "hasty"])
def switching(request: pytest.FixtureRequest) -> Iterator[None]:
    """How often Python changes threads: as usual, or as often as it can."""
    before = sys.getswitchinterval()
    if request.param == "hasty":
        sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("writers", [1, 3])
def test_nothing_stays_behind(switching: None, shell: Shell, writers: int) -> None:
    """After each few messages nobody flushes before all of them have arrived."""
    rounds, count = 1000, 3
    together = threading.Barrier(writers)
    failures: list[BaseException] = []

    def emit(name: int) -> None:
        choice = random.Random(name)
        try:
            for round_ in range(1, rounds + 1):
                for number in range(count):
                    shell.send(text(number))
                    time.sleep(choice.uniform(0, 1e-4))
                shell.wait(round_ * count * writers)
                together.wait(LIMIT)
        except BaseException as exc:
            failures.append(exc)
            together.abort()

    shell.read()
    threads = [threading.Thread(target=emit, args=(name,)) for name in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# A kernel that takes no more


@pytest.mark.parametrize("gap", [0, 3600])
def test_what_the_kernel_does_not_take_goes_on_when_the_peer_reads(
    shell: Shell, gap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "GAP", gap)
    messages = [Outgoing(b"4" + bytes([number]) * 1_000_000, [bytes([number]) * 1_000_000]) for number in range(8)]
    for message in messages:
        shell.send(message)
    assert shell.writer.busy
    assert not shell.writer.is_done()
    assert shell.socket.queued > 0
    # Nobody waits meanwhile, neither to write nor to see what is written.
    shell.send(text(0))
    shell.writer.settle(0.01)
    shell.read()
    expected = parts([*messages, text(0)])
    assert shell.wait(len(expected)) == expected
    shell.wait_done()
    shell.writer.settle(LIMIT)
    assert shell.socket.queued == 0
    assert not shell.writer.busy


def test_settle_waits_until_nobody_is_writing(burst: None, shell: Shell) -> None:
    for number in range(15):
        shell.send(Outgoing(b"4" + bytes([65 + number]) * 1_000_000))
    # The thread is at work when it has taken what follows the first message, of which the caller has written a part.
    received = 0
    while received < 1_000_000:
        data = shell.peer.recv(1 << 16)
        received += len(data)
        shell.events += shell.frames.receive(data)
    end = time.monotonic() + LIMIT
    while len(shell.takers) < 2:
        assert time.monotonic() < end
        time.sleep(0.001)
    settled = threading.Event()

    def settle() -> None:
        shell.writer.settle(LIMIT)
        settled.set()

    waiting = threading.Thread(target=settle)
    waiting.start()
    assert not settled.wait(0.02)
    shell.read()
    shell.wait(15)
    waiting.join(LIMIT)
    assert settled.is_set()
    shell.writer.settle(-1)


# Control frames


@pytest.mark.parametrize("gap", [0, 3600])
def test_control_frames_come_before_messages(shell: Shell, gap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "GAP", gap)
    shell.read()
    shell.send(text(0))
    shell.push(text(1))
    for number in range(3):
        shell.writer.add_control(PONG, b"%d" % number)
    shell.writer.flush()
    assert shell.wait(3) == [(TEXT, b"40"), (PONG, b"2"), (TEXT, b"41")]
    shell.writer.add_control(CLOSE, b"\x03\xe8")
    shell.writer.add_control(PONG, b"last")
    shell.writer.flush()
    assert shell.wait(5)[3:] == [(PONG, b"last"), (CLOSE, b"\x03\xe8")]


def test_a_control_frame_is_written_after_the_end(shell: Shell) -> None:
    shell.read()
    with shell.changed:
        shell.socket.push(text(1))
        shell.socket.close("client disconnect")
    shell.writer.add_control(CLOSE, b"\x03\xe8")
    shell.writer.flush()
    assert shell.wait(1) == [(CLOSE, b"\x03\xe8")]


# The end


def fail_after(shell: Shell, happen: Callable[[], Any]) -> None:
    happen()
    end = time.monotonic() + LIMIT
    while shell.socket.state is ClientState.OPEN:
        shell.send(Outgoing(bytes(100_000)))
        assert time.monotonic() < end
        time.sleep(0.001)
    assert isinstance(shell.socket.error, OSError)
    assert (shell.socket.why, shell.ends) == ("transport error", 1)
    shell.wait_done()
    shell.send(text(2))
    assert shell.writer.is_done()


def test_a_broken_connection_fails_the_socket(at_once: None, shell: Shell) -> None:
    shell.send(text(1))
    fail_after(shell, shell.peer.close)


def test_a_broken_connection_wakes_the_thread_that_waits_for_it(burst: None, shell: Shell) -> None:
    for _ in range(10):
        shell.send(Outgoing(bytes(1_000_000)))
    assert shell.writer.busy
    fail_after(shell, shell.peer.close)


def test_abort_wakes_the_thread_that_waits_for_the_peer(burst: None, shell: Shell) -> None:
    for _ in range(10):
        shell.send(Outgoing(bytes(1_000_000)))
    assert shell.writer.busy
    fail_after(shell, shell.stream.abort)


def test_stop_ends_the_thread(burst: None, shell: Shell) -> None:
    before = set(threading.enumerate())
    shell.read()
    for number in range(10):
        shell.send(text(number))
    shell.wait(10)
    shell.wait_done()
    (own,) = set(threading.enumerate()) - before - {shell.reading}
    with shell.changed:
        shell.socket.close("client disconnect")
    shell.writer.stop(LIMIT)
    assert not own.is_alive()
    shell.writer.stop(LIMIT)
