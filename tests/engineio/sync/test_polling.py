"""Long-polling: GETs that wait, POSTs that are halted, and clients that do either twice or go away."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest

from engineio.websocket import CLOSE, TEXT

from ..wsgi_calls import LIMIT, Client, Running, WebSocket, connect, serving, wait_until


def waiting(client: Client) -> Running:
    """Begins a poll, and waits until it waits."""
    poll = Running(client.poll)
    socket = client.server.sockets[client.sid]
    wait_until(lambda: socket.link.wake)
    return poll


def joined(server: Any) -> Client:
    client = Client(server)
    assert client.connect().status == 200
    return client


def test_a_poll_waits_for_a_message() -> None:
    with serving() as server:
        client = joined(server)
        for number in range(5):
            poll = waiting(client)
            server.send(client.sid, str(number))
            assert poll.result().text == f"4{number}"


def test_what_is_sent_together_arrives_together() -> None:
    with serving() as server:
        client = joined(server)
        poll = waiting(client)
        with server.core:
            for number in range(3):
                server.send(client.sid, str(number))
        assert poll.result().text == "40\x1e41\x1e42"


def test_nothing_is_lost_between_two_polls() -> None:
    count = 500
    with serving() as server:
        client = joined(server)

        def emit() -> None:
            for number in range(count):
                server.send(client.sid, str(number))

        emitting = Running(emit)
        numbers: list[int] = []
        while len(numbers) < count:
            numbers += [int(packet[1:]) for packet in client.poll().text.split("\x1e")]
        emitting.result()
        assert numbers == list(range(count))


def test_two_polls_at_a_time_end_the_connection() -> None:
    """Suite, "closes the session upon duplicate poll requests": the first one is answered with a close packet."""
    reasons: list[str] = []
    with serving() as server:
        server.on("disconnect", lambda sid, reason: reasons.append(reason))
        client = joined(server)
        poll = waiting(client)
        second = client.poll()
        assert (second.status, second.json()["message"]) == (400, "Bad request")
        assert poll.result().text == "1"
        wait_until(lambda: reasons)
        assert reasons == ["transport error"] and server.sockets == {}


def test_a_poll_that_is_over_does_not_take_the_next_ones_place() -> None:
    """The thread of an answered poll may be the last to notice, when the next poll waits already."""
    with serving() as server:
        client = joined(server)
        link = server.sockets[client.sid].link
        first = waiting(client)
        with server.core:
            released, link.wake = link.wake, print  # the next poll's
            released()
        first.result()
        assert link.wake is print
        link.wake = None


def test_a_ping_answers_a_poll() -> None:
    with serving(ping_interval=0.02) as server:
        client = joined(server)
        for _ in range(3):
            assert client.poll().text == "2"
            assert client.post(b"3").text == "ok"


def test_the_server_closes_while_a_poll_waits() -> None:
    with serving() as server:
        client = joined(server)
        poll = waiting(client)
        server.send(client.sid, "last")
        assert poll.result().text == "4last"
        poll = waiting(client)
        server.disconnect(client.sid)
        assert poll.result().text == "1"
        assert client.poll().status == 400


def test_an_upgrade_releases_the_poll() -> None:
    with serving() as server:
        client = joined(server)
        poll = waiting(client)
        socket = WebSocket(server.handle_request, client.sid).accepted()
        socket.text(b"2probe")
        assert socket.receive() == (TEXT, b"3probe")
        assert poll.result().text == "6"
        server.send(client.sid, "between")
        socket.text(b"5")
        assert socket.receive() == (TEXT, b"4between")
        assert server.transport(client.sid) == "websocket"
        assert client.poll().status == 400
        socket.send(CLOSE)
        socket.end()


# POST


@pytest.mark.parametrize("body", [b"", b"9x", b"4a\x1e", b"b!!", b"4\xff"])
def test_a_broken_payload_ends_the_connection(body: bytes) -> None:
    reasons: list[str] = []
    with serving() as server:
        server.on("disconnect", lambda sid, reason: reasons.append(reason))
        client = joined(server)
        answer = client.post(body)
        assert (answer.status, answer.json()["message"]) == (400, "Bad request")
        wait_until(lambda: reasons)
        assert reasons == ["transport error"] and client.poll().status == 400


def test_a_body_that_is_too_long() -> None:
    with serving(max_http_buffer_size=10) as server:
        client = joined(server)
        assert client.post(b"4" + b"x" * 9).text == "ok"
        answer = client.post(b"4" + b"x" * 10)
        assert answer.status == 413 and answer.header("connection") == ["close"]
        assert server.sockets == {}
        client = joined(server)
        answer = client.post(b"", **{"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(b"4" + b"x" * 10)} | TERMINATED)
        assert answer.status == 413 and server.sockets == {}


TERMINATED = {"wsgi.input_terminated": True}


def test_a_body_without_a_length() -> None:
    heard: list[Any] = []
    with serving() as server:
        server.on("message", lambda sid, data: heard.append(data))
        client = joined(server)
        body = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(b"4" + b"x" * 100_000)}
        assert client.post(b"", **body | TERMINATED).text == "ok"
        wait_until(lambda: heard)
        assert heard == ["x" * 100_000]
        assert client.post(b"", CONTENT_LENGTH="").status == 400, "nobody says where it ends"


class Broken(io.BytesIO):
    """A body whose client goes away."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise ConnectionResetError
        return data


@pytest.mark.parametrize("kind", [io.BytesIO, Broken])
def test_a_body_that_does_not_arrive_as_a_whole(kind: type[io.BytesIO]) -> None:
    """What has come of it is not taken: the rest is missing."""
    heard: list[Any] = []
    with serving() as server:
        server.on("message", lambda sid, data: heard.append(data))
        server.on("disconnect", lambda sid, reason: heard.append(reason))
        client = joined(server)
        answer = client.post(b"", **{"CONTENT_LENGTH": "10", "wsgi.input": kind(b"4half")})
        assert answer.status == 400
        wait_until(lambda: heard)
        assert heard in (["transport close"], ["transport error"]) and server.sockets == {}


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "\u00b2"])
def test_a_length_that_is_none(length: str) -> None:
    with serving() as server:
        client = joined(server)
        assert client.post(b"4x", CONTENT_LENGTH=length).status == 400
        assert server.sockets == {}


def test_a_post_waits_while_handlers_are_busy() -> None:
    gates = [threading.Event() for _ in range(5)]
    started: list[int] = []

    def handler(sid: str, data: str) -> None:
        started.append(int(data))
        gates[int(data)].wait(LIMIT)

    with serving(max_in_flight=2) as server:
        server.on("message", handler)
        client = joined(server)
        post = Running(client.post, b"40\x1e41\x1e42\x1e43\x1e44")
        wait_until(lambda: len(started) == 2)
        assert server.sockets[client.sid].halted and not post.is_over()
        for gate in gates:
            gate.set()
        assert post.result().text == "ok"
        wait_until(lambda: len(started) == 5)
        assert started == list(range(5))


def test_two_posts_at_a_time_end_the_connection() -> None:
    go = threading.Event()
    with serving(max_in_flight=1) as server:
        server.on("message", lambda sid, data: go.wait(LIMIT))
        client = joined(server)
        post = Running(client.post, b"40\x1e41")
        wait_until(lambda: server.sockets[client.sid].link.proceed)
        assert client.post(b"42").status == 400
        assert server.sockets == {}
        assert post.result().status in (200, 400)
        go.set()


def test_a_halted_post_ends_with_the_connection() -> None:
    go = threading.Event()
    with serving(max_in_flight=1) as server:
        server.on("message", lambda sid, data: go.wait(LIMIT))
        client = joined(server)
        post = Running(client.post, b"40\x1e41")
        wait_until(lambda: server.sockets[client.sid].link.proceed)
        server.disconnect(client.sid)
        post.result()
        go.set()


def test_a_body_that_takes_too_long() -> None:
    """Where the server shows the socket of a request, `body_timeout` ends the waiting."""
    own, peer = connect()
    with serving(body_timeout=0.02, ping_interval=0.2) as server:
        client = joined(server)
        body = {"werkzeug.socket": own, "wsgi.input": own.makefile("rb"), "CONTENT_LENGTH": "10"}
        peer.sendall(b"4half")
        answer = client.post(b"", **body)
        assert answer.status == 408 and server.sockets == {}
        body["wsgi.input"].close()
    own.close()
    peer.close()


def test_a_client_that_goes_while_its_poll_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suite, "closes the session upon cancelled polling request"."""
    monkeypatch.setattr("engineio.sync.polling.LOOK", 0.01)
    reasons: list[str] = []
    own, peer = connect()
    with serving() as server:
        server.on("disconnect", lambda sid, reason: reasons.append(reason))
        client = joined(server)
        poll = Running(client.poll, **{"werkzeug.socket": own})
        wait_until(lambda: server.sockets[client.sid].link.wake)
        server.sleep(0.03)
        assert not poll.is_over()
        peer.close()
        poll.result()
        wait_until(lambda: reasons)
        assert reasons == ["transport close"]
    own.close()
