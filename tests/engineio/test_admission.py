"""What a request may do, by its method, its parameters and the connection that it names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engineio.admission import REFUSALS, Decision, Handshake, Poll, Post, Refusal, Upgrade, admit, check_handshake
from engineio.payload import REVISIONS
from engineio.protocol import Socket
from engineio.request import Request
from engineio.revision3 import Base64Revision3, BinaryRevision3, Revision3

from .fakes import FakeHost, new_socket, polling_socket, websocket_socket

BOTH = ["polling", "websocket"]


def ask(
    query: str, method: str = "GET", websocket: bool = False, transports: list[str] = BOTH, **options: Any
) -> Decision:
    request = Request(method, "/engine.io/", query, [], "http", None)
    options.setdefault("sockets", {})
    options.setdefault("allow_upgrades", True)
    return admit(request, websocket=websocket, transports=transports, **options)


def refusal(decision: Decision) -> tuple[int, int]:
    assert isinstance(decision, Refusal)
    return decision.status, decision.code


@pytest.fixture
def polling() -> dict[str, Socket]:
    host = FakeHost()
    polling_socket(host)
    return host.sockets


@pytest.fixture
def streaming() -> dict[str, Socket]:
    host = FakeHost()
    websocket_socket(host)
    return host.sockets


def test_a_handshake() -> None:
    assert ask("EIO=4&transport=polling") == Handshake(REVISIONS["4"])
    assert ask("transport=polling&EIO=4&t=abc") == Handshake(REVISIONS["4"])
    assert ask("EIO=4&transport=websocket", websocket=True) == Handshake(REVISIONS["4"])


# protocol.md D.1, "Error body" and "HTTP request rules" 1 and 2.
@pytest.mark.parametrize(
    ("query", "method", "websocket", "code"),
    [
        ("", "GET", False, 0),
        ("EIO=4", "GET", False, 0),
        ("EIO=4&transport=", "GET", False, 0),
        ("EIO=4&transport=abc", "GET", False, 0),
        ("EIO=4&transport=constructor", "GET", False, 0),
        ("EIO=4&transport=__proto__", "GET", False, 0),
        ("EIO=4&transport=webtransport", "GET", False, 0),
        ("EIO=4&transport=polling&transport=polling", "GET", False, 0),
        ("EIO=4&transport=polling&transport=websocket", "GET", True, 0),
        ("transport=polling", "GET", False, 5),
        ("EIO=3&transport=polling", "GET", False, 5),
        ("EIO=abc&transport=polling", "GET", False, 5),
        ("EIO=5&transport=websocket", "GET", True, 5),
        ("EIO=04&transport=polling", "GET", False, 5),
        ("EIO=4&EIO=4&transport=polling", "GET", False, 5),
        ("EIO=4&transport=polling", "POST", False, 2),
        ("EIO=4&transport=polling", "PUT", False, 2),
        ("EIO=4&transport=polling", "DELETE", False, 2),
        ("EIO=4&transport=websocket", "GET", False, 3),
        ("EIO=4&transport=polling", "GET", True, 3),
        ("EIO=4&transport=polling&sid=unknown", "GET", False, 1),
        ("EIO=4&transport=polling&sid=unknown", "POST", False, 1),
        ("EIO=4&transport=polling&sid=", "GET", False, 1),
        ("EIO=4&transport=polling&sid=__proto__", "GET", False, 1),
        ("EIO=4&transport=websocket&sid=unknown", "GET", True, 1),
    ],
)
def test_refusals_without_a_connection(query: str, method: str, websocket: bool, code: int) -> None:
    assert refusal(ask(query, method, websocket)) == (400, code)


def test_requests_of_a_polling_connection(polling: dict[str, Socket]) -> None:
    socket = polling["sid"]
    query = "EIO=4&transport=polling&sid=sid"
    assert ask(query, sockets=polling) == Poll(socket)
    assert ask(query, "POST", sockets=polling) == Post(socket)
    assert ask("EIO=4&transport=websocket&sid=sid", websocket=True, sockets=polling) == Upgrade(socket)
    for method in ("PUT", "DELETE", "PATCH", "HEAD"):
        assert refusal(ask(query, method, sockets=polling)) == (405, 3)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_polling_ends_with_the_upgrade(method: str, streaming: dict[str, Socket]) -> None:
    # D.1, HTTP rule 11.
    query = "EIO=4&transport=polling&sid=sid"
    assert refusal(ask(query, method, sockets=streaming)) == (400, 3)


def test_a_second_websocket_is_let_in_to_be_closed(streaming: dict[str, Socket]) -> None:
    # Suite, "ignores WebSocket connection with same sid after upgrade".
    decision = ask("EIO=4&transport=websocket&sid=sid", websocket=True, sockets=streaming)
    assert decision == Upgrade(streaming["sid"])


def test_a_connection_keeps_its_revision(polling: dict[str, Socket]) -> None:
    assert refusal(ask("EIO=3&transport=polling&sid=sid", sockets=polling)) == (400, 3)
    assert refusal(ask("transport=polling&sid=sid", "POST", sockets=polling)) == (400, 3)


OLD: dict[str, Any] = {"allow_eio3": True, "jsonp": True}


@pytest.mark.parametrize(
    ("query", "revision"),
    [
        ("transport=polling", Revision3),
        ("EIO=3&transport=polling", Revision3),
        ("EIO=3&transport=polling&b64=", Revision3),
        ("EIO=3&transport=polling&t=Q8ZTHnh", Revision3),
        ("EIO=2&transport=polling&t=1418000000000-0", BinaryRevision3),
        ("EIO=3&transport=polling&b64=1", Base64Revision3),
        ("EIO=3&transport=polling&j=0", Base64Revision3),
        ("EIO=4&transport=polling&j=0&b64=1", type(REVISIONS["4"])),
    ],
)
def test_handshakes_of_old_clients(query: str, revision: type) -> None:
    decision = ask(query, **OLD)
    assert isinstance(decision, Handshake)
    assert type(decision.revision) is revision


@pytest.mark.parametrize("query", ["EIO=3&EIO=4", "EIO=3&EIO=3", "EIO=", "EIO=1", "EIO=5"])
def test_versions_that_do_not_exist(query: str) -> None:
    assert refusal(ask(query + "&transport=polling", **OLD)) == (400, 5)


def test_old_clients_have_to_be_allowed() -> None:
    assert refusal(ask("EIO=3&transport=polling", jsonp=True)) == (400, 5)
    assert ask("EIO=4&transport=polling&j=x") == Handshake(REVISIONS["4"])  # it means nothing there


@pytest.mark.parametrize("index", ["", "x", "%D9%A1", "-"])
def test_an_index_without_digits(index: str) -> None:
    assert refusal(ask(f"EIO=4&transport=polling&j={index}", **OLD)) == (400, 3)
    assert isinstance(ask(f"EIO=4&transport=websocket&j={index}", websocket=True, **OLD), Handshake)


def test_no_upgrade_where_none_is_allowed(polling: dict[str, Socket]) -> None:
    query = "EIO=4&transport=websocket&sid=sid"
    assert refusal(ask(query, websocket=True, sockets=polling, allow_upgrades=False)) == (400, 3)
    assert ask("EIO=4&transport=websocket", websocket=True, allow_upgrades=False) == Handshake(REVISIONS["4"])


@pytest.mark.parametrize(
    ("offered", "asked", "websocket"), [("polling", "websocket", True), ("websocket", "polling", False)]
)
def test_a_transport_that_is_not_offered(offered: str, asked: str, websocket: bool, polling: dict[str, Socket]) -> None:
    for sid in ("", "&sid=sid"):
        decision = ask(f"EIO=4&transport={asked}{sid}", websocket=websocket, transports=[offered], sockets=polling)
        assert refusal(decision) == (400, 0)


def test_a_connection_that_is_not_open_yet() -> None:
    host = FakeHost()
    new_socket(host, object())
    assert refusal(ask("EIO=4&transport=polling&sid=sid", sockets=host.sockets)) == (400, 3)
    assert refusal(ask("EIO=4&transport=websocket&sid=sid", websocket=True, sockets=host.sockets)) == (400, 3)


def test_a_connection_that_lingers_gives_but_does_not_take(polling: dict[str, Socket]) -> None:
    socket = polling["sid"]
    socket.close()
    query = "EIO=4&transport=polling&sid=sid"
    assert ask(query, sockets=polling) == Poll(socket)
    assert refusal(ask(query, "POST", sockets=polling)) == (400, 1)
    socket.lost()
    assert refusal(ask(query, sockets=polling)) == (400, 1)


def test_the_body_of_a_refusal() -> None:
    for item in REFUSALS:
        response = item.response()
        assert response.status == item.status
        assert response.headers == [("Content-Type", "application/json")]
        assert json.loads(response.body) == {"code": item.code, "message": item.message}


def test_the_messages_of_the_reference_implementation() -> None:
    assert {item.code: item.message for item in reversed(REFUSALS) if item.status in (400, 403)} == {
        0: "Transport unknown",
        1: "Session ID unknown",
        2: "Bad handshake method",
        3: "Bad request",
        4: "Forbidden",
        5: "Unsupported protocol version",
    }


PLAIN = {
    b"upgrade": b"websocket",
    b"connection": b"keep-alive, Upgrade",
    b"sec-websocket-version": b"13",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, None),
        ("GET", {b"content-length": b"0"}, None),
        ("POST", {}, 405),
        ("GET", {b"connection": b"keep-alive"}, 400),
        ("GET", {b"sec-websocket-version": b"8"}, 426),
        ("GET", {b"sec-websocket-key": b"c2hvcnQ="}, 400),
        ("GET", {b"sec-websocket-key": b"\xff" * 24}, 400),
        ("GET", {b"content-length": b"1"}, 400),
        ("GET", {b"transfer-encoding": b"chunked"}, 400),
    ],
)
def test_handshakes_that_are_checked(method: str, headers: dict[bytes, bytes], status: int | None) -> None:
    """RFC 6455, 4.2.1; and no body, which could not be told from what the WebSocket says."""
    answer = check_handshake(Request(method, "/", "", list((PLAIN | headers).items()), "ws", None))
    assert (answer and answer.status) == status
    if status == 426:
        assert answer is not None and ("Sec-WebSocket-Version", "13") in answer.headers
