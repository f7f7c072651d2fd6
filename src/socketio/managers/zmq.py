"""`ZmqManager`: ZeroMQ and a forwarder for threads, gevent and eventlet, by way of pyzmq.

A message is a JSON object with `type` ("message"), `channel` and `data`, as python-socketio's. ZeroMQ acknowledges
nothing; so a probe follows each batch, and what comes before it has gone through when it comes back.
"""

from __future__ import annotations

import atexit
import importlib
import re
import selectors
import time
import uuid
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from .pubsub import PubSubManager

__all__ = ["ZmqManager"]

POLL = 0.25
"""After how many seconds without messages a thread looks whether it is to end."""
HEARTBEAT = 1000
"""After how many silent milliseconds ZeroMQ asks whether the other side is there; it is not, three times later."""
REPEAT = 0.05
"""How often to write a probe, in seconds, until one comes back: those before the subscription is known are lost."""
HELD = 100_000
"""How many messages are held for a process that is slow to take them, besides those that the forwarder holds."""


class ZmqManager(PubSubManager):
    """The manager of a server among several that have a ZeroMQ forwarder in common: PULL on one port, PUB on another.

    Args:
        url: zmq+tcp://host:port+port, first the port to which messages are pushed.
        options: All others; see :class:`BasePubSubManager`.

    Raises:
        RuntimeError: the URL is no such one, or pyzmq is not installed.
    """

    name: ClassVar[str] = "zmq"
    needs_patching = True
    settle = 2.0

    def __init__(
        self,
        url: str = "zmq+tcp://localhost:5555+5556",
        channel: str = "socketio",
        write_only: bool = False,
        logger: Any = None,
        json: Any = None,
        **options: Any,
    ) -> None:
        try:
            self._zmq = importlib.import_module("zmq")
        except ModuleNotFoundError as exc:
            if exc.name != "zmq":
                raise
            raise RuntimeError('zmq package is not installed (Run "pip install pyzmq")') from exc
        parts = re.fullmatch(r"zmq\+(tcp://.+):(\d+)\+(\d+)", url)
        if parts is None:
            raise RuntimeError(f"unexpected connection string: {url}")
        self._addresses = f"{parts[1]}:{parts[2]}", f"{parts[1]}:{parts[3]}"
        self._inherited: Any = None
        super().__init__(channel=channel, write_only=write_only, logger=logger, json=json, **options)

    def after_fork(self) -> None:
        """Begins anew in a child process. The parent's connections stay as they are: to close them is the parent's."""
        self._inherited = self._inherited, self._publisher
        super().after_fork()

    def _begin(self) -> None:
        super()._begin()
        self._publisher: _Link | None = None
        self._envelope = b'{"type":"message","channel":%b,"data":' % self.codec.dumps(self.channel)

    def _make_locks(self) -> None:
        super()._make_locks()
        self._using_publisher = self._kind.make_lock()

    def _connect(self, topic: bytes | None) -> _Link:
        """Returns a link that hears what begins with a topic, `None` for its own probes."""
        link = _Link(self._zmq, self._addresses, self.codec.dumps(self.channel), topic)
        try:
            link.wait_for_probe(time.monotonic() + self.publish_timeout)
        except BaseException:
            link.close()
            raise
        return link

    # Publishing

    def _publish_batch(self, messages: Sequence[bytes]) -> None:
        with self._using_publisher:
            if self._publisher is None:
                self._publisher = self._connect(None)
                if self.server is None:
                    _close_at_exit(self)
            try:
                end = time.monotonic() + self.time_for(sum(map(len, messages)))
                self._publisher.publish([b"%b%b}" % (self._envelope, message) for message in messages], end)
            except BaseException:
                self._drop_publisher()
                raise

    def _drop_publisher(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()

    def _disconnect_broker(self) -> None:
        with self._using_publisher:
            self._drop_publisher()

    # Listening

    def zmq_listen(self) -> Iterator[bytes]:
        """Yields what is published on all channels, as it is.

        Raises:
            ConnectionError: the forwarder is gone.
        """
        for frames in self._listen_to_frames():
            yield from frames

    def _listen_to_frames(self) -> Iterator[list[bytes]]:
        link = self._connect(b"")
        try:
            yield []
            while True:
                yield link.receive(time.monotonic() + POLL)
        finally:
            link.close()

    def _listen_batches(self) -> Iterator[Sequence[Any]]:
        for frames in self._listen_to_frames():
            yield [message for frame in frames if (message := self._open(frame)) is not None]

    def _open(self, frame: bytes) -> Any:
        """Returns the message in a frame, `None` if it is for others."""
        if frame.startswith(self._envelope) and frame.endswith(b"}"):
            return frame[len(self._envelope) : -1]
        try:
            envelope = self.codec.loads(frame)
        except (ValueError, RecursionError):
            return frame  # whoever decodes messages says what is wrong with it
        if not isinstance(envelope, dict) or "type" not in envelope:
            return frame
        if envelope["type"] != "message" or envelope.get("channel") != self.channel:
            return None
        return envelope.get("data", b"")


class _Link:
    """The two connections to a forwarder, for one thread.

    Args:
        zmq: The library.
        addresses: Where to push and where to subscribe.
        channel: The name of the channel in JSON, for probes.
        topic: The beginning of what to subscribe to; `None` for the own probes.
    """

    def __init__(self, zmq: Any, addresses: tuple[str, str], channel: bytes, topic: bytes | None) -> None:
        self._zmq = zmq
        self._probe = b'{"type":"probe","channel":%b,"link":"%b",' % (channel, uuid.uuid4().hex.encode())
        self._number = 0
        self._sockets: list[Any] = []
        self._monitors: list[Any] = []
        self._selector = selectors.DefaultSelector()
        context = zmq.Context()
        self.close = weakref.finalize(self, _close, self._selector, self._sockets, self._monitors, context)
        self.close.atexit = False  # a thread may be at work with it
        try:
            self._sink = self._open(context, zmq.PUSH, addresses[0])
            self._sub = self._open(context, zmq.SUB, addresses[1])
            self._sub.setsockopt(zmq.SUBSCRIBE, self._probe if topic is None else topic)
        except BaseException:
            self.close()
            raise

    def _open(self, context: Any, kind: int, address: str) -> Any:
        zmq = self._zmq
        opened = context.socket(kind)
        self._sockets.append(opened)
        options = {
            zmq.IMMEDIATE: 1,
            zmq.RCVHWM: HELD,
            zmq.HEARTBEAT_IVL: HEARTBEAT,
            zmq.HEARTBEAT_TIMEOUT: 3 * HEARTBEAT,
        }
        for option, value in options.items():
            opened.setsockopt(option, value)
        monitor = opened.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED)
        self._monitors.append(monitor)
        opened.connect(address)
        for one in (opened, monitor):
            self._selector.register(one.getsockopt(zmq.FD), selectors.EVENT_READ)
        return opened

    def publish(self, frames: Sequence[bytes], end: float) -> None:
        """Publishes frames, and waits until they have gone through the forwarder.

        Raises:
            ConnectionError: the forwarder is gone.
            TimeoutError: it has not taken them by `end`, in seconds, monotonic.
        """
        for frame in frames:
            self._push(frame, end)
        probe = self._next_probe()
        self._push(probe, end)
        while probe not in self.receive(end):
            _check(end)

    def wait_for_probe(self, end: float) -> None:
        """Waits until what is published comes back."""
        while True:
            probe = self._next_probe()
            self._push(probe, end)
            if any(frame.startswith(self._probe) for frame in self.receive(min(time.monotonic() + REPEAT, end))):
                return
            _check(end)

    def _next_probe(self) -> bytes:
        self._number += 1
        return b'%b"number":%d}' % (self._probe, self._number)

    def _push(self, frame: bytes, end: float) -> None:
        while True:
            try:
                self._sink.send(frame, self._zmq.NOBLOCK)
                return
            except self._zmq.Again:
                self._wait(self._zmq.POLLOUT, self._sink, end)
                _check(end)

    def receive(self, end: float) -> list[bytes]:
        """Returns the frames that have come, waiting for the first one until `end`; none if there are none."""
        self._wait(self._zmq.POLLIN, self._sub, end)
        frames: list[bytes] = []
        try:
            while len(frames) < 1000:
                frames.append(self._sub.recv(self._zmq.NOBLOCK))
        except self._zmq.Again:
            pass
        return frames

    def _wait(self, event: int, whose: Any, end: float) -> None:
        """Waits until a socket can be read or written.

        What ZeroMQ offers to wait for says only, and once, that something may have changed; then all is looked at.
        """
        while True:
            ready = [one.getsockopt(self._zmq.EVENTS) for one in self._sockets]
            if any(monitor.getsockopt(self._zmq.EVENTS) & self._zmq.POLLIN for monitor in self._monitors):
                raise ConnectionError("there is no connection to the forwarder")
            left = end - time.monotonic()
            if ready[self._sockets.index(whose)] & event or left <= 0:
                return
            self._selector.select(left)


def _close(selector: selectors.BaseSelector, sockets: list[Any], monitors: list[Any], context: Any) -> None:
    """Closes the connections of a link, without waiting for anything."""
    selector.close()
    for opened in sockets:
        opened.disable_monitor()
    for opened in (*sockets, *monitors):
        opened.close(linger=0)
    context.term()


def _check(end: float) -> None:
    if time.monotonic() >= end:
        raise TimeoutError("nothing comes back from the forwarder")


def _close_at_exit(manager: ZmqManager) -> None:
    """Has the connections of a program closed before the interpreter takes ZeroMQ apart."""
    reference = weakref.ref(manager)

    def close() -> None:
        left = reference()
        if left is not None:
            left._closing = True
            left._disconnect_broker()

    atexit.register(close)
