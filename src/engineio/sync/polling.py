"""Long-polling: a GET that waits for packets and a POST whose body has to arrive, each in the thread of its request."""

from __future__ import annotations

from typing import Any, Protocol

from ..admission import TOO_LARGE, UNKNOWN_SID, Refusal
from ..deadlines import Deadline
from ..exceptions import ProtocolError
from ..polling_link import PATIENCE, PollingLink
from ..protocol import Socket, State
from ..request import Request, Response

__all__ = ["Exchange", "decide", "poll", "post"]

LOOK = 2.0
"""How often a GET that waits looks whether its client is still there, in seconds."""


class Exchange(Protocol):
    """One HTTP request, as a binding offers it."""

    def read_body(self, limit: int) -> bytes | None:
        """Returns the body, or `None` as soon as it is known to be longer than `limit` bytes.

        Raises:
            OSError: if the body ends too early, because of the client or of `stop_reading()`.
        """

    def stop_reading(self) -> None:
        """Has whoever waits for more of the body find its end, in any thread, and the server read no other request."""

    def has_gone(self) -> bool:
        """Returns whether the client is known to have gone."""


def poll(server: Any, socket: Socket, request: Request, exchange: Exchange) -> Response:
    """Answers a GET: with what is in the outbox, or with the first thing that comes."""
    with server.core:
        link = socket.link
        if not isinstance(link, PollingLink) or not link.begin_poll():
            return Refusal(400, 3, "Bad request").response()
        wake = released = None
        if not link.ready():
            wake = server.kind.make_event()
            link.wake = released = wake.set
    gone = False
    if wake is not None:
        try:
            while not gone and not wake.wait(LOOK):
                gone = exchange.has_gone()
        finally:
            with server.core:
                if link.wake is released:  # and not that of the next one: this one may have been answered long ago
                    link.wake = None
    with server.core:
        if gone and not link.ready():
            # Engine.IO v4 suite: "closes the session upon cancelled polling request".
            socket.lost()
        response: Response = server.payload(request, socket, link.take())
    return response


def decide(server: Any, socket: Any) -> None:
    """Waits a little for what is to go out with the answer to a handshake of Engine.IO 3."""
    decided = server.kind.make_event()
    with server.core:
        if not socket.undecided:
            return
        socket.on_decided = decided.set
    decided.wait(PATIENCE)


def post(server: Any, socket: Socket, request: Request, exchange: Exchange) -> Response:
    """Answers a POST when its last packet was taken."""
    late = False

    def stop() -> None:
        nonlocal late
        late = True
        exchange.stop_reading()

    deadline = Deadline(stop)
    with server.core:
        link = socket.link
        if not isinstance(link, PollingLink) or not link.begin_post():
            return Refusal(400, 3, "Bad request").response()
        server.schedule(deadline, server.body_timeout)
        link.proceed = exchange.stop_reading
    try:
        try:
            body = exchange.read_body(server.max_http_buffer_size)
        finally:
            with server.core:
                server.unschedule(deadline)
                link.proceed = None
        if body is None:
            with server.core:
                socket.fail()
            return _end(exchange, TOO_LARGE)
        if socket.state is not State.OPEN:
            return UNKNOWN_SID.response()
        for kind, data, binary in server.packets(request, socket, body):
            if not _is_ready(server, socket, link):
                break
            with server.core:
                socket.receive_packet(kind, data, binary)
    except OSError:
        with server.core:
            if late:
                socket.fail()
            else:
                socket.lost()
        return _end(exchange, Refusal(408, 3, "Request timeout") if late else UNKNOWN_SID)
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


def _end(exchange: Exchange, refusal: Refusal) -> Response:
    """Returns the answer to a request whose body nobody reads to its end; the connection is of no use afterwards."""
    exchange.stop_reading()
    return refusal.response().with_header("Connection", "close")


def _is_ready(server: Any, socket: Socket, link: PollingLink) -> bool:
    """Waits while the socket is halted; returns whether it still takes packets."""
    while True:
        with server.core:
            if not (socket.halted and socket.state is State.OPEN and socket.link is link):
                return socket.state is State.OPEN
            proceed = server.kind.make_event()
            link.proceed = proceed.set
        proceed.wait()
