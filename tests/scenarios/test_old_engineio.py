"""Engine.IO 3: the cases of its conformance suite, and JSONP."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from old_client import BYTES, FORM, OldClient, packets_of, payload
from protocol_client import (
    BAD_HANDSHAKE_METHOD,
    BAD_REQUEST,
    SESSION_ID_UNKNOWN,
    TRANSPORT_UNKNOWN,
    UNSUPPORTED_PROTOCOL_VERSION,
    ProtocolClient,
    assert_closed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import ServerProcess

    Connect = Callable[[str], OldClient]

pytestmark = pytest.mark.ways("embedded", "uvicorn", "werkzeug", "gevent")


@pytest.fixture
def client(server: ServerProcess) -> Connect:
    """A function that makes an old client of the server at a path."""
    return lambda path: OldClient(server.url, f"/{path}/")


# Handshake


async def test_a_session_by_polling(client: Connect) -> None:
    """Suite: "should successfully open a session"."""
    async with client("eio3") as eio:
        answer = await eio.handshake()
        assert answer.headers["Content-Type"].lower() == "text/plain; charset=utf-8"
        length, _, packet = answer.text.partition(":")
        assert int(length) == len(packet)
        assert eio.open_packet == {
            "sid": eio.sid,
            "upgrades": ["websocket"],
            "pingInterval": 25000,
            "pingTimeout": 20000,
            "maxPayload": 1_000_000,
        }


async def test_a_session_by_websocket(client: Connect) -> None:
    async with client("eio3") as eio, eio.websocket_session():
        assert eio.open_packet["upgrades"] == []


async def test_a_request_without_version_speaks_revision_3(client: Connect) -> None:
    async with client("eio3") as eio:
        await eio.handshake(EIO=None)
        assert (await eio.post("4x")).text == "ok"
        assert (await eio.poll(EIO=None)).text == "2:4x"


async def test_clients_up_to_1_3_take_bytes_alone(client: Connect) -> None:
    async with client("eio3") as eio:
        answer = await eio.request(EIO="2", t="1418000000000-0")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.body.startswith(b"\x00\x01\x01") and b"\xff0{" in answer.body


@pytest.mark.parametrize("version", ["", "1", "5", "03", "٣"])
async def test_other_versions(client: Connect, version: str) -> None:
    async with client("eio3") as eio:
        assert (await eio.request(EIO=version)).error == UNSUPPORTED_PROTOCOL_VERSION


async def test_it_is_off_by_default(client: Connect) -> None:
    async with client("calm") as eio:
        assert (await eio.request()).error == UNSUPPORTED_PROTOCOL_VERSION
        assert (await eio.request(EIO=None)).error == UNSUPPORTED_PROTOCOL_VERSION
        assert (await eio.refused_websocket()).status == 400


async def test_invalid_transports_and_methods(client: Connect) -> None:
    """Suite: "fails with an invalid 'transport' query parameter", "... request method"."""
    async with client("eio3") as eio:
        assert (await eio.request(transport=None)).error == TRANSPORT_UNKNOWN
        assert (await eio.request(transport="abc")).error == TRANSPORT_UNKNOWN
        assert (await eio.refused_websocket(transport="abc")).status == 400
        assert (await eio.request("POST", data=b"")).error == BAD_HANDSHAKE_METHOD
        assert (await eio.request("PUT", data=b"")).error == BAD_HANDSHAKE_METHOD


async def test_the_revisions_of_a_session_do_not_mix(server: ServerProcess, client: Connect) -> None:
    async with client("eio3") as old, ProtocolClient(server.url, "/eio3/") as new:
        await old.handshake()
        await new.handshake()
        assert (await old.poll(EIO="4")).error == BAD_REQUEST
        assert (await new.poll(EIO="3")).error == BAD_REQUEST
        assert (await old.refused_websocket(EIO="4")).status == 400
        assert (await old.post("4old")).status == (await new.post("4new")).status == 200
        assert (await old.poll()).text == "4:4old"
        assert (await new.poll()).text == "4new"


# Messages


async def test_text_over_polling(client: Connect) -> None:
    """Suite: "sends and receives a payload containing several plain text packets"."""
    async with client("eio3") as eio:
        await eio.handshake()
        answer = await eio.post("4test1", "4test2", "4test3")
        assert (answer.status, answer.text) == (200, "ok")
        assert await eio.poll_packets(3) == ["4test1", "4test2", "4test3"]


async def test_text_and_base64_over_polling(client: Connect) -> None:
    """Suite: "... containing plain text and binary packets (base64 encoded)"."""
    async with client("eio3") as eio:
        await eio.handshake(b64="1")
        assert (await eio.request("POST", b"6:4hello10:b4AQIDBA==")).status == 200
        assert await eio.poll_packets(2) == ["4hello", "b4AQIDBA=="]
        await eio.post("4€😀")
        assert (await eio.poll()).text == "4:4€😀"


async def test_text_and_bytes_over_polling(client: Connect) -> None:
    """Suite: "... containing plain text and binary packets" (XHR2)."""
    async with client("eio3") as eio:
        await eio.handshake()
        body = b"\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04" + b"\x00\x04\xff4\xe2\x82\xac"
        assert (await eio.request("POST", body, headers=BYTES)).status == 200
        received = b""
        while len(received) < len(body):
            answer = await eio.poll()
            if answer.headers["Content-Type"] == "application/octet-stream":
                received += answer.body
            else:
                received += b"".join(b"\x00" + bytes([len(p)]) + b"\xff" + p.encode() for p in packets_of(answer.text))
        assert received == body


async def test_messages_over_a_websocket(client: Connect) -> None:
    """Suite: "sends and receives a plain text packet", "... a binary packet"."""
    async with client("eio3") as eio, eio.websocket_session() as ws:
        await ws.send("4hello", b"\x04\x01\x02\x03\x04", "b4AQI=")
        assert [await ws.receive() for _ in range(3)] == ["4hello", b"\x04\x01\x02\x03\x04", b"\x04\x01\x02"]


async def test_a_websocket_for_text_alone(client: Connect) -> None:
    async with client("eio3") as eio, eio.websocket_session(b64="1") as ws:
        await ws.send(b"\x04\x01\x02", "b4AQI=", "4€")
        assert [await ws.receive() for _ in range(3)] == ["b4AQI=", "b4AQI=", "4€"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"abc", {}),
        (b"", {}),
        (b"9" * 10_000 + b":4", {}),
        (b"99:4", {}),
        (b"2:4\xff", {}),
        (b"1:3", {}),  # a pong goes the wrong way
        (b"1:0", {}),
        (b"1:5", {}),
        (b"\x00\x09\x09\xff4", BYTES),
        (b"\x01\x01\xff\x02", BYTES),
    ],
)
async def test_broken_payloads(client: Connect, body: bytes, headers: dict[str, str]) -> None:
    """Suite: "closes the session upon invalid packet format"."""
    async with client("eio3") as eio, client("eio3") as neighbour:
        await neighbour.handshake()
        await eio.handshake()
        assert (await eio.request("POST", body, headers=headers)).error == BAD_REQUEST
        await assert_closed(eio)
        assert (await neighbour.post("4still there")).status == 200
        assert (await neighbour.poll()).text == "12:4still there"


@pytest.mark.parametrize("message", ["abc", "7", "", "b", "b2AA==", "b4!", "3", "0", b"", b"\x02", b"4hello"])
async def test_broken_messages(client: Connect, message: str | bytes) -> None:
    """Suite: "closes the session upon invalid packet format"."""
    async with client("eio3") as eio, eio.websocket_session() as ws:
        await ws.send(message)
        assert await ws.wait_closed() == 1002


async def test_two_polls_at_once(client: Connect) -> None:
    """Suite: "closes the session upon duplicate poll requests"."""
    async with client("eio3") as eio:
        await eio.handshake()
        first = await eio.start_poll()
        assert (await eio.poll()).error == BAD_REQUEST
        assert (await first).text == "1:1"
        await assert_closed(eio)


# Heartbeat


async def test_pings_over_polling(client: Connect) -> None:
    """Suite: "sends ping/pong packets"."""
    async with client("eio3") as eio:
        await eio.handshake()
        assert (await eio.post("2")).status == 200
        assert (await eio.poll()).text == "1:3"
        # Each is answered, but an answer that nobody has fetched also answers the next.
        await eio.post("2one", "2two")
        assert (await eio.poll()).text == "4:3two"


async def test_pings_over_a_websocket(client: Connect) -> None:
    async with client("eio3") as eio, eio.websocket_session() as ws:
        await ws.send("2")
        assert await ws.receive() == "3"
        await ws.send("2with data")
        assert await ws.receive() == "3with data"


async def test_silence_ends_a_session(client: Connect) -> None:
    """Suite: "closes the session upon ping timeout"."""
    async with client("eio3-fast") as eio:
        await eio.handshake()
        answer = await eio.poll()
        # On a slow machine the poll may come when all is over.
        assert answer.text == "1:1" or answer.error == SESSION_ID_UNKNOWN
        await assert_closed(eio)
        async with eio.websocket_session() as ws:
            await ws.wait_closed()


# Close


async def test_the_client_closes(client: Connect) -> None:
    """Suite: "forcefully closes the session"."""
    async with client("eio3") as eio:
        await eio.handshake()
        poll = await eio.start_poll()
        assert (await eio.post("1")).status == 200
        assert (await poll).text == "1:6"
        await assert_closed(eio)
        async with eio.websocket_session() as ws:
            await ws.send("1")
            await ws.wait_closed()


async def test_the_server_closes(client: Connect) -> None:
    async with client("eio3") as eio:
        await eio.handshake()
        await eio.post("4close me")
        assert (await eio.poll()).text == "1:1"
        await assert_closed(eio)


# Upgrade


async def test_an_upgrade(client: Connect) -> None:
    """Suite: "successfully upgrades from HTTP long-polling to WebSocket", and what is too late then."""
    async with client("eio3") as eio:
        await eio.handshake()
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            assert (await eio.poll()).text == "1:6"
            await ws.send("5", "4hello", b"\x04\x01")
            assert await ws.receive() == "4hello"
            assert await ws.receive() == b"\x04\x01"
            assert (await eio.poll()).error == BAD_REQUEST
            assert (await eio.post("4x")).error == BAD_REQUEST
            async with eio.websocket() as late:
                await late.wait_closed()
            await ws.send("4transport?")
            assert await ws.receive() == "4websocket"


async def test_what_waits_during_an_upgrade_goes_out_on_the_websocket(client: Connect) -> None:
    async with client("eio3") as eio:
        await eio.handshake()
        async with eio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            await eio.request("POST", payload("4first").encode() + b"10:b4AQIDBA==")
            await ws.send("5")
            assert await ws.receive() == "4first"
            assert await ws.receive() == b"\x04\x01\x02\x03\x04"


# JSONP


def called(text: str, index: str = "0") -> str:
    """Return the argument of the call that an answer is."""
    match = re.fullmatch(rf"___eio\[{index}\]\((\".*\")\);", text)
    assert match is not None, text
    content = json.loads(match[1])
    assert isinstance(content, str)
    return content


async def test_jsonp(client: Connect) -> None:
    async with client("eio3") as eio:
        answer = await eio.request(j="0")
        assert answer.headers["Content-Type"].lower() == "text/javascript; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        eio.sid = json.loads(packets_of(called(answer.text))[0][1:])["sid"]
        sent = payload('4"</script>€ \\n\n>', "b4AQIDBA==")
        # As the reference client does, because a browser changes the ends of lines.
        form = {"d": sent.replace("\\n", "\\\n").replace("\n", "\\n")}
        answer = await eio.request("POST", urlencode(form), headers=FORM, j="1")
        assert (answer.status, answer.text) == (200, "ok")
        assert answer.headers["Content-Type"].startswith("text/html")
        answers = [called((await eio.poll(j="12abc")).text, "12")]
        while "b4" not in answers[-1]:
            answers.append(called((await eio.poll(j="7")).text, "7"))
        assert "".join(answers) == sent


async def test_jsonp_with_engineio_4(server: ServerProcess) -> None:
    async with ProtocolClient(server.url, "/jsonp/") as eio:
        eio.sid = json.loads(called((await eio.request(j="3")).text, "3")[1:])["sid"]
        await eio.request("POST", b"d=4a%1e4b", headers=FORM, j="3")
        assert called((await eio.poll(j="3")).text, "3").startswith("4a")
        # Engine.IO 3 itself is not served there.
        assert (await eio.request(EIO="3", sid=None, j="3")).error == UNSUPPORTED_PROTOCOL_VERSION


@pytest.mark.parametrize("index", ["", "x", "alert()", "١"])
async def test_an_index_without_digits(client: Connect, index: str) -> None:
    async with client("eio3") as eio:
        assert (await eio.request(j=index)).error == BAD_REQUEST


async def test_other_indices_lose_all_but_their_digits(client: Connect) -> None:
    async with client("eio3") as eio:
        for index, digits in [("-1", "1"), ("1e9", "19"), ("alert(1);//", "1"), ("8" * 3000, "8" * 16)]:
            called((await eio.request(j=index)).text, digits)


async def test_forms_that_are_none(client: Connect) -> None:
    async with client("eio3") as eio:
        await eio.handshake(b64="1")
        assert (await eio.request("POST", b"2:4x", headers=FORM, j="0")).error == BAD_REQUEST
        await assert_closed(eio)
        await eio.handshake()
        # It takes bytes, which a script cannot hold.
        assert (await eio.poll(j="0")).error == BAD_REQUEST


async def test_jsonp_is_off_by_default(server: ServerProcess) -> None:
    async with ProtocolClient(server.url, "/calm/") as eio:
        answer = await eio.handshake(j="0")
        assert answer.text.startswith("0{")


async def test_scripts_of_other_sites(server: ServerProcess) -> None:
    """A script element sends no `Origin`: the page that reads the answer is told by other headers."""
    async with ProtocolClient(server.url, "/jsonp/") as eio:
        for headers, status in [
            ({}, 200),
            ({"Referer": "http://one.example/page"}, 200),
            ({"Referer": f"{server.url}/page"}, 200),
            ({"Sec-Fetch-Site": "same-origin"}, 200),
            ({"Referer": "http://evil.example/"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "cross-site", "Referer": "http://one.example"}, 200),
        ]:
            assert (await eio.request(headers=headers, j="0")).status == status, headers
        assert (await eio.request(headers={"Sec-Fetch-Site": "cross-site"})).status == 200
