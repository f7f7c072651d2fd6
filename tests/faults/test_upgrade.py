"""Group A, upgrades: halfway, twice, with the wrong first message, and polling after them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from .cases import Make, rows
from .raw_client import Http, RawSocket, RawWebSocket, close_frame, target, upgrade_bytes

if TYPE_CHECKING:
    from .peers import Client
    from .servers import Server

pytestmark = pytest.mark.binding


def upgraded(server: Server, client: Client) -> RawWebSocket:
    """Upgrade a polling client by the book and return its WebSocket."""
    ws = RawWebSocket(server.port, target("websocket", client.peer.sid))
    server.clients.append(ws)
    ws.send("2probe")
    assert ws.receive() == "3probe"
    response = client.peer.poll()
    assert (response.status, response.body) == (200, b"6")
    ws.send("5")
    ws.send('429["echo","up"]')
    assert ws.receive() == '439["up"]'
    return ws


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_F011_polling_after_the_upgrade(method: str, server: Server, joined: Make, http: Http) -> None:
    client = joined("polling")
    ws = upgraded(server, client)
    response = http.request(method, client.peer.target, body=b"6" if method == "POST" else None)
    assert (response.status, response.code()) == (400, 3), response
    ws.send('421["echo","still"]')
    assert ws.receive() == '431["still"]'


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_F012_other_revision_for_a_session(method: str, joined: Make, http: Http) -> None:
    client = joined("polling")
    response = http.request(
        method, client.peer.target.replace("EIO=4", "EIO=3"), body=b"6" if method == "POST" else None, timeout=3
    )
    assert (response.status, response.code()) == (400, 3), response
    client.assert_alive()


def test_F013_upgrade_that_is_never_finished(short: Server, joined_short: Make) -> None:
    client = joined_short("polling")
    ws = RawWebSocket(short.port, target("websocket", client.peer.sid))
    short.clients.append(ws)
    ws.send("2probe")
    assert ws.receive() == "3probe"
    for number in range(5):
        client.send(f'42{number}["echo",{number}]')
    began = time.monotonic()
    received = [client.receive() for _ in range(5)]
    assert received == [f"43{number}[{number}]" for number in range(5)]
    ws.close_code(5)
    assert time.monotonic() - began < 5
    client.assert_alive()


@pytest.mark.parametrize("when", ["before-probe", "after-probe"])
def test_F013_upgrade_of_which_the_socket_vanishes(when: str, server: Server, joined: Make) -> None:
    client = joined("polling")
    ws = RawWebSocket(server.port, target("websocket", client.peer.sid))
    if when == "after-probe":
        ws.send("2probe")
        assert ws.receive() == "3probe"
    ws.reset()
    client.assert_alive()
    upgraded(server, client)


@rows({
    "F014-upgrade": "5", "F014-connect": "40", "F014-2foo": "2foo", "F014-event": '42["remember",1]',
    "F014-binary": b"2probe", "F014-ping": "2", "F014-pong": "3probe", "F014-empty": "", "F014-close": "1",
})  # fmt: skip
def test_first_message_of_an_upgrade(case: str | bytes, server: Server, joined: Make) -> None:
    client = joined("polling")
    ws = RawWebSocket(server.port, target("websocket", client.peer.sid))
    server.clients.append(ws)
    ws.send(case)
    ws.close_code()
    client.assert_alive()
    assert server.report()["seen"] == 0


@rows({"F014-event": '42["remember",1]', "F014-close": "1", "F014-binary": b"x", "F014-empty": ""})
def test_second_message_of_an_upgrade(case: str | bytes, server: Server, joined: Make) -> None:
    client = joined("polling")
    ws = RawWebSocket(server.port, target("websocket", client.peer.sid))
    server.clients.append(ws)
    ws.send("2probe")
    assert ws.receive() == "3probe"
    ws.send(case)
    ws.close_code()
    client.assert_alive()
    assert server.report()["seen"] == 0


def assert_second_refused(server: Server, sid: str) -> None:
    """Assert that a second WebSocket for `sid` is refused at the handshake or closed without an answer."""
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(upgrade_bytes(target("websocket", sid)))
    response = raw.read_response()
    assert response.status in (101, 400, 403), response
    raw.write_if_open(close_frame(1000) if response.status == 101 else b"")
    raw.wait_gone()
    assert b"3probe" not in raw.buffer and b"0{" not in raw.buffer


def test_F015_second_websocket_while_upgrading(server: Server, joined: Make) -> None:
    client = joined("polling")
    ws = RawWebSocket(server.port, target("websocket", client.peer.sid))
    server.clients.append(ws)
    ws.send("2probe")
    assert ws.receive() == "3probe"
    assert_second_refused(server, client.peer.sid)
    ws.send("5")
    ws.send('421["echo","mine"]')
    assert ws.receive() == '431["mine"]'


@pytest.mark.parametrize("first", ["upgraded", "websocket"])
def test_F015_second_websocket_after_the_upgrade(first: str, server: Server, joined: Make) -> None:
    client = joined("polling" if first == "upgraded" else "websocket")
    ws = upgraded(server, client) if first == "upgraded" else client.peer.ws
    assert_second_refused(server, client.peer.sid)
    ws.send('421["echo","mine"]')
    assert ws.receive() == '431["mine"]'
