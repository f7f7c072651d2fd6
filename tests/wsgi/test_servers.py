"""Each web server, each kind of client, each transport: one conversation that uses all that a server can do."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable

import pytest
from js_client import TRANSPORTS, Driver

import socketio

from ..faults.raw_client import Http, RawSocket, target, upgrade_bytes
from .peers import KINDS, Loop, Peers
from .processes import WsgiProcess

DATA = {"text": "ünï☃", "list": [1, 2.5, None, True], "bytes": b"\x00\xff\x80", "deep": {"also": b"x" * 70_000}}


def test_conversation(peers: Peers) -> None:
    converse(peers, "polling" if peers.how == "polling" else "websocket")


def converse(peers: Peers, transport: str) -> None:
    one = peers.connect(auth={"token": "secret"})
    assert one.call("transport") == [transport]
    assert one.call("echo", 1, DATA, "last") == [1, DATA, "last"]
    assert one.call("echo") == []
    assert one.call("session") == [{"token": "secret"}]
    one.emit("send back", DATA, "two")
    assert one.receive("back") == [DATA, "two"]
    one.answer("question", {"reply": b"bytes"})
    assert one.call("ask me", "what?") == [{"reply": b"bytes"}]
    one.emit("burst", 200)
    assert [one.receive("number")[0] for _ in range(200)] == list(range(200))
    one.emit("tick", 5)
    assert [one.receive("tick")[0] for _ in range(5)] == list(range(5))


def test_several_clients(peers: Peers) -> None:
    one, two, three = (peers.connect("/other") for _ in range(3))
    for peer in (one, two):
        peer.call("join", "room")
    one.call("tell", "room", "to the room")
    one.call("tell", None, "to all")
    assert two.receive("told") == ["to the room"]
    assert two.receive("told") == ["to all"]
    assert three.receive("told") == ["to all"]
    started = time.monotonic()
    one.emit("block", 0.4)
    assert two.call("echo", "meanwhile") == ["meanwhile"]
    assert time.monotonic() - started < 0.35


def test_ends(peers: Peers) -> None:
    assert peers.refused({"refuse": True}) == ("not you", {"code": 7})
    one = peers.connect()
    one.emit("leave")
    assert one.wait_left() == "io server disconnect" if peers.kind == "javascript" else "server disconnect"
    two = peers.connect()
    assert two.call("echo", "alive") == ["alive"]
    two.disconnect()


def test_heartbeats(server: WsgiProcess, get_driver: Callable[[], Driver], loop: Loop) -> None:
    groups = [Peers(kind, how, server, get_driver, loop) for kind in KINDS for how in TRANSPORTS]
    clients = [peers.connect() for peers in groups]
    time.sleep(0.7)  # three pings
    assert [client.call("echo", number) for number, client in enumerate(clients)] == [[n] for n in range(len(clients))]
    for peers in groups:
        peers.close()


@pytest.mark.parametrize("how", ["polling", "upgrade"])
def test_a_server_without_websockets(
    how: str, start_server: Callable[[str], WsgiProcess], get_driver: Callable[[], Driver], loop: Loop
) -> None:
    server = start_server("waitress")
    http = Http(server.port)
    answer = http.get(target("polling"))
    http.close()
    assert json.loads(answer.body.split(b"\x1e")[0][1:])["upgrades"] == []
    raw = RawSocket(server.port)
    raw.write(upgrade_bytes(target("websocket")))
    assert raw.read_response().status == 400
    raw.close()
    with pytest.raises(socketio.exceptions.ConnectionError):
        socketio.Client().connect(server.url, transports=["websocket"])
    for kind in KINDS:
        peers = Peers(kind, how, server, get_driver, loop)
        converse(peers, "polling")
        peers.close()


def fetch(url: str, body: bytes | None = None) -> tuple[str, str]:
    with urllib.request.urlopen(url, body, timeout=10) as response:
        return response.headers["Content-Type"], response.read().decode()


@pytest.mark.parametrize("way", ["flask", "django"])
def test_side_by_side(way: str, start_server: Callable[[str], WsgiProcess]) -> None:
    url = start_server(way).url
    assert fetch(url + "/")[1] == f"index of {way}"
    assert json.loads(fetch(url + "/double", b"ab")[1]) == {"twice": "abab"}
    for path in ("/nothing", "/socket.iox/"):
        with pytest.raises(urllib.error.HTTPError) as error:
            fetch(url + path)
        assert error.value.code == 404
        error.value.close()
    if way == "django":
        assert "static content" in fetch(url + "/page")[1]
