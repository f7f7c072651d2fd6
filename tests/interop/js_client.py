"""The official JavaScript client as Python objects: `Driver` is the Node process, `JsSocket` one socket in it."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

from serving import DEADLINE, Reports, ServerProcess

FOLDER = Path(__file__).parent

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
"""How a client connects -> the client's option `transports`."""


def to_json(value: Any) -> Any:
    """Return `value` with bytes as the driver writes them."""
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value


def from_json(value: Any) -> Any:
    """Undo `to_json`."""
    if isinstance(value, dict):
        if value.keys() == {"$bytes"}:
            return bytes.fromhex(value["$bytes"])
        return {key: from_json(item) for key, item in value.items()}
    return [from_json(item) for item in value] if isinstance(value, list) else value


class Driver:
    """The Node process with the sockets.

    Args:
        program: What to run.
        *arguments: Of the program.
    """

    def __init__(self, program: Path = FOLDER / "driver.mjs", *arguments: str) -> None:
        self.process = subprocess.Popen(
            ["node", str(program), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.reports = Reports(self.process.stdout)
        self.names = itertools.count()

    def send(self, command: str, **fields: Any) -> None:
        """Hand one command over to the process."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"command": command, **to_json(fields)}) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(DEADLINE)


class JsSocket:
    """One Socket.IO socket of the JavaScript client.

    Args:
        driver: The process that the socket lives in.
        manager: The name of the connection; sockets of one name share it.
        namespace: The namespace to join.
        **fields: What else the driver's `open` takes.
    """

    def __init__(self, driver: Driver, manager: str, namespace: str, **fields: Any) -> None:
        self.driver = driver
        self.manager = manager
        self.name = f"socket {next(driver.names)}"
        self.id = ""
        driver.send("open", socket=self.name, manager=manager, namespace=namespace, **fields)

    def wait_connected(self) -> JsSocket:
        """Wait for `connect`, note the sid and return the socket."""
        self.id = self.take("connect")["id"]
        return self

    def take(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Wait for the next report of this socket of one kind, such as `connect` or `disconnect`."""
        return self.driver.reports.take(type=kind, socket=self.name, **fields)

    def receive(self, event: str) -> list[Any]:
        """Wait for an event and return its arguments."""
        args: list[Any] = from_json(self.take("event", event=event)["args"])
        return args

    def emit(self, event: str, *args: Any) -> None:
        """Send an event."""
        self.driver.send("emit", socket=self.name, event=event, args=args, ack=None)

    def call(self, event: str, *args: Any) -> list[Any]:
        """Send an event and return what its acknowledgement carries."""
        ack = next(self.driver.names)
        self.driver.send("emit", socket=self.name, event=event, args=args, ack=ack)
        answer: list[Any] = from_json(self.take("ack", ack=ack)["args"])
        return answer

    def answer(self, event: str, *args: Any) -> None:
        """Set what the socket acknowledges an event with, instead of the event's own arguments."""
        self.driver.send("answer", socket=self.name, event=event, args=args)

    def disconnect(self) -> None:
        """Leave the namespace, and the connection if it was the last one."""
        self.driver.send("disconnect", socket=self.name)


class Clients:
    """Opens sockets to one server in one way, and closes their connections at the end of the test."""

    def __init__(self, driver: Driver, server: ServerProcess, how: str) -> None:
        self.driver = driver
        self.server = server
        self.how = how
        self._managers: set[str] = set()

    def open(
        self,
        namespace: str = "/",
        *,
        auth: Any = None,
        manager: str | None = None,
        path: str = "/socket.io/",
        **fields: Any,
    ) -> JsSocket:
        """Start to connect a socket, without waiting for the result.

        Args:
            namespace: The namespace to join.
            auth: What to send with CONNECT.
            manager: The connection to use, that of an earlier socket; `None` opens one.
            path: The path of the server.
            **fields: What else the driver's `open` takes; `options` are those of the client's constructor.
        """
        options = {"transports": TRANSPORTS[self.how], "path": path, "reconnection": False, **fields.pop("options", {})}
        manager = manager or f"manager {next(self.driver.names)}"
        self._managers.add(manager)
        return JsSocket(self.driver, manager, namespace, url=self.server.url, auth=auth, options=options, **fields)

    def connect(self, namespace: str = "/", **fields: Any) -> JsSocket:
        """Connect a socket, and wait until its connection is what `how` says."""
        client = self.open(namespace, **fields).wait_connected()
        if self.how == "upgrade" and not fields.get("manager"):
            self.driver.reports.take(type="upgrade", manager=client.manager, transport="websocket")
        return client

    def close(self) -> None:
        """Close every connection."""
        for manager in self._managers:
            self.driver.send("close", manager=manager)
