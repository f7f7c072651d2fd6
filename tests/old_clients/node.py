"""Node processes of the tests of old versions: official servers on a port, and drivers of official clients."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

from serving import DEADLINE, Reports, free_port

FOLDER = Path(__file__).parent

VERSIONS = ("1", "2", "3", "4")
"""The ages of Socket.IO: 1.7, the last 2.x, 3.x and 4.x."""

OLD = ("1", "2")
"""Those that speak Engine.IO 3."""


class NodeServer:
    """An official server.

    Args:
        version: One of `VERSIONS`.
        port: The port to listen on; `None` takes a free one.
        *arguments: Further ones of `server.cjs`.
    """

    def __init__(self, version: str, port: int | None = None, *arguments: str) -> None:
        self.version = version
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = ["node", "server.cjs", f"socket.io-{version}", str(self.port), *arguments]
        # What the old packages have to say about Node's own functions is of no interest.
        self.process = subprocess.Popen(
            command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout
        self.reports = Reports(self.process.stdout)
        self.reports.take(type="listening")

    @property
    def is_old(self) -> bool:
        """Whether it speaks Engine.IO 3."""
        return self.version in OLD

    def connections(self, namespace: str = "/") -> list[dict[str, Any]]:
        """Return what it has said about new connections since the last call."""
        return self.reports.take_all(type="connect", namespace=namespace)

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        self.process.send_signal(number)

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait(DEADLINE)
