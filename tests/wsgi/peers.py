"""Clients of three kinds with one face: ours for threads, ours for asyncio, and the official JavaScript one."""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from js_client import TRANSPORTS, Clients, Driver, JsSocket
from serving import DEADLINE

import socketio

from .processes import WsgiProcess

__all__ = ["KINDS", "Peer", "Peers"]

KINDS = ("threads", "asyncio", "javascript")

END = object()


class Peer:
    """A client of ours: what it receives waits until the test takes it; it acknowledges with what it has received."""

    def __init__(self, client: Any, run: Callable[[Any], Any]) -> None:
        self.client = client
        self._run = run
        self._answers: dict[str, Any] = {}
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        for namespace in ("/", "/other"):
            client.on("*", self._receive, namespace=namespace)
            client.on("connect", lambda: None, namespace=namespace)
            client.on("disconnect", lambda reason: self._events.put(("disconnect", reason)), namespace=namespace)

    def _receive(self, event: str, *args: Any) -> Any:
        self._events.put((event, list(args)))
        return self._answers.get(event, args)

    def connect(self, url: str, namespace: str, auth: Any, transports: list[str]) -> Peer:
        self._run(self.client.connect(url, auth=auth, namespaces=[namespace], transports=transports, wait_timeout=10))
        self.namespace = namespace
        return self

    def call(self, event: str, *args: Any) -> list[Any]:
        """Sends an event and returns what its acknowledgement carries."""
        answer = self._run(self.client.call(event, args, namespace=self.namespace, timeout=DEADLINE))
        return list(answer) if isinstance(answer, (tuple, list)) else [] if answer is None else [answer]

    def emit(self, event: str, *args: Any) -> None:
        """Sends an event."""
        self._run(self.client.emit(event, args, namespace=self.namespace))

    def receive(self, event: str) -> list[Any]:
        """Waits for an event and returns its arguments; others that come before it are dropped."""
        while True:
            name, args = self._events.get(timeout=DEADLINE)
            if name == event:
                assert isinstance(args, list)
                return args

    def answer(self, event: str, *args: Any) -> None:
        """Sets what the client acknowledges an event with."""
        self._answers[event] = args

    def disconnect(self) -> None:
        """Leaves."""
        self._run(self.client.disconnect())

    def wait_left(self) -> str:
        """Waits for the end and returns its reason."""
        while True:
            name, reason = self._events.get(timeout=DEADLINE)
            if name == "disconnect":
                return str(reason)


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine there and waits for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(DEADLINE * 2)

    def close(self) -> None:
        """Ends it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(DEADLINE)
        self.loop.close()


class JsPeer(JsSocket):
    """A socket of the JavaScript client."""

    def wait_left(self) -> str:
        """Waits for the end and returns its reason."""
        return str(self.take("disconnect")["reason"])


class Peers:
    """Connects clients of one kind in one way to one server, and closes them at the end of the test."""

    def __init__(self, kind: str, how: str, server: WsgiProcess, driver: Callable[[], Driver], loop: Loop) -> None:
        self.kind = kind
        self.how = how
        self.server = server
        self._clients = Clients(driver(), server, how) if kind == "javascript" else None
        self._loop = loop
        self._opened: list[Peer] = []
        self._names = itertools.count()

    def connect(self, namespace: str = "/", *, auth: Any = None) -> Any:
        """Connects a client, waits until its transport is what it is to be, and returns it."""
        if self._clients is not None:
            if self.server.way == "waitress":  # there will be no upgrade
                socket = self._clients.open(namespace, auth=auth).wait_connected()
            else:
                socket = self._clients.connect(namespace, auth=auth)
            socket.__class__ = JsPeer
            return socket
        peer = self._new()
        self._opened.append(peer)
        peer.connect(self.server.url, namespace, auth, TRANSPORTS[self.how])
        return peer

    def refused(self, auth: Any) -> tuple[str, Any]:
        """Tries to connect and returns what the refusal says, and what it carries."""
        if self._clients is not None:
            error = self._clients.open(auth=auth).take("connect_error")
            return error["message"], error["data"]
        errors: queue.Queue[Any] = queue.Queue()
        peer = self._new()
        peer.client.on("connect_error", errors.put)
        try:
            peer.connect(self.server.url, "/", auth, TRANSPORTS[self.how])
        except socketio.exceptions.ConnectionError:
            refusal = errors.get(timeout=DEADLINE)
            return refusal["message"], refusal["data"]
        raise AssertionError("not refused")

    def _new(self) -> Peer:
        if self.kind == "asyncio":
            return Peer(self._loop.run(make_async_client()), self._loop.run)
        return Peer(socketio.Client(reconnection=False), lambda result: result)

    def close(self) -> None:
        """Closes them all."""
        if self._clients is not None:
            self._clients.close()
        for peer in self._opened:
            peer.disconnect()


async def make_async_client() -> socketio.AsyncClient:
    """Returns a client, made on the loop that it belongs to."""
    return socketio.AsyncClient(reconnection=False)
