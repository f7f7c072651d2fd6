"""Long-polling: a GET that waits for packets and a POST whose body has to arrive, each in the thread of its request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..admission import TOO_LARGE, UNKNOWN_SID, Refusal
from ..exceptions import ProtocolError
from ..polling_link import PollingLink
from ..protocol import Socket, State
from ..request import Request, Response

__all__ = ["poll", "post"]

ReadBody = Callable[[int], bytes | None]
"""Returns the body, or `None` if it is longer than so many bytes; raises `OSError` if the client has gone."""


def poll(server: Any, socket: Socket) -> Response:
    """Answers a GET: with what is in the outbox, or with the first thing that comes."""
    with server.core:
        link = socket.link
        if not isinstance(link, PollingLink) or not link.begin_poll():
            return Refusal(400, 3, "Bad request").response()
        wake = None
        if not link.ready():
            wake = server.kind.make_event()
            link.wake = wake.set
    # A client that has gone is not noticed here, but when its answer is written, at the latest after a ping.
    if wake is not None:
        try:
            wake.wait()
        finally:
            link.wake = None
    with server.core:
        response: Response = server.payload(socket, link.take())
    return response


def post(server: Any, socket: Socket, request: Request, read_body: ReadBody) -> Response:
    """Answers a POST when its last packet was taken."""
    with server.core:
        link = socket.link
        if not isinstance(link, PollingLink) or not link.begin_post():
            return Refusal(400, 3, "Bad request").response()
    try:
        body = read_body(server.max_http_buffer_size)
        if body is None:
            with server.core:
                socket.fail()
            return TOO_LARGE.response().with_header("Connection", "close")
        for kind, data, binary in socket.revision.decode_payload(body, request.header(b"content-type") or ""):
            if not _is_ready(server, socket, link):
                break
            with server.core:
                socket.receive_packet(kind, data, binary)
    except OSError:
        with server.core:
            socket.lost()
        return UNKNOWN_SID.response()
    except ProtocolError as exc:
        server.logger.info("%s: %s", socket.sid, exc)
        with server.core:
            socket.fail()
        return Refusal(400, 3, "Bad request").response()
    finally:
        with server.core:
            link.posting = False
            link.proceed = None
    return Response(200, [("Content-Type", "text/html")], b"ok")


def _is_ready(server: Any, socket: Socket, link: PollingLink) -> bool:
    """Waits while the socket is halted; returns whether it still takes packets."""
    while True:
        with server.core:
            if not (socket.halted and socket.state is State.OPEN and socket.link is link):
                return socket.state is State.OPEN
            proceed = server.kind.make_event()
            link.proceed = proceed.set
        proceed.wait()
