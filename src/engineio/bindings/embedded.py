"""The embedded server: uvicorn with the takeover, a shorter way to it, and a word to the clients when it stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

try:
    import uvicorn
    from uvicorn.protocols.http.flow_control import FlowControl
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    from uvicorn.server import HANDLED_SIGNALS
except ImportError as exc:
    raise ImportError(
        'the embedded server needs uvicorn; install it with: pip install "fast-socketio[server]"'
    ) from exc

from .asgi import SERVED
from .uvicorn import TakeoverProtocol

__all__ = ["EmbeddedServer", "run"]


class _HTTPProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a shorter way to the takeover."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Takes the transport. uvicorn asks the socket for its addresses, which uvloop has to wrap for that: 10 us."""
        self.connections.add(self)
        self.transport = transport
        self.flow = FlowControl(transport)
        self.server = _address(transport.get_extra_info("sockname"))
        self.client = _address(transport.get_extra_info("peername"))
        self.scheme = "https" if transport.get_extra_info("sslcontext") else "http"

    def handle_websocket_upgrade(self) -> None:
        """Passes a request for a WebSocket on with what is known of it, rather than as bytes to be parsed again."""
        if self.ws_protocol_class is not TakeoverProtocol:
            super().handle_websocket_upgrade()
            return
        self.connections.discard(self)
        protocol = TakeoverProtocol(self.config, self.server_state, self.app_state)
        protocol.scheme = "wss" if self.scheme == "https" else "ws"
        protocol.server, protocol.client = self.server, self.client
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        method = self.scope["method"].encode()
        lines = [b"%s %s HTTP/1.1" % (method, self.url), *[b"%s: %s" % header for header in self.headers], b"\r\n"]
        protocol.receive_request(method, self.url, self.headers, b"\r\n".join(lines))


def _telling(app: Any, served: set[Any]) -> Any:
    """Returns the application with an extension in its scopes by which a server hears that uvicorn stops."""

    def telling(scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] != "lifespan":
            scope.setdefault("extensions", {})[SERVED] = served
        return app(scope, receive, send)

    return telling


def _address(name: Any) -> Any:
    """Returns host and port of a socket's name; `None` for a Unix socket, whose name is a path."""
    return (name[0], name[1]) if isinstance(name, tuple) else None


class EmbeddedServer(uvicorn.Server):
    """A uvicorn server that tells the Engine.IO servers of its application when it stops.

    uvicorn waits for every answer before the application's lifespan ends, and a poll is answered when the lifespan
    ends: without a word to the servers first, each would wait for the other.
    """

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], object] | None = None) -> None:
        super().__init__(config)
        self._on_started = on_started
        self.engineio_servers: set[Any] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops gracefully on SIGTERM and SIGINT, after which the program goes on: a server that was told to stop and
        did has not failed, while uvicorn would now die of the signal."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal starts the stop, a second one ends it."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: Any = None) -> None:
        """Starts to listen, and makes the garbage collector suit many objects that live long: connections."""
        self.config.loaded_app = _telling(self.config.loaded_app, self.engineio_servers)
        await super().startup(sockets)
        # With a connection come some 40 objects that are no garbage for as long as it lasts. Looking for garbage after
        # every 700 objects, and in all that the program has made before, cost a quarter of opening a connection.
        self._thresholds = gc.get_threshold()
        if self._thresholds[0]:  # else the program has switched it off
            gc.set_threshold(max(self._thresholds[0], 20_000), *self._thresholds[1:])
        gc.collect()
        gc.freeze()
        if self.started and self._on_started is not None:
            self._on_started()

    async def shutdown(self, sockets: Any = None) -> None:
        """Stops accepting, says goodbye to all clients, waits for their disconnect handlers, then stops uvicorn."""
        for server in self.servers:
            server.close()
        timeout = self.config.timeout_graceful_shutdown or 10
        loop = asyncio.get_running_loop()
        began = loop.time()
        goodbyes = {loop.create_task(server.close(timeout)) for server in self.engineio_servers}
        for connection in list(self.server_state.connections):
            # Over a connection that stays open, a polling client would come back for a session that nobody closes.
            if hasattr(connection, "timeout_keep_alive"):  # HTTP; a WebSocket of uvicorn's waits for its server's word
                connection.shutdown()
        waiting = goodbyes
        while waiting and not self.force_exit:
            _, waiting = await asyncio.wait(waiting, timeout=0.1)
        for goodbye in waiting:
            goodbye.cancel()
        # One deadline for all: what the handlers have taken of it, the requests do not get again.
        self.config.timeout_graceful_shutdown = max(1, round(timeout - (loop.time() - began)))
        await super().shutdown(sockets)
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()


def run(
    app: Any,
    host: str = "127.0.0.1",
    port: int = 5000,
    *,
    sockets: list[socket.socket] | None = None,
    on_started: Callable[[], object] | None = None,
    **options: Any,
) -> None:
    """Serves an ASGI application until SIGTERM or SIGINT; see `uvicorn.Config` for the options.

    Args:
        app: The application.
        host: The address to listen on.
        port: The port.
        sockets: Sockets that listen already, instead.
        on_started: Called when it serves.
        options: Those of uvicorn.

    Raises:
        ValueError: if more than one process, or reloading, is asked for.
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
    if config.should_reload or config.workers > 1:
        raise ValueError(
            "the embedded server is one process: for more of them, or for reloading, run "
            "uvicorn --ws engineio.bindings.uvicorn:TakeoverProtocol"
        )
    server = EmbeddedServer(config, on_started)
    server.run(sockets)
    if not server.started:
        raise SystemExit(3)
