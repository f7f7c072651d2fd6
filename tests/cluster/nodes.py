"""The servers of a cluster as processes, and clients that keep what they hear."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import socketio

from ..brokers.brokers import HOST, Broker, free_port

FOLDER = Path(__file__).parent
DEADLINE = 30.0
"""For what never takes long unless it never comes, in seconds."""

KINDS = ("asyncio", "threads")
"""The colours of servers that every broker is tried with."""


def wait_until(condition: Callable[[], Any], what: str = "a condition") -> Any:
    """Waits until a condition holds, and returns what it returns."""
    end = time.monotonic() + DEADLINE
    while not (result := condition()):
        assert time.monotonic() < end, f"not within {DEADLINE} s: {what}"
        time.sleep(0.02)
    return result


def manager_of(broker: type[Broker], kind: str) -> str | None:
    """Returns the name of the manager of a broker for a kind of server."""
    return broker.async_manager if kind == "asyncio" else broker.sync_manager


def environment_of(python: str) -> dict[str, str]:
    """Returns the environment for an interpreter: only our own finds modules where this process does."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH" or python == sys.executable}


class Node:
    """A server process.

    Args:
        kind: `asyncio`, `threads`, `gevent` or `eventlet`.
        broker: Where the others are; it need not run.
        channel: On which channel.
        python: The interpreter, which decides whose `socketio` it is.
        manager: The class of the manager, if not that of the broker.
        url: Where the broker is, if not at its own address.
        options: Those of the manager.
    """

    def __init__(
        self,
        kind: str,
        broker: Broker,
        channel: str = "socketio",
        *,
        python: str = sys.executable,
        manager: str | None = None,
        url: str | None = None,
        **options: Any,
    ) -> None:
        self.kind = kind
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.log_file = tempfile.NamedTemporaryFile(prefix="node", suffix=".log")  # noqa: SIM115
        name = manager or manager_of(type(broker), kind)
        arguments = [kind, str(self.port), str(name), url or broker.url, channel, json.dumps(options)]
        self.process = subprocess.Popen(
            [python, str(FOLDER / "node.py"), *arguments],
            env=environment_of(python),
            stdout=self.log_file,
            stderr=subprocess.STDOUT,
        )
        self.peers: list[Peer] = []
        wait_until(self._listens, f"the start of a server: {self.log()}")

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.log()
        try:
            socket.create_connection((HOST, self.port), timeout=DEADLINE).close()
        except OSError:
            return False
        return True

    def log(self) -> str:
        """Returns what it has written so far."""
        return Path(self.log_file.name).read_text(errors="replace")

    def client(self, namespace: str = "/") -> Peer:
        """Returns a new client of this server."""
        peer = Peer(self, namespace)
        self.peers.append(peer)
        return peer

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it, and returns its exit status."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        """Ends its clients and itself."""
        for peer in self.peers:
            peer.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log_file.close()


class Raised(Exception):
    """What a method of a server has raised: its type and its text."""


class Peer:
    """A client; what it hears is kept in the order in which it came. It answers the event `question`."""

    def __init__(self, node: Node, namespace: str) -> None:
        self.node = node
        self.namespace = namespace
        self.heard: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self.client = socketio.Client(reconnection=False)
        self.client.on("*", lambda event, *args: self.heard.put((event, *args)), namespace=namespace)
        self.client.on("question", lambda *args: args, namespace=namespace)
        self.client.on("disconnect", lambda reason: self.heard.put(("disconnect", reason)), namespace=namespace)
        transports = ["websocket"] if node.kind == "asyncio" else ["polling"]
        self.client.connect(node.url, namespaces=[namespace], transports=transports, wait_timeout=DEADLINE)

    @property
    def sid(self) -> str:
        """Its id."""
        sid = self.client.get_sid(self.namespace)
        assert sid is not None
        return sid

    def hear(self, event: str | None = None) -> Any:
        """Returns the arguments of the next event, which has to be this one; (event, *arguments) without."""
        name, *args = self.heard.get(timeout=DEADLINE)
        if event is None:
            return (name, *args)
        assert name == event, (name, args)
        return args

    def ask(self, event: str, *args: Any) -> Any:
        """Emits an event to its server and returns the answer."""
        return self.client.call(event, args, namespace=self.namespace, timeout=DEADLINE)

    def do(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Has its server call a method.

        Raises:
            Raised: the method has raised something.
        """
        result = self.ask("do", method, list(args), kwargs)
        if isinstance(result, dict) and "raised" in result:
            raise Raised(*result["raised"])
        return result

    def rooms(self) -> list[str]:
        """Returns its rooms, but for that of its sid."""
        return [room for room in self.ask("rooms", self.sid) if room != self.sid]

    def look(self) -> dict[str, Any]:
        """Returns how its server is."""
        return self.ask("look")

    def close(self) -> None:
        """Disconnects."""
        self.client.disconnect()


def agree(*peers: Peer) -> None:
    """Waits until all servers hear each other: each of the clients has heard from each of the servers."""
    for sender in peers:
        name = f"hello {sender.sid}"
        waiting = list(peers)
        end = time.monotonic() + DEADLINE
        while waiting:
            assert time.monotonic() < end, "the servers do not hear each other"
            sender.do("emit", name, namespace=sender.namespace)
            time.sleep(0.05)
            waiting = [peer for peer in waiting if not any(item[0] == name for item in list(peer.heard.queue))]
    for peer in peers:  # what is on its way comes before the end
        peer.do("emit", f"end {peer.sid}", namespace=peer.namespace)
    for peer in peers:
        missing = {f"end {other.sid}" for other in peers}
        while missing:
            missing.discard(peer.hear()[0])
