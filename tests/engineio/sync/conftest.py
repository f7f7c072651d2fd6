"""Fixtures of the tests of the pieces of the client for threads."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Pair = Callable[[], tuple[socket.socket, socket.socket]]
"""Returns two sockets that are connected with each other."""


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 that it has signed itself, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "certificate"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    path = folder / "both"
    path.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return path


def connect() -> tuple[socket.socket, socket.socket]:
    """Connects two sockets. By TCP: select() does not notice that a socket of the kind of socketpair() is shut down."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return socket.create_connection(listener.getsockname()), listener.accept()[0]


@pytest.fixture
def plain_pair() -> Iterator[Pair]:
    """Makes pairs of plain sockets, which are closed after the test."""
    made: list[socket.socket] = []

    def make() -> tuple[socket.socket, socket.socket]:
        made.extend(connect())
        return made[-2], made[-1]

    yield make
    for connection in made:
        connection.close()


@pytest.fixture
def tls_pair(certificate: Path) -> Iterator[Pair]:
    """Makes pairs of TLS sockets over the loopback interface, which are closed after the test."""
    made: list[socket.socket] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.create_default_context(cafile=str(certificate))

    def make() -> tuple[socket.socket, socket.socket]:
        plain, accepted = connect()
        answering = threading.Thread(target=lambda: made.append(server.wrap_socket(accepted, server_side=True)))
        answering.start()
        connection = client.wrap_socket(plain, server_hostname="127.0.0.1")
        answering.join()
        peer = made[-1]
        made.append(connection)
        return connection, peer

    yield make
    for connection in made:
        connection.close()


@pytest.fixture(params=["plain", "tls"])
def pair(request: pytest.FixtureRequest) -> Pair:
    """Makes pairs of sockets of either kind."""
    made: Pair = request.getfixturevalue(f"{request.param}_pair")
    return made
