"""What hostile servers try on our clients: bad packets and frames, and floods. Their connection is closed."""

from __future__ import annotations

import asyncio
import json
import resource
from typing import Any

import pytest

import engineio
import socketio
from engineio.websocket import BINARY, CLOSE, PING, TEXT, FrameReader, decode_close, encode_frame

from .bad_servers import accept, answer, handshake, running, talking
from .colours import Colour, settled

OPEN = encode_frame(TEXT, handshake(pingInterval=25000, pingTimeout=20000))
CONNECTED = '40{"sid":"s"}'


def frame(packet: str | bytes) -> bytes:
    return encode_frame(TEXT, packet.encode()) if isinstance(packet, str) else encode_frame(BINARY, packet)


async def hear(colour: Colour, frames: list[bytes], **options: Any) -> tuple[str | None, list[Any], Any]:
    """Return why the connection of a client was closed (`None` if it was not), the events, and the error."""
    client = colour.Client(reconnection=False, request_timeout=0.5, **options)
    events: list[Any] = []
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    heard = asyncio.Event()
    client.on("disconnect", ended.set_result)

    async def anything(*args: Any) -> None:
        events.append(args)
        if args == ("last",):
            heard.set()

    client.on("*", anything)
    async with running(talking(OPEN, frame(CONNECTED), *frames, frame('42["last"]'))) as url:
        await client.connect(url, transports="websocket")
        await client.emit("ready")
        waiting = asyncio.ensure_future(heard.wait())
        await asyncio.wait([waiting, ended], timeout=5, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert ended.done() or heard.is_set()
        why = ended.result() if ended.done() else None
        error = client.eio.socket.error
        await client.disconnect()
        await settled(client)
    return why, [event for event in events if event != ("last",)], error


VIOLATIONS = {
    "F030": ["49", "4", "4-", "45"],
    "F032": ["42", "42[]", "42{}", '42"e"', '42["e",1', '42["e"]x'],
    "F033": ["42[null]", "42[true]", "42[{}]", "42[[]]"],
    "F034": ['42["connect"]', '42["disconnect"]', '42["connect_error"]'],
    "F035": ['42-1["e"]', '421.5["e"]', '421e3["e"]', '42+1["e"]', '42١["e"]', "42" + "9" * 400 + '["e"]'],
    "F036": ["43{}", '431"x"'],
    "F040": ['42["e",' + "9" * 5000 + "]", '42["e",' + "[" * 1000 + "]" * 1000 + "]", '42["e","\\ud800"]'],
    "F041": ['451000-["e"]', '451000000000-["e"]'],
    "F042": ['450-["e"]', '45["e"]', '45-["e"]', "45-1-", '451.5-["e"]', '451e1-["e"]'],
}


@pytest.mark.parametrize(
    ("row", "packet"), [(row, packet) for row, packets in VIOLATIONS.items() for packet in packets]
)
async def test_a_packet_that_breaks_the_protocol(colour: Colour, row: str, packet: str) -> None:
    why, events, error = await hear(colour, [frame(packet)])
    assert why == "transport error"
    assert events == []
    assert isinstance(error, (socketio.exceptions.ProtocolError, engineio.exceptions.ProtocolError))


HALF = '451-["e",{"_placeholder":true,"num":0}]'


@pytest.mark.parametrize(
    "packets",
    [
        pytest.param([HALF, '42["e"]'], id="F043-text"),
        pytest.param([HALF, HALF], id="F043-twice"),
        pytest.param([b"x"], id="F044-stray"),
        pytest.param(['451-["e",{"_placeholder":true,"num":1}]', b"x"], id="F046-out of range"),
        pytest.param(['451-["e",{"_placeholder":true,"num":-1}]', b"x"], id="F046-negative"),
        pytest.param(['451-["e",{"_placeholder":true,"num":0.5}]', b"x"], id="F046-fraction"),
        pytest.param(['451-["e",{"_placeholder":true,"num":"__class__"}]', b"x"], id="F046-name"),
        pytest.param(['451-["e",{"_placeholder":true}]', b"x"], id="F046-missing"),
    ],
)
async def test_attachments_that_break_the_protocol(colour: Colour, packets: list[str | bytes]) -> None:
    why, events, error = await hear(colour, [frame(packet) for packet in packets])
    assert why == "transport error"
    assert events == []
    assert isinstance(error, socketio.exceptions.ProtocolError)


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        pytest.param(['42[5,"x"]'], [(5, "x")], id="F033-number"),
        pytest.param(['42["__init__",1]', '42["_private"]'], [("__init__", 1), ("_private",)], id="F034"),
        pytest.param(['43999["x"]', '43/other,1["x"]'], [], id="F036"),
        pytest.param([CONNECTED, '40{"sid":"another"}'], [], id="F037"),
        pytest.param(['42/admin,["e"]', "41/admin,", '44/admin,{"message":"no"}'], [], id="F038"),
        pytest.param(['44{"message":"no"}'], [], id="F039"),
        pytest.param(['42["e",{"__proto__":1,"__class__":2}]'], [("e", {"__proto__": 1, "__class__": 2})], id="F079"),
        pytest.param(
            ['452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]', b"x", b"y"],
            [("e", b"x", b"x")],
            id="F046-twice",
        ),
        pytest.param(['451-/admin,["e",{"_placeholder":true,"num":0}]', b"x"], [], id="F047"),
    ],
)
async def test_what_is_odd_and_allowed(colour: Colour, packets: list[str | bytes], expected: list[Any]) -> None:
    why, events, _ = await hear(colour, [frame(packet) for packet in packets])
    assert why is None
    assert events == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x81\x85mask" + b"12345", id="F056-masked"),
        pytest.param(b"\x81\x7f" + b"\x00\x00\x00\x00\x7f\xff\xff\xff", id="F059-2 GB"),
        pytest.param(b"\xc1\x00", id="F060-RSV1"),
        pytest.param(b"\x8b\x00", id="F060-opcode"),
        pytest.param(b"\x89\x7e\x00\x7e" + b"x" * 126, id="F060-long ping"),
        pytest.param(b"\x09\x00", id="F060-fragmented ping"),
        pytest.param(b"\x80\x00", id="F060-continuation"),
        pytest.param(b"\x01\x01x\x81\x01x", id="F060-message inside"),
        pytest.param(encode_frame(TEXT, b'42["\xed\xa0\x80"]'), id="F062"),
        pytest.param(b"\x88\x01\x03", id="F063-one byte"),
        pytest.param(b"\x88\x02\x03\xe7", id="F063-999"),
    ],
)
async def test_a_frame_that_breaks_rfc_6455(colour: Colour, data: bytes) -> None:
    why, events, error = await hear(colour, [data])
    assert why == "transport error"
    assert events == []
    assert isinstance(error, (engineio.exceptions.ConnectionError, engineio.exceptions.ProtocolError))


def resident() -> int:
    """Return the most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(encode_frame(PING, b"x" * 125), id="F057"),
        pytest.param(encode_frame(TEXT, b"2" + b"x" * 120), id="Engine.IO pings"),
        pytest.param(encode_frame(TEXT, b'43999999["x"]'), id="acknowledgements"),
        pytest.param(encode_frame(TEXT, b"6"), id="nothing"),
    ],
)
async def test_a_flood_costs_no_memory(colour: Colour, flood: bytes) -> None:
    before = resident()
    why, events, _ = await hear(colour, [flood * 20_000])
    assert (why, events) == (None, [])
    assert resident() - before < 20_000_000


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xc1\x00", 1002), (b"\x81\x01\xff", 1007), (b"\x81\x7f\x00\x00\x00\x00\x7f\xff\xff\xff", 1009)],
)
async def test_the_server_is_told_what_was_wrong(colour: Colour, data: bytes, code: int) -> None:
    said: list[tuple[int, bytes]] = []

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accept(head, writer, OPEN + data)
        frames = FrameReader(1000)
        while received := await reader.read(65536):
            said.extend(frames.receive(received))

    engine = colour.Engine(request_timeout=0.5)
    async with running(serve) as url:
        try:
            await engine.connect(url, transports="websocket")
        except engineio.exceptions.ConnectionError:
            pass
        await engine.wait()
        await asyncio.sleep(0)
    assert [decode_close(payload)[0] for opcode, payload in said if opcode == CLOSE] == [code]


async def test_fragments_without_end(colour: Colour) -> None:
    before = resident()
    why, events, _ = await hear(colour, [b"\x01\x01x" + b"\x00\x01x" * 100_000, b"\x89\x00", b"\x80\x00"])
    assert why == "transport error"  # what they make together is no packet
    assert events == []
    assert resident() - before < 20_000_000


async def test_ten_large_attachments(colour: Colour) -> None:
    data = [{"_placeholder": True, "num": number} for number in range(10)]
    frames = [frame("4510-" + json.dumps(["e", *data])), *([frame(b"x" * 1_000_000)] * 10)]
    why, events, _ = await hear(colour, frames)
    assert (why, events) == (None, [("e", *([b"x" * 1_000_000] * 10))])


async def test_a_bad_msgpack_packet(colour: Colour) -> None:
    client = colour.Client(reconnection=False, request_timeout=0.5, serializer="msgpack")
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    client.on("disconnect", ended.set_result)
    # {"type": 0, "nsp": "/", "data": {"sid": "s"}}, and an array that claims to have 2^32 - 1 items
    connected = b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x81\xa3sid\xa1s"
    async with running(talking(OPEN, frame(connected), frame(b"\xdd\xff\xff\xff\xff"))) as url:
        await client.connect(url, transports="websocket")
        await client.emit("ready")
        assert await ended == "transport error"
        await client.wait()
        await settled(client)


@pytest.mark.parametrize("content", [{"upgrades": ["__class__", "constructor"]}, {"maxPayload": -1}])
async def test_a_handshake_that_names_what_is_not_there(colour: Colour, content: dict[str, Any]) -> None:
    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"sid=" not in head:
            writer.write(answer(handshake(pingInterval=25000, **content)))
        elif head.startswith(b"POST"):
            writer.write(answer(b"ok"))
        else:
            await reader.read()

    engine = colour.Engine()
    async with running(serve) as url:
        await engine.connect(url)
        assert engine.transport() == "polling"
        await engine.send("x")
        await engine.disconnect()


async def test_a_server_that_refuses_every_attempt_is_asked_at_intervals(colour: Colour) -> None:
    count = 0

    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        writer.write(answer(b'{"code":1,"message":"Session ID unknown"}', "400 Bad Request"))

    client = colour.Client(reconnection_delay=0.02, reconnection_delay_max=0.02, reconnection_attempts=10)
    async with running(serve) as url:
        loop = asyncio.get_running_loop()
        start = loop.time()
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(url, retry=True)
        assert loop.time() - start > 0.1
        await settled(client)
    assert count == 11


async def test_an_answer_that_trickles(colour: Colour) -> None:
    async def serve(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = handshake()
        writer.write(answer(b"", length=len(body)))
        for number in range(len(body)):
            writer.write(body[number : number + 1])
            await writer.drain()
            await asyncio.sleep(0.1)

    async with running(serve) as url:
        with pytest.raises(engineio.exceptions.ConnectionError, match=r"within 0\.3 seconds"):
            await colour.Engine(request_timeout=0.3).connect(url, transports="polling")


async def test_a_server_cannot_say_that_there_will_be_no_other_connection(colour: Colour) -> None:
    client = colour.Client(reconnection=False, request_timeout=0.5)
    finals: list[None] = []
    last = asyncio.Event()
    client.on("__disconnect_final", lambda: finals.append(None))
    client.on("last", last.set)
    async with running(talking(OPEN, frame(CONNECTED), frame('42["__disconnect_final"]'), frame('42["last"]'))) as url:
        await client.connect(url, transports="websocket")
        await client.emit("ready")
        await last.wait()
        assert finals == []
        await client.disconnect()
        await settled(client)
    assert finals == [None]
