"""Many WebSocket clients in one process that do little more than read: the measured servers get the processor."""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import time

HOST = "127.0.0.1"
TIMEOUT = 120.0
UPGRADE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PING = b"\x81\x012"
_TIME = re.compile(rb'42\["at",(\d+)\]')


class Client:
    """One client in the main namespace."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), TIMEOUT)
        self.socket.sendall(UPGRADE.encode())
        self.received = 0
        self.tail = b""
        self.delays: list[float] = []
        self.wait_for(b"0{")
        self.send("40")
        self.wait_for(b"40{")

    def send(self, text: str) -> None:
        """Sends a short text message, with a mask of zeros."""
        data = text.encode()
        self.socket.sendall(struct.pack("!BB4x", 0x81, 0x80 | len(data)) + data)

    def read(self) -> bytes:
        """Returns what is there, and a little of what was before; pings are answered."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server has closed the connection")
        self.received += len(data)
        if PING in data:
            self.send("3")
        data, self.tail = self.tail + data, data[-64:]
        return data

    def wait_for(self, what: bytes) -> bytes:
        """Reads until something has come."""
        seen = b""
        while what not in seen:
            seen += self.read()
        self.tail = b""
        return seen

    def ask(self, event: str) -> int:
        """Returns the acknowledgement of an event, a number."""
        self.send("421" + json.dumps([event]))
        seen = self.wait_for(b"431[")
        while not (found := re.search(rb"431\[(\d+)\]", seen)):
            seen += self.read()
        return int(found[1])


def wait_for_end(clients: list[Client], measure: bool = False) -> None:
    """Reads until each client has heard the event `end`; notes how long the events `at` took, in seconds."""
    poll = select.poll()
    waiting = {}
    for client in clients:
        poll.register(client.socket, select.POLLIN)
        waiting[client.socket.fileno()] = client
    end = time.monotonic() + TIMEOUT
    while waiting:
        if time.monotonic() > end:
            raise TimeoutError(f"{len(waiting)} of {len(clients)} clients have not heard the end")
        for descriptor, _ in poll.poll(1000):
            client = waiting[descriptor]
            before = len(client.tail)
            data = client.read()
            if measure:
                now = time.monotonic_ns()
                for found in _TIME.finditer(data):
                    if found.end() > before:
                        client.delays.append((now - int(found[1])) / 1e9)
            if b'42["end"]' in data:
                poll.unregister(descriptor)
                client.tail = b""
                del waiting[descriptor]
