"""Broker processes of the tests: started on a free port, killed, started again on it, paused; ended by process id.

A further broker is a subclass of `Broker` with its command, and an entry in `kinds.py`.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

HOST = "127.0.0.1"
DEADLINE = 30.0
"""How long a broker may take to start or to answer, in seconds."""


def free_port() -> int:
    """Returns a port that nobody listens on, and not one of those that the system gives to clients.

    Test processes that run at the same time look in different places: between the look and the use, another one might
    find the same port.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 12_000 + worker % 8 * 2_500
    while True:
        port = random.randrange(first, first + 2_500)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


class Broker:
    """One broker process.

    Attributes:
        name: How tests are named after it.
        url: Where the managers of this broker find it.
        sync_manager: The name of the manager class for threads, an attribute of `socketio`, or module:class; `None` if
            there is none.
        async_manager: The same for asyncio.
        theirs: The names of the manager classes that python-socketio has for it, in the same order.
        keeps: Whether it keeps messages for those who are not there.
        lost: How many of a thousand messages a second may be lost when it is killed.
    """

    name = ""
    program = ""
    """The program that has to be there."""
    sync_manager: str | None = None
    async_manager: str | None = None
    theirs: tuple[str | None, str | None] = (None, None)
    keeps = False
    lost = 100
    starts_slowly = False
    """Whether tests share one that they kill, instead of having one of their own."""
    deadline = DEADLINE
    """How long it may take to start, in seconds."""

    def __init__(self, *, started: bool = True) -> None:
        if shutil.which(self.program) is None:
            pytest.skip(f"{self.program} is not installed")
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="broker", ignore_cleanup_errors=True)
        self.process: subprocess.Popen[bytes] | None = None
        if started:
            self.start()

    @property
    def url(self) -> str:
        """Where it is found."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """Returns what starts it."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Returns whether it answers; raises `OSError` if it does not listen."""
        socket.create_connection((HOST, self.port), timeout=DEADLINE).close()
        return True

    def start(self) -> None:
        """Starts it, on the same port each time, and waits until it answers."""
        log = Path(self.folder.name) / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder.name, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        end = time.monotonic() + self.deadline
        while True:
            try:
                if self.is_ready():
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise AssertionError(f"{self.program} has not started: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def pause(self) -> None:
        """Has it keep all connections and say nothing more."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Undoes `pause`."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it without a word."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Ends it and removes its files."""
        self.kill()
        self.folder.cleanup()

    def spy(self, channel: str) -> Spy:
        """Returns somebody who sees and sends raw messages."""
        raise NotImplementedError


class Spy:
    """Sees what is published on a channel, and publishes whatever it likes."""

    def publish(self, message: bytes) -> None:
        """Publishes a message."""
        raise NotImplementedError

    def messages(self, count: int) -> list[bytes]:
        """Returns the next messages."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes its connections."""
        raise NotImplementedError


class Redis(Broker):
    """A Redis that keeps nothing on disk."""

    name = "redis"
    program = "redis-server"
    sync_manager = "RedisManager"
    async_manager = "AsyncRedisManager"
    theirs = ("RedisManager", "AsyncRedisManager")

    def __init__(self, *options: str, started: bool = True) -> None:
        self.options = options
        super().__init__(started=started)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def command(self) -> list[str]:
        own = ["--port", str(self.port), "--bind", HOST, "--save", "", "--appendonly", "no"]
        return [self.program, *own, *self.options]

    def is_ready(self) -> bool:
        with socket.create_connection((HOST, self.port), timeout=DEADLINE) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))

    def ask(self, *words: object) -> object:
        """Returns the answer to a command."""
        import redis

        with redis.Redis(host=HOST, port=self.port) as client:
            return client.execute_command(*words)

    def info(self) -> bytes:
        """Returns what it says of its replicas."""
        import redis

        with redis.Redis(host=HOST, port=self.port) as client:
            client.set_response_callback("INFO", bytes)
            answer = client.execute_command("INFO", "replication")
            assert isinstance(answer, bytes)
            return answer

    def spy(self, channel: str) -> Spy:
        return RedisSpy(self.url, channel)


class RedisSpy(Spy):
    """That of a Redis, by redis-py itself."""

    def __init__(self, url: str, channel: str) -> None:
        import redis

        self.channel = channel
        self.client = redis.Redis.from_url(url)
        self.subscriber = self.client.pubsub(ignore_subscribe_messages=False)
        self.subscriber.subscribe(channel)
        assert self.subscriber.get_message(timeout=DEADLINE)["type"] == "subscribe"

    def publish(self, message: bytes) -> None:
        self.client.publish(self.channel, message)

    def messages(self, count: int) -> list[bytes]:
        found = []
        while len(found) < count:
            message = self.subscriber.get_message(timeout=DEADLINE)
            assert message is not None, f"only {len(found)} of {count} messages"
            found.append(message["data"])
        return found

    def close(self) -> None:
        self.subscriber.close()
        self.client.close()


class Sentinel(Redis):
    """A Sentinel that watches a Redis as the service `mymaster`, and makes its replica the master after a second."""

    name = "sentinel"
    program = "redis-sentinel"

    def __init__(self, master: Redis) -> None:
        self.master = master
        super().__init__()

    @property
    def url(self) -> str:
        return f"redis+sentinel://{HOST}:{self.port}/0/mymaster"

    def command(self) -> list[str]:
        settings = Path(self.folder.name) / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\nbind {HOST}\n"
            f"sentinel monitor mymaster {HOST} {self.master.port} 1\n"
            "sentinel down-after-milliseconds mymaster 1000\n"
            "sentinel failover-timeout mymaster 5000\n"
        )
        return [self.program, str(settings)]


class Own(Redis):
    """A Redis with the managers of `cluster/own_managers.py`."""

    name = "own"
    sync_manager = "own_managers:OwnManager"
    async_manager = "own_managers:AsyncOwnManager"
