"""A server for the tests of the blocking HTTP bindings: what it does with a connection is a function of the test's."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import threading
from collections.abc import Callable

LIMIT = 20.0
"""How long a test waits for something, in seconds."""


class Connection:
    """One connection of a client, as the server sees it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(LIMIT)
        self.socket = connection
        self.rest = b""

    def head(self) -> str:
        """Returns the head of the next request; empty at the end. The requests have no body, or it is in `rest`."""
        while b"\r\n\r\n" not in self.rest:
            data = self.socket.recv(65536)
            if not data:
                return ""
            self.rest += data
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        return head.decode()

    def is_over(self) -> bool:
        """Waits for the client to close, and returns whether it has."""
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:  # with a reset
            return True

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)


Serve = Callable[[Connection], None]


class RawServer:
    """Listens on a free port, and gives each connection a thread."""

    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.authority = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.url = f"http://{self.authority}/engine.io/"
        self.websocket_url = f"ws://{self.authority}/engine.io/"
        self.threads = [threading.Thread(target=self._listen)]
        self.errors: list[Exception] = []
        self.threads[0].start()

    def _listen(self) -> None:
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            thread = threading.Thread(target=self._run, args=(connection,))
            self.threads.append(thread)
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        with connection:
            try:
                self.serve(Connection(connection))
            except OSError:
                pass
            except Exception as exc:
                self.errors.append(exc)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(LIMIT)
            assert not thread.is_alive()
        assert self.errors == []


def answer(body: bytes = b"", status: str = "200 OK", headers: str = "") -> bytes:
    """Returns an HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def always(response: bytes) -> Serve:
    """Answers each request alike."""

    def serve(connection: Connection) -> None:
        while connection.head():
            connection.send(response)

    return serve


def opening(head: str, headers: str = "") -> bytes:
    """Returns the answer that opens a WebSocket."""
    (key,) = values(head, "Sec-WebSocket-Key")
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    status = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{status}Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n{headers}\r\n".encode()


def values(head: str, name: str) -> list[str]:
    """Returns the values of a header, each as it was sent."""
    lines = [line.split(": ", 1) for line in head.split("\r\n")[1:]]
    return [value for key, value in lines if key.lower() == name.lower()]
