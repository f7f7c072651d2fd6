"""Raw sockets for illegal input: WebSocket frames and HTTP requests, built by hand, byte by byte."""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0

DEADLINE = 10.0
"""How long anything may take before a test calls it dead, in seconds."""


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True, length: int | None = None
) -> bytes:
    """Build one frame; `length` overrides the declared length, `rsv` holds RSV1-3 as bits 4, 2, 1."""
    head = bytearray(((0x80 if fin else 0) | rsv << 4 | opcode,))
    declared, bit = len(payload) if length is None else length, 0x80 if mask else 0
    if declared < 126:
        head.append(bit | declared)
    elif declared < 65536:
        head += struct.pack("!BH", bit | 126, declared)
    else:
        head += struct.pack("!BQ", bit | 127, declared)
    if not mask:
        return bytes(head) + payload
    # The key of all zeros is a legal one and spares the tests the masking.
    return bytes(head) + b"\0\0\0\0" + payload


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """Build a close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


@dataclass
class Response:
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def sid(self) -> str:
        """Return the sid that a polling handshake gave."""
        return str(json.loads(self.body.split(b"\x1e")[0][1:])["sid"])

    def code(self) -> int | None:
        """Return the Engine.IO error code of the JSON body, `None` where there is none."""
        try:
            return json.loads(self.body)["code"]
        except (ValueError, KeyError, TypeError):
            return None


class Gone(Exception):
    """The server has closed or reset the TCP connection."""


class RawSocket:
    """A TCP connection with a receive buffer; every read has a deadline."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(DEADLINE)
        try:
            self.sock.connect(("127.0.0.1", port))
        except OSError:
            self.sock.close()
            raise
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def write(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except (ConnectionError, BrokenPipeError) as exc:
            raise Gone(str(exc)) from exc

    def write_if_open(self, data: bytes) -> bool:
        """Write, and say whether the server still took it: it may answer and close before having read all."""
        try:
            self.write(data)
        except Gone:
            return False
        return True

    def fill(self, timeout: float = DEADLINE) -> None:
        """Receive some bytes more.

        Raises:
            Gone: at the end of the stream.
            TimeoutError: when nothing came in `timeout` seconds.
        """
        self.sock.settimeout(max(timeout, 0.001))
        try:
            data = self.sock.recv(262144)
        except ConnectionError as exc:
            raise Gone(str(exc)) from exc
        if not data:
            raise Gone("end of stream")
        self.buffer += data

    def read(self, size: int, timeout: float = DEADLINE) -> bytes:
        end = time.monotonic() + timeout
        while len(self.buffer) < size:
            self.fill(end - time.monotonic())
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_response(self, timeout: float = DEADLINE) -> Response:
        """Read one HTTP response with a Content-Length, chunked, or up to the end of the stream."""
        end = time.monotonic() + timeout
        while b"\r\n\r\n" not in self.buffer:
            self.fill(end - time.monotonic())
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        status = int(lines[0].split(" ")[1])
        if "content-length" in headers:
            body = self.read(int(headers["content-length"]), timeout)
        elif headers.get("transfer-encoding") == "chunked":
            body = self.read_chunked(timeout)
        elif status == 101 or status == 204:
            body = b""
        else:
            try:
                while True:
                    self.fill(end - time.monotonic())
            except Gone:
                body, self.buffer = self.buffer, b""
        return Response(status, headers, body)

    def read_chunked(self, timeout: float) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                self.fill(timeout)
            size, _, self.buffer = self.buffer.partition(b"\r\n")
            body += self.read(int(size, 16), timeout)
            self.read(2, timeout)
            if int(size, 16) == 0:
                return body

    def wait_gone(self, timeout: float = DEADLINE) -> None:
        """Wait for the server to close the TCP connection, reading all that comes.

        Raises:
            TimeoutError: when it is still open after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        try:
            while True:
                self.fill(end - time.monotonic())
        except Gone:
            return

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def request_bytes(
    method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None, *, version: str = "1.1"
) -> bytes:
    """Build an HTTP request; a header given as `None` is left out."""
    fields: dict[str, str | None] = {"Host": "127.0.0.1"}
    if body is not None:
        fields["Content-Length"] = str(len(body))
        fields["Content-Type"] = "text/plain;charset=UTF-8"
    fields.update(headers or {})
    lines = [f"{method} {target} HTTP/{version}", *(f"{k}: {v}" for k, v in fields.items() if v is not None)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def upgrade_bytes(
    target: str, headers: dict[str, str | None] | None = None, *, method: str = "GET", version: str = "1.1"
) -> bytes:
    """Build the request of a WebSocket handshake; `headers` replace or (with `None`) remove the usual ones."""
    fields: dict[str, Any] = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }
    fields.update(headers or {})
    return request_bytes(method, target, fields, version=version)


class RawWebSocket(RawSocket):
    """A WebSocket of which every frame is in the hands of the test."""

    def __init__(self, port: int, target: str, headers: dict[str, str | None] | None = None, *,
                 extra: bytes = b"", receive_buffer: int | None = None) -> None:  # fmt: skip
        """Connect and shake hands; `extra` travels in the segment of the handshake.

        Raises:
            AssertionError: when the answer is not 101.
        """
        super().__init__(port, receive_buffer=receive_buffer)
        try:
            self.write(upgrade_bytes(target, headers) + extra)
            self.response = self.read_response()
        except (Gone, OSError):
            self.close()
            raise
        if self.response.status != 101:
            self.close()
            raise AssertionError(f"no 101: {self.response}")

    def send(self, payload: str | bytes) -> None:
        """Send a text or binary message in one frame."""
        if isinstance(payload, str):
            self.write(frame(TEXT, payload.encode()))
        else:
            self.write(frame(BINARY, payload))

    def read_frame(self, timeout: float = DEADLINE) -> tuple[int, bytes]:
        """Read one frame and return its opcode and payload."""
        end = time.monotonic() + timeout
        first, second = self.read(2, timeout)
        assert not second & 0x80, "a server must not mask"
        assert first & 0x80, "our servers never fragment"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.read(2, end - time.monotonic()))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.read(8, end - time.monotonic()))
        return first & 0x0F, self.read(size, end - time.monotonic())

    def receive(self, timeout: float = DEADLINE) -> str | bytes:
        """Read the next message that is not an Engine.IO ping; pings of both protocols are answered.

        Raises:
            Gone: when a close frame came; its text is the close code.
        """
        end = time.monotonic() + timeout
        while True:
            opcode, payload = self.read_frame(end - time.monotonic())
            if opcode == CLOSE:
                raise Gone(str(struct.unpack("!H", payload[:2])[0]) if payload else "1005")
            if opcode == PING:  # uvicorn sends its own in the ASGI mode, and closes with 1011 without an answer
                self.write_if_open(frame(PONG, payload))
            elif opcode == TEXT and payload == b"2":
                self.write_if_open(frame(TEXT, b"3"))
            elif opcode in (TEXT, BINARY):
                return payload.decode() if opcode == TEXT else payload

    def close_code(self, timeout: float = DEADLINE) -> int:
        """Read up to the close frame, answer it, wait for the end of the TCP connection, and return the code.

        1006 stands for an end without a close frame, 1005 for a close frame without a code.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                opcode, payload = self.read_frame(end - time.monotonic())
            except Gone:
                return 1006
            if opcode == CLOSE:
                break
        self.write_if_open(frame(CLOSE, payload[:2]))
        self.wait_gone(max(end - time.monotonic(), 1.0))
        return struct.unpack("!H", payload[:2])[0] if payload else 1005

    def writable(self, timeout: float = 0.0) -> bool:
        """Say whether the kernel would take more bytes within `timeout` seconds."""
        return bool(select.select([], [self.sock], [], timeout)[1])


class Http:
    """A keep-alive HTTP client for one server; a request made while another waits needs an `Http` of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.raw: RawSocket | None = None

    def request(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None,
                timeout: float = DEADLINE) -> Response:  # fmt: skip
        """Send a request and return its response, over the open connection where the server has kept it."""
        for _ in range(2):
            fresh = self.raw is None
            if self.raw is None:
                self.raw = RawSocket(self.port)
            try:
                self.raw.write(request_bytes(method, target, headers, body))
                response = self.raw.read_response(timeout)
            except Gone:
                self.close()
                if fresh:
                    raise
                continue
            if response.headers.get("connection") == "close":
                self.close()
            return response
        raise Gone("twice")

    def get(self, target: str, headers: dict[str, str] | None = None, timeout: float = DEADLINE) -> Response:
        return self.request("GET", target, headers, timeout=timeout)

    def post(self, target: str, body: bytes | str, headers: dict[str, str] | None = None) -> Response:
        return self.request("POST", target, headers, body.encode() if isinstance(body, str) else body)

    def close(self) -> None:
        if self.raw is not None:
            self.raw.close()
            self.raw = None


def target(transport: str, sid: str | None = None, *, path: str = "/socket.io/") -> str:
    """Return the path and query of a session's request."""
    return f"{path}?EIO=4&transport={transport}" + (f"&sid={quote(sid)}" if sid is not None else "")
