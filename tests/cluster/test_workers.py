"""`python -m socketio serve --workers`, `emit --redis`, and gunicorn's workers: many processes on one port."""

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
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import socketio

from ..brokers.brokers import HOST, Redis, free_port
from .nodes import DEADLINE, FOLDER, wait_until


class Workers:
    """A program that serves `worker_app` in several processes."""

    def __init__(self, *command: str, port: int, **environment: str) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.log_file = tempfile.NamedTemporaryFile(prefix="workers", suffix=".log")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, cwd=FOLDER, env={**os.environ, **environment}, stdout=self.log_file, stderr=subprocess.STDOUT
        )
        self.clients: list[socketio.Client] = []
        wait_until(self._serves, "the workers serve")

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.log()
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return connection.recv(1) != b""
        except OSError:
            return False

    def log(self) -> str:
        return Path(self.log_file.name).read_text(errors="replace")

    def client(self) -> tuple[socketio.Client, queue.Queue[tuple[Any, ...]], int]:
        """Returns a client, what it hears, and the id of its worker."""
        client, heard = socketio.Client(reconnection=False), queue.Queue[tuple[Any, ...]]()
        client.on("*", lambda *event: heard.put(event))
        client.on("disconnect", lambda reason: heard.put(("disconnect",)))
        client.connect(self.url, transports=["websocket"], wait_timeout=DEADLINE)
        self.clients.append(client)
        return client, heard, client.call("who", timeout=DEADLINE)

    def clients_of_two(self) -> list[tuple[socketio.Client, queue.Queue[tuple[Any, ...]], int]]:
        """Returns clients of two workers."""
        first = self.client()
        for _ in range(100):
            other = self.client()
            if other[2] != first[2]:
                return [first, other]
        raise AssertionError("all clients have the same worker")

    def close(self) -> None:
        for client in self.clients:
            client.disconnect()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log_file.close()


@pytest.fixture
def start(redis_server: Redis) -> Iterator[Callable[..., Workers]]:
    """A function that starts `serve` with workers."""
    started: list[Workers] = []

    def start(*arguments: str, target: str = "worker_app:sio") -> Workers:
        port = free_port()
        command = [sys.executable, "-m", "socketio", "serve", target, "--port", str(port), "--log-level", "warning"]
        started.append(Workers(*command, "--manager", redis_server.url, *arguments, port=port))
        return started[-1]

    yield start
    for workers in started:
        workers.close()


def hears(heard: queue.Queue[tuple[Any, ...]], *event: Any) -> None:
    """Waits for an event."""
    while heard.get(timeout=DEADLINE) != event:
        pass


def say(client: socketio.Client, text: str, *others: queue.Queue[tuple[Any, ...]]) -> None:
    """Has a client say something until others have heard it: a server listens from its first client on."""
    for heard in others:
        end = time.monotonic() + DEADLINE
        while True:
            assert time.monotonic() < end, f"nobody hears {text!r}"
            client.emit("say", text)
            try:
                while heard.get(timeout=0.2) != ("said", text):
                    pass
                break
            except queue.Empty:
                pass


def is_there(pid: int) -> bool:
    """Returns whether a process runs."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_workers(start: Callable[..., Workers], redis_server: Redis) -> None:
    workers = start("--workers", "2", "--channel", "workers")
    (first, heard, pid), (other, other_heard, other_pid) = workers.clients_of_two()
    say(first, "from one", other_heard)
    say(other, "from the other", heard)

    command = [sys.executable, "-m", "socketio", "emit", "--redis", redis_server.url, "--channel", "workers"]
    subprocess.run([*command, "shell", '{"a": 1}', "two"], check=True, timeout=DEADLINE)
    hears(heard, "shell", {"a": 1}, "two")
    hears(other_heard, "shell", {"a": 1}, "two")
    rooms = ["--room", str(first.get_sid()), "--room", "nobody"]
    subprocess.run([*command, *rooms, "alone"], check=True, timeout=DEADLINE)
    hears(heard, "alone")

    other.emit("crash")
    hears(other_heard, "disconnect")
    wait_until(lambda: "a worker has ended with status 7" in workers.log())
    new = wait_until(lambda: next((found for found in [workers.client()] if found[2] not in (pid, other_pid)), None))
    say(first, "again", new[1])

    workers.process.send_signal(signal.SIGTERM)
    hears(heard, "disconnect")
    assert workers.process.wait(DEADLINE) == 0, workers.log()
    assert not any(is_there(process) for process in (pid, other_pid, new[2]))
    assert "Traceback" not in workers.log()


def test_the_parent_takes_its_workers_along(start: Callable[..., Workers]) -> None:
    workers = start("--workers", "2", target="worker_app:app")
    pids = [pid for _, _, pid in workers.clients_of_two()]
    workers.process.kill()
    wait_until(lambda: not any(is_there(pid) for pid in pids))


def test_a_polling_client_of_another_worker(start: Callable[..., Workers]) -> None:
    workers = start("--workers", "2")
    url = f"{workers.url}/socket.io/?EIO=4&transport=polling"
    with urllib.request.urlopen(url, timeout=DEADLINE) as response:
        sid = json.loads(response.read()[1:])["sid"]

    def refusal() -> Any:
        try:
            urllib.request.urlopen(f"{url}&sid={sid}", data=b"3", timeout=DEADLINE).close()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())
        return None

    # Each request has a connection of its own, and so its chance to get to the other worker.
    assert wait_until(refusal) == (400, {"code": 1, "message": "Session ID unknown"})


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["worker_app:sio", "--workers", "0"], 2, "not a number of processes"),
        (["worker_app:sio", "--workers", "2", "--uds", "x"], 2, "workers share a port"),
        (["worker_app:sio", "--manager", "nonsense://x"], 2, "none of the brokers"),
        (["worker_app:sio", "--manager", "nonsense://x", "--workers", "2"], 2, "none of the brokers"),
        (["worker_app:managed", "--manager", "redis://x"], 2, "has a client_manager of its own"),
        (["worker_app:nothing", "--workers", "2"], 1, "the workers do not start"),
    ],
)
def test_wrong_arguments_of_serve(arguments: list[str], status: int, message: str) -> None:
    command = [sys.executable, "-m", "socketio", "serve", *arguments, "--port", str(free_port())]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == status, done.stderr
    assert message in done.stderr


def test_a_port_in_use(start: Callable[..., Workers]) -> None:
    workers = start("--workers", "2")
    command = [sys.executable, "-m", "socketio", "serve", "worker_app:sio", "--workers", "2", "--port"]
    done = subprocess.run([*command, str(workers.port)], cwd=FOLDER, capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode, "cannot listen" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nonsense://x", "event"], 2, "none of the brokers"),
        (["redis://127.0.0.1:1", "event"], 1, "the broker cannot be reached"),
        (["redis://127.0.0.1:1", "disconnect"], 2, "disconnect"),
        (["redis://127.0.0.1:1", "event", "{"], 2, "JSON"),
    ],
)
def test_wrong_arguments_of_emit(arguments: list[str], status: int, message: str) -> None:
    command = [sys.executable, "-m", "socketio", "emit", "--timeout", "0.5", "--manager", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("way", ["gunicorn", "uvicorn"])
def test_workers_of_other_servers(redis_server: Redis, way: str) -> None:
    port = free_port()
    program = {
        "gunicorn": ["gunicorn", "--worker-class", "gthread", "--threads", "50", "--workers", "2", "--preload"],
        "uvicorn": ["uvicorn", "--ws", "engineio.bindings.uvicorn:TakeoverProtocol", "--workers", "2"],
    }[way]
    address = ["--bind", f"{HOST}:{port}"] if way == "gunicorn" else ["--port", str(port), "--log-level", "warning"]
    command = [sys.executable, "-m", *program, *address, "shared_app:app"]
    workers = Workers(*command, port=port, REDIS=redis_server.url, WAY=way)
    try:
        (first, heard, _), (other, other_heard, _) = workers.clients_of_two()
        sids = {str(client.get_sid()) for client in workers.clients}
        assert len(sids) == len(workers.clients)
        wait_until(lambda: first.call("healthy", timeout=DEADLINE) and other.call("healthy", timeout=DEADLINE))
        say(first, "from one", other_heard)
        say(other, "from the other", heard)
    finally:
        for client in workers.clients:
            client.disconnect()
        workers.process.terminate()
        workers.process.wait(DEADLINE)
        workers.close()
