"""A WebSocket whose frames the ASGI server keeps to itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from engineio import AsyncServer

from ..asgi_calls import WebSocketCall, get, turn, websocket_scope

QUERY = "EIO=4&transport=websocket"


class Case:
    """A server whose handlers write down what they hear, and a WebSocket to it."""

    def __init__(self, **options: Any) -> None:
        self.server = AsyncServer(**options)
        self.heard: list[Any] = []
        self.server.on("connect", lambda sid, environ: self.heard.append("connect"))
        self.server.on("message", self.message)
        self.server.on("disconnect", lambda sid, reason: self.heard.append(reason))
        self.sid = ""

    def message(self, sid: str, data: Any) -> None:
        self.heard.append(data)

    async def begin(self) -> WebSocketCall:
        call = WebSocketCall(self.server.handle_request, websocket_scope(query=QUERY))
        await turn()
        accept, handshake = call.take()
        assert accept == "websocket.accept"
        assert handshake.startswith('0{"sid":"')
        [self.sid] = self.server.sockets
        return call


def case(**options: Any) -> Callable[[Callable[[Case, WebSocketCall], Awaitable[None]]], Callable[[], None]]:
    """Has a test run inside a loop, with an open WebSocket."""

    def decorate(test: Callable[[Case, WebSocketCall], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        def run() -> None:
            async def main() -> None:
                case = Case(**options)
                await test(case, await case.begin())

            asyncio.run(main())

        run.__name__ = test.__name__
        return run

    return decorate  # type: ignore[return-value]


@case()
async def test_messages_in_and_out(case: Case, call: WebSocketCall) -> None:
    call.text("4hello", "4€")
    call.binary(b"\x04\x00")
    call.binary(b"")
    await turn()
    assert case.heard == ["connect", "hello", "€", b"\x04\x00", b""]
    await case.server.send(case.sid, "a")
    await case.server.send(case.sid, b"\x00b")
    await case.server.send(case.sid, {"c": 1})
    await turn()
    assert call.take() == ["4a", b"\x00b", '4{"c":1}']


@case()
async def test_the_client_goes_away(case: Case, call: WebSocketCall) -> None:
    await case.server.send(case.sid, "sent")
    await turn()
    assert call.take() == ["4sent"]
    call.disconnect()
    await call.task
    await turn()
    assert case.heard == ["connect", "transport close"]
    assert case.server.sockets == {}
    assert len(case.server.deadlines) == 0
    assert call.take() == [], "nothing is sent to a client that has gone"
    await case.server.send(case.sid, "late")
    await turn()
    assert call.take() == []


@case()
async def test_the_client_closes(case: Case, call: WebSocketCall) -> None:
    call.text("1", "4late")
    await turn()
    assert case.heard == ["connect", "client disconnect"]
    assert call.close_code == 1000
    call.disconnect(1000)
    await call.task


@case()
async def test_the_server_closes(case: Case, call: WebSocketCall) -> None:
    await case.server.send(case.sid, "last")
    await case.server.disconnect(case.sid)
    call.text("4late")
    await turn()
    assert call.take() == ["4last", "websocket.close"]
    assert call.close_code == 1000
    assert case.heard == ["connect", "server disconnect"]
    call.disconnect(1000)
    await call.task


@case()
async def test_a_handler_that_sends_and_closes(case: Case, call: WebSocketCall) -> None:
    async def message(sid: str, data: str) -> None:
        await case.server.send(sid, "last")
        await case.server.disconnect(sid)

    case.server.on("message", message)
    call.text("4bye")
    await turn()
    # The harness fails when anything comes after the close.
    assert call.take() == ["4last", "websocket.close"]


@case(max_http_buffer_size=10)
async def test_a_message_that_is_too_long(case: Case, call: WebSocketCall) -> None:
    call.text("4" + "x" * 9)
    call.text("4" + "x" * 10)
    await turn()
    assert case.heard == ["connect", "x" * 9, "transport error"]
    assert call.close_code == 1009


@case(max_http_buffer_size=10)
async def test_the_length_is_that_of_the_bytes(case: Case, call: WebSocketCall) -> None:
    call.text("4€€€€")
    await turn()
    assert call.close_code == 1009


@case()
async def test_a_packet_that_does_not_exist(case: Case, call: WebSocketCall) -> None:
    call.text("x", "4late")
    await turn()
    assert case.heard == ["connect", "transport error"]
    assert call.close_code == 1002


@case()
async def test_an_asgi_server_that_refuses_a_close_code(case: Case, call: WebSocketCall) -> None:
    call.private_codes = True
    call.text("x")
    await turn()
    assert case.heard == ["connect", "transport error"]
    assert call.close_code == 4002


@case(async_handlers=False)
async def test_reading_stops_while_a_handler_runs(case: Case, call: WebSocketCall) -> None:
    go_on = asyncio.Semaphore(0)

    async def message(sid: str, data: str) -> None:
        case.heard.append(f"begin {data}")
        await go_on.acquire()
        case.heard.append(f"end {data}")

    case.server.on("message", message)
    call.text("4a", "4b")
    await turn()
    assert case.heard == ["connect", "begin a"]
    assert call.incoming.qsize() == 1, "the ASGI server keeps it"
    go_on.release()
    await turn()
    assert case.heard == ["connect", "begin a", "end a", "begin b"]
    await case.server.disconnect(case.sid)
    call.disconnect(1000)
    await call.task
    go_on.release()


@case(async_handlers=False)
async def test_the_client_is_found_gone_while_reading_is_stopped(case: Case, call: WebSocketCall) -> None:
    never = asyncio.Event()

    async def message(sid: str, data: str) -> None:
        await never.wait()

    case.server.on("message", message)
    call.text("4a")
    await turn()
    call.error = OSError("gone")
    await case.server.send(case.sid, "to nobody")
    await turn()
    call.disconnect()
    await call.task
    never.set()
    await turn()
    assert case.heard == ["connect", "transport close"]


@case()
async def test_a_client_that_reads_slowly(case: Case, call: WebSocketCall) -> None:
    call.gate = asyncio.Event()
    for text in "abc":
        await case.server.send(case.sid, text)
        await turn()
    assert call.take() == []
    call.gate.set()
    await turn()
    assert call.take() == ["4a", "4b", "4c"]


@case(max_send_queue=100_000)
async def test_a_client_that_does_not_read(case: Case, call: WebSocketCall) -> None:
    call.gate = asyncio.Event()
    await case.server.send(case.sid, "first")
    await turn()
    await case.server.send(case.sid, "x" * 100_000)
    await turn()
    assert case.heard == ["connect", "transport error"]
    call.gate.set()
    await turn()
    assert call.take() == ["4first", "websocket.close"]
    assert call.close_code == 1013


@case()
async def test_the_end_of_the_server(case: Case, call: WebSocketCall) -> None:
    await case.server.close()
    assert call.close_code == 1012
    assert case.heard == ["connect", "server disconnect"]


def test_an_upgrade() -> None:
    async def main() -> None:
        case = Case()
        app = case.server.handle_request
        handshake = await get(app, query="EIO=4&transport=polling")
        [case.sid] = case.server.sockets
        assert handshake.text.startswith('0{"sid":"')
        call = WebSocketCall(app, websocket_scope(query=f"{QUERY}&sid={case.sid}"))
        await turn()
        assert call.take() == ["websocket.accept"]
        call.text("2probe")
        await turn()
        assert call.take() == ["3probe"]
        assert (await get(app, query=f"EIO=4&transport=polling&sid={case.sid}")).text == "6"
        await case.server.send(case.sid, "waits")
        call.text("5")
        await turn()
        assert call.take() == ["4waits"]
        assert case.server.transport(case.sid) == "websocket"
        assert (await get(app, query=f"EIO=4&transport=polling&sid={case.sid}")).status == 400
        # Suite, "ignores WebSocket connection with same sid after upgrade".
        second = WebSocketCall(app, websocket_scope(query=f"{QUERY}&sid={case.sid}"))
        await turn()
        assert second.take() == ["websocket.accept", "websocket.close"]
        second.disconnect()
        await second.task
        call.text("4in")
        await turn()
        assert case.heard == ["connect", "in"]
        call.disconnect()
        await call.task

    asyncio.run(main())


@pytest.mark.parametrize("first", ["5", "4hello", "2other"])
def test_an_upgrade_that_fails(first: str) -> None:
    async def main() -> None:
        case = Case()
        app = case.server.handle_request
        await get(app, query="EIO=4&transport=polling")
        [case.sid] = case.server.sockets
        call = WebSocketCall(app, websocket_scope(query=f"{QUERY}&sid={case.sid}"))
        call.text(first, "2probe", "5")
        await turn()
        assert call.take() == ["websocket.accept", "websocket.close"]
        assert case.server.transport(case.sid) == "polling"
        await case.server.send(case.sid, "still here")
        assert (await get(app, query=f"EIO=4&transport=polling&sid={case.sid}")).text == "4still here"
        call.disconnect()
        await call.task
        assert case.heard == ["connect"]

    asyncio.run(main())


def test_the_client_goes_before_it_is_accepted() -> None:
    async def main() -> None:
        case = Case()
        call = WebSocketCall(case.server.handle_request, websocket_scope(query=QUERY))
        call.error = OSError("gone")
        with pytest.raises(OSError, match="gone"):
            await call.task
        assert case.server.sockets == {}
        assert case.heard == ["connect", "transport close"]

    asyncio.run(main())


def test_the_program_closes_before_the_client_is_accepted() -> None:
    async def main() -> None:
        case = Case()
        call = WebSocketCall(case.server.handle_request, websocket_scope(query=QUERY))
        call.gate = asyncio.Event()
        await turn()
        await case.server.disconnect()
        call.gate.set()
        await turn()
        assert call.take() == ["websocket.accept", "websocket.close"]
        assert case.server.sockets == {}
        assert case.heard == ["connect", "server disconnect"]
        call.disconnect()
        await call.task

    asyncio.run(main())


@case(send_stall_timeout=0.01)
async def test_a_client_that_takes_nothing(case: Case, call: WebSocketCall) -> None:
    call.gate = asyncio.Event()
    await case.server.send(case.sid, "first")
    await call.task
    assert case.heard == ["connect", "transport error"]
    assert case.server.sockets == {}
    call.gate.set()
    await case.server.runner.idle()
