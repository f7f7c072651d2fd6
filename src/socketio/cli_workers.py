"""`python -m socketio serve --workers N`: worker processes on one port, started again when they crash.

Each worker has a listening socket of its own on the port (SO_REUSEPORT), over which the kernel distributes the clients
evenly: with one socket for all, whoever wakes up first takes a burst of connections for itself. The sockets are made
here and kept open, so that what waits in the queue of a worker that has crashed is served by its successor.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from .cli_errors import CommandFailedError

__all__ = ["end_with_parent", "listening_sockets", "run_workers"]

PAUSE = 2.0
"""How many seconds lie at least between two starts of a worker."""
GRACE = 15.0
"""For how many seconds workers may end gracefully before they are killed; they themselves take ten at most."""


def listening_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Returns sockets that all listen on one address.

    Raises:
        CommandFailedError: this system cannot do that, or not there.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise CommandFailedError("this system cannot share a port among workers")
    found: list[socket.socket] = []
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        for _ in range(count):
            one = socket.socket(family, kind, protocol)
            found.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(address)
            one.listen(4096)
    except OSError as exc:
        for one in found:
            one.close()
        raise CommandFailedError(f"cannot listen on {host} port {port}: {exc.strerror or exc}") from exc
    return found


def end_with_parent(descriptor: int) -> None:
    """Has this worker stop gracefully when the other end of a pipe is closed: its parent is gone."""

    def wait() -> None:
        os.read(descriptor, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


class _Worker:
    """One worker process at a time."""

    def __init__(self, command: Sequence[str], *descriptors: int) -> None:
        self._command = [*command, "--worker", ",".join(map(str, descriptors))]
        self._descriptors = descriptors
        self.process: subprocess.Popen[bytes] | None = None
        self.started = -PAUSE
        self.start()

    def start(self) -> None:
        """Starts the process, in a group of its own: Ctrl-C in a terminal is for the parent alone."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(self._command, pass_fds=self._descriptors, process_group=0)

    def poll(self) -> int | None:
        """Returns the exit status of a process that has ended, once."""
        status = None if self.process is None else self.process.poll()
        if status is not None:
            self.process = None
        return status


def run_workers(command: Sequence[str], listeners: Sequence[socket.socket]) -> None:
    """Runs a worker for each socket until SIGTERM or SIGINT; a second signal ends them at once.

    Args:
        command: What starts a worker, but for its last option `--worker`.
        listeners: The sockets.

    Raises:
        CommandFailedError: the workers do not start.
    """
    signals = 0

    def count(number: int, frame: FrameType | None) -> None:
        nonlocal signals
        signals += 1

    before = {number: signal.signal(number, count) for number in (signal.SIGTERM, signal.SIGINT)}
    # Workers read the end of the one, and write into the other when they serve.
    alive, parent = os.pipe()
    ready, started = os.pipe()
    os.set_blocking(ready, False)
    workers: list[_Worker] = []
    try:
        workers += [_Worker(command, listener.fileno(), alive, started) for listener in listeners]
        failed = _watch(workers, ready, lambda: signals > 0)
        _end(workers, lambda: signals > 1)
        if failed:
            raise CommandFailedError("the workers do not start")
    finally:
        for worker in workers:
            if worker.process is not None:
                worker.process.kill()
                worker.process.wait()
        for descriptor in (alive, parent, ready, started):
            os.close(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(workers: Sequence[_Worker], ready: int, stopped: Callable[[], bool]) -> bool:
    """Starts workers again until it is stopped; returns whether one has ended instead before any has served."""
    served = False
    while not stopped():
        if not served:
            try:
                served = bool(os.read(ready, 1))
            except BlockingIOError:
                pass
        for worker in workers:
            status = worker.poll()
            if status is not None and not stopped():
                if not served:
                    return True
                print(f"a worker has ended with status {status}; starting another one", file=sys.stderr, flush=True)
            if worker.process is None and time.monotonic() - worker.started >= PAUSE:
                worker.start()
        time.sleep(0.1)
    return False


def _end(workers: Sequence[_Worker], hurried: Callable[[], bool]) -> None:
    for worker in workers:
        if worker.process is not None:
            worker.process.terminate()
    end = time.monotonic() + GRACE
    while any(worker.process is not None and worker.poll() is None for worker in workers):
        if hurried() or time.monotonic() > end:
            return
        time.sleep(0.05)
