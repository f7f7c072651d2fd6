"""Starts `server_app.py`, asks its debug route, and keeps a canary: a client that must always be answered."""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from .peers import Client, PollingPeer, WebSocketPeer
from .raw_client import DEADLINE, Gone, Http

SETTLE = 2.0
"""Within how many seconds nothing of an offender may be left. The rule says one; the machine may be busy."""

ATTACHED = ("aiohttp", "sanic")
"""The modes of `attached_app.py`."""


def command(mode: str) -> list[str]:
    """Return how to start a server."""
    program = Path(__file__).with_name("attached_app.py" if mode in ATTACHED else "server_app.py")
    return os.environ.get("FAULTS_SERVER", f"{sys.executable} {program}").split()


def free_port() -> int:
    """Return a port that nobody listened on a moment ago.

    It is below the range from which the kernel takes ports of clients: a connection tried there before the server
    listens could connect to itself.
    """
    while True:
        with socket.socket() as probe:
            port = random.randrange(12_000, 32_000)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    """A server process."""

    def __init__(self, mode: str, options: dict[str, Any] | None = None, *, port: int | None = None) -> None:
        self.mode, self.port = mode, port or free_port()
        self.options = options or {}
        self.log_file = tempfile.NamedTemporaryFile(prefix="faults", suffix=".log")  # noqa: SIM115
        self.start()

    def start(self) -> None:
        """Start the process, and wait until it answers."""
        self.process = subprocess.Popen(
            [*command(self.mode), self.mode, str(self.port), json.dumps(self.options)],
            stdout=self.log_file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONASYNCIODEBUG": ""},
        )
        end = time.monotonic() + 20
        while True:
            try:
                self.http = Http(self.port)
                self.report()
                break
            except OSError:
                assert self.process.poll() is None, f"the server has not started:\n{self.log()}"
                assert time.monotonic() < end, f"the server does not listen:\n{self.log()}"
                time.sleep(0.05)

    def log(self) -> str:
        """Return all that the server has written so far."""
        return Path(self.log_file.name).read_text(errors="replace")

    def report(self, query: str = "", timeout: float = 30.0) -> dict[str, Any]:
        """Return what the debug route says; `query` may ask for more or make it act."""
        response = self.http.get("/debug?" + query, timeout=timeout)
        assert response.status == 200, response
        return json.loads(response.body)

    def counters(self) -> dict[str, int]:
        return self.report()["counters"]

    def disconnects(self, sid: str) -> list[str]:
        """Return the reasons with which the disconnect handler has been called for `sid`."""
        return self.report(f"sid={sid}")["disconnects"]

    def settle(self, baseline: dict[str, int], within: float = SETTLE, *, but: tuple[str, ...] = ()) -> None:
        """Wait until no counter is above `baseline`.

        Raises:
            AssertionError: when something is left after `within` seconds.
        """
        end = time.monotonic() + within
        while True:
            now = self.counters()
            left = {k: (v, now[k]) for k, v in baseline.items() if k not in but and now[k] > v}
            if not left:
                return
            if time.monotonic() > end:
                tasks = self.report("task_names")["task_names"] if "tasks" in left else ""
                raise AssertionError(f"left after {within} s, as (before, now): {left} {tasks}")
            time.sleep(0.02)

    def wait_until(self, condition: Any, what: str, within: float = DEADLINE, query: str = "") -> dict[str, Any]:
        """Poll the debug route until `condition(report)` holds, and return that report."""
        end = time.monotonic() + within
        while True:
            report = self.report(query)
            if condition(report):
                return report
            assert time.monotonic() < end, f"not within {within} s: {what}; {report}"
            time.sleep(0.02)

    def peer(self, transport: str, **options: Any) -> WebSocketPeer | PollingPeer:
        return (WebSocketPeer if transport == "websocket" else PollingPeer)(self.port, **options)

    def stop(self) -> None:
        """End the process, politely at first."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log_file.close()


class Canary:
    """A client of its own thread that answers pings and keeps what it is told."""

    def __init__(self, server: Server) -> None:
        self.client = Client(WebSocketPeer(server.port))
        self.client.connect()
        self.acks: queue.Queue[str] = queue.Queue()
        self.heard: list[str] = []
        self.gone: str | None = None
        self.number = 0
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self) -> None:
        try:
            while True:
                packet = self.client.peer.receive(3600)
                if isinstance(packet, str) and packet.startswith("43"):
                    self.acks.put(packet)
                else:
                    self.heard.append(str(packet)[:200])
        except (Gone, OSError, AssertionError, ValueError) as exc:
            self.gone = repr(exc)

    def emit(self, event: str, *args: Any) -> None:
        self.client.send("42" + json.dumps([event, *args]))

    def assert_answered(self, within: float = DEADLINE) -> None:
        """Assert that the server still answers somebody who has done nothing wrong."""
        self.number += 1
        self.client.send(f'42{self.number}["echo",{self.number}]')
        try:
            answer = self.acks.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"the canary is not answered ({self.gone or 'still connected'})") from None
        assert answer == f"43{self.number}[{self.number}]"

    def close(self) -> None:
        try:
            self.client.peer.ws.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the server was quicker
        self.thread.join(DEADLINE)
        self.client.close()
