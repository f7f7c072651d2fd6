"""The end of connections and of `AsyncServer`, deadlines, other loops, and the helpers that programs use."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from engineio import AsyncServer

from ..asgi_calls import (
    QUERY,
    Client,
    WebSocketCall,
    get,
    run,
    turn,
    websocket_scope,
)


@run
async def test_disconnect() -> None:
    server = AsyncServer()
    heard: list[Any] = []
    server.on("disconnect", lambda sid, reason: heard.append(reason))
    clients = [Client(server) for _ in range(3)]
    for client in clients:
        await client.connect()
    await server.send(clients[0].sid, "last")
    await server.disconnect(clients[0].sid)
    await server.send(clients[0].sid, "too late")
    assert (await clients[0].poll()).text == "4last\x1e1"
    assert (await clients[0].poll()).json()["code"] == 1
    await server.disconnect()
    for client in clients[1:]:
        assert (await client.poll()).text == "1"
    await turn()
    assert heard == ["server disconnect"] * 3
    assert server.sockets == {}
    assert len(server.deadlines) == 0


@run
async def test_close_waits_for_the_disconnect_handlers() -> None:
    server = AsyncServer()
    heard: list[str] = []

    @server.on("disconnect")
    async def disconnect(sid: str, reason: str) -> None:
        await asyncio.sleep(0)
        heard.append(reason)

    client = Client(server)
    await client.connect()
    poll = client.begin_poll()
    await turn()
    await server.close()
    assert heard == ["server disconnect"]
    assert (await poll.answer()).text == "1"


def test_close_gives_up_handlers_that_hang(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        server = AsyncServer(logger=logging.getLogger("test"))

        @server.on("disconnect")
        async def disconnect(sid: str, reason: str) -> None:
            await asyncio.Event().wait()

        await Client(server).connect()
        await server.close(timeout=0)
        await server.runner.idle()

    asyncio.run(main())
    assert "handlers are still running" in caplog.text


@run
async def test_the_server_closes_while_a_connect_handler_runs() -> None:
    server = AsyncServer()
    go_on = asyncio.Event()

    @server.on("connect")
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        await go_on.wait()

    call = asyncio.ensure_future(Client(server).connect())
    await turn()
    server.begin_close()
    go_on.set()
    assert (await call).status == 401
    assert server.sockets == {}


@run
async def test_a_ping_timeout_needs_no_request() -> None:
    server = AsyncServer(ping_interval=0.02, ping_timeout=0.02)
    gone = asyncio.Event()
    heard: list[str] = []

    @server.on("disconnect")
    async def disconnect(sid: str, reason: str) -> None:
        heard.append(reason)
        gone.set()

    client = Client(server)
    await client.connect()
    assert (await client.poll()).text == "2"
    await gone.wait()
    assert heard == ["ping timeout"]
    assert (await client.poll()).status == 400


def test_a_server_outlives_its_loop() -> None:
    server = AsyncServer()
    heard: list[str] = []

    async def message(sid: str, data: str) -> None:
        await asyncio.sleep(0)
        heard.append(data)

    server.on("message", message)

    async def main() -> None:
        client = Client(server)
        await client.connect()
        await client.post(b"4a")
        await turn()
        await server.disconnect()
        await client.poll()

    for _ in range(3):
        asyncio.run(main())
    assert heard == ["a"] * 3


# Other loops, and the names that programs use


@run
async def test_calls_from_another_thread() -> None:
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    poll = client.begin_poll()
    await turn()

    def elsewhere() -> None:
        async def main() -> None:
            await server.send(client.sid, "from another thread")
            await server.disconnect(client.sid)

        asyncio.run(main())

    await asyncio.to_thread(elsewhere)
    assert (await poll.answer()).text in ("4from another thread", "4from another thread\x1e1")
    assert server.thread == threading.get_ident()


@run
async def test_helpers() -> None:
    server = AsyncServer(async_mode="asgi")
    assert server.is_asyncio_based()
    assert server.async_modes() == ["aiohttp", "sanic", "tornado", "asgi"]
    assert server.async_mode == "asgi"

    async def task(first: int, second: int = 0) -> int:
        await server.sleep()
        return first + second

    assert await server.start_background_task(task, 1, second=2) == 3
    queue = server.create_queue(1)
    with pytest.raises(server.get_queue_empty_exception()):
        queue.get_nowait()
    event = server.create_event()
    event.set()
    await event.wait()
    await server.shutdown()


@run
async def test_a_deadline_does_not_run_in_the_context_of_the_client_that_has_set_the_timer() -> None:
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")
    server = AsyncServer(ping_interval=0.02, ping_timeout=0.02)
    heard: asyncio.Queue[str] = asyncio.Queue()
    server.on("disconnect", lambda sid, reason: heard.put_nowait(whose.get()))
    whose.set("the client's")
    await Client(server).connect()
    assert await asyncio.wait_for(heard.get(), 15) == "nobody's"


@run
async def test_stopping() -> None:
    """What a signal begins: no new clients, and those of HTTP are not to stay."""
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    server.stopping = True
    await server.close()
    answer = await client.poll()
    assert answer.text == "1"
    assert answer.header(b"connection") == [b"close"]
    answer = await get(server.handle_request, query=QUERY)
    assert (answer.status, answer.json()) == (503, {"code": 3, "message": "Service unavailable"})
    call = WebSocketCall(server.handle_request, websocket_scope(query="EIO=4&transport=websocket"))
    await call.task
    assert call.take() == ["websocket.close"]


def test_signals_are_left_alone() -> None:
    """By a server that is not asked to watch them, and where there are none: on another thread than the main one."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    async def serve(server: AsyncServer) -> None:
        await Client(server).connect()

    asyncio.run(serve(AsyncServer()))
    thread = threading.Thread(target=asyncio.run, args=[serve(AsyncServer(close_on_signals=True))])
    thread.start()
    thread.join()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
