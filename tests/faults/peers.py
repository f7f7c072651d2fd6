"""A Socket.IO client over raw sockets, with one face for both transports, that can send any packet."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from .raw_client import BINARY, DEADLINE, TEXT, Gone, Http, RawWebSocket, Response, frame, target

SEPARATOR = "\x1e"


class WebSocketPeer:
    """An Engine.IO session over WebSocket."""

    transport = "websocket"

    def __init__(self, port: int, *, path: str = "/socket.io/", headers: dict[str, str | None] | None = None,
                 receive_buffer: int | None = None) -> None:  # fmt: skip
        self.port = port
        self.ws = RawWebSocket(port, target("websocket", path=path), headers, receive_buffer=receive_buffer)
        try:
            opened = self.ws.receive()
        except (Gone, OSError):
            self.ws.close()
            raise
        assert isinstance(opened, str) and opened.startswith("0{"), opened
        self.handshake = json.loads(opened[1:])
        self.sid: str = self.handshake["sid"]

    def send(self, *packets: str | bytes) -> None:
        """Send Engine.IO packets: text as it is, bytes as a binary message."""
        data = b"".join(
            frame(TEXT, p.encode("utf-8", "surrogatepass")) if isinstance(p, str) else frame(BINARY, p) for p in packets
        )
        self.ws.write_if_open(data)

    def receive(self, timeout: float = DEADLINE) -> str | bytes:
        """Return the next packet that is no ping."""
        return self.ws.receive(timeout)

    def assert_killed(self, codes: tuple[int, ...] = (1002,)) -> None:
        """Assert that the server closes this session as a protocol violation."""
        code = self.ws.close_code()
        assert code in codes, f"close code {code}, expected one of {codes}"

    def close(self) -> None:
        """Leave without a word, as a browser tab that is closed."""
        self.ws.close()


class PollingPeer:
    """An Engine.IO session over HTTP long polling."""

    transport = "polling"

    def __init__(self, port: int, *, path: str = "/socket.io/", headers: dict[str, str] | None = None) -> None:
        self.port, self.path = port, path
        self.http, self.poller = Http(port), Http(port)
        response = self.http.get(target("polling", path=path), headers)
        assert response.status == 200 and response.body.startswith(b"0{"), response
        self.handshake = json.loads(response.body[1:])
        self.sid: str = self.handshake["sid"]
        self.target = target("polling", self.sid, path=path)
        self.inbox: list[str | bytes] = []
        self.last_post: Response | None = None

    def send(self, *packets: str | bytes) -> None:
        """Send Engine.IO packets in one POST; the answer is kept in `last_post`."""
        texts = [p if isinstance(p, str) else "b" + base64.b64encode(p).decode() for p in packets]
        self.last_post = self.http.post(self.target, SEPARATOR.join(texts).encode("utf-8", "surrogatepass"))

    def poll(self, timeout: float = DEADLINE) -> Response:
        """Make one GET."""
        return self.poller.get(self.target, timeout=timeout)

    def receive(self, timeout: float = DEADLINE) -> str | bytes:
        """Return the next packet that is no ping and no noop.

        Raises:
            Gone: when the session is closed; its text tells how.
        """
        end = time.monotonic() + timeout
        while not self.inbox:
            response = self.poll(end - time.monotonic())
            if response.status != 200:
                raise Gone(f"{response.status} {response.body!r}")
            for packet in response.body.decode().split(SEPARATOR):
                if packet == "2":
                    self.send("3")
                elif packet == "1":
                    raise Gone("closed")
                elif packet != "6":
                    self.inbox.append(base64.b64decode(packet[1:]) if packet[0] == "b" else packet)
        return self.inbox.pop(0)

    def assert_killed(self, codes: tuple[int, ...] = (1002,)) -> None:
        """Assert that the last POST got 400 and that the session is gone."""
        assert self.last_post is not None
        assert self.last_post.status == 400, f"the POST got {self.last_post}"
        assert isinstance(self.last_post.code(), int), f"no JSON with a code: {self.last_post.body!r}"
        after = self.poll()
        assert (after.status, after.code()) == (400, 1), f"the poll after it got {after}"

    def close(self) -> None:
        """Close politely if the session lives (a polling session cannot vanish at once), then drop the connections."""
        try:
            self.http.post(self.target, "1")
        except (Gone, OSError):
            pass
        self.http.close()
        self.poller.close()


class Client:
    """A Socket.IO client on either peer."""

    def __init__(self, peer: WebSocketPeer | PollingPeer) -> None:
        self.peer = peer
        self.sids: dict[str, str] = {}
        self.ack_id = 0

    def connect(self, namespace: str = "/", auth: Any = None) -> str:
        """Join a namespace and return the sid there."""
        prefix = "" if namespace == "/" else namespace + ","
        self.peer.send("40" + prefix + ("" if auth is None else json.dumps(auth)))
        answer = self.peer.receive()
        assert isinstance(answer, str) and answer.startswith("40" + prefix + "{"), answer
        self.sids[namespace] = json.loads(answer[len("40" + prefix) :])["sid"]
        return self.sids[namespace]

    @property
    def sid(self) -> str:
        """The sid in the namespace `/`."""
        return self.sids["/"]

    def send(self, *packets: str | bytes) -> None:
        self.peer.send(*packets)

    def receive(self, timeout: float = DEADLINE) -> str | bytes:
        return self.peer.receive(timeout)

    def call(self, event: str, *args: Any, namespace: str = "/", timeout: float = DEADLINE) -> Any:
        """Emit with an ack id, skip what comes before the ack, and return its arguments."""
        self.ack_id += 1
        prefix = "" if namespace == "/" else namespace + ","
        self.peer.send(f"42{prefix}{self.ack_id}{json.dumps([event, *args])}")
        expected = f"43{prefix}{self.ack_id}["
        end = time.monotonic() + timeout
        while True:
            packet = self.peer.receive(end - time.monotonic())
            if isinstance(packet, str) and packet.startswith(expected):
                return json.loads(packet[len(expected) - 1 :])

    def assert_alive(self) -> None:
        """Assert that this very client is still served."""
        assert self.call("echo", "alive") == ["alive"]

    def assert_killed(self, codes: tuple[int, ...] = (1002,)) -> None:
        self.peer.assert_killed(codes)

    def close(self) -> None:
        self.peer.close()
