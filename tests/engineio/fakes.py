"""Stand-ins for what the core asks of its surroundings: they implement the interfaces and write down what happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engineio.packet import Outgoing
from engineio.payload import REVISIONS
from engineio.polling_link import PollingLink
from engineio.protocol import Socket
from engineio.websocket import BINARY, CLOSE, PING, TEXT, FrameReader, encode_masked_frame
from engineio.websocket_link import WebSocketLink

HANDSHAKE = Outgoing(b"0{}")


class FakeHost:
    """A server whose clock is moved by the test; it starts late enough that zero is no moment of a test."""

    def __init__(self, **options: Any) -> None:
        self.ping_interval = 25.0
        self.ping_interval_grace_period = 0.0
        self.ping_timeout = 20.0
        self.monitor_clients = True
        self.upgrade_timeout = 10.0
        self.max_send_queue = 1_000_000
        self.__dict__.update(options)
        self.now = 1000.0
        self.due: dict[Any, float] = {}
        self.dirty: list[Any] = []
        self.wakes = 0
        self.sockets: dict[str, Socket] = {}
        self.environs = 0

    def wake(self) -> None:
        assert self.dirty == [], "one call for all that become dirty"
        self.wakes += 1

    def schedule(self, item: Any, delay: float) -> None:
        assert delay >= 0
        self.due[item] = self.now + delay

    def unschedule(self, item: Any) -> None:
        self.due.pop(item, None)

    def forget(self, socket: Any) -> None:
        self.sockets.pop(socket.sid, None)

    def build_environ(self, source: Any) -> dict[str, Any]:
        self.environs += 1
        return {"source": source}

    def flush(self) -> None:
        """The end of an iteration of the loop."""
        dirty, self.dirty = self.dirty, []
        assert bool(dirty) is bool(self.wakes), "whoever becomes dirty first calls wake()"
        self.wakes = 0
        for socket in dirty:
            socket.link.flush()

    def advance(self, seconds: float) -> None:
        """Lets time pass: every deadline on the way expires at its moment."""
        end = self.now + seconds
        while self.due:
            item = min(self.due, key=self.due.__getitem__)
            # Whoever adds up fractions in another order may be a rounding error early: time does go on.
            if self.due[item] > end + 1e-9:
                break
            self.now = max(self.now, self.due.pop(item))
            item.expire(self.now)
            self.flush()
        self.now = end


class Recorder:
    """A receiver that keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def receive_text(self, data: bytes) -> None:
        self.events.append(("text", data))

    def receive_binary(self, data: bytes) -> None:
        self.events.append(("binary", data))

    def closed(self, reason: str) -> None:
        self.events.append(("closed", reason))

    @property
    def reasons(self) -> list[str]:
        return [value for kind, value in self.events if kind == "closed"]

    @property
    def texts(self) -> list[bytes]:
        return [value for kind, value in self.events if kind == "text"]


class StreamLink(WebSocketLink):
    """A WebSocket whose stream is a list of what was written."""

    def __init__(self, max_size: int = 1_000_000, max_pending_pongs: int = 3) -> None:
        super().__init__(max_size, max_pending_pongs)
        self.written: list[bytes] = []
        self.shuts: list[bool] = []
        self.reading = True
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def shut(self, at_once: bool) -> None:
        self.shuts.append(at_once)

    def stop_reading(self) -> None:
        self.reading = False

    def start_reading(self) -> None:
        self.reading = True

    def abort(self) -> None:
        self.aborted = True

    # The client

    def text(self, *texts: bytes) -> None:
        """The client sends text messages, all in one chunk."""
        self.receive_data(b"".join(masked(TEXT, text) for text in texts))

    def frames(self) -> list[tuple[int, bytes]]:
        """Takes what the server has written, as frames."""
        data, self.written = b"".join(self.written), []
        return read_frames(data)

    def texts(self) -> list[bytes]:
        """Takes the texts that the server has written."""
        return [payload for opcode, payload in self.frames() if opcode == TEXT]


def masked(opcode: int, payload: bytes = b"") -> bytes:
    return encode_masked_frame(opcode, payload, b"\x01\x82\x43\xe4")


def ping_frame(payload: bytes = b"") -> bytes:
    return masked(PING, payload)


def close_frame(code: int | None = 1000) -> bytes:
    return masked(CLOSE, b"" if code is None else code.to_bytes(2, "big"))


def binary_frame(payload: bytes) -> bytes:
    return masked(BINARY, payload)


def read_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Reads the frames of a server; each test sees to it that the stream ends with a whole one."""
    reader = FrameReader(100_000_000, masked=False)
    frames = reader.receive(data)
    assert reader.error is None
    return frames


def outgoing(*texts: str) -> Iterator[Outgoing]:
    for text in texts:
        yield Outgoing(b"4" + text.encode())


def new_socket(host: FakeHost, link: Any, receiver: Any = None) -> Socket:
    """A socket in its first state."""
    socket = Socket(host, "sid", REVISIONS["4"], link, "the source")
    socket.receiver = receiver
    host.sockets["sid"] = socket
    return socket


def polling_socket(host: FakeHost, receiver: Any = None, first_ping: float = 25.0) -> tuple[Socket, PollingLink]:
    """An open socket on polling, whose handshake has been answered."""
    link = PollingLink()
    socket = link.socket = new_socket(host, link, receiver)
    socket.open(HANDSHAKE, first_ping)
    socket.take()
    host.flush()
    return socket, link


def websocket_socket(
    host: FakeHost, receiver: Any = None, first_ping: float = 25.0, **options: Any
) -> tuple[Socket, StreamLink]:
    """An open socket on a WebSocket, whose handshake has been answered."""
    link = StreamLink(**options)
    socket = new_socket(host, link, receiver)
    link.target = socket
    socket.open(HANDSHAKE, first_ping)
    host.flush()
    link.written.clear()
    return socket, link


class Poll:
    """A GET that waits, as a shell does it: it takes its packets when it is woken."""

    def __init__(self, link: PollingLink) -> None:
        self.link = link
        self.answer: list[bytes] | None = None
        self.admitted = link.begin_poll()
        if self.admitted:
            if link.ready():
                self.take()
            else:
                link.wake = self.take

    def take(self) -> None:
        assert self.answer is None, "one request is answered once"
        self.link.wake = None
        self.answer = [message.segment() for message in self.link.take()]
