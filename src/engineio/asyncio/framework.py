"""What the bindings of frameworks share that let go of a transport: a WebSocket from its request to the open link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..admission import check_handshake
from ..request import Request, Response, switching_protocols
from .server import AsyncServer
from .takeover import TakenOver, make_link, open_link

__all__ = ["announces_more_than", "serve_websocket"]


async def serve_websocket(
    server: AsyncServer, request: Request, source: Any, take_over: Callable[[TakenOver], bytes | None]
) -> Response | None:
    """Serves a request for a WebSocket, up to the moment when the framework has nothing to do with it any more.

    Args:
        server: Whose it is.
        request: The request.
        source: What is kept of it.
        take_over: Gives the transport of the request to a link, and has the framework forget it; returns what the
            client has sent behind its request, or `None` if it has gone.

    Returns:
        The refusal, which is for the framework to send; `None` if all is said.
    """
    refusal = check_handshake(request)
    if refusal is not None:
        return refusal
    admitted = await server.admit_websocket(request, source)
    if isinstance(admitted, Response):
        return admitted
    link = make_link(server)
    early = take_over(link)
    if early is None:
        admitted.abandon()
        return None
    server.connections.add(link)
    open_link(link, admitted, switching_protocols(request.merged_headers()[b"sec-websocket-key"]))
    if early:
        link.receive_data(early)
    return None


def announces_more_than(limit: int, request: Request) -> bool:
    """Returns whether a request says of its body that it has more than so many bytes."""
    length = request.header(b"content-length") or ""
    # Longer numbers than any limit has digits need no conversion, whose cost grows with them.
    return len(length) > 18 or (length != "" and int(length) > limit)
