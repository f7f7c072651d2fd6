"""What a `Connection` talks to, without a server: a host that runs handlers when it is told to, and a socket."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

from engineio.json import codec_for
from socketio.handlers import Handlers
from socketio.members import Member
from socketio.protocol import Connection

__all__ = ["Desk", "FakeSocket", "text"]


def text(connection: Connection, *packets: str) -> None:
    """Gives text packets to a connection."""
    for packet in packets:
        connection.receive_text(packet.encode())


class FakeSocket:
    """An Engine.IO socket as a `Connection` sees it."""

    def __init__(self) -> None:
        self.halted = False
        self.failed = False
        self.pushed: list[Any] = []
        self.environ = {"REMOTE_ADDR": "192.0.2.7"}

    def halt(self) -> None:
        self.halted = True

    def proceed(self) -> None:
        self.halted = False

    def push(self, message: Any) -> None:
        self.pushed.append(message)

    def fail(self) -> None:
        self.failed = True


class Desk:
    """A host (`socketio.protocol.Host`)."""

    always_connect = False
    max_attachments = 10
    max_namespaces = 3
    attachments_timeout = 30.0
    connect_timeout = 45.0
    serialize = False

    def __init__(self) -> None:
        self.registry = Handlers()
        self.logger = logging.getLogger("tests.desk")
        self.loads = codec_for(None).loads
        self.namespaces = {"/", "/a", "/b", "/c", "/d"}
        self.tasks: deque[tuple[Any, ...]] = deque()
        self.sent: list[tuple[int, str, int | None, Any]] = []
        self.members: list[Member] = []
        self.left_: list[str] = []
        self.entered_: list[str] = []
        self.cancelled: list[str] = []
        self.over = 0
        self.delay: float | None = None

    def connection(self, limit: int = 64, cls: type[Connection] = Connection) -> Connection:
        """Returns a new connection."""
        connection: Connection = cls(self, "E", FakeSocket(), limit)  # type: ignore[arg-type]
        return connection

    def joined(self, namespace: str = "/", **options: Any) -> Connection:
        """Returns a connection that has joined a namespace."""
        connection = self.connection(**options)
        connection.receive_packet(0, namespace, None, None)
        self.run()
        self.sent.clear()
        return connection

    def run(self) -> None:
        """Runs the handlers that are waiting."""
        while self.tasks:
            handler, arguments, finish, token = self.tasks.popleft()
            try:
                result = handler(*arguments)
            except Exception as exc:
                finish(token, None, exc)
            else:
                finish(token, result, None)

    def accepts(self, namespace: str) -> bool:
        return namespace in self.namespaces

    def submit(self, *task: Any) -> None:
        self.tasks.append(task)

    submit_connect = submit

    def cancel_connect(self, member: Member) -> None:
        self.cancelled.append(member.sid)

    def entered(self, member: Member) -> None:
        self.entered_.append(member.sid)

    def transmit(self, connection: Connection, kind: int, namespace: str, ack_id: int | None, data: Any) -> None:
        if self.serialize:
            codec_for(None).dumps(data)
        self.sent.append((kind, namespace, ack_id, data))

    def join(self, connection: Connection, namespace: str) -> Member:
        member = Member(f"sid{len(self.members)}", namespace, connection)
        self.members.append(member)
        return member

    def left(self, member: Member) -> None:
        self.left_.append(member.sid)

    def schedule(self, item: Any, delay: float | None) -> None:
        item.bucket = None if delay is None else 1
        self.delay = delay

    def ended(self, connection: Connection) -> None:
        self.over += 1
