"""HTTP requests and WebSockets of one connection of an `AsyncClient`, on aiohttp; all failures as `ConnectionError`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..base_client import MAX_MESSAGE_SIZE, BaseClient
from ..exceptions import ConnectionError, ContentTooLongError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["ClientHTTP", "import_aiohttp"]

# With a hyphen: pip 23.2 takes no other spelling of it.
MISSING = 'The asyncio client needs aiohttp; install it with: pip install "fast-socketio[asyncio-client]"'

GOODBYE = 2.0
"""How many seconds at most a server gets to answer the close frame of a WebSocket."""


def import_aiohttp() -> Any:
    """Returns the module.

    Raises:
        RuntimeError: if it is not installed.
    """
    try:
        import aiohttp
    except ImportError as exc:
        raise RuntimeError(MISSING) from exc
    return aiohttp


class ClientHTTP:
    """The HTTP side of one connection.

    Args:
        client: Whose options count.
        headers: What every request carries.
        jar: The cookies of an own session, which outlive it.
    """

    def __init__(self, client: BaseClient, headers: Mapping[str, str], jar: Any) -> None:
        self._aiohttp = import_aiohttp()
        self._client = client
        self._headers = dict(headers)
        self._jar = jar
        self._session: Any = None
        self._own = True

    async def open(self) -> None:
        """Gets the session: the program's own, or a new one."""
        session = self._client.http
        if callable(session):
            session = session()
            if inspect.isawaitable(session):
                session = await session
        else:
            self._own = session is None or session.closed
        if session is None or session.closed:
            session = self._aiohttp.ClientSession(cookie_jar=self._jar)
        self._session = session

    async def close(self) -> None:
        """Closes the session, unless it is the program's."""
        session, self._session = self._session, None
        if session is not None and self._own:
            await session.close()

    async def get(self, url: str, timeout: float | None) -> bytes:
        """Returns the body of the answer.

        Args:
            url: The URL.
            timeout: How many seconds it may take; `None` for no limit.

        Raises:
            ConnectionError: if there is no answer, or none that means success.
        """
        return await self._request("GET", url, None, timeout)

    async def post(self, url: str, body: bytes, content_type: str) -> None:
        """Sends a payload.

        Raises:
            ConnectionError: as for `get`.
        """
        await self._request("POST", url, body, self._client.request_timeout, content_type)

    async def _request(
        self, method: str, url: str, body: bytes | None, timeout: float | None, content_type: str | None = None
    ) -> bytes:
        options: dict[str, Any] = {} if self._client.ssl_verify else {"ssl": False}
        headers = self._headers if content_type is None else {"Content-Type": content_type, **self._headers}
        options["timeout"] = self._aiohttp.ClientTimeout(total=timeout)
        with self._translate(timeout):
            # A redirect would have to be followed for each request again, and some servers redirect to login pages.
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False, **options
            ) as response:
                content = await self._read(response)
                status, location = response.status, response.headers.get("Location")
        if not 200 <= status < 300:
            raise self._client.refusal(status, content, location)
        return content

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_chunked(1 << 16):
            size += len(chunk)
            if size > MAX_MESSAGE_SIZE:
                raise ContentTooLongError(f"an answer of more than {MAX_MESSAGE_SIZE} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    async def websocket(self, url: str) -> aiohttp.ClientWebSocketResponse:
        """Opens a WebSocket.

        Raises:
            ConnectionError: if there is no answer, or none that opens it.
        """
        options = dict(self._client.websocket_extra_options)
        headers = {**self._headers, **dict(options.pop("headers", None) or options.pop("header", None) or {})}
        if not self._client.ssl_verify:
            options.setdefault("ssl", False)
        options.setdefault("max_msg_size", MAX_MESSAGE_SIZE)
        # Else a close frame without a code would be handed out only after the server's TCP connection has ended.
        options.setdefault("autoclose", False)
        options.setdefault("timeout", self._aiohttp.ClientWSTimeout(ws_close=self._goodbye()))
        seconds = self._client.request_timeout
        with self._translate(seconds):
            async with asyncio.timeout(seconds):
                ws: aiohttp.ClientWebSocketResponse = await self._session.ws_connect(url, headers=headers, **options)
        return ws

    def _goodbye(self) -> float:
        return min(GOODBYE, self._client.request_timeout)

    async def close_websocket(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        """Closes a WebSocket; one whose server says nothing is dropped."""
        try:
            async with asyncio.timeout(self._goodbye()):
                await ws.close()
        except Exception:  # whatever goes wrong with what is being thrown away
            pass

    @contextmanager
    def _translate(self, timeout: float | None) -> Iterator[None]:
        try:
            yield
        except self._aiohttp.WSServerHandshakeError as exc:
            if exc.status == 101:
                raise ConnectionError(f"Invalid WebSocket handshake: {exc.message}") from exc
            raise self._client.refusal(exc.status, b"") from exc
        except TimeoutError as exc:
            raise ConnectionError(f"No answer from the server within {timeout} seconds") from exc
        except ContentTooLongError as exc:
            raise ConnectionError(f"Invalid answer from the server: {exc}") from exc
        except (self._aiohttp.ClientError, OSError, ValueError) as exc:
            raise ConnectionError(f"Connection refused or broken: {exc or type(exc).__name__}") from exc
        except RuntimeError as exc:
            if not self._session.closed:
                raise
            raise ConnectionError("The HTTP session is closed") from exc
