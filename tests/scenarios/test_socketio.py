"""Socket.IO revision 5: the cases of the conformance suite, and what else the protocol demands of a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from protocol_client import PING, PONG, SESSION_ID_UNKNOWN, joined, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol_client import ProtocolClient
    from serving import ServerProcess

    Connect = Callable[[str], ProtocolClient]

PLACEHOLDERS = [{"_placeholder": True, "num": 0}, {"_placeholder": True, "num": 1}]


# Connect


async def test_connect_to_the_main_namespace(client: Connect) -> None:
    """CONNECT reply precedes any event emitted in the handler (suite: "... to the main namespace")."""
    async with client("socket.io") as sio, sio.websocket_session() as ws:
        await ws.send("40")
        answer = parse(await ws.receive_past_pings(), "40")
        assert answer.keys() == {"sid"}
        assert isinstance(answer["sid"], str)
        assert answer["sid"] != sio.sid
        assert await ws.receive_past_pings() == '42["auth",{}]'


async def test_connect_with_a_payload(client: Connect) -> None:
    """Suite: "should allow connection to the main namespace with a payload"."""
    async with client("socket.io") as sio, sio.websocket_session() as ws:
        await ws.send('40{"token":"123"}')
        assert parse(await ws.receive_past_pings(), "40").keys() == {"sid"}
        assert parse(await ws.receive_past_pings(), "42") == ["auth", {"token": "123"}]


@pytest.mark.parametrize("connect", ["40/custom,", "40/custom"])
async def test_connect_to_a_custom_namespace(client: Connect, connect: str) -> None:
    """`0/nsp` without trailing comma must be accepted."""
    async with client("socket.io") as sio, sio.websocket_session() as ws:
        await ws.send(connect)
        assert parse(await ws.receive_past_pings(), "40/custom,").keys() == {"sid"}
        assert parse(await ws.receive_past_pings(), "42/custom,") == ["auth", {}]


async def test_connect_to_a_custom_namespace_with_a_payload(client: Connect) -> None:
    """Suite: "should allow connection to a custom namespace with a payload"."""
    async with client("socket.io") as sio, sio.websocket_session() as ws:
        await ws.send('40/custom,{"token":"abc"}')
        assert parse(await ws.receive_past_pings(), "40/custom,").keys() == {"sid"}
        assert parse(await ws.receive_past_pings(), "42/custom,") == ["auth", {"token": "abc"}]


@pytest.mark.parametrize("connect", ["40/random", "40/random,", '40/random,{"a":1}'])
async def test_connect_to_an_unknown_namespace(client: Connect, connect: str) -> None:
    """Unknown namespace -> `44/random,{"message":"Invalid namespace"}`, and the connection stays."""
    async with client("socket.io") as sio, sio.websocket_session() as ws:
        await ws.send(connect)
        assert await ws.receive_past_pings() == '44/random,{"message":"Invalid namespace"}'
        await ws.send("40")
        assert parse(await ws.receive_past_pings(), "40").keys() == {"sid"}


async def test_connect_refused(client: Connect) -> None:
    """Refused -> `{"message", "data"?}`; CONNECT_ERROR payload is an object in revision 5."""
    async with client("socket.io") as sio, sio.websocket_session() as ws:
        await ws.send('40{"refuse":"data"}')
        assert parse(await ws.receive_past_pings(), "44") == {"message": "no", "data": {"code": 7}}
        await ws.send('40/custom,{"refuse":"false"}')
        refusal = parse(await ws.receive_past_pings(), "44/custom,")
        assert isinstance(refusal["message"], str) and refusal["message"]


async def test_connect_by_polling(client: Connect) -> None:
    """The same over the other transport."""
    async with client("patient") as sio:
        await sio.handshake()
        assert (await sio.post('40{"token":1}')).text == "ok"
        answer, auth = await sio.poll_packets(2)
        assert parse(answer, "40").keys() == {"sid"}
        assert parse(auth, "42") == ["auth", {"token": 1}]


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_no_handshake_received(client: Connect, transport: str) -> None:
    """Suite: "should close the connection if no handshake is received" (with a connect timeout of one second)."""
    async with client("socket.io") as sio:
        if transport == "websocket":
            async with sio.websocket_session() as ws:
                with pytest.raises(AssertionError, match="closed"):
                    await ws.receive_past_pings()
        else:
            await sio.handshake()
            while (answer := await sio.poll()).text == PING:
                await sio.post(PONG)
            assert answer.text == "1" or answer.error == SESSION_ID_UNKNOWN
        assert (await sio.poll()).error == SESSION_ID_UNKNOWN


# Events and acknowledgements


@pytest.mark.parametrize(
    "args",
    ['1,"2",{"3":[true,null]}', '"Grüße 🦄"', "1.5,-0.25", r'"\u0000 \" \\"', "{}", '{"_placeholder":true,"num":0}'],
)
async def test_event(client: Connect, args: str) -> None:
    """Suite: "should send a plain-text packet"; a placeholder in a plain event is an ordinary object."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send(f'42["message",{args}]')
        assert parse(await ws.receive_past_pings(), "42") == ["message-back", *json.loads(f"[{args}]")]


async def test_event_without_arguments(client: Connect) -> None:
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send('42["message"]')
        assert await ws.receive_past_pings() == '42["message-back"]'


async def test_event_in_a_custom_namespace(client: Connect) -> None:
    async with client("socket.io") as sio, joined(sio, "/custom,") as ws:
        await ws.send('42/custom,["message",1]', '42/custom,9["message-with-ack",2]')
        received = [str(packet) for packet in await ws.receive_many(2)]
        assert sorted(received) == ['42/custom,["message-back",1]', "43/custom,9[2]"]


@pytest.mark.parametrize("event", ['["nobody knows",1]', "[1,2]", '["__proto__"]', '["__init__"]', '["error"]', '[""]'])
async def test_event_that_nobody_handles(client: Connect, event: str) -> None:
    """Numbers are names too; names of other things are ordinary events, which do nothing here."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send(f"42{event}", '42["message","alive"]')
        assert await ws.receive_past_pings() == '42["message-back","alive"]'


@pytest.mark.parametrize("number", ["0", "1", "456", str(2**53 - 1)])
async def test_ack(client: Connect, number: str) -> None:
    """Receiver must answer an EVENT with id with ACK same id, payload array (suite: "... with an ack")."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send(f'42{number}["message-with-ack",1,"2",{{"3":[false]}}]')
        assert parse(await ws.receive_past_pings(), f"43{number}") == [1, "2", {"3": [False]}]


async def test_ack_without_arguments(client: Connect) -> None:
    """Payload array (maybe empty)."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send('421["message-with-ack"]')
        assert await ws.receive_past_pings() == "431[]"


async def test_ack_that_nobody_waits_for(client: Connect) -> None:
    """Unknown/duplicate ack ignored."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send("43999[]", "43999[1]", '42["message","alive"]')
        assert await ws.receive_past_pings() == '42["message-back","alive"]'


async def test_handler_that_raises(client: Connect) -> None:
    """It sends no ack, and nothing else breaks."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send('421["crash"]', '422["message-with-ack"]')
        assert await ws.receive_past_pings() == "432[]"


async def test_order_of_events(client: Connect) -> None:
    """Order guaranteed."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send(*(f'42["message",{n}]' for n in range(300)))
        assert await ws.receive_many(300) == [f'42["message-back",{n}]' for n in range(300)]


async def test_order_of_events_across_the_upgrade(client: Connect) -> None:
    """Order guaranteed including across upgrade: no loss, no duplication."""
    async with client("patient") as sio:
        await sio.handshake()
        await sio.post("40")
        await sio.poll_packets(2)
        packets = [f'42["message",{n}]' for n in range(90)]
        assert (await sio.post(*packets[:30])).text == "ok"
        async with sio.websocket() as ws:
            await ws.send("2probe")
            assert await ws.receive() == "3probe"
            received = [packet for packet in (await sio.poll()).packets if packet != "6"]
            assert (await sio.post(*packets[30:60])).text == "ok"
            await ws.send("5", *packets[60:])
            received += [str(packet) for packet in await ws.receive_many(90 - len(received))]
        assert received == [f'42["message-back",{n}]' for n in range(90)]


# Binary


async def test_binary_event(client: Connect) -> None:
    """Two attachments echoed in order (suite: "should send a packet with binary attachments")."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send(f'452-["message",{json.dumps(PLACEHOLDERS[0])},{json.dumps(PLACEHOLDERS[1])}]', b"\1\2\3", b"")
        packets = await ws.receive_many(3)
        assert parse(packets[0], "452-") == ["message-back", *PLACEHOLDERS]
        assert packets[1:] == [b"\1\2\3", b""]


async def test_binary_event_with_an_ack(client: Connect) -> None:
    """Suite: "should send a plain-text packet with binary attachments and an ack"."""
    async with client("socket.io") as sio, joined(sio, "/custom,") as ws:
        await ws.send(f'452-/custom,789["message-with-ack",{json.dumps({"a": PLACEHOLDERS})}]', b"\1\2\3", b"\4")
        packets = await ws.receive_many(3)
        assert parse(packets[0], "462-/custom,789") == [{"a": PLACEHOLDERS}]
        assert packets[1:] == [b"\1\2\3", b"\4"]


async def test_binary_event_by_polling(client: Connect) -> None:
    """Attachments are packets of their own in a payload, and may come in the next one."""
    async with client("patient") as sio:
        await sio.handshake()
        await sio.post("40")
        await sio.poll_packets(2)
        assert (await sio.post(f'452-["message",{json.dumps(PLACEHOLDERS)}]', "bAQID")).text == "ok"
        assert (await sio.post("bBA==")).text == "ok"
        packets = await sio.poll_packets(3)
        assert parse(packets[0], "452-") == ["message-back", PLACEHOLDERS]
        assert packets[1:] == ["bAQID", "bBA=="]


async def test_as_many_attachments_as_the_limit(client: Connect) -> None:
    """Attachment count: maximum 10."""
    async with client("socket.io") as sio, joined(sio) as ws:
        placeholders = [{"_placeholder": True, "num": n} for n in range(10)]
        await ws.send(f'4510-["message",{json.dumps(placeholders)}]', *(bytes([n]) for n in range(10)))
        packets = await ws.receive_many(11)
        assert parse(packets[0], "4510-") == ["message-back", placeholders]
        assert packets[1:] == [bytes([n]) for n in range(10)]


async def test_the_same_attachment_twice(client: Connect) -> None:
    """Two placeholders may name one attachment."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send(f'451-["message",{json.dumps(PLACEHOLDERS[0])},{json.dumps(PLACEHOLDERS[0])}]', b"\1")
        packets = await ws.receive_many(3)
        assert parse(packets[0], "452-") == ["message-back", *PLACEHOLDERS]
        assert packets[1:] == [b"\1", b"\1"]


async def test_pings_between_attachments(client: Connect) -> None:
    """Pings interleave freely."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send(f'451-["message",{json.dumps(PLACEHOLDERS[0])}]')
        assert await ws.receive() == PING
        await ws.send(PONG, b"\1")
        packets = await ws.receive_many(2)
        assert packets[1] == b"\1"


# Disconnect


async def test_disconnect_from_the_main_namespace(client: Connect, server: ServerProcess) -> None:
    """No reply; after `41` the connection stays (next frame is the ping `2`)."""
    async with client("socket.io") as sio, sio.websocket_session() as ws:
        await ws.send("40")
        sid = parse(await ws.receive_past_pings(), "40")["sid"]
        assert await ws.receive_past_pings() == '42["auth",{}]'
        await ws.send("41")
        assert await ws.receive() == PING
        assert (await server.hear(type="disconnect", sid=sid))["reason"] == "client disconnect"


async def test_disconnect_from_a_custom_namespace(client: Connect) -> None:
    """Other namespaces live (suite: "should disconnect from a custom namespace")."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send("40/custom,")
        await ws.receive_many(2)
        await ws.send("41/custom,", '42["message","alive"]')
        assert await ws.receive_past_pings() == '42["message-back","alive"]'
        await ws.send("40/custom,")  # and the client may come back
        assert parse(await ws.receive_past_pings(), "40/custom,").keys() == {"sid"}


async def test_disconnect_by_the_server(client: Connect) -> None:
    """DISCONNECT `1[/nsp,]`; the transport stays open."""
    async with client("socket.io") as sio, joined(sio) as ws:
        await ws.send("40/custom,")
        await ws.receive_many(2)
        await ws.send('42/custom,["leave me"]')
        assert await ws.receive_past_pings() == "41/custom,"
        await ws.send('42["message","alive"]')
        assert await ws.receive_past_pings() == '42["message-back","alive"]'


async def test_every_namespace_hears_of_the_end_of_the_connection(client: Connect, server: ServerProcess) -> None:
    async with client("socket.io") as sio:
        async with joined(sio) as ws:
            await ws.send("40/custom,")
            sid = parse((await ws.receive_many(2))[0], "40/custom,")["sid"]
            await ws.close()
        await server.hear(type="disconnect", sid=sid, namespace="/custom")
