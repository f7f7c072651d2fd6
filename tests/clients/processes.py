"""Server processes of the client tests: started on a free port, stopped by process id."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
HOST = "127.0.0.1"
DEADLINE = 20.0
"""How long a server may take to start, in seconds."""


def free_port() -> int:
    """Returns a port that nobody listens on.

    Not one of those that the system gives to clients: until the server is started again, another client might get it.
    """
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


class Server:
    """One server, or proxy.

    Args:
        kind: `python`, `werkzeug`, `socket.io` or `socket.io-3`; `http` or `socks5` for a proxy.
        arguments: Further ones for its program: of a Python server a file with a key and its certificate, for TLS; of a
            proxy where it logs.
    """

    def __init__(self, kind: str, *arguments: str) -> None:
        self.arguments = arguments
        self.port = free_port()
        self.kind = kind
        self.url = f"http{'s' if kind == 'python' and arguments else ''}://{HOST}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts it, on the same port each time."""
        if self.kind == "python":
            command = [sys.executable, str(FOLDER / "event_server.py"), str(self.port), *self.arguments]
        elif self.kind == "werkzeug":
            command = [sys.executable, str(FOLDER / "sync_event_server.py"), str(self.port)]
        elif self.kind in ("http", "socks5"):
            command = [sys.executable, str(FOLDER / "proxy.py"), self.kind, str(self.port), *self.arguments]
        else:
            command = ["node", str(FOLDER / "js_server.mjs"), self.kind, str(self.port)]
        self.process = subprocess.Popen(command, cwd=FOLDER)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=DEADLINE).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.kill()
                    raise AssertionError("the server did not start") from None
                time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """Ends it at once."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()
