"""uvicorn: hands the transport of a WebSocket over to the application that accepts it.

uvicorn takes its WebSocket implementation by name, so that `uvicorn --ws engineio.bindings.uvicorn:TakeoverProtocol`
is all that the fast path needs. Every other WebSocket route of the application is served by uvicorn as ever.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from typing import Any, cast
from urllib.parse import unquote

import uvicorn
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ..asyncio.takeover import TakenOver
from ..request import switching_protocols
from .asgi import TAKEOVER

__all__ = ["TakeoverProtocol"]

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class TakeoverProtocol(asyncio.Protocol):
    """The handshake of a WebSocket: offers its transport to the application, and falls back on uvicorn's protocol.

    uvicorn makes one for each request for an upgrade and gives it the request in one piece. If that is a plain valid
    handshake, the application runs with an extension in the scope by which it may take the transport. Whatever else it
    does with the WebSocket, and any other request, goes to uvicorn's own protocol, as if this one had not been there.

    Doing the handshake here rather than in uvicorn's protocol, which builds a whole connection first, saves 70 of the
    130 us that opening a connection takes (without system calls).
    """

    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        self.config = config
        self.server_state = server_state
        self.app_state = app_state
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made()
        self.scheme = "ws"
        self.server: tuple[str, int | None] | None = None
        self.client: tuple[str, int] | None = None
        self._request = b""
        self._key = b""
        self._asked = False
        self._lost = False
        self._taken = False
        self._fallback: WebSocketsSansIOProtocol | None = None
        self._done: asyncio.Future[Any] | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes the transport for as long as nobody else has it."""
        self.transport = cast(asyncio.Transport, transport)
        self.server_state.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone before its handshake was answered."""
        self._lost = True
        self.server_state.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Takes the request, which uvicorn has checked to be HTTP and to ask for a WebSocket."""
        if not self._request:
            # uvicorn makes this the transport's protocol only after this call: whatever takes its place comes later.
            asyncio.get_running_loop().call_soon(self._parse_request)
        # RFC 6455, 4.1: the client waits for the answer before it sends anything; if it does not, uvicorn decides.
        self._request += data

    def _parse_request(self) -> None:
        if self._lost or self._fallback is not None:
            return
        data = self._request
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        method, target, _ = first.split(b" ")
        headers = [(name, value) for name, _, value in [line.partition(b": ") for line in lines]]
        transport = self.transport
        self.scheme = "wss" if is_ssl(transport) else "ws"
        self.server, self.client = get_local_addr(transport), get_remote_addr(transport)
        self.receive_request(method, target, headers, data, bool(rest))

    def receive_request(
        self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], data: bytes, more: bool = False
    ) -> None:
        """Takes the request in parts; `data` is the whole of it and `more` says whether something follows it."""
        self._request = data
        if not target.isascii():
            self._refuse()  # uvicorn's protocol would break off without an answer
            return
        if more or method != b"GET" or not self._is_plain_handshake(headers):
            self._fall_back(self.config.loaded_app)
            return
        task = asyncio.get_running_loop().create_task(self._run(self._scope(target, headers)))
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    def shutdown(self) -> None:
        """uvicorn stops before the handshake was answered."""
        fallback = self._fall_back(self._outcome) if self._fallback is None else self._fallback
        fallback.shutdown()

    # The handshake

    def _is_plain_handshake(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Returns whether there is nothing special about a handshake. RFC 6455, 4.2.1."""
        found = dict(headers)
        key = self._key = found.get(b"sec-websocket-key", b"")
        return (
            len(found) == len(headers)  # a header given twice is for uvicorn to judge
            and found.get(b"sec-websocket-version") == b"13"
            and found.get(b"upgrade", b"").lower() == b"websocket"
            and b"upgrade" in found.get(b"connection", b"").lower()
            and b"content-length" not in found
            and b"transfer-encoding" not in found
            and _is_key(key)
        )

    def _scope(self, target: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        path, _, query = target.partition(b"?")
        root_path = self.config.root_path
        extensions: dict[str, Any] = {"websocket.http.response": {}, TAKEOVER: self._take_over}
        protocols = b",".join([value for name, value in headers if name == b"sec-websocket-protocol"])
        return {
            "type": "websocket",
            "asgi": {"version": self.config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": self.scheme,
            "server": self.server,
            "client": self.client,
            "root_path": root_path,
            "path": root_path + unquote(path.decode("ascii")),
            "raw_path": root_path.encode("ascii") + path,
            "query_string": query,
            "headers": headers,
            "subprotocols": [name.strip() for name in protocols.decode("latin-1").split(",") if name],
            "state": self.app_state.copy(),
            "extensions": extensions,
        }

    def _take_over(self, link: TakenOver) -> bytes | None:
        """Gives the transport to `link`; returns the answer that accepts the WebSocket, to be written before anything
        else, or `None` if the client has gone."""
        transport = self.transport
        if self._fallback is not None or self._lost or transport.is_closing():
            return None
        self._taken = True
        headers = b"".join([b"%s: %s\r\n" % header for header in self.server_state.default_headers])
        connections = self.server_state.connections
        link.connection_made(transport)
        link.on_lost = connections.discard
        transport.set_protocol(link)
        # uvicorn's graceful stop calls shutdown() of each member of this set and waits until it is empty.
        connections.discard(self)
        connections.add(link)
        return switching_protocols(self._key, headers)

    # The application

    async def _run(self, scope: dict[str, Any]) -> None:
        try:
            result = await self.config.loaded_app(scope, self._receive, self._send)
        except BaseException as exc:
            self._finish(exc)
            if isinstance(exc, asyncio.CancelledError):
                raise
        else:
            self._finish(None, result)

    def _finish(self, error: BaseException | None, result: Any = None) -> None:
        """Leaves what the application has come to where uvicorn's protocol looks for it, which has all to say to it."""
        protocol = self._real()
        if protocol is None:
            # Nobody else would log it. An OSError is what `_send` raises when the client has gone.
            if error is not None and not isinstance(error, (OSError, asyncio.CancelledError)):
                logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=error)
            return
        if protocol.close_sent:
            # uvicorn forgets it when the answer was a "websocket.http.response", and would complain in the log.
            protocol.handshake_complete = True
        if not self._ending().done():  # else uvicorn has cancelled the wait
            if error is not None:
                self._ending().set_exception(error)
            else:
                self._ending().set_result(result)

    def _ending(self) -> asyncio.Future[Any]:
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
        return self._done

    async def _outcome(self, *args: Any) -> Any:
        return await self._ending()

    def _fall_back(self, app: Any) -> WebSocketsSansIOProtocol:
        """Gives the transport to uvicorn's protocol, and that the request."""
        self.server_state.connections.discard(self)
        protocol = self._fallback = WebSocketsSansIOProtocol(self.config, self.server_state, self.app_state)
        protocol.app = app
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(self._request)
        if not protocol.handshake_initiated:
            self._refuse()  # it says nothing to a request with a body or too long a header: the client would wait
        if protocol.queue.empty():
            self._lost = True  # refused: the application has nobody to talk to
        elif self._asked:
            protocol.queue.get_nowait()  # "websocket.connect"
        return protocol

    def _refuse(self) -> None:
        self.transport.write(_BAD_REQUEST)
        self.transport.close()

    async def _receive(self) -> Any:
        if not self._asked and self._fallback is None:
            self._asked = True
            return {"type": "websocket.connect"}
        protocol = self._real()
        return {"type": "websocket.disconnect", "code": 1006} if protocol is None else await protocol.receive()

    async def _send(self, message: Any) -> None:
        protocol = self._real()
        if protocol is None:
            raise OSError("the client has gone")
        await protocol.send(message)

    def _real(self) -> WebSocketsSansIOProtocol | None:
        """Returns uvicorn's protocol, to which the application has more to say than that it takes over; `None` if
        there is nobody to talk to."""
        if self._fallback is None and not self._lost and not self._taken:
            self._fall_back(self._outcome)
        return None if self._lost else self._fallback


def _is_key(key: bytes) -> bool:
    """Returns whether a Sec-WebSocket-Key is one. RFC 6455, 4.1: "a randomly selected 16-byte value", in base64."""
    try:
        return len(key) == 24 and len(base64.b64decode(key, validate=True)) == 16
    except ValueError:
        return False
