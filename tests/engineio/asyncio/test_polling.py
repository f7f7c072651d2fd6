"""GETs that wait, POSTs whose body has to come, and what is taken of it while handlers run."""

from __future__ import annotations

import asyncio

import pytest

from engineio import AsyncServer

from ..asgi_calls import (
    Client,
    HttpCall,
    http_scope,
    run,
    turn,
)


@run
async def test_a_poll_waits_and_is_answered_in_one_piece() -> None:
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    poll = client.begin_poll()
    await turn()
    assert not poll.task.done()
    await server.send(client.sid, "a")
    await server.send(client.sid, "b")
    assert (await poll.answer()).text == "4a\x1e4b"


@run
async def test_two_polls_at_a_time() -> None:
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    first = client.begin_poll()
    await turn()
    second = await client.poll()
    assert second.status == 400
    answer = await first.answer()
    assert (answer.status, answer.text) == (200, "1")
    assert (await client.poll()).json()["code"] == 1


@run
async def test_two_posts_at_a_time() -> None:
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    scope = http_scope(query=client.query, method="POST")
    first = HttpCall(server.handle_request, scope, [b"4a"], complete=False)
    await turn()
    assert (await client.post(b"4b")).status == 400
    first.incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    assert (await first.answer()).status == 400
    assert server.sockets == {}


@run
async def test_a_poll_that_the_client_gives_up() -> None:
    # Suite, "closes the session upon cancelled polling request".
    server = AsyncServer()
    heard: list[str] = []
    server.on("disconnect", lambda sid, reason: heard.append(reason))
    client = Client(server)
    await client.connect()
    poll = client.begin_poll()
    await turn()
    poll.disconnect()
    await poll.task
    assert (await client.poll()).status == 400
    await turn()
    assert heard == ["transport close"]


@run
async def test_a_poll_whose_task_is_cancelled() -> None:
    server = AsyncServer()
    client = Client(server)
    await client.connect()
    poll = client.begin_poll()
    await turn()
    poll.task.cancel()
    await asyncio.wait([poll.task])
    assert poll.task.cancelled()
    assert server.sockets == {}


@pytest.mark.parametrize("body", [b"", b"abc", b"4\xff", b"4a\x1e", b"2", b"5", b"0", b"b***"])
def test_a_post_that_breaks_the_protocol(body: bytes) -> None:
    # Suite, "closes the session upon invalid packet format".
    async def main() -> None:
        server = AsyncServer()
        heard: list[str] = []
        server.on("disconnect", lambda sid, reason: heard.append(reason))
        client = Client(server)
        await client.connect()
        answer = await client.post(body)
        assert (answer.status, answer.json()["code"]) == (400, 3)
        assert (await client.poll()).status == 400
        await turn()
        assert heard == ["transport error"]

    asyncio.run(main())


@pytest.mark.parametrize("announced", [True, False])
def test_a_post_that_is_too_long(announced: bool) -> None:
    async def main() -> None:
        server = AsyncServer(max_http_buffer_size=10)
        client = Client(server)
        await client.connect()
        assert (await client.post(b"4" * 10)).status == 200
        headers = {"headers": [(b"content-length", b"11")]} if announced else {}
        answer = await client.post(b"4" * 6, b"4" * 5, **headers)
        assert answer.status == 413
        assert server.sockets == {}

    asyncio.run(main())


@run
async def test_a_post_in_chunks() -> None:
    server = AsyncServer()
    heard: list[str] = []
    server.on("message", lambda sid, data: heard.append(data))
    client = Client(server)
    await client.connect()
    body = "4aé\x1e4b".encode()
    assert (await client.post(*[body[index : index + 1] for index in range(len(body))])).text == "ok"
    await turn()
    assert heard == ["aé", "b"]


@run
async def test_a_post_whose_body_does_not_come() -> None:
    server = AsyncServer(body_timeout=0.01)
    client = Client(server)
    await client.connect()
    call = HttpCall(server.handle_request, http_scope(query=client.query, method="POST"), [b"4a"], complete=False)
    answer = await call.answer()
    assert answer.status == 408
    assert answer.header(b"connection") == [b"close"]
    assert server.sockets == {}


@run
async def test_a_connection_that_ends_while_the_body_of_a_post_is_on_its_way() -> None:
    server = AsyncServer(body_timeout=1000)
    client = Client(server)
    await client.connect()
    call = HttpCall(server.handle_request, http_scope(query=client.query, method="POST"), [b"4a"], complete=False)
    await turn()
    await server.disconnect(client.sid)
    assert (await call.answer()).json()["code"] == 1
    assert (await client.poll()).text == "1"


@run
async def test_a_post_whose_client_goes_away() -> None:
    server = AsyncServer()
    heard: list[str] = []
    server.on("disconnect", lambda sid, reason: heard.append(reason))
    server.on("message", lambda sid, data: heard.append(data))
    client = Client(server)
    await client.connect()
    call = HttpCall(server.handle_request, http_scope(query=client.query, method="POST"), [b"4a"], complete=False)
    call.disconnect()
    await call.task
    await turn()
    assert heard == ["transport close"]


# Handlers


@run
async def test_handlers_one_after_the_other() -> None:
    server = AsyncServer(async_handlers=False)
    heard: list[str] = []

    @server.on("message")
    async def message(sid: str, data: str) -> None:
        heard.append(f"begin {data}")
        await asyncio.sleep(0)
        heard.append(f"end {data}")

    client = Client(server)
    await client.connect()
    assert (await client.post(b"4a\x1e4b\x1e4c")).text == "ok"
    await turn()
    assert heard == ["begin a", "end a", "begin b", "end b", "begin c", "end c"]


@run
async def test_the_number_of_handlers_under_way_is_limited() -> None:
    server = AsyncServer(max_in_flight=4)
    go_on = asyncio.Semaphore(0)
    begun = 0

    @server.on("message")
    async def message(sid: str, data: str) -> None:
        nonlocal begun
        begun += 1
        await go_on.acquire()

    client = Client(server)
    await client.connect()
    call = asyncio.ensure_future(client.post(b"\x1e".join([b"4"] * 10)))
    for under_way in (4, 4, 6, 6, 8, 8, 10):
        await turn()
        assert begun == under_way
        go_on.release()
    assert (await call).text == "ok"
    for _ in range(3):
        go_on.release()


@run
async def test_a_connection_that_ends_while_its_post_is_halted() -> None:
    server = AsyncServer(async_handlers=False)
    go_on = asyncio.Event()
    heard: list[str] = []

    @server.on("message")
    async def message(sid: str, data: str) -> None:
        heard.append(data)
        await go_on.wait()

    client = Client(server)
    await client.connect()
    call = asyncio.ensure_future(client.post(b"4a\x1e4b"))
    await turn()
    assert not call.done()
    await server.disconnect(client.sid)
    await call
    go_on.set()
    await turn()
    assert heard == ["a"]
