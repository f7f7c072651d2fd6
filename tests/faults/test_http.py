"""Group A over HTTP: malformed handshakes, polls and POSTs, and packets that no client may send."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from .cases import Make, rows
from .raw_client import Gone, Http, RawSocket, request_bytes, target, upgrade_bytes

if TYPE_CHECKING:
    from .servers import Server


@rows({
    "F001-foo": ("EIO=4&transport=foo", 0), "F001-proto": ("EIO=4&transport=__proto__", 0),
    "F001-constructor": ("EIO=4&transport=constructor", 0), "F001-missing": ("EIO=4", 0),
    "F001-empty": ("EIO=4&transport=", 0), "F001-twice": ("EIO=4&transport=polling&transport=websocket", 0),
    "F001-twice-foo": ("EIO=4&transport=polling&transport=foo", 0), "F001-upper": ("EIO=4&transport=POLLING", 0),
    "F001-webtransport": ("EIO=4&transport=webtransport", 0), "F002-5": ("EIO=5&transport=polling", 5),
    "F002-abc": ("EIO=abc&transport=polling", 5), "F002-3": ("EIO=3&transport=polling", 5),
    "F002-missing": ("transport=polling", 5), "F002-empty": ("EIO=&transport=polling", 5),
    "F002-twice": ("EIO=4&EIO=3&transport=polling", 5), "F002-arabic": ("EIO=%D9%A4&transport=polling", 5),
    "F002-4.0": ("EIO=4.0&transport=polling", 5), "F002-long": (f"EIO={'4' * 5000}&transport=polling", 5),
    "F003-unknown": ("EIO=4&transport=polling&sid=unknown", 1),
    "F003-proto": ("EIO=4&transport=polling&sid=__proto__", 1),
    "F003-crlf": ("EIO=4&transport=polling&sid=a%0d%0aX-Inj:1", 1), "F003-nul": ("EIO=4&transport=polling&sid=%00", 1),
    "F003-bad-utf8": ("EIO=4&transport=polling&sid=%ff%fe", 1),
    "F003-10-kB": (f"EIO=4&transport=polling&sid={'a' * 10_000}", 1),
    "F005-plain-get": ("EIO=4&transport=websocket", 3),
})  # fmt: skip
def test_query(case: tuple[str, int], http: Http) -> None:
    response = http.get("/socket.io/?" + case[0])
    assert (response.status, response.code()) == (400, case[1]), response
    assert response.headers["content-type"].startswith("application/json")
    assert "x-inj" not in response.headers
    assert len(response.body) < 300, "input is not echoed"


def test_F003_sid_of_a_megabyte(server: Server, http: Http) -> None:
    try:
        response = http.get(f"/socket.io/?EIO=4&transport=polling&sid={'a' * 1_000_000}")
    except Gone:
        return
    assert response.status in (400, 414, 431) and len(response.body) < 300, response


@rows({
    "F001-foo": "EIO=4&transport=foo", "F001-polling-F006": "EIO=4&transport=polling",
    "F002-3": "EIO=3&transport=websocket", "F002-missing": "transport=websocket",
    "F003-unknown": "EIO=4&transport=websocket&sid=unknown",
    "F003-crlf": "EIO=4&transport=websocket&sid=a%0d%0aX-Inj:1", "F003-empty-transport": "EIO=4&transport=",
})  # fmt: skip
@pytest.mark.binding
def test_refused_websocket(case: str, server: Server) -> None:
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(upgrade_bytes("/socket.io/?" + case))
    response = raw.read_response()
    assert response.status in (400, 403), response
    assert "x-inj" not in response.headers
    raw.wait_gone()


@rows({"F004-POST": "POST", "F004-PUT": "PUT", "F004-DELETE": "DELETE", "F004-TRACE": "TRACE", "F004-PATCH": "PATCH"})
@pytest.mark.binding
def test_handshake_method(case: str, http: Http) -> None:
    response = http.request(case, target("polling"), body=b"" if case in ("POST", "PUT") else None)
    assert response.status == 405 or (response.status, response.code()) == (400, 2), response


@rows({"F004-HEAD": "HEAD", "F004-FOO": "FOO"})
@pytest.mark.binding
def test_handshake_method_without_a_body_to_read(case: str, server: Server) -> None:
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(request_bytes(case, target("polling"), {"Connection": "close"}))
    raw.wait_gone()
    assert raw.buffer.split(b" ")[1] in (b"400", b"405", b"501"), raw.buffer


@rows({"F004-PUT": "PUT", "F004-DELETE": "DELETE", "F004-PATCH": "PATCH", "F004-HEAD": "HEAD"})
@pytest.mark.binding
def test_session_method(case: str, server: Server, joined: Make) -> None:
    client = joined("polling")
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(request_bytes(case, client.peer.target, {"Connection": "close"}, b"4" if case == "PUT" else None))
    raw.wait_gone()
    assert raw.buffer.split(b" ")[1] in (b"400", b"405"), raw.buffer
    client.assert_alive()


@rows({
    "F007-empty": "", "F007-foo": "foo", "F007-type-7": "7", "F007-separators": "\x1e" * 1000,
    "F007-trailing-separator": "6\x1e", "F007-leading-separator": "\x1e6", "F008-ping": "2", "F008-ping-data": "2probe",
    "F008-open": "0", "F008-open-data": "0{}", "F008-upgrade": "5", "F009-base64": "b!!!!",
    "F009-base64-length": "bAAAAA", "F009-base64-padding": "bAA=A", "F009-base64-unicode": "bééé",
    "F009-invalid-utf8": b"4\xff\xfe", "F009-surrogate": b"4\xed\xa0\x80", "F009-overlong": b"4\xc0\xaf",
    "F007-good-then-bad": '42["remember",1]\x1efoo', "F007-arabic-type": "٤",
})  # fmt: skip
def test_post_body(case: str | bytes, server: Server, joined: Make) -> None:
    client = joined("polling")
    client.peer.last_post = client.peer.http.post(client.peer.target, case)
    client.assert_killed()
    assert len(server.disconnects(client.sid)) == 1


@rows({"F008-noop": "6", "F024-pong": "3", "F024-pong-data": "3x", "F008-noops": "\x1e".join("6" * 1000)})
def test_post_body_that_means_nothing(case: str, joined: Make) -> None:
    client = joined("polling")
    response = client.peer.http.post(client.peer.target, case)
    assert (response.status, response.body) == (200, b"ok")
    client.assert_alive()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.binding
def test_F010_session_whose_connect_handler_has_not_returned(method: str, server: Server, http: Http) -> None:
    waiting = RawSocket(server.port)
    server.clients.append(waiting)
    waiting.write(request_bytes("GET", target("polling", path="/engine.io/") + "&slow=1"))
    sid = server.wait_until(lambda r: r["pending"], "the connect handler runs")["pending"][0]
    response = http.request(
        method, target("polling", sid, path="/engine.io/"), body=b"4x" if method == "POST" else None, timeout=3
    )
    assert (response.status, response.code()) == (400, 3), response
    server.report("release")
    assert waiting.read_response().status == 200
    assert http.post(target("polling", sid, path="/engine.io/"), "1").status == 200


@pytest.mark.parametrize("number", [17, 1000], ids=["F016-17", "F016-1000"])
def test_packets_in_one_post_stay_in_order(number: int, server: Server, joined: Make) -> None:
    client = joined("polling")
    client.send(*(f'42["remember",{n}]' for n in range(number)))
    assert client.peer.last_post.status == 200
    client.assert_alive()
    report = server.report("numbers")
    assert (report["seen"], report["in_order"]) == (number, True)


@pytest.mark.binding
def test_F016_100000_packets_in_one_post(server: Server, joined: Make) -> None:
    client = joined("polling")
    client.peer.http.request("POST", client.peer.target, body=b"\x1e".join([b'42["count"]'] * 83_000), timeout=30)
    server.canary.assert_answered()
    client.assert_alive()
    assert server.report()["counts"]["count"] == 83_000
    assert (
        client.peer.http.request("POST", client.peer.target, body=b"\x1e".join([b"6"] * 100_000), timeout=30).status
        == 200
    )
    client.assert_alive()


@rows({
    "F017-letter": "x", "F017-7": "7", "F017-empty": "", "F017-base64": "b!!", "F017-base64-good": "bAAAA",
    "F017-ping": "2", "F017-ping-probe": "2probe", "F017-open": "0{}", "F017-upgrade": "5", "F017-arabic": "٤",
    "F017-separator": "4\x1e4", "F017-nul": "\x00",
})  # fmt: skip
def test_packet_on_websocket(case: str, server: Server, joined: Make) -> None:
    client = joined("websocket")
    client.send(case)
    client.assert_killed()
    assert len(server.disconnects(client.sid)) == 1


@pytest.mark.binding
def test_close_packet_ends_normally(transport: str, server: Server, joined: Make) -> None:
    client = joined(transport)
    client.send("1")
    if transport == "websocket":
        assert client.peer.ws.close_code() in (1000, 1001, 1005)
    else:
        assert client.peer.last_post.status == 200
        assert client.peer.poll().code() == 1
    assert server.disconnects(client.sid) != []


@pytest.mark.parametrize("path", ["/socket.io", "/socket.io/", "/socket.io/x/y"])
def test_paths_below_ours_are_harmless(path: str, http: Http) -> None:
    assert http.get(path).status in (400, 404)


@pytest.mark.binding
def test_two_polls_at_once(server: Server, joined: Make) -> None:
    client = joined("polling")
    first = RawSocket(server.port)
    server.clients.append(first)
    first.write(request_bytes("GET", client.peer.target))
    server.canary.assert_answered()
    assert client.peer.poll().status == 400
    response = first.read_response()
    assert (response.status, response.body) == (200, b"1")
    assert client.peer.poll().code() == 1
    assert len(server.disconnects(client.sid)) == 1


@pytest.mark.binding
def test_two_posts_at_once(server: Server, joined: Make) -> None:
    client = joined("polling")
    first = RawSocket(server.port)
    server.clients.append(first)
    first.write(request_bytes("POST", client.peer.target, {"Content-Length": "50"}, b"4"))
    server.canary.assert_answered()
    client.send("6")
    client.assert_killed()


@pytest.mark.binding
def test_poll_given_up(server: Server, joined: Make) -> None:
    client = joined("polling")
    poll = RawSocket(server.port)
    poll.write(request_bytes("GET", client.peer.target))
    server.canary.assert_answered()
    poll.close()
    server.wait_until(lambda r: r["disconnects"], "the disconnect handler", query=f"sid={client.sid}")
    assert client.peer.poll().code() == 1


@pytest.mark.parametrize(
    "value", ["alert(1);//", "-1", "1e9", "١", "0", "</script>"], ids=lambda v: f"F075-{v.encode().hex()}"
)
def test_jsonp_is_off(value: str, http: Http) -> None:
    response = http.get(target("polling") + "&j=" + quote(value))
    assert response.status == 400 or not response.body.startswith(b"___eio"), response
    if response.status == 200:
        http.post(target("polling", response.sid()), "1")


def test_sids_are_not_guessable(http: Http) -> None:
    sids = {http.get(target("polling")).sid() for _ in range(200)}
    assert len(sids) == 200 and all(len(sid) >= 16 for sid in sids)
    assert len({sid[:6] for sid in sids}) > 190, "the head of a sid is random"
    for sid in sids:
        http.post(target("polling", sid), "1")
