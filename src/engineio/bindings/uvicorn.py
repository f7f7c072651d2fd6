"""uvicorn: hands the transport of a WebSocket over to the application that accepts it, and runs applications.

uvicorn takes its WebSocket implementation by name, so that `uvicorn --ws engineio.bindings.uvicorn:TakeoverProtocol`
is all that the fast path needs. Every other WebSocket route of the application is served by uvicorn as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

try:
    import uvicorn
    from uvicorn.protocols.http.auto import AutoHTTPProtocol
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
except ImportError as exc:
    raise ImportError(
        'the embedded server needs uvicorn; install it with: pip install "fast-socketio[server]"'
    ) from exc

from ..asyncio.takeover import TakenOver
from .asgi import SERVED, TAKEOVER

__all__ = ["EmbeddedServer", "TakeoverProtocol", "run"]


class _ReleasedTransport(asyncio.Transport):
    """Stands in for the transport that uvicorn's protocol no longer owns, which it would close with its ASGI task."""

    def close(self) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def is_closing(self) -> bool:
        return True


class TakeoverProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own WebSocket protocol, plus an extension in the scope by which an application takes the transport."""

    def __init__(self, config: uvicorn.Config, server_state: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, server_state, *args, **kwargs)
        self.served = getattr(server_state, "engineio_servers", None)

    def handle_connect(self, event: Any) -> None:
        """Answers the handshake request: the ASGI task that it creates has not run yet when the extension is added."""
        super().handle_connect(event)
        if not self.handshake_complete:
            extensions: dict[str, Any] = self.scope["extensions"]  # type: ignore[assignment]
            extensions[TAKEOVER] = self._take_over
            if self.served is not None:
                extensions[SERVED] = self.served

    def _take_over(self, link: TakenOver) -> bool:
        """Accepts the WebSocket and gives its transport to `link`; returns whether it still was there."""
        transport = self.transport
        if self.handshake_complete or transport.is_closing():
            return False
        self.conn.send_response(self.response)
        transport.write(b"".join(self.conn.data_to_send()))
        connections: set[Any] = self.connections
        link.connection_made(transport)
        link.on_lost = connections.discard
        transport.set_protocol(link)
        # uvicorn's graceful stop calls shutdown() of each member of this set and waits until it is empty.
        connections.discard(self)
        connections.add(link)
        self.handshake_complete = True
        self.transport = _ReleasedTransport()
        return True


class _HTTPProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # a class that uvicorn chooses at run time
    """uvicorn's HTTP protocol, plus an extension by which a server hears that uvicorn stops."""

    def on_message_begin(self) -> None:
        """Makes the scope of a request."""
        super().on_message_begin()
        self.scope["extensions"] = {SERVED: self.server_state.engineio_servers}


class EmbeddedServer(uvicorn.Server):
    """A uvicorn server that tells the Engine.IO servers of its application when it stops.

    uvicorn waits for every answer before the application's lifespan ends, and a poll is answered when the lifespan
    ends: without a word to the servers first, each would wait for the other.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.engineio_servers: set[Any] = set()
        self.server_state.engineio_servers = self.engineio_servers  # type: ignore[attr-defined]

    async def shutdown(self, sockets: Any = None) -> None:
        """Stops accepting, says goodbye to all clients, waits for their disconnect handlers, then stops uvicorn."""
        for server in self.servers:
            server.close()
        timeout = self.config.timeout_graceful_shutdown
        await asyncio.gather(*[server.close(timeout or 10) for server in self.engineio_servers])
        await super().shutdown(sockets)


def run(app: Any, host: str = "127.0.0.1", port: int = 5000, **options: Any) -> None:
    """Serves an ASGI application until SIGTERM or SIGINT; see `uvicorn.Config` for the options.

    Raises:
        SystemExit: if the server could not start, for instance because the port is in use.
    """
    defaults: dict[str, Any] = {
        "http": _HTTPProtocol,
        "ws": TakeoverProtocol,
        "ws_per_message_deflate": False,
        "log_level": "warning",
        "access_log": False,
        "backlog": 4096,
        "timeout_graceful_shutdown": 10,
    }
    config = uvicorn.Config(app, host=host, port=port, **(defaults | options))
    server = EmbeddedServer(config)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again when it has stopped
        server.run()
    if not server.started:
        raise SystemExit(3)
