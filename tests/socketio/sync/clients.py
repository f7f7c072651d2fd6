"""Clients of a server for threads without sockets: a WebSocket in memory; packets as they are on the wire."""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

from engineio.admitted import Admitted
from engineio.packet import Outgoing
from engineio.request import Request
from socketio import Server

__all__ = ["LIMIT", "Client", "Gone", "Link", "ack", "connect", "end", "event", "joined", "settle", "start"]

LIMIT = 20.0
"""How long a test waits for something, in seconds."""

OPENED: weakref.WeakSet[Server] = weakref.WeakSet()
"""The servers that have had clients, to be ended after the test."""


class Gone(Exception):
    """The server has closed the connection; the argument is the close code."""


def wait_until(condition: Callable[[], object]) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "nothing happens any more"
        time.sleep(0.0005)


def settle(server: Server, busy: int = 0) -> None:
    """Waits until all handlers are over, but for as many that the test itself keeps from that."""
    runner = server.eio.runner

    def is_quiet() -> bool:
        with server.eio.core, runner._lock:
            idle = {runner._spare} | ({runner._runner} if runner._idle else set())
            return not runner._queue and len(runner.threads - idle) == busy

    wait_until(is_quiet)


def start(target: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
    """Calls a function in a thread; returns what waits for its result, and raises what it has raised."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((target(*args, **kwargs), None))
        except BaseException as exc:
            outcome.append((None, exc))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(LIMIT)
        assert outcome, "it does not end"
        value, error = outcome[0]
        if error is not None:
            raise error
        return value

    return result


def event(name: Any, *args: Any, namespace: str = "/", ack_id: int | None = None) -> str:
    """Returns an EVENT packet."""
    prefix = "" if namespace == "/" else namespace + ","
    return f"2{prefix}{'' if ack_id is None else ack_id}{json.dumps([name, *args], separators=(',', ':'))}"


def ack(ack_id: int, *args: Any, namespace: str = "/") -> str:
    """Returns an ACK packet."""
    prefix = "" if namespace == "/" else namespace + ","
    return f"3{prefix}{ack_id}{json.dumps(list(args), separators=(',', ':'))}"


class Link:
    """The WebSocket between the two (an `engineio.interfaces.DirectLink`)."""

    name = "websocket"

    def __init__(self, core: Any) -> None:
        self.target: Any = None
        self.core = core
        self.sent: list[str | bytes] = []
        self.changed = threading.Condition()
        self.closed: tuple[int, str] | None = None
        self.paused = False
        self._kept: deque[str | bytes] = deque()

    def flush(self) -> None:
        self._write(self.target.take())

    def send(self, message: Outgoing) -> None:
        self._write([message])

    def close(self, code: int, reason: str) -> None:
        self._write(self.target.take())
        with self.changed:
            if self.closed is None:
                self.closed = code, reason
            self.changed.notify_all()

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        while self._kept and not self.paused:
            self._give(self._kept.popleft())

    def deliver(self, message: str | bytes) -> None:
        """Gives a message to the server, as soon as it reads."""
        with self.core:
            if self.paused:
                self._kept.append(message)
            else:
                self._give(message)

    def _give(self, message: str | bytes) -> None:
        if self.closed is not None:
            return
        if isinstance(message, str):
            self.target.receive_text(message.encode())
        else:
            self.target.receive_binary(message)

    def _write(self, messages: list[Outgoing]) -> None:
        with self.changed:
            for message in messages:
                if message.text is not None:
                    self.sent.append(message.text.decode())
                self.sent += message.attachments
            self.changed.notify_all()


class Client:
    """One client. What it sends and receives are Socket.IO packets, and `bytes` for attachments."""

    def __init__(self, server: Server, link: Link, eio_sid: str) -> None:
        self.server = server
        self.link = link
        self.eio_sid = eio_sid
        self.sid = ""
        """Its sid in the namespace that it joined last."""
        self._read = 1  # the handshake

    def send(self, *packets: str | bytes) -> None:
        """Sends packets."""
        for packet in packets:
            self.link.deliver("4" + packet if isinstance(packet, str) else packet)

    def receive(self) -> Any:
        """Returns the next packet.

        Raises:
            Gone: the connection is closed.
        """
        link = self.link
        with link.changed:
            assert link.changed.wait_for(lambda: len(link.sent) > self._read or link.closed, LIMIT), "nothing comes"
            if self._read == len(link.sent):
                assert link.closed is not None
                raise Gone(link.closed[0])
            message = link.sent[self._read]
            self._read += 1
        if isinstance(message, bytes):
            return message
        assert message[0] == "4", message
        return message[1:]

    def rest(self, busy: int = 0) -> list[Any]:
        """Returns all that was not received yet and comes without further ado; see `settle`."""
        settle(self.server, busy)
        return [self.receive() for _ in range(len(self.link.sent) - self._read)]

    def join(self, namespace: str = "/", auth: Any = None) -> str:
        """Joins a namespace and returns the sid there."""
        prefix = "" if namespace == "/" else namespace + ","
        self.send("0" + prefix + ("" if auth is None else json.dumps(auth)))
        answer = self.receive()
        assert answer.startswith("0" + prefix + '{"sid":'), answer
        self.sid = json.loads(answer[1 + len(prefix) :])["sid"]
        return self.sid

    def lose(self) -> None:
        """The connection breaks."""
        with self.link.core:
            self.link.target.lost()

    @property
    def closed(self) -> int | None:
        """The close code, `None` while it is open."""
        return None if self.link.closed is None else self.link.closed[0]


def connect(server: Server, *, headers: dict[str, str] | None = None, query: str = "") -> Client:
    """Opens a connection that has joined no namespace yet."""
    OPENED.add(server)
    query = "EIO=4&transport=websocket" + query
    environ = {"REMOTE_ADDR": "192.0.2.7", "QUERY_STRING": query, "PATH_INFO": "/socket.io/", **(headers or {})}
    request = Request("GET", "/socket.io/", query, [(b"host", b"server.test")], "http", ("192.0.2.7", 4321))
    admitted = server.eio.admit_websocket(request, environ)
    assert isinstance(admitted, Admitted), admitted
    link = Link(server.eio.core)
    with server.eio.core:
        admitted.attach(link)
    handshake = link.sent[0]
    assert isinstance(handshake, str)
    return Client(server, link, json.loads(handshake[1:])["sid"])


def joined(server: Server, namespace: str = "/") -> Client:
    """Opens a connection and joins a namespace."""
    client = connect(server)
    client.join(namespace)
    return client


def end(server: Server) -> None:
    """Ends a server; none of its threads may be left."""
    server.close(LIMIT)
    eio = server.eio
    with eio.core:
        eio.deadlines.take_due(inf)
        eio._due.notify()
    wait_until(lambda: eio._timer is None and not eio.runner.threads)
