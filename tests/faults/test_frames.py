"""Group F: WebSocket frames and handshakes that break RFC 6455, against the takeover and against plain uvicorn."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING

import pytest

from .cases import Make, rows
from .raw_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Gone,
    RawSocket,
    RawWebSocket,
    close_frame,
    frame,
    target,
    upgrade_bytes,
)

if TYPE_CHECKING:
    from .servers import Server

VIOLATIONS = {
    "F056-unmasked": frame(TEXT, b'42["remember",1]', mask=False), "F056-unmasked-empty": frame(TEXT, mask=False),
    "F056-unmasked-ping": frame(PING, mask=False), "F060-rsv1": frame(TEXT, b"42[]", rsv=4),
    "F060-rsv2": frame(TEXT, b"42[]", rsv=2), "F060-rsv3": frame(TEXT, b"42[]", rsv=1),
    "F060-rsv1-ping": frame(PING, b"", rsv=4), "F060-opcode-3": frame(3, b"x"), "F060-opcode-7": frame(7),
    "F060-opcode-11": frame(11, b"x"), "F060-opcode-15": frame(15), "F060-ping-126": frame(PING, b"x" * 126),
    "F060-pong-126": frame(PONG, b"x" * 126), "F060-close-126": frame(CLOSE, b"\x03\xe8" + b"x" * 124),
    "F060-fragmented-ping": frame(PING, b"x", fin=False), "F060-fragmented-close": frame(CLOSE, b"\x03\xe8", fin=False),
    "F060-continuation-first": frame(CONTINUATION, b"x"),
    "F060-continuation-unfinished": frame(CONTINUATION, b"x", fin=False),
    "F060-text-inside-text": frame(TEXT, b"42", fin=False) + frame(TEXT, b"[]"),
    "F060-binary-inside-text": frame(TEXT, b"42", fin=False) + frame(BINARY, b"[]"),
    "F060-continuation-after-end": frame(TEXT, b"42", fin=False) + frame(CONTINUATION, b'["x"]') + frame(CONTINUATION),
    "F061-rsv1-on-continuation": frame(TEXT, b"42", fin=False) + frame(CONTINUATION, b'["remember"]', rsv=4),
}  # fmt: skip


SAME_SEGMENT = ("F060-rsv2", "F060-opcode-3", "F056-unmasked", "F060-continuation-first", "F060-ping-126")


@rows(VIOLATIONS)
def test_frame(case: bytes, server: Server, joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(case)
    client.assert_killed((1002,))
    assert len(server.disconnects(client.sid)) == 1


@rows({**{k: v for k, v in VIOLATIONS.items() if k in SAME_SEGMENT}, "F060-good": frame(TEXT, b"40")})
def test_frame_in_the_segment_of_the_handshake(case: bytes, server: Server) -> None:
    # RFC 6455, 4.1: "the client MUST wait for a response from the server before sending any further data." uvicorn
    # drops what comes with the request: either way it is not served as if it had come in time.
    ws = RawWebSocket(server.port, target("websocket"), extra=case)
    server.clients.append(ws)
    assert str(ws.receive()).startswith("0{")
    ws.write_if_open(frame(TEXT, b"40"))
    try:
        assert str(ws.receive()).startswith("40{")
    except Gone as gone:
        assert str(gone) == "1002"


@pytest.mark.leaves_traceback  # uvicorn itself logs one in the ASGI mode
@rows({
    "F062-ff": b"4\xff", "F062-surrogate": b"4\xed\xa0\x80", "F062-overlong": b"4\xc0\xaf",
    "F062-too-far": b"4\xf4\x90\x80\x80", "F062-cut": b'42["remember","\xe2\x82', "F062-lone-continuation": b"4\x80",
    "F062-after-event": b'42["remember",1]\xff', "F062-inside-string": b'42["remember","\xff"]',
})  # fmt: skip
def test_invalid_utf8(case: bytes, server: Server, joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(frame(TEXT, case))
    client.assert_killed((1007,))
    assert server.report()["seen"] == 0


@pytest.mark.leaves_traceback
def test_F062_invalid_over_fragments(server: Server, joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(frame(TEXT, b'42["remember","\xe2', fin=False) + frame(CONTINUATION, b'\xffx"]'))
    client.assert_killed((1007,))


def test_F062_valid_split_over_fragments(joined: Make) -> None:
    client = joined("websocket")
    text = '421["echo","€€"]'.encode()
    client.peer.ws.write(
        b"".join(frame(CONTINUATION if n else TEXT, text[n : n + 1], fin=n == len(text) - 1) for n in range(len(text)))
    )
    assert client.receive() == '431["€€"]'


@rows(
    {
        "F060-ping-between": frame(PING, b"a"),
        "F060-pong-between": frame(PONG),
        "F060-ping-125": frame(PING, b"x" * 125),
        "F060-empty-fragment": frame(CONTINUATION, fin=False),
    }
)
def test_control_frames_between_fragments(case: bytes, joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(frame(TEXT, b'421["ec', fin=False) + case + frame(CONTINUATION, b'ho",1]'))
    assert client.receive() == "431[1]"


@rows({
    "F063-1-byte": frame(CLOSE, b"\x03"), "F063-999": close_frame(999), "F063-0": close_frame(0),
    "F063-1004": close_frame(1004), "F063-1005": close_frame(1005), "F063-1006": close_frame(1006),
    "F063-1015": close_frame(1015), "F063-1016": close_frame(1016), "F063-2999": close_frame(2999),
    "F063-5000": close_frame(5000), "F063-65535": close_frame(65535), "F063-bad-utf8": close_frame(1000, b"\xff\xfe"),
})  # fmt: skip
def test_close_frame_that_is_illegal(case: bytes, joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(case)
    client.assert_killed((1002, 1007))


@rows(
    {
        "F063-1000": close_frame(1000),
        "F063-no-code": frame(CLOSE),
        "F063-3000": close_frame(3000),
        "F063-4999": close_frame(4999, b"why" * 40),
        "F063-1001": close_frame(1001),
    }
)
def test_close_frame_that_is_legal(case: bytes, server: Server, joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(case)
    assert client.peer.ws.close_code() in (1000, 1001, 1005, 3000, 4999)
    assert len(server.disconnects(client.sid)) == 1


def test_nothing_after_a_close_frame_is_read(server: Server, joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(close_frame(1000) + frame(TEXT, b'42["remember",1]'))
    client.peer.ws.wait_gone()
    assert server.report()["seen"] == 0


@rows({"F059-2^63": 2**63, "F059-2^64-1": 2**64 - 1, "F059-2^62": 2**62, "F059-1-GB": 2**30})
def test_declared_length(case: int, joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(frame(TEXT, b"42[", length=case))
    client.assert_killed((1009,) if case < 2**63 else (1002, 1009))


def test_F059_declared_two_megabytes(mode: str, joined: Make) -> None:
    client = joined("websocket")
    # uvicorn's own limit is 16 MiB unless set; it reads the whole frame before we see it.
    client.peer.ws.write_if_open(frame(TEXT, b"4" * (2_000_000 if mode == "asgi" else 3), length=2_000_000))
    client.assert_killed((1009,))


@pytest.mark.parametrize("fragments", [1, 4], ids=["F059-one-frame", "F059-fragments"])
def test_message_of_1200000_bytes(fragments: int, server: Server, joined: Make) -> None:
    client = joined("websocket")
    part = b"4" * (1_200_000 // fragments)
    for n in range(fragments):
        client.peer.ws.write_if_open(frame(CONTINUATION if n else TEXT, part, fin=n == fragments - 1))
    client.assert_killed((1009,))
    assert len(server.disconnects(client.sid)) == 1


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_F059_message_of_exactly_the_limit(opcode: int, server: Server, joined: Make) -> None:
    client = joined("websocket")
    if opcode == TEXT:
        client.peer.ws.write(frame(TEXT, b'421["sizes","' + b"x" * (1_000_000 - 15) + b'"]'))
        assert client.receive() == f"431[{1_000_000 - 15}]"
    else:
        client.send('451-1["sizes",{"_placeholder":true,"num":0}]')
        client.peer.ws.write(frame(BINARY, b"x" * 1_000_000))
        assert client.receive() == "431[1000000]"


def test_F059_dribbled_byte_by_byte(joined: Make) -> None:
    client = joined("websocket")
    for byte in frame(TEXT, b'421["sizes","' + b"x" * 20_000 + b'"]'):
        client.peer.ws.sock.send(b"%c" % byte)
    assert client.receive() == "431[20000]"


def test_F059_big_frame_in_small_pieces_is_linear(joined: Make) -> None:
    client = joined("websocket")

    def seconds(size: int) -> float:
        data = frame(TEXT, b'421["sizes","' + b"x" * size + b'"]')
        began = time.monotonic()
        for at in range(0, len(data), 100):
            client.peer.ws.sock.send(data[at : at + 100])
        assert client.receive(60) == f"431[{size}]"
        return time.monotonic() - began

    seconds(1000)
    small, big = seconds(100_000), seconds(900_000)
    assert big < 5 + 9 * 4 * small, f"{small:.2f} s for 100 kB, {big:.2f} s for 900 kB"


@pytest.mark.parametrize("size", [0, 1], ids=["F058-empty", "F058-1-byte"])
def test_fragments_without_end(size: int, mode: str, server: Server, joined: Make) -> None:
    client = joined("websocket")
    before = server.report("objects")["rss"]
    piece = frame(CONTINUATION, b"x" * size, fin=False)
    client.peer.ws.write(frame(TEXT, b"4", fin=False))
    for _ in range(20):
        client.peer.ws.write_if_open(piece * 10_000)
    server.canary.assert_answered(30)
    grown = server.report("objects")["rss"] - before
    # In the ASGI mode the fragments are uvicorn's: it keeps a frame object for each.
    assert grown < (10e6 if mode == "embedded" else 200e6), f"RSS +{grown / 1e6:.0f} MB"


def test_F057_pings_without_reading(mode: str, server: Server, joined: Make) -> None:
    client = joined("websocket", receive_buffer=4096)
    client.peer.ws.sock.settimeout(5)
    before = server.report("objects")["rss"]
    flood = frame(PING, b"x" * 125) * 1000
    open_still = True
    end = time.monotonic() + 20
    for _ in range(400):
        try:
            open_still = client.peer.ws.write_if_open(flood)
        except TimeoutError:
            break  # the server reads no more, which is as good
        if not open_still or time.monotonic() > end:
            break
    server.canary.assert_answered(30)
    if mode == "embedded":  # in the ASGI mode it is uvicorn that answers pings
        server.wait_until(lambda r: r["disconnects"], "the flooder is dropped", query=f"sid={client.sid}")
        grown = server.report("objects")["rss"] - before
        assert grown < 10e6, f"RSS +{grown / 1e6:.0f} MB"


def test_pings_are_answered(joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(frame(PING, b"hello") + frame(PING))
    assert client.peer.ws.read_frame() == (PONG, b"hello")
    assert client.peer.ws.read_frame() == (PONG, b"")


def test_unsolicited_pong_frames(joined: Make) -> None:
    client = joined("websocket")
    client.peer.ws.write(frame(PONG, b"x") * 20_000)
    client.assert_alive()


OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}


def deflated(data: bytes) -> bytes:
    """Compress a message as RFC 7692 wants it."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.leaves_traceback
@rows({"F061-bomb": deflated(b"4" + b"x" * 12_000_000), "F061-corrupt": b"\xff\xfe\xfd not deflate \x00\x01"})
def test_deflate(case: bytes, server: Server) -> None:
    ws = RawWebSocket(server.port, target("websocket"), OFFER)
    server.clients.append(ws)
    before = server.report("objects")["rss"]
    accepted = "permessage-deflate" in ws.response.headers.get("sec-websocket-extensions", "")
    ws.send("40")
    ws.write(frame(TEXT, case, rsv=4))
    assert ws.close_code() in ((1009, 1002, 1007) if accepted else (1002,))
    grown = server.report("objects")["rss"] - before
    assert grown < 60e6, f"RSS +{grown / 1e6:.0f} MB"


@rows({
    "F063-garbage": "; ;;=,,x", "F063-constructor": "constructor", "F063-unknown": "x-unknown; a=1",
    "F063-deflate-garbage": "permessage-deflate; server_max_window_bits=99", "F063-long": "a;" * 3000,
})  # fmt: skip
def test_extensions_header(case: str, server: Server) -> None:
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(upgrade_bytes(target("websocket"), {"Sec-WebSocket-Extensions": case}))
    response = raw.read_response()
    assert response.status in (101, 400), response
    if response.status == 101:
        assert "sec-websocket-extensions" not in response.headers


@rows({
    "F064-version-12": ({"Sec-WebSocket-Version": "12"}, {}), "F064-no-version": ({"Sec-WebSocket-Version": None}, {}),
    "F064-no-key": ({"Sec-WebSocket-Key": None}, {}), "F064-short-key": ({"Sec-WebSocket-Key": "AAAA"}, {}),
    "F064-bad-key": ({"Sec-WebSocket-Key": "!" * 24}, {}), "F064-upgrade-foo": ({"Upgrade": "foo"}, {}),
    "F064-notwebsocket": ({"Upgrade": "notwebsocket"}, {}), "F064-post": ({}, {"method": "POST"}),
    "F064-two-keys": ({"Sec-WebSocket-Key": "a, b"}, {}),
})  # fmt: skip
def test_handshake_that_is_none(case: tuple[dict[str, str | None], dict[str, str]], server: Server) -> None:
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(upgrade_bytes(target("websocket"), case[0], **case[1]))
    response = raw.read_response()
    assert response.status in (400, 403, 405, 426), response


@rows({"F064-http-1.0": ({}, {"version": "1.0"}), "F064-no-connection": ({"Connection": None}, {})})
def test_handshake_that_uvicorn_decides(case: tuple[dict[str, str | None], dict[str, str]], server: Server) -> None:
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(upgrade_bytes(target("websocket"), case[0], **case[1]))
    response = raw.read_response()
    assert response.status in (101, 400, 403, 405, 426, 505), response


def test_F065_handshake_with_a_body(server: Server) -> None:
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(upgrade_bytes(target("websocket"), {"Content-Length": "5"}) + b"hello")
    try:
        assert raw.read_response(2).status in (101, 400)
    except (TimeoutError, Gone):
        pass  # uvicorn's; what matters is that nothing is left and the others go on


@rows({"F066-2000-headers": {f"X-H{n}": "v" for n in range(2000)}, "F066-64-kB": {"X-Big": "v" * 65536}})
def test_headers_too_many(case: dict[str, str], server: Server) -> None:
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write_if_open(upgrade_bytes(target("websocket"), case))
    try:
        assert raw.read_response(1).status in (101, 400, 431)
    except (Gone, TimeoutError):
        pass  # uvicorn's parser: it may leave such a handshake without an answer; nothing of it reaches us


def test_F066_url_of_100_kilobytes(server: Server) -> None:
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write_if_open(upgrade_bytes(target("websocket") + "&x=" + "y" * 100_000))
    try:
        assert raw.read_response(1).status in (101, 400, 414, 431)
    except (Gone, TimeoutError):
        pass


@pytest.mark.parametrize("path", ["/", "/elsewhere", "/socket.iox/", "/debug"])
def test_F067_upgrade_on_another_path(path: str, server: Server) -> None:
    raw = RawSocket(server.port)
    server.clients.append(raw)
    raw.write(upgrade_bytes(path + "?EIO=4&transport=websocket"))
    assert raw.read_response().status in (400, 403, 404)


@pytest.mark.parametrize("then", ["silent", "talking", "half-closed"])
def test_F068_close_frame_never_answered(then: str, mode: str, short: Server, joined_short: Make) -> None:
    if mode == "asgi" and then != "silent":
        pytest.skip("the ASGI server closes the connection, after 10 s in the case of uvicorn; once is enough")
    client = joined_short("websocket")
    ws = client.peer.ws
    ws.send("x")
    while ws.read_frame()[0] != CLOSE:
        pass
    assert short.disconnects(client.sid) != [], "the session ends with our close frame, not with the peer's"
    if then == "half-closed":
        ws.sock.shutdown(1)
    elif then == "talking":
        for _ in range(20):
            ws.write_if_open(frame(TEXT, b'42["remember",1]'))
    # The ASGI server has a timeout of its own for this: 10 s in uvicorn.
    ws.wait_gone(3 if mode == "embedded" else 14)
    assert short.report()["seen"] == 0


def test_half_a_frame_header_then_gone(server: Server, joined: Make) -> None:
    for size in range(1, 15):
        client = joined("websocket")
        client.peer.ws.write(frame(TEXT, b"42", length=70_000)[:size])
        client.peer.ws.reset() if size % 2 else client.close()
        server.wait_until(lambda r: r["disconnects"], "the disconnect handler", query=f"sid={client.sid}")


def test_many_frames_in_one_segment_and_one_frame_in_many(joined: Make) -> None:
    client = joined("websocket")
    for cut in range(1, 40):
        data = b"".join(frame(TEXT, f'42{n}["echo",{n}]'.encode()) for n in range(3))
        client.peer.ws.write(data[:cut])
        client.peer.ws.write(data[cut:])
        assert [client.receive() for _ in range(3)] == [f"43{n}[{n}]" for n in range(3)]


def test_lengths_at_the_borders(joined: Make) -> None:
    client = joined("websocket")
    for size in (124, 125, 126, 127, 65534, 65535, 65536, 65537):
        text = '421["sizes","' + "x" * (size - 15) + '"]'
        client.peer.ws.write(frame(TEXT, text.encode()))
        assert client.receive() == f"431[{size - 15}]"
