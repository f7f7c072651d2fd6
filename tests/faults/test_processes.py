"""Group J around the process: SIGTERM, kill -9 and restart, no file descriptors left, a port in use."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Callable

import pytest

from .crowd import Visitor
from .peers import Client
from .raw_client import Gone, Http, RawSocket, RawWebSocket, request_bytes, target
from .servers import Canary, Server, free_port

Start = Callable[..., Server]
DRAIN = 12.0
"""Within how many seconds a server ends after SIGTERM: its own deadline is 10."""


def exit_code(server: Server, within: float) -> int:
    try:
        return server.process.wait(within)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"still running {within} s after the signal:\n{server.log()[-3000:]}") from None


def codes(mode: str, signum: signal.Signals) -> tuple[int, ...]:
    """Return how the process may end: plain uvicorn raises the signal again once it has stopped."""
    return (0,) if mode == "embedded" and signum == signal.SIGTERM else (0, -signum, 128 + signum)


def test_F096_SIGTERM_with_clients_of_all_kinds(mode: str, private_server: Start) -> None:
    server = private_server(mode, {"announce": True})
    websocket, polling, posting = (Client(server.peer(t)) for t in ("websocket", "polling", "polling"))
    server.clients += [websocket, polling, posting]
    sids = [client.connect() for client in (websocket, polling, posting)]
    websocket.send('42["hang"]')
    websocket.assert_alive()
    poll, post = RawSocket(server.port), RawSocket(server.port)
    server.clients += [poll, post]
    poll.write(request_bytes("GET", polling.peer.target))
    post.write(request_bytes("POST", posting.peer.target, {"Content-Length": "100"}, b'42["remember"'))
    websocket.assert_alive()
    server.http.close()
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert websocket.peer.ws.close_code(DRAIN) == 1012
    if mode == "embedded":  # plain uvicorn tells the application that it stops only after the last answer
        try:
            response = poll.read_response(DRAIN)
        except Gone:
            raise AssertionError("the pending poll is cut instead of answered") from None
        assert response.status in (200, 400, 503), response
    code = exit_code(server, DRAIN)
    assert code in codes(mode, signal.SIGTERM), server.log()[-3000:]
    assert time.monotonic() - began < DRAIN
    log = server.log()
    for sid in sids:
        assert log.count(f"DISCONNECT {sid} ") == 1, log[-3000:]
    assert "never retrieved" not in log


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["F096-SIGTERM", "F096-SIGINT"])
def test_signal_with_nothing_slow_ends_at_once(signum: signal.Signals, mode: str, private_server: Start) -> None:
    server = private_server(mode, {"announce": True})
    clients = [Client(server.peer("websocket")) for _ in range(50)]
    server.clients += clients
    for client in clients:
        client.connect()
    server.http.close()
    server.process.send_signal(signum)
    assert [client.peer.ws.close_code(5) for client in clients] == [1012] * 50
    assert exit_code(server, 5) in codes(mode, signum)
    log = server.log()
    assert log.count("DISCONNECT ") == 50 and "Traceback" not in log, log[-3000:]


def test_F096_second_SIGTERM_means_now(mode: str, private_server: Start) -> None:
    server = private_server(mode)
    client = Client(server.peer("polling"))
    server.clients.append(client)
    client.connect()
    client.send('42["hang"]')
    post = RawSocket(server.port)
    server.clients.append(post)
    post.write(request_bytes("POST", client.peer.target, {"Content-Length": "100"}, b"42"))
    server.http.close()
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    if server.process.poll() is None:
        # uvicorn by itself takes only a SIGINT for a second word.
        server.process.send_signal(signal.SIGTERM if mode == "embedded" else signal.SIGINT)
    exit_code(server, 3)


def test_F096_no_new_client_while_it_ends(mode: str, private_server: Start) -> None:
    server = private_server(mode)
    client = Client(server.peer("websocket"))
    server.clients.append(client)
    client.connect()
    server.http.close()
    server.process.send_signal(signal.SIGTERM)
    assert client.peer.ws.close_code(DRAIN) == 1012
    exit_code(server, DRAIN)
    with pytest.raises(OSError):
        RawSocket(server.port)


def test_F090_killed_and_started_again(mode: str, private_server: Start) -> None:
    server = private_server(mode)
    old = Client(server.peer("polling"))
    server.clients.append(old)
    old.connect()

    async def crowd(until_gone: bool) -> list[Visitor]:
        visitors = [Visitor(server.port) for _ in range(1000)]
        await asyncio.gather(*(visitor.join_by_websocket() for visitor in visitors))
        if until_gone:
            server.process.kill()
            server.process.wait()
        for visitor in visitors:
            try:
                visitor.reset() if not until_gone else await visitor.until(b"never")
            except OSError:
                visitor.reset()
        return visitors

    asyncio.run(crowd(until_gone=True))
    server.clients.clear()
    old.peer.http.close()
    old.peer.poller.close()
    server = private_server(mode, port=server.port)
    http = Http(server.port)
    server.clients.append(http)
    assert http.get(target("polling", old.peer.sid)).code() == 1
    assert http.post(target("polling", old.peer.sid), "3").code() == 1
    raw = RawSocket(server.port)
    server.clients.append(raw)
    with pytest.raises(AssertionError):
        RawWebSocket(server.port, target("websocket", old.peer.sid))
    began = time.monotonic()
    asyncio.run(crowd(until_gone=False))
    assert time.monotonic() - began < 10


def test_F097_no_file_descriptors_left(mode: str, private_server: Start) -> None:
    server = private_server(mode, {"files": 80})
    canary = Canary(server)
    server.clients.append(canary)
    size = len(server.log())
    flood = []
    for _ in range(150):
        raw = RawSocket(server.port)  # the kernel accepts on the server's behalf
        flood.append(raw)
        raw.write_if_open(request_bytes("GET", "/socket.io/"))
    canary.assert_answered()
    time.sleep(0.5)
    canary.assert_answered()
    for raw in flood:
        raw.close()
    server.http.close()
    end = time.monotonic() + 5
    while True:
        try:
            client = Client(server.peer("websocket"))
            break
        except (Gone, OSError, AssertionError):
            assert time.monotonic() < end, "no new client once there are descriptors again"
            time.sleep(0.1)
    server.clients.append(client)
    client.connect()
    client.assert_alive()
    canary.assert_answered()
    assert len(server.log()) - size < 2_000_000, "the log grows without end"


def test_F097_port_in_use(mode: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match=r"(?s)has not started.*(in use|Errno 98)"):
            PortTaken(mode, port=port)


class PortTaken(Server):
    """A server whose port answers nothing, so that starting it can only fail."""

    def report(self, query: str = "", timeout: float = 30.0) -> dict[str, object]:
        self.http.close()
        raise ConnectionRefusedError
