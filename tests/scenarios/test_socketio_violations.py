"""Socket.IO revision 5: what a client must not send, each with the end of its connection and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from protocol_client import SESSION_ID_UNKNOWN, joined, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol_client import ProtocolClient, WebSocket
    from serving import ServerProcess

    Connect = Callable[[str], ProtocolClient]


async def assert_closed_for_a_violation(server: ServerProcess, sio: ProtocolClient, ws: WebSocket) -> None:
    """The whole connection is closed because of what the client sent."""
    assert await ws.wait_closed() == 1002
    assert (await sio.poll()).error == SESSION_ID_UNKNOWN


BEFORE_CONNECT = ['42["message"]', "41", "43", "430[]", "44{}", '450-["e"]', "49", "4", "4-", "4abc", "40{", "40[1]"]
BEFORE_CONNECT += ['40"x"', "40null", "40,", "40/custom,[]", b"\x01", '42/custom,["message"]']

AFTER_CONNECT = {
    "second CONNECT": ["40"],
    "unknown packet type": ["4abc"],
    "packet type out of range": ["47"],
    "EVENT without payload": ["42"],
    "EVENT with an object": ["42{}"],
    "EVENT with a string": ['42"message"'],
    "EVENT with an empty array": ["42[]"],
    "EVENT with a null name": ["42[null]"],
    "EVENT with an object as name": ["42[{}]"],
    "EVENT with an array as name": ["42[[]]"],
    "EVENT with a boolean as name": ["42[true]"],
    "invalid JSON": ['42["message"'],
    "JSON with a tail": ['42["message"]x'],
    "letters before the payload": ['42abc["message-with-ack"]'],
    "negative ack id": ['42-1["message-with-ack"]'],
    "fractional ack id": ['421.5["message-with-ack"]'],
    "ack id with exponent": ['421e3["message-with-ack"]'],
    "ack id in other digits": ['42١["message-with-ack"]'],
    "ack id beyond 2^53": ['4299999999999999999999999["message-with-ack"]'],
    "reserved event connect": ['42["connect"]'],
    "reserved event disconnect": ['42["disconnect"]'],
    "reserved event connect_error": ['42["connect_error"]'],
    "reserved event disconnecting": ['42["disconnecting"]'],
    "reserved event newListener": ['42["newListener"]'],
    "reserved event removeListener": ['42["removeListener"]'],
    "EVENT for a namespace not joined": ['42/custom,["message"]'],
    "CONNECT_ERROR from a client": ['44{"message":"x"}'],
    "DISCONNECT with payload": ["41{}"],
    "ACK with an object": ["430{}"],
    "not a finite number": ['42["message",1e999]'],
    "JavaScript's NaN": ['42["message",NaN]'],
    "lone surrogate": [r'42["message","\ud800"]'],
    "nested too deep": ['42["message",' + "[" * 100_000 + "]" * 100_000 + "]"],
    "integer of 5,000 digits": ['42["message",' + "9" * 5_000 + "]"],
    "too many attachments": ['4511-["message"]'],
    "far too many attachments": ['451000000000-["message"]'],
    "attachments without a number": ['45-["message",{"_placeholder":true,"num":0}]', b"1"],
    "fractional number of attachments": ['451.5-["message"]'],
    "number of attachments with exponent": ['451e1-["message"]'],
    "no number of attachments": ['45["message"]'],
    "text while waiting for attachments": ['451-["message",{"_placeholder":true,"num":0}]', '42["message"]'],
    "attachment that nobody announced": [b"\x01"],
    "one attachment too many": ['451-["message",{"_placeholder":true,"num":0}]', b"1", b"2"],
    "placeholder out of range": ['451-["message",{"_placeholder":true,"num":5}]', b"1"],
    "negative placeholder": ['451-["message",{"_placeholder":true,"num":-1}]', b"1"],
    "fractional placeholder": ['451-["message",{"_placeholder":true,"num":0.5}]', b"1"],
    "boolean placeholder": ['451-["message",{"_placeholder":true,"num":true}]', b"1"],
    "placeholder without number": ['451-["message",{"_placeholder":true}]', b"1"],
    "attachments for a namespace not joined": ['451-/custom,["message",{"_placeholder":true,"num":0}]', b"1"],
}


@pytest.mark.parametrize("packet", BEFORE_CONNECT, ids=repr)
async def test_violation_before_connect(client: Connect, server: ServerProcess, packet: str | bytes) -> None:
    """First packet not CONNECT, CONNECT payload not object (suite: "... upon invalid format")."""
    async with client("patient") as sio, sio.websocket_session() as ws:
        await ws.send(packet)
        await assert_closed_for_a_violation(server, sio, ws)


@pytest.mark.parametrize("packets", AFTER_CONNECT.values(), ids=AFTER_CONNECT.keys())
async def test_violation_after_connect(client: Connect, server: ServerProcess, packets: list[str | bytes]) -> None:
    """Suite: "... upon invalid format (unknown packet type)", "(invalid payload format)", "(invalid ack id)"."""
    async with client("patient") as canary, joined(canary) as other:
        async with client("patient") as sio, sio.websocket_session() as ws:
            await ws.send("40")
            sid = parse(await ws.receive(), "40")["sid"]
            assert await ws.receive() == '42["auth",{}]'
            await ws.send(*packets)
            await assert_closed_for_a_violation(server, sio, ws)
            await server.hear(type="disconnect", sid=sid)
        await other.send('420["message-with-ack","alive"]')
        assert await other.receive() == '430["alive"]'


async def test_violation_over_polling(client: Connect, server: ServerProcess) -> None:
    """The same over the other transport: the session is gone."""
    async with client("patient") as sio:
        await sio.handshake()
        assert (await sio.post("40")).text == "ok"
        sid = parse((await sio.poll_packets(2))[0], "40")["sid"]
        assert (await sio.post("42{}")).status in (200, 400)
        await server.hear(type="disconnect", sid=sid)
        assert (await sio.poll()).error == SESSION_ID_UNKNOWN
