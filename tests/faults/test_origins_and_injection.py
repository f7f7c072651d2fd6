"""Group H: origins, sessions that are not one's own, room names, log lines, static files and header injection."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from .cases import Make, rows
from .conftest import guarded, serve
from .peers import Client
from .raw_client import Gone, Http, RawSocket, RawWebSocket, close_frame, request_bytes, target, upgrade_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .servers import Server

GOOD = "http://good.example"


@pytest.fixture(scope="module")
def listed_server(mode: str) -> Iterator[Any]:
    """A server that allows one origin, sets a cookie, and logs all it can."""
    options = {"cors_allowed_origins": [GOOD], "cookie": "io", "logger": True, "engineio_logger": True}
    yield from serve(mode, {"server": options})


@pytest.fixture
def listed(listed_server: Any, request: pytest.FixtureRequest) -> Iterator[Server]:
    yield from guarded(listed_server, request)


@pytest.fixture(scope="module")
def open_server(mode: str) -> Iterator[Any]:
    """A server that allows every origin."""
    yield from serve(mode, {"server": {"cors_allowed_origins": "*"}})


@pytest.fixture
def opened(open_server: Any, request: pytest.FixtureRequest) -> Iterator[Server]:
    yield from guarded(open_server, request)


ORIGINS = {
    "evil": "http://evil", "null": "null", "suffix": "http://good.example.evil", "prefix": "http://evil.good.example",
    "upper": "HTTP://GOOD.EXAMPLE", "port": "http://good.example:8080", "https": "https://good.example",
    "userinfo": "http://good.example@evil", "userinfo-good": "http://evil@good.example",
    "slash": "http://good.example/", "two": "http://good.example, http://evil", "8-kB": "http://" + "e" * 8000,
    "star": "*", "empty-scheme": "good.example", "file": "file://",
    "unicode": "http://gооd.example".encode().decode("latin-1"),
}  # fmt: skip


@rows({f"F070-{k}": v for k, v in ORIGINS.items()})
def test_polling_origin(case: str, listed: Server) -> None:
    http = Http(listed.port)
    listed.clients.append(http)
    response = http.get(target("polling"), {"Origin": case})
    assert response.status in (400, 403), response
    assert "access-control-allow-origin" not in response.headers
    assert case.encode("latin-1") not in response.body or case in ("*", "null")


def test_F070_origin_of_64_kilobytes(listed: Server) -> None:
    raw = RawSocket(listed.port)
    listed.clients.append(raw)
    raw.write_if_open(request_bytes("GET", target("polling"), {"Origin": "http://" + "e" * 65536}))
    try:
        response = raw.read_response()
    except Gone:
        return
    assert response.status in (400, 403, 431) and "access-control-allow-origin" not in response.headers


@rows({f"F070-{k}": v for k, v in ORIGINS.items() if k in ("evil", "null", "suffix", "https")})
def test_same_origin_only_by_default(case: str, server: Server) -> None:
    http = Http(server.port)
    server.clients.append(http)
    response = http.get(target("polling"), {"Origin": case, "Host": f"127.0.0.1:{server.port}"})
    assert response.status in (400, 403), response
    assert "access-control-allow-origin" not in response.headers


def test_F070_good_origins(listed: Server, server: Server) -> None:
    http = Http(listed.port)
    listed.clients.append(http)
    response = http.get(target("polling"), {"Origin": GOOD})
    assert response.status == 200 and response.headers["access-control-allow-origin"] == GOOD
    assert "origin" in response.headers.get("vary", "").lower(), response.headers
    http.post(target("polling", response.sid()), "1", {"Origin": GOOD})
    own = Http(server.port)
    server.clients.append(own)
    origin = f"http://127.0.0.1:{server.port}"
    response = own.get(target("polling"), {"Origin": origin, "Host": f"127.0.0.1:{server.port}"})
    assert response.status == 200
    own.post(target("polling", response.sid()), "1")


def test_F070_evil_origin_with_a_valid_sid(listed: Server) -> None:
    client = Client(listed.peer("polling"))
    listed.clients.append(client)
    client.connect()
    http = Http(listed.port)
    listed.clients.append(http)
    for method, body in (("GET", None), ("POST", b'42["remember",1]')):
        response = http.request(method, client.peer.target, {"Origin": "http://evil"}, body)
        assert response.status in (400, 403) and "access-control-allow-origin" not in response.headers
    assert listed.report()["seen"] == 0
    client.assert_alive()


@pytest.mark.parametrize("sid", [False, True], ids=["new", "upgrade"])
@rows({f"F071-{k}": v for k, v in ORIGINS.items() if k in ("evil", "null", "suffix", "upper", "two")})
def test_websocket_origin(case: str, sid: bool, listed: Server) -> None:
    client = Client(listed.peer("polling"))
    listed.clients.append(client)
    client.connect()
    raw = RawSocket(listed.port)
    listed.clients.append(raw)
    raw.write(upgrade_bytes(target("websocket", client.peer.sid if sid else None), {"Origin": case}))
    assert raw.read_response().status == 403
    client.assert_alive()


def test_F071_websocket_from_a_good_origin(listed: Server) -> None:
    ws = RawWebSocket(listed.port, target("websocket"), {"Origin": GOOD})
    listed.clients.append(ws)
    assert str(ws.receive()).startswith("0{")


def test_F072_star_and_credentials(opened: Server) -> None:
    http = Http(opened.port)
    opened.clients.append(http)
    response = http.get(target("polling"), {"Origin": "http://anywhere"})
    allowed, credentials = (response.headers.get(f"access-control-allow-{n}") for n in ("origin", "credentials"))
    assert response.status == 200 and allowed in ("*", "http://anywhere")
    assert not (allowed == "*" and credentials == "true")
    if allowed != "*":
        assert "origin" in response.headers.get("vary", "").lower()
    http.post(target("polling", response.sid()), "1")


PREFLIGHT = {"Origin": GOOD, "Access-Control-Request-Method": "POST"}


@rows({
    "F072-plain": {},
    "F072-1000-headers": {"Access-Control-Request-Headers": ", ".join(f"x-h{n}" for n in range(1000))},
    "F072-crlf": {"Access-Control-Request-Headers": "x\x0b\x0cy"},
    "F072-private-network": {"Access-Control-Request-Private-Network": "true"},
})  # fmt: skip
def test_preflight(case: dict[str, str], listed: Server) -> None:
    http = Http(listed.port)
    listed.clients.append(http)
    response = http.request("OPTIONS", target("polling"), {**PREFLIGHT, **case})
    if "\x0b" in case.get("Access-Control-Request-Headers", ""):
        assert response.status in (200, 204, 400), response
    else:
        assert response.status in (200, 204), response
        assert response.headers["access-control-allow-origin"] == GOOD
    assert "access-control-allow-private-network" not in response.headers
    assert sum(len(k) + len(v) for k, v in response.headers.items()) < 10_000


def test_F072_preflight_from_an_evil_origin(listed: Server) -> None:
    http = Http(listed.port)
    listed.clients.append(http)
    response = http.request("OPTIONS", target("polling"), {**PREFLIGHT, "Origin": "http://evil"})
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("namespace", ["/slow", "/refuse"])
def test_F073_broadcast_while_the_connect_handler_runs(
    namespace: str, transport: str, server: Server, joined: Make
) -> None:
    client = joined(transport)
    client.send(f'40{namespace},{{"seconds":0.4}}')
    time.sleep(0.1)
    server.canary.emit("broadcast", "early", 1, namespace)
    server.canary.assert_answered()
    first = client.receive()
    assert str(first).startswith(("40" if namespace == "/slow" else "44") + namespace), first
    server.canary.emit("broadcast", "late", 2, namespace)
    if namespace == "/slow":
        assert client.receive() == '42/slow,["late",2]'
    else:
        server.canary.assert_answered()
        client.send('421["echo",1]')
        assert client.receive() == "431[1]", "nothing of a namespace that refused"


def test_F074_room_named_like_the_sid_of_another(transport: str, server: Server, joined: Make) -> None:
    client, victim = joined(transport), joined(transport)
    assert client.call("join", victim.sid) == ["ValueError"]
    assert client.call("close_room", victim.sid) == ["ValueError"]
    client.send(f'42["to_room","{victim.sid}","private"]')
    assert victim.receive() == '42["in_room","private"]'
    client.send('421["echo",1]')
    assert client.receive() == "431[1]"
    victim.assert_alive()


@rows(
    {
        "F074-list": [1],
        "F074-dict": {"a": 1},
        "F074-null": None,
        "F074-int": 7,
        "F074-true": True,
        "F074-float": 1.5,
        "F074-empty": "",
        "F074-nested": [[]],
    }
)
def test_room_names_that_are_no_strings(case: Any, transport: str, joined: Make) -> None:
    client, other = joined(transport), joined(transport)
    answer = client.call("join", case)
    assert answer in (["joined"], ["ValueError"], ["TypeError"])
    client.send('42["to_room","nobody",1]')
    other.send('421["echo",1]')
    assert other.receive() == "431[1]", "nothing reaches who is not in the room"
    client.send(f'42["leave",{json.dumps(case)}]' if answer == ["joined"] else "6" if transport == "polling" else "3")
    client.assert_alive()


def test_F074_rooms_of_two_namespaces_are_two(transport: str, joined: Make) -> None:
    client = joined(transport)
    client.connect("/admin")
    client.call("join", "same", namespace="/admin")
    client.send('42["to_room","same","lost"]')
    client.assert_alive()
    client.call("join", "same")
    client.send('42["to_room","same","found"]')
    assert client.receive() == '42["in_room","found"]'


def test_F076_chosen_and_closed_sids(transport: str, server: Server, joined: Make) -> None:
    http = Http(server.port)
    server.clients.append(http)
    response = http.get(target("polling"), {"Cookie": "io=chosen0chosen0chosen"})
    sid = response.sid()
    assert "chosen" not in sid
    assert http.post(target("polling", sid), "1").status == 200
    client = joined(transport)
    client.close()
    server.wait_until(lambda r: r["disconnects"], "the disconnect handler", query=f"sid={client.sid}")
    for old in (sid, client.peer.sid, client.sid):
        assert http.get(target("polling", old)).code() == 1
        assert http.post(target("polling", old), "40").code() == 1


def test_F076_sids_of_another_namespace_or_client_are_no_engine_sids(server: Server, joined: Make) -> None:
    client = joined("polling")
    http = Http(server.port)
    server.clients.append(http)
    assert client.sid != client.peer.sid
    assert http.get(target("polling", client.sid)).code() == 1


def test_F076_sids_stay_out_of_the_log(server: Server, joined: Make) -> None:
    client = joined("polling")
    client.assert_alive()
    client.send("4x")
    assert client.peer.sid not in server.log() and client.sid not in server.log()


EVIL = "\r\nINJECTED \x1b[31m\x00\u202e\u2028\x7f\x85\x9b"


@rows({
    "F077-event": "42" + json.dumps(["e" + EVIL]), "F077-namespace": "40/" + "n" + EVIL + ",",
    "F077-auth": "40/admin," + json.dumps({"a": EVIL}), "F077-data": "42" + json.dumps(["echo", EVIL]),
    "F077-room": "42" + json.dumps(["join", EVIL]), "F077-bad-packet": "42" + EVIL, "F077-bad-type": "4" + EVIL,
    "F077-raise": "42" + json.dumps(["fail", EVIL]), "F077-engine-type": "x" + EVIL, "F077-close": "1" + EVIL,
    "F077-disconnect": "41/" + EVIL + ",",
})  # fmt: skip
@pytest.mark.leaves_traceback
def test_log_injection(case: str, transport: str, listed: Server) -> None:
    size = len(listed.log())
    client = Client(listed.peer(transport))
    listed.clients.append(client)
    client.connect()
    client.send(case)
    listed.canary.assert_answered()
    assert_clean(listed.log()[size:])


@rows({
    "F077-path": "/socket.io/%0d%0aINJECTED%1b[31m%00",
    "F077-sid": "/socket.io/?EIO=4&transport=polling&sid=%0d%0aINJECTED%1b[31m%00%e2%80%ae",
    "F077-transport": "/socket.io/?EIO=4&transport=%0d%0aINJECTED%1b",
    "F077-eio": "/socket.io/?EIO=%0d%0aINJECTED%1b&transport=polling",
})  # fmt: skip
def test_log_injection_by_request(case: str, listed: Server) -> None:
    size = len(listed.log())
    http = Http(listed.port)
    listed.clients.append(http)
    assert http.get(case, {"Origin": GOOD}).status in (400, 404)
    assert_clean(listed.log()[size:])


def test_F077_close_reason(listed: Server) -> None:
    size = len(listed.log())
    ws = RawWebSocket(listed.port, target("websocket"))
    ws.write(close_frame(1000, "\r\nINJECTED \x1b[31m\u202e".encode()))
    ws.wait_gone()
    ws.close()
    assert_clean(listed.log()[size:])


def assert_clean(log: str) -> None:
    """Assert that no client's control character has reached the log as it is."""
    for character in "\r\x1b\x00\u202e\u2028\x7f\x85\x9b":
        assert character not in log, f"{character!r} in the log: {log!r}"
    assert not any(line.startswith("INJECTED") for line in log.split("\n")), log


@rows({
    "F078-dots": "/static/../secret.txt", "F078-encoded": "/static/%2e%2e%2fsecret.txt",
    "F078-encoded-dots": "/static/%2e%2e/secret.txt", "F078-backslash": "/static/..\\secret.txt",
    "F078-encoded-backslash": "/static/..%5csecret.txt", "F078-symlink": "/static/link.txt",
    "F078-absolute": "/static//etc/passwd", "F078-double": "//etc/passwd", "F078-nul": "/static/page.html%00.png",
    "F078-semicolon": "/static/page.html;x", "F078-double-encoded": "/static/%252e%252e%252fsecret.txt",
    "F078-inner": "/static/x/../../secret.txt", "F078-dir": "/static/.", "F078-long": "/static/" + "a" * 5000,
    "F078-bad-utf8": "/static/%ff%fe",
})  # fmt: skip
def test_static_files(case: str, server: Server) -> None:
    http = Http(server.port)
    server.clients.append(http)
    response = http.get(case)
    assert response.status in (400, 404), response
    assert b"swordfish" not in response.body and b"root:" not in response.body


def test_static_files_are_served_at_all(server: Server) -> None:
    http = Http(server.port)
    server.clients.append(http)
    assert http.get("/static/page.html").body == b"the page"


@rows({"F079-auth": '{"self":1,"sid":"x","environ":2,"auth":3,"__class__":4,"constructor":5,"namespace":6}'})
def test_auth_is_plain_data(case: str, transport: str, server: Server, joined: Make) -> None:
    client = joined(transport, namespace=None)
    client.connect("/", json.loads(case))
    assert server.report("tail")["seen_tail"][-1] == json.loads(case)
    client.assert_alive()


@rows({
    "F080-name": "io\r\nX-Injected: 1", "F080-name-separator": "io; path=/",
    "F080-attribute": {"name": "io", "path": "/\r\nX-Injected: 1"},
    "F080-attribute-name": {"name": "io", "x\r\nX-Injected": "1"}, "F080-name-in-dict": {"name": "io\n"},
})  # fmt: skip
def test_cookie_that_splits_the_response(case: Any) -> None:
    import socketio

    with pytest.raises(ValueError):
        socketio.AsyncServer(async_mode="asgi", cookie=case)


@rows({
    "F102-forwarded-for": {"X-Forwarded-For": ", ".join(["1.2.3.4"] * 100)},
    "F102-zone": {"X-Forwarded-For": "fe80::1%eth0"}, "F102-proto": {"X-Forwarded-Proto": "javascript, http"},
    "F102-host": {"X-Forwarded-Host": "a" * 5000}, "F102-host-many": {"X-Forwarded-Host": ",".join(["h"] * 100)},
    "F102-empty": {"X-Forwarded-Host": "", "X-Forwarded-Proto": ""},
})  # fmt: skip
def test_forwarded_headers_are_harmless(case: dict[str, str], server: Server) -> None:
    http = Http(server.port)
    server.clients.append(http)
    response = http.get(target("polling"), {**case, "Origin": "http://evil"})
    assert response.status in (400, 403), response
    response = http.get(target("polling"), case)
    assert response.status == 200, response
    http.post(target("polling", response.sid()), "1")


def test_F095_sids_do_not_repeat_after_fork() -> None:
    import socketio

    sio = socketio.AsyncServer(async_mode="asgi")
    sio.eio.generate_id()
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, ",".join(sio.eio.generate_id() for _ in range(50)).encode())
        os._exit(0)
    mine = {sio.eio.generate_id() for _ in range(50)}
    os.waitpid(child, 0)
    theirs = set(os.read(read, 65536).decode().split(","))
    os.close(read), os.close(write)
    assert len(theirs) == 50 and not mine & theirs
