"""What the asyncio clients make of servers that do the wrong thing: a clear error with its cause, and nothing left."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

import engineio
import socketio
from engineio.websocket import BINARY, TEXT, encode_frame

from .bad_servers import Serve, always, answer, handshake, hang_up, hold, running, talking, websocket
from .colours import Colour, settled

HTTP_FAULTS: dict[str, Serve] = {
    "500": always(answer(b"oops", "500 Internal Server Error")),
    "502 with HTML": always(answer(b"<html>Bad gateway</html>", "502 Bad Gateway", "Content-Type: text/html\r\n")),
    "400 with JSON": always(answer(b'{"code":5,"message":"Unsupported protocol version"}', "400 Bad Request")),
    "200 with HTML": always(answer(b"<html>Welcome</html>")),
    "204": always(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "redirect": always(answer(b"", "302 Found", "Location: https://login.example/\r\n")),
    "empty": always(answer(b"")),
    "closed": hang_up,
    "half of the JSON": always(answer(handshake()[:20])),
    "not UTF-8": always(answer(b"0\xff\xfe")),
    "no gzip": always(answer(handshake(), headers="Content-Encoding: gzip\r\n")),
    "no HTTP": always(b"\x00\x01\x02 garbage\r\n\r\n"),
    "Engine.IO 3": always(answer(b'96:0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":5000}2:40')),
    "intervals in words": always(answer(handshake(pingInterval="25 s"))),
    "no sid": always(answer(handshake(sid=""))),
    "goodbye at once": always(answer(handshake() + b"\x1e1")),
    "garbage behind the handshake": always(answer(handshake() + b"\x1e9")),
    "silence": hold,
}


@pytest.mark.parametrize("fault", HTTP_FAULTS)
@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_wrong_answer_to_the_handshake(colour: Colour, fault: str, transport: str) -> None:
    async with running(HTTP_FAULTS[fault]) as url:
        engine = colour.Engine(request_timeout=0.3)
        with pytest.raises(engineio.exceptions.ConnectionError) as caught:
            await engine.connect(url, transports=transport)
        assert str(caught.value.args[0])
        assert engine.state == "disconnected"
        client = colour.Client(request_timeout=0.3)
        errors: list[Any] = []
        client.on("connect_error", errors.append)
        with pytest.raises(socketio.exceptions.ConnectionError) as raised:
            await client.connect(url, transports=transport)
        assert isinstance(raised.value.__cause__, engineio.exceptions.ConnectionError)
        await client.wait()
        await settled(client)
        assert len(errors) == 1
        assert not client.connected


async def test_the_answer_of_the_server_is_handed_on(colour: Colour) -> None:
    async with running(HTTP_FAULTS["400 with JSON"]) as url:
        with pytest.raises(engineio.exceptions.ConnectionError) as caught:
            await colour.Engine().connect(url)
    assert caught.value.args[1] == {"code": 5, "message": "Unsupported protocol version"}


async def test_a_port_where_nobody_listens(colour: Colour) -> None:
    async with running(hold) as url:
        pass
    for transport in ("polling", "websocket"):
        with pytest.raises(engineio.exceptions.ConnectionError) as caught:
            await colour.Engine().connect(url, transports=transport)
        assert isinstance(caught.value.__cause__, OSError)


async def test_a_name_that_does_not_exist(colour: Colour) -> None:
    with pytest.raises(engineio.exceptions.ConnectionError):
        await colour.Engine().connect("http://name.invalid")


def polls(*bodies: bytes, **content: Any) -> Serve:
    """Returns a server that answers the polls after the handshake with these bodies, and then says nothing."""
    left = list(bodies)

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"sid=" not in head:
            writer.write(answer(handshake(**content)))
        elif left:
            writer.write(left.pop(0))
        else:
            await hold(head, reader, writer)

    return serve


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (answer(b"1"), "server disconnect"),
        (answer(b"9"), "transport error"),
        (answer(b""), "transport error"),
        (answer(b"b!!"), "transport error"),
        (answer(b"gone", "400 Bad Request"), "transport error"),
        (answer(b"", "301 Moved", "Location: /x\r\n"), "transport error"),
        (answer(b"x" + gzip.compress(b"2", mtime=0), headers="Content-Encoding: gzip\r\n"), "transport error"),
    ],
)
async def test_a_wrong_poll_closes(colour: Colour, body: bytes, reason: str) -> None:
    client = colour.Engine(request_timeout=0.5)
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    client.on("disconnect", ended.set_result)
    async with running(polls(body)) as url:
        await client.connect(url, transports="polling")
        assert await ended == reason
        await client.wait()
    with pytest.raises(engineio.exceptions.SocketIsClosedError):
        await client.send("x")


@pytest.mark.parametrize("intervals", [(300, 200), (0, 0), (-1, -5)])
async def test_silence_after_the_handshake(colour: Colour, intervals: tuple[int, int]) -> None:
    client = colour.Engine(request_timeout=0.5)
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    client.on("disconnect", ended.set_result)
    async with running(polls(pingInterval=intervals[0], pingTimeout=intervals[1])) as url:
        await client.connect(url, transports="polling")
        assert await ended == "ping timeout"
        await client.disconnect()


async def test_a_server_that_answers_polls_with_nothing_does_not_make_the_client_spin(colour: Colour) -> None:
    count = 0

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        writer.write(answer(b"6" if b"sid=" in head else handshake()))

    client = colour.Engine()
    async with running(serve) as url:
        await client.connect(url, transports="polling")
        await asyncio.sleep(0.5)
        await client.disconnect()
    assert count < 30


async def test_namespaces_that_are_never_answered(colour: Colour) -> None:
    client = colour.Client(request_timeout=0.5)
    async with running(polls(pingInterval=25000)) as url:
        with pytest.raises(socketio.exceptions.ConnectionError, match=r"/ \(no answer in time\)"):
            await client.connect(url, transports="polling", wait_timeout=0.2)
    assert not client.connected


OPEN_FRAME = encode_frame(TEXT, handshake())


@pytest.mark.parametrize(
    "frames",
    [
        [b"\x88\x00"],
        [encode_frame(TEXT, b"4hello")],
        [encode_frame(BINARY, handshake())],
        [b"\xff\xff\xff\xff"],
        [encode_frame(TEXT, b"\xff")],
        [b"\x81\x85mask" + b"12345"],
        [],
    ],
)
async def test_a_websocket_without_a_handshake(colour: Colour, frames: list[bytes]) -> None:
    async with running(websocket(*frames)) as url:
        with pytest.raises(engineio.exceptions.ConnectionError):
            await colour.Engine(request_timeout=0.3).connect(url, transports="websocket")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\x88\x00", "transport error"),
        (encode_frame(TEXT, b""), "transport error"),
        (encode_frame(TEXT, b"7"), "transport error"),
        (encode_frame(TEXT, b"0{}"), "transport error"),
        (encode_frame(TEXT, b"4\xff"), "transport error"),
        (b"\x82\x7f\x7f" + b"\xff" * 7, "transport error"),
        (b"\x83\x00", "transport error"),
        (encode_frame(TEXT, b"1"), "server disconnect"),
        (b"", "ping timeout"),
    ],
)
async def test_a_wrong_frame_closes(colour: Colour, frame: bytes, reason: str) -> None:
    client = colour.Engine(request_timeout=0.5)
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    client.on("disconnect", ended.set_result)
    async with running(websocket(OPEN_FRAME, frame)) as url:
        await client.connect(url, transports="websocket")
        assert await ended == reason
        await client.wait()


@pytest.mark.parametrize(
    "packets",
    [
        ["4x"],
        ['42["early"]'],
        ['40{"sid":"s"}', "42{}"],
        ['40{"sid":"s"}', '451-["a",{"_placeholder":true,"num":0}]', '42["b"]'],
        ['40{"sid":"s"}', '459999999999-["a"]'],
    ],
)
async def test_wrong_packets_lead_to_a_new_connection(colour: Colour, packets: list[str]) -> None:
    frames = [OPEN_FRAME, *(encode_frame(TEXT, packet.encode()) for packet in packets)]
    client = colour.Client(reconnection_delay=0.01, reconnection_attempts=1, request_timeout=0.5)
    async with running(websocket(*frames)) as url:
        try:
            await client.connect(url, transports="websocket", wait_timeout=1)
        except socketio.exceptions.ConnectionError as exc:
            assert "lost" in str(exc)
            # An event that comes before CONNECT was sent is ignored, and then nothing more comes.
            silence = engineio.exceptions.ConnectionError
            assert isinstance(exc.__cause__, (socketio.exceptions.ProtocolError, silence))
        else:
            client.reconnection = False
        await client.disconnect()


async def test_a_server_of_an_old_version(colour: Colour) -> None:
    client = colour.Client()
    async with running(talking(OPEN_FRAME, encode_frame(TEXT, b"40"))) as url:
        with pytest.raises(socketio.exceptions.ConnectionError, match=r"Socket\.IO 2"):
            await client.connect(url, transports="websocket")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody has signed, for a name that no test uses; with its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other.example"]
    subprocess.run(
        [
            *command,
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            folder / "key",
            "-out",
            folder / "certificate",
        ],
        check=True,
        capture_output=True,
    )
    path = folder / "both"
    path.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_certificate_that_does_not_match(colour: Colour, certificate: Path, transport: str) -> None:
    async with running(polls(), tls(certificate)) as url:
        with pytest.raises(engineio.exceptions.ConnectionError) as caught:
            await colour.Engine().connect(url, transports=transport)
        assert "certificate" in str(caught.value.args[0]).lower()
        assert caught.value.__cause__ is not None


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")  # urllib3 warns of each
async def test_verification_can_be_switched_off(colour: Colour, certificate: Path) -> None:
    async with running(polls(), tls(certificate)) as url:
        client = colour.Engine(ssl_verify=False)
        await client.connect(url, transports="polling")
        await client.disconnect(abort=True)


async def test_giving_up_in_the_middle_of_a_handshake(colour: Colour, transports: list[str]) -> None:
    asked = asyncio.Event()

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()

    client = colour.Client(request_timeout=30)
    async with running(serve) as url:
        connecting = asyncio.create_task(client.connect(url, transports=transports, retry=True))
        await asked.wait()
        await client.disconnect()
        with pytest.raises(socketio.exceptions.ConnectionError):
            await connecting
    assert not client.connected


async def test_a_websocket_that_is_never_opened_leaves_polling(colour: Colour) -> None:
    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"sid=" not in head:
            writer.write(answer(handshake(upgrades=["websocket"], pingInterval=25000)))
        elif head.startswith(b"POST"):
            writer.write(answer(b"ok"))
        else:  # the poll and the handshake of the WebSocket
            await reader.read()

    client = colour.Engine(request_timeout=0.2)
    async with running(serve) as url:
        await client.connect(url)
        assert client.transport() == "polling"
        await client.send("x")
        await client.disconnect()
