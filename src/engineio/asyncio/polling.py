"""Long-polling: a GET that waits for packets and a POST whose body has to arrive."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from ..admission import TOO_LARGE, UNKNOWN_SID, Refusal
from ..base_server import BaseServer
from ..exceptions import ProtocolError
from ..polling_link import PATIENCE, PollingLink
from ..protocol import Socket, State
from ..request import Request, Response

__all__ = ["Exchange", "decide", "poll", "post"]


class Exchange(Protocol):
    """One HTTP request, as a binding offers it."""

    source: Any
    """What is kept of the request; its method `build_environ` makes the WSGI-style dictionary of it."""

    async def read_body(self, limit: int) -> bytes | None:
        """Returns the body, or `None` as soon as it is known to be longer than `limit` bytes."""

    async def wait_closed(self) -> None:
        """Returns when the client has gone."""


async def poll(server: BaseServer, socket: Socket, request: Request, exchange: Exchange) -> Response:
    """Answers a GET: with what is in the outbox, or with the first thing that comes."""
    link = socket.link
    assert isinstance(link, PollingLink)
    if not link.begin_poll():
        return Refusal(400, 3, "Bad request").response()
    if not link.ready():
        wake = asyncio.Event()
        link.wake = wake.set
        gone = asyncio.ensure_future(exchange.wait_closed())
        gone.add_done_callback(lambda _: wake.set())
        try:
            await wake.wait()
        except asyncio.CancelledError:
            socket.lost()
            raise
        finally:
            gone.cancel()
            link.wake = None
        if gone.done() and not gone.cancelled() and not link.ready():
            # Engine.IO v4 suite: "closes the session upon cancelled polling request".
            socket.lost()
    return server.payload(request, socket, link.take())


async def decide(socket: Any) -> None:
    """Waits a little for what is to go out with the answer to a handshake of Engine.IO 3."""
    decided = asyncio.Event()
    socket.on_decided = decided.set
    try:
        async with asyncio.timeout(PATIENCE):
            await decided.wait()
    except TimeoutError:  # it goes out with the next answer
        pass
    except asyncio.CancelledError:
        socket.lost()
        raise


async def post(server: BaseServer, socket: Socket, request: Request, exchange: Exchange) -> Response:
    """Answers a POST when the socket has taken all of its packets."""
    link = socket.link
    assert isinstance(link, PollingLink)
    if not link.begin_post():
        return Refusal(400, 3, "Bad request").response()
    try:
        async with asyncio.timeout(server.body_timeout) as limit:

            def stop() -> None:
                if socket.state is not State.OPEN and not limit.expired():
                    limit.reschedule(0)

            link.proceed = stop
            try:
                body = await exchange.read_body(server.max_http_buffer_size)
            finally:
                link.proceed = None
        if body is None:
            socket.fail()
            return TOO_LARGE.response().with_header("Connection", "close")
        if socket.state is not State.OPEN:
            return UNKNOWN_SID.response()
        for kind, data, binary in server.packets(request, socket, body):
            if not await _is_ready(socket, link):
                break
            socket.receive_packet(kind, data, binary)
    except TimeoutError:
        if socket.state is not State.OPEN:  # closed while the body was on its way
            return UNKNOWN_SID.response().with_header("Connection", "close")
        socket.fail()
        return Refusal(408, 3, "Request timeout").response().with_header("Connection", "close")
    except ConnectionError:  # the client has gone before it was done
        socket.lost()
        return UNKNOWN_SID.response()
    except asyncio.CancelledError:  # which is how some frameworks say the same
        socket.lost()
        raise
    except ProtocolError as exc:
        server.logger.info("%s: %s", socket.sid, exc)
        socket.fail()
        return Refusal(400, 3, "Bad request").response()
    finally:
        link.posting = False
        link.proceed = None
    return Response(200, [("Content-Type", "text/html")], b"ok")


async def _is_ready(socket: Socket, link: PollingLink) -> bool:
    """Waits while the socket is halted; returns whether it still takes packets."""
    while socket.halted and socket.state is State.OPEN and socket.link is link:
        proceed = asyncio.Event()
        link.proceed = proceed.set
        await proceed.wait()
    return socket.state is State.OPEN
