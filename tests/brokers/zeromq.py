"""A ZeroMQ forwarder of the tests, as python-socketio's documentation has it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

from .brokers import DEADLINE, HOST, Broker, Spy, free_port


class ZeroMQ(Broker):
    """A process that publishes what is pushed to it."""

    name = "zmq"
    program = sys.executable if importlib.util.find_spec("zmq") else "pyzmq"
    sync_manager = "ZmqManager"

    def __init__(self, *, started: bool = True) -> None:
        self.publishing_port = free_port()
        super().__init__(started=started)

    @property
    def url(self) -> str:
        return f"zmq+tcp://{HOST}:{self.port}+{self.publishing_port}"

    def command(self) -> list[str]:
        script = Path(__file__).with_name("forwarder.py")
        return [self.program, str(script), f"tcp://{HOST}:{self.port}", f"tcp://{HOST}:{self.publishing_port}"]

    def spy(self, channel: str) -> ZmqSpy:
        return ZmqSpy(f"tcp://{HOST}:{self.port}", f"tcp://{HOST}:{self.publishing_port}", channel)


class ZmqSpy(Spy):
    """That of a forwarder, by pyzmq itself."""

    def __init__(self, pushing: str, publishing: str, channel: str) -> None:
        import zmq

        self.again = zmq.Again
        self.channel = channel
        self.context = zmq.Context()
        self.sink, self.sub = self.context.socket(zmq.PUSH), self.context.socket(zmq.SUB)
        self.sub.setsockopt(zmq.SUBSCRIBE, b"")
        self.sub.setsockopt(zmq.RCVTIMEO, 50)
        for socket, address in ((self.sink, pushing), (self.sub, publishing)):
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(address)
        while True:  # until the forwarder knows who subscribes
            self.sink.send(b'{"type":"hello"}')
            try:
                self.sub.recv()
                break
            except self.again:
                pass
        self.sub.setsockopt(zmq.RCVTIMEO, int(DEADLINE * 1000))

    def publish(self, message: bytes) -> None:
        self.publish_frame(b'{"type": "message", "channel": "%b", "data": %b}' % (self.channel.encode(), message))

    def publish_frame(self, frame: bytes) -> None:
        """Publishes something that may be no message."""
        self.sink.send(frame)

    def messages(self, count: int) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < count:
            envelope = json.loads(self.sub.recv())
            if envelope["type"] == "message" and envelope["channel"] == self.channel:
                found.append(json.dumps(envelope["data"]).encode())
        return found

    def close(self) -> None:
        self.context.destroy(linger=0)
