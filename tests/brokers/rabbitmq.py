"""A RabbitMQ of the tests: an Erlang machine with its own name, cookie, files and register of names (epmd)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from .brokers import DEADLINE, HOST, Broker, Spy, free_port

DEBIANS = Path("/usr/lib/rabbitmq/bin")
"""Where Debian has the scripts themselves; those in the path change the user."""


MAX_SIZE = 600_000
"""How large a message it takes, in bytes."""


class RabbitMQ(Broker):
    """A RabbitMQ on one processor, without plugins.

    Attributes:
        tls_port: Where it speaks TLS, with `certificate`, which is for `localhost`.
    """

    name = "rabbitmq"
    program = "rabbitmq-server"
    starts_slowly = True
    deadline = 90.0
    sync_manager = "KombuManager"
    async_manager = "AsyncAioPikaManager"
    theirs = ("KombuManager", "AsyncAioPikaManager")

    def __init__(self, *, started: bool = True) -> None:
        for program in ("epmd", "openssl"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")
        self.names_port, self.nodes_port, self.tls_port = free_port(), free_port(), free_port()
        self.names: subprocess.Popen[bytes] | None = None
        super().__init__(started=started)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{HOST}:{self.port}//"

    @property
    def certificate(self) -> Path:
        """Where its certificate is."""
        return Path(self.folder.name) / "certificate.pem"

    def certify(self) -> None:
        """Makes its certificate."""
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", self.certificate]
        subprocess.run([*command, *names], cwd=self.folder.name, check=True, capture_output=True)

    def script(self, name: str) -> str:
        """Returns where a script of RabbitMQ is."""
        return str(DEBIANS / name) if DEBIANS.is_dir() else name

    def environment(self) -> list[str]:
        """Returns how a script finds this broker and nothing of the system's."""
        folder = Path(self.folder.name)
        settings = [
            f"listeners.tcp.1 = {HOST}:{self.port}",
            f"listeners.ssl.1 = {HOST}:{self.tls_port}",
            f"ssl_options.certfile = {self.certificate}",
            f"ssl_options.keyfile = {folder / 'key.pem'}",
            f"max_message_size = {MAX_SIZE}",
            "log.file = false",
            "log.console = true",
            "log.console.level = warning",
        ]
        (folder / "rabbitmq.conf").write_text("\n".join(settings) + "\n")
        (folder / "plugins").write_text("[].\n")
        (folder / "empty").touch()
        cookie = folder / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text("COOKIE")
            cookie.chmod(0o400)
        values = {
            "HOME": folder,
            "ERL_EPMD_PORT": self.names_port,
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_CONF_ENV_FILE": folder / "empty",
            "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "plugins",
            "RABBITMQ_LOG_BASE": folder / "logs",
            "RABBITMQ_MNESIA_BASE": folder / "mnesia",
            "RABBITMQ_NODENAME": f"tests{self.port}@localhost",
            "RABBITMQ_DIST_PORT": self.nodes_port,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the machine, instead of its parent
        }
        return ["env", *(f"{name}={value}" for name, value in values.items())]

    def command(self) -> list[str]:
        return [*self.environment(), self.script("rabbitmq-server")]

    def start(self) -> None:
        try:
            if self.names is None:
                self.certify()
                self.start_names()
            super().start()
        except BaseException:
            self.end_names()
            raise

    def start_names(self) -> None:
        """Starts the register of names, before the machine starts one that would be nobody's."""
        command = ["epmd", "-port", str(self.names_port), "-address", HOST]
        self.names = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection((HOST, self.names_port), timeout=DEADLINE).close()
                return
            except OSError:
                assert self.names.poll() is None and time.monotonic() < end, "epmd has not started"
                time.sleep(0.02)

    def end_names(self) -> None:
        """Ends the register of names."""
        names, self.names = self.names, None
        if names is not None:
            names.kill()
            names.wait()

    def is_ready(self) -> bool:
        with socket.create_connection((HOST, self.port), timeout=DEADLINE) as connection:
            connection.sendall(b"AMQP\0\0\x09\1")
            return bool(connection.recv(1))

    def control(self, *words: str) -> None:
        """Has rabbitmqctl do something."""
        command = [*self.environment(), self.script("rabbitmqctl"), "--quiet", *words]
        subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)

    def close(self) -> None:
        super().close()
        self.end_names()

    def spy(self, channel: str) -> Spy:
        return RabbitSpy(self.url, channel)


class RabbitSpy(Spy):
    """That of a RabbitMQ, by kombu itself."""

    def __init__(self, url: str, channel: str) -> None:
        import kombu

        self.connection = kombu.Connection(url)
        self.channel = self.connection.channel()
        exchange = kombu.Exchange(channel, type="fanout", durable=False)
        self.producer = kombu.Producer(self.channel, exchange=exchange)
        self.found: list[bytes] = []
        queue = kombu.Queue(f"spy.{os.urandom(8).hex()}", exchange, durable=False, exclusive=True, auto_delete=True)
        consumer = kombu.Consumer(self.channel, [queue], no_ack=True, on_message=lambda message: self.keep(message))
        consumer.consume()

    def keep(self, message: object) -> None:
        """Keeps a message that has come."""
        body = message.body  # type: ignore[attr-defined]
        self.found.append(body if isinstance(body, bytes) else body.encode())

    def publish(self, message: bytes) -> None:
        self.producer.publish(message)

    def messages(self, count: int) -> list[bytes]:
        while len(self.found) < count:
            self.connection.drain_events(timeout=DEADLINE)
        messages, self.found = self.found[:count], self.found[count:]
        return messages

    def close(self) -> None:
        self.connection.release()
