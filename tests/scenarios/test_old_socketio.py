"""Socket.IO revisions 3 and 4 over Engine.IO 3: what clients of 1.x and 2.x see of a server, next to one of 4.x."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from old_client import OldClient, packets_of
from protocol_client import ProtocolClient, assert_closed, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import ServerProcess

    Connect = Callable[[], OldClient]

pytestmark = pytest.mark.ways("embedded", "uvicorn", "werkzeug", "gevent")

PLACEHOLDER = '{"_placeholder":true,"num":0}'


@pytest.fixture
def client(server: ServerProcess) -> Callable[[], OldClient]:
    """A function that makes an old client of the server."""
    return lambda: OldClient(server.url, "/old/")


# Connecting


async def test_the_main_namespace_is_joined_with_the_handshake(server: ServerProcess, client: Connect) -> None:
    async with client() as sio:
        answer = await sio.handshake()
        packets = packets_of(answer.text)
        while len(packets) < 3:  # the server may have been slow to call its handler
            packets += packets_of((await sio.poll()).text)
        assert packets[1:] == ["40", '42["auth",{}]']
        # What the handler knows the client by is what the client computes itself.
        server.reports.take(type="connect", path="old", namespace="/", sid=sio.sid)


async def test_a_handshake_does_not_wait_for_a_slow_handler(server: ServerProcess, client: Connect) -> None:
    async with client() as sio, client() as other:
        answer = await sio.handshake(gate="shut")
        assert len(packets_of(answer.text)) == 1
        server.reports.take(type="connect", path="old", sid=sio.sid)
        async with other.joined() as ws:
            await ws.send('42["open the gate"]')
            assert await sio.poll_packets(2) == ["40", '42["auth",{}]']


async def test_the_handshake_of_a_websocket(server: ServerProcess, client: Connect) -> None:
    async with client() as sio, sio.joined() as ws:
        server.reports.take(type="connect", path="old", namespace="/", sid=sio.sid)
        await ws.send('42["environ","QUERY_STRING"]', '420["environ","QUERY_STRING"]')
        assert await ws.receive() == '430["EIO=3&transport=websocket"]'


async def test_it_has_to_be_allowed(server: ServerProcess) -> None:
    async with OldClient(server.url, "/patient/") as sio:
        assert (await sio.request()).error == (400, 5, "Unsupported protocol version")


@pytest.mark.parametrize("connect", ["40/custom,", "40/custom"])
async def test_another_namespace(server: ServerProcess, client: Connect, connect: str) -> None:
    async with client() as sio, sio.joined() as ws:
        await ws.send(connect)
        assert await ws.receive() == "40/custom,"
        assert await ws.receive() == '42/custom,["auth",{}]'
        server.reports.take(type="connect", path="old", namespace="/custom", sid=f"/custom#{sio.sid}")


async def test_the_query_string_of_a_namespace_is_its_auth(client: Connect) -> None:
    async with client() as sio, sio.joined() as ws:
        await ws.send("40/custom?token=a%26b&empty=,")
        assert await ws.receive() == "40/custom,"
        assert await ws.receive() == '42/custom,["auth",{"token":"a&b","empty":""}]'
        # Some clients go on with it.
        await ws.send('42/custom?token=a%26b,["message",1]')
        assert await ws.receive() == '42/custom,["message-back",1]'
        await ws.send("41/custom?token=a%26b", '42["message",2]')
        assert await ws.receive() == '42["message-back",2]'


async def test_refusals_are_text_or_details(client: Connect) -> None:
    async with client() as sio, sio.joined() as ws:
        for request, answer in [
            ("40/nowhere,", '44/nowhere,"Invalid namespace"'),
            ("40/custom?refuse=false", '44/custom,"Connection rejected by server"'),
            ("40/custom?refuse=data", '44/custom,{"code":7}'),
            ("40/custom", "40/custom,"),
        ]:
            await ws.send(request)
            assert await ws.receive() == answer


async def test_a_namespace_is_joined_once(server: ServerProcess, client: Connect) -> None:
    async with client() as sio, sio.joined() as ws:
        await ws.send("40", "40/custom", "40/custom", '42/custom,["message",1]')
        assert await ws.receive() == "40/custom,"
        assert await ws.receive() == '42/custom,["auth",{}]'
        assert await ws.receive() == '42/custom,["message-back",1]'
        server.reports.take(type="connect", sid=f"/custom#{sio.sid}")
        assert server.reports.take_all(type="connect", sid=f"/custom#{sio.sid}") == []


async def test_leaving_and_coming_back(server: ServerProcess, client: Connect) -> None:
    async with client() as sio, sio.joined() as ws:
        for _ in range(3):
            await ws.send("40/custom,")
            assert await ws.receive() == "40/custom,"
            assert await ws.receive() == '42/custom,["auth",{}]'
            await ws.send("41/custom")
            server.reports.take(type="disconnect", sid=f"/custom#{sio.sid}", reason="client disconnect")
        await ws.send("40/custom,", "41/custom", "40/custom,")
        answers = [await ws.receive() for _ in range(2)]
        assert answers[0] == "40/custom,"
        await ws.send('42["message",1]')
        while await ws.receive() != '42["message-back",1]':
            pass


async def test_the_main_namespace_can_be_left_and_joined_again(server: ServerProcess, client: Connect) -> None:
    async with client() as sio, sio.joined() as ws:
        await ws.send('42["leave me"]')
        assert await ws.receive() == "41"
        server.reports.take(type="disconnect", path="old", sid=sio.sid, reason="server disconnect")
        await ws.send("40")
        assert [await ws.receive(), await ws.receive()] == ["40", '42["auth",{}]']


# Events


@pytest.mark.parametrize("namespace", ["", "/custom,"])
async def test_events_and_acknowledgements(client: Connect, namespace: str) -> None:
    async with client() as sio, sio.joined() as ws:
        if namespace:
            await ws.send(f"40{namespace}")
            assert [await ws.receive(), await ws.receive()] == [f"40{namespace}", f'42{namespace}["auth",{{}}]']
        await ws.send(f'42{namespace}["message",1,"é€😀"]')
        assert await ws.receive() == f'42{namespace}["message-back",1,"é€😀"]'
        await ws.send(f'42{namespace}7["message-with-ack",{{"a":1}}]')
        assert await ws.receive() == f'43{namespace}7[{{"a":1}}]'
        await ws.send(f'42{namespace}["ask me","q"]')
        assert await ws.receive() == f'42{namespace}1["question","q"]'
        await ws.send(f'43{namespace}1["a"]')
        assert await ws.receive() == f'42{namespace}["answered","a"]'


async def test_binary_events_and_acknowledgements(client: Connect) -> None:
    async with client() as sio, sio.joined() as ws:
        await ws.send(f'451-["message",{PLACEHOLDER}]', b"\x04\x01\x02")
        assert await ws.receive() == f'451-["message-back",{PLACEHOLDER}]'
        assert await ws.receive() == b"\x04\x01\x02"
        await ws.send(f'451-7["message-with-ack",{PLACEHOLDER}]', b"\x04\x03")
        assert [await ws.receive(), await ws.receive()] == [f"461-7[{PLACEHOLDER}]", b"\x04\x03"]
        await ws.send('42["ask me"]')
        assert await ws.receive() == '421["question"]'
        await ws.send(f"461-1[{PLACEHOLDER}]", b"\x04\x05")
        assert [await ws.receive(), await ws.receive()] == [f'451-["answered",{PLACEHOLDER}]', b"\x04\x05"]


async def test_acknowledgements_of_revision_3(client: Connect) -> None:
    """Its ACK packets have the number of their attachments, and there is no BINARY_ACK."""
    async with client() as sio, sio.joined() as ws:
        await ws.send('42["ask me"]')
        assert await ws.receive() == '421["question"]'
        await ws.send(f"431-1[{PLACEHOLDER}]", b"\x04\x05")
        assert [await ws.receive(), await ws.receive()] == [f'451-["answered",{PLACEHOLDER}]', b"\x04\x05"]
        # It has proved what it speaks.
        await ws.send('427["message-with-ack",1]', f'451-8["message-with-ack",{PLACEHOLDER}]', b"\x04\x06")
        assert [await ws.receive() for _ in range(3)] == ["430-7[1]", f"431-8[{PLACEHOLDER}]", b"\x04\x06"]


async def test_binary_events_over_polling_as_text(client: Connect) -> None:
    async with client() as sio:
        answer = await sio.handshake(b64="1")
        packets = packets_of(answer.text)
        packets += await sio.poll_packets(3 - len(packets)) if len(packets) < 3 else []
        await sio.post('42["message","{}"]'.format("é".encode().decode("latin-1")))  # as 1.x sends it
        # What JSON can escape is escaped: clients of 1.x and 2.x decode text in different ways.
        assert await sio.poll_packets(1) == ['42["message-back","\\u00e9"]']
        await sio.post(f'451-["message",{PLACEHOLDER},"é"]', "b4AQI=")
        assert await sio.poll_packets(2) == [f'451-["message-back",{PLACEHOLDER},"\\u00e9"]', "b4AQI="]


async def test_a_broadcast_to_clients_of_all_kinds(server: ServerProcess, client: Connect) -> None:
    async with (
        client() as old,
        client() as text,
        client() as polling,
        ProtocolClient(server.url, "/old/") as new,
        old.joined() as old_ws,
        joined(new) as new_ws,
        text.websocket_session(b64="1") as text_ws,
    ):
        assert [await text_ws.receive(), await text_ws.receive()] == ["40", '42["auth",{}]']
        greeting = packets_of((await polling.handshake()).text)
        while len(greeting) < 3:
            greeting += packets_of((await polling.poll()).text)
        await old_ws.send(f'451-["tell all",{PLACEHOLDER},"é"]', b"\x04\x01\x02")
        told = f'451-["told",{PLACEHOLDER},"é"]'
        assert [await old_ws.receive(), await old_ws.receive()] == [told, b"\x04\x01\x02"]
        assert await new_ws.receive_many(2) == [told, b"\x01\x02"]
        assert [await text_ws.receive(), await text_ws.receive()] == [told, "b4AQI="]
        digits = bytes(map(int, str(len(told.encode()))))
        body = b"\x00" + digits + b"\xff" + told.encode() + b"\x01\x03\xff\x04\x01\x02"
        assert (await polling.poll()).body == body


# Violations


@pytest.mark.parametrize(
    "packets",
    [
        ['42/custom,["message"]'],
        ['44"no"'],
        ["42{}"],
        ["49"],
        ['452-["message"]', '42["message"]'],
        ['4511-["message"]'],
        [b"\x04\x01"],
        ["439999999999999999999999-1[1]"],
    ],
)
async def test_violations(client: Connect, packets: list[str | bytes]) -> None:
    async with client() as neighbour, neighbour.joined() as beside, client() as sio:
        async with sio.joined() as ws:
            await ws.send(*packets)
            assert await ws.wait_closed() == 1002
        await assert_closed(sio)
        await beside.send('42["message",1]')
        assert await beside.receive() == '42["message-back",1]'
