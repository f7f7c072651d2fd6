"""The programs in `examples/`: each is started by the command in its README, and talked to by real clients."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import socketio

from ..clients.processes import DEADLINE, HOST, free_port

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
LINE_LIMIT = 60
START_DEADLINE = 45.0
"""How long a program may take to start, in seconds: it imports a framework, on a loaded machine."""


@dataclass(frozen=True)
class Example:
    """A row of the table in the README: the program, its framework, how to start it, and the server's path."""

    program: str
    framework: str
    command: str
    path: str


ROW = re.compile(
    r"^\| \[(?P<program>\w+\.py)\]\(\1\) \| (?P<framework>.+?) \| `(?P<command>.+?)` \| `(?P<path>.+?)` \|$", re.M
)
EXAMPLES = [Example(**row.groupdict()) for row in ROW.finditer((FOLDER / "README.md").read_text())]


class Process:
    """An example that runs.

    Args:
        example: Which one.
        log: Where its output goes.
    """

    def __init__(self, example: Example, log: Path) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.log = log
        assert example.command.count("5000") == 1
        words = shlex.split(example.command.replace("5000", str(self.port)))
        settings = dict(word.split("=") for word in words if word.startswith("PORT="))
        program, *arguments = words[len(settings) :]
        path = shutil.which(program, path=str(Path(sys.executable).parent))
        assert path is not None, f"{program} is not installed"
        environment = os.environ | settings | {"PYTHONUNBUFFERED": "1"}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [path, *arguments],
                cwd=FOLDER,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_listening()

    def _wait_until_listening(self) -> None:
        end = time.monotonic() + START_DEADLINE
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=DEADLINE).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.kill()
                    raise AssertionError(f"it did not start; it wrote:\n{self.log.read_text()}") from None
                time.sleep(0.05)

    def request(self, path: str, body: str | None = None) -> str:
        """Returns the answer to a GET, or to a POST with a text."""
        data = None if body is None else body.encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "text/plain"})
        with urllib.request.urlopen(request, timeout=DEADLINE) as response:
            text: str = response.read().decode()
        return text

    def stop(self) -> None:
        """Ends it with SIGTERM, and sees whether it has been well."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE)
        output = self.log.read_text()
        assert "Traceback" not in output, output

    def kill(self) -> None:
        """Ends what is left of it, with its workers."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Caller:
    """A client, with a queue for each event that it hears of."""

    def __init__(self, process: Process, path: str, transports: list[str] | None = None, **options: Any) -> None:
        self.client = socketio.Client(reconnection=False)
        self._events: dict[str, queue.Queue[Any]] = {}
        for event in ("chat", "announcement", "announced"):
            self._events[event] = queue.Queue()
            self.client.on(event, self._events[event].put)
        self.client.connect(process.url, socketio_path=path, transports=transports, wait_timeout=DEADLINE, **options)

    def take(self, event: str) -> Any:
        """Waits for an event and returns what came with it."""
        return self._events[event].get(timeout=DEADLINE)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[Example], Process]]:
    """A function that starts an example."""
    processes: list[Process] = []

    def start(example: Example) -> Process:
        processes.append(Process(example, tmp_path / "log"))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.program)
def test_example(example: Example, run: Callable[[Example], Process]) -> None:
    """What all of them do; the clients come over polling, over WebSocket, and from the one to the other."""
    process = run(example)
    assert process.request("/").strip('"') in example.framework
    callers = [Caller(process, example.path, transports) for transports in (["polling"], ["websocket"], None)]
    assert [caller.client.transport() for caller in callers] == ["polling", "websocket", "websocket"]
    for caller in callers:
        assert caller.client.call("chat", "hello", timeout=DEADLINE) == "delivered"
        said = {"from": caller.client.get_sid(), "text": "hello"}
        assert [other.take("chat") for other in callers] == [said] * 3
    process.request("/announce", "lunch – now")
    assert [caller.take("announcement") for caller in callers] == ["lunch – now"] * 3
    for caller in callers:
        caller.client.disconnect()
    process.stop()


def test_two_servers(run: Callable[[Example], Process]) -> None:
    """Each of them has its own clients, and its own idea of who may come in."""
    [example] = [example for example in EXAMPLES if example.program == "two_servers.py"]
    process = run(example)
    with pytest.raises(socketio.exceptions.ConnectionError, match="wrong token"):
        Caller(process, "/admin/socket.io")
    admin = Caller(process, "/admin/socket.io", auth={"token": "secret"})
    public = Caller(process, example.path)
    assert admin.client.call("users", timeout=DEADLINE) == [public.client.get_sid()]
    process.request("/announce", "lunch")
    assert (admin.take("announced"), public.take("announcement")) == ("lunch", "lunch")
    for caller in (admin, public):
        caller.client.disconnect()
    process.stop()


def test_each_example_is_in_the_table() -> None:
    assert sorted(example.program for example in EXAMPLES) == sorted(path.name for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_examples_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINE_LIMIT
