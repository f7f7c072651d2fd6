"""HTTP requests of one connection of a `Client`, on requests; all failures as `ConnectionError`.

What a session of the program's knows (cookies, headers, authentication, certificates, proxies) holds for the WebSocket.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..base_client import MAX_MESSAGE_SIZE, BaseClient
from ..exceptions import ConnectionError, ContentTooLongError
from ..sync.stream import shut_down
from .websocket_client import Handshake, Opener

if TYPE_CHECKING:
    import requests

__all__ = ["ClientHTTP", "import_requests", "make_jar"]

MISSING = 'The client needs requests; install it with: pip install "fast-socketio[client]"'

GIVEN_UP = "The connection was given up"

NOT_FOR_A_WEBSOCKET = ("accept", "accept-encoding", "connection", "content-length", "content-type")
"""Headers of requests that say nothing about a WebSocket."""


def import_requests() -> Any:
    """Returns the module.

    Raises:
        RuntimeError: if it is not installed.
    """
    try:
        import requests
        import requests.adapters
        import requests.cookies
        import requests.utils
    except ImportError as exc:
        raise RuntimeError(MISSING) from exc
    return requests


def make_jar() -> Any:
    """Returns an empty cookie jar."""
    return import_requests().cookies.RequestsCookieJar()


class ClientHTTP:
    """The HTTP side of one connection.

    Args:
        client: Whose options count.
        headers: What every request carries.
        jar: The cookies of an own session, which outlive it.
    """

    def __init__(self, client: BaseClient, headers: Mapping[str, str], jar: Any) -> None:
        self._requests = import_requests()
        self._client = client
        self._headers = dict(headers)
        self._jar = jar
        self._session: Any = None
        self._own = True
        self._connections = _Connections()
        self._opener: Opener | None = None
        self._aborted = False

    def open(self) -> None:
        """Gets the session: the program's own, or a new one."""
        session = self._client.http
        if callable(session):
            session = session()
        else:
            self._own = session is None
        if session is None:
            session = self._requests.Session()
            session.cookies = self._jar
            adapter = self._connections.make_adapter(self._requests.adapters.HTTPAdapter)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
        self._session = session

    def abort(self) -> None:
        """Ends the requests that are under way, from any thread; those in a session of the program's go on."""
        self._aborted = True
        self._connections.abort()
        if self._opener is not None:
            self._opener.abort()

    def close(self) -> None:
        """Closes the session, unless it is the program's."""
        session, self._session = self._session, None
        if session is not None and self._own:
            session.close()
            self._connections.close()

    def get(self, url: str, timeout: float) -> bytes:
        """Returns the body of the answer.

        Args:
            url: The URL.
            timeout: How many seconds it may take.

        Raises:
            ConnectionError: if there is no answer, or none that means success.
        """
        return self._request("GET", url, None, timeout)

    def post(self, url: str, body: bytes, content_type: str) -> None:
        """Sends a payload.

        Raises:
            ConnectionError: as for `get`.
        """
        self._request("POST", url, body, self._client.request_timeout, content_type)

    def _request(
        self, method: str, url: str, body: bytes | None, timeout: float, content_type: str | None = None
    ) -> bytes:
        session = self._current_session()
        headers = self._with_cookies(session, url)
        if content_type is not None:
            headers.setdefault("Content-Type", content_type)
        end = time.monotonic() + timeout
        # A redirect would have to be followed for each request again, and some servers redirect to login pages.
        options = {"allow_redirects": False, "stream": True, "verify": self._verify(session)}
        patience = min(timeout, self._client.request_timeout), timeout
        with (
            self._translate(timeout),
            session.request(method, url, data=body, headers=headers, timeout=patience, **options) as response,
        ):
            content = self._read(response, end)
            status, location = response.status_code, response.headers.get("Location")
        if not 200 <= status < 300:
            raise self._client.refusal(status, content, location)
        return content

    def _current_session(self) -> Any:
        session = self._session
        if session is None or self._aborted:
            raise ConnectionError(GIVEN_UP)
        return session

    def _verify(self, session: Any) -> Any:
        """Returns how the server's certificate is verified: what a session says comes before the environment."""
        verify = session.verify
        return False if not self._client.ssl_verify else None if verify is True else verify

    def _read(self, response: requests.Response, end: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in self._chunks(response):
            size += len(chunk)
            if size > MAX_MESSAGE_SIZE:
                raise ContentTooLongError(f"an answer of more than {MAX_MESSAGE_SIZE} bytes")
            if time.monotonic() > end:
                raise TimeoutError
            chunks.append(chunk)
        return b"".join(chunks)

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        read = getattr(response.raw, "read1", None)
        if read is None:  # urllib3 before 2.2, or what a session of the program's has instead
            yield from response.iter_content(1 << 16)
            return
        # That returns what is there, while iter_content waits for a whole chunk, however long it takes.
        try:
            while chunk := read(1 << 16, decode_content=True):
                yield chunk
        except self._requests.packages.urllib3.exceptions.HTTPError as exc:
            raise ConnectionError(f"Connection broken: {exc}") from exc

    def _with_cookies(self, session: Any, url: str) -> dict[str, str]:
        """Returns the headers. requests drops its own cookies if there is a header with others: here they go along."""
        headers = dict(self._headers)
        for name in headers:
            if name.lower() == "cookie":
                own = headers[name]
                names = {cookie.partition("=")[0].strip() for cookie in own.split(";")}
                request = self._requests.Request("GET", url, headers={})
                kept = self._requests.cookies.get_cookie_header(session.cookies, request) or ""
                cookies = [cookie.strip() for cookie in kept.split(";") if cookie.strip()]
                further = [cookie for cookie in cookies if cookie.partition("=")[0] not in names]
                headers[name] = "; ".join([own, *further])
        return headers

    def websocket(self, url: str) -> socket.socket:
        """Opens a WebSocket and returns its socket.

        Raises:
            ConnectionError: if there is no answer, or none that opens it.
            RuntimeError: if websocket-client is not installed.
        """
        session = self._current_session()
        # requests knows no other schemes; ws and http, wss and https differ in nothing that matters here.
        http_url = "http" + url.removeprefix("ws")
        with self._translate(self._client.request_timeout):
            request = session.prepare_request(
                self._requests.Request("GET", http_url, headers=self._with_cookies(session, http_url))
            )
            settings = session.merge_environment_settings(http_url, {}, False, self._verify(session), None)
            proxy = self._requests.utils.select_proxy(http_url, settings["proxies"])
        verify = settings["verify"]
        opener = self._opener = Opener(
            self._client,
            url,
            Handshake(
                {name: value for name, value in request.headers.items() if name.lower() not in NOT_FOR_A_WEBSOCKET},
                proxy,
                self._requests.utils.DEFAULT_CA_BUNDLE_PATH if verify is True else verify,
                settings["cert"],
            ),
        )
        self._current_session()  # abort() may have come too early for the opener
        connection = opener.open()
        for name, value in opener.cookies().items():
            session.cookies.set(name, value, domain=urlsplit(url).hostname or "", path="/")
        return connection

    @contextlib.contextmanager
    def _translate(self, timeout: float) -> Iterator[None]:
        exceptions = self._requests.exceptions
        try:
            yield
        except exceptions.ConnectTimeout as exc:
            raise ConnectionError(f"No connection within {self._client.request_timeout:.3g} seconds") from exc
        except (exceptions.Timeout, TimeoutError) as exc:
            raise ConnectionError(f"No answer from the server within {timeout:.3g} seconds") from exc
        except ContentTooLongError as exc:
            raise ConnectionError(f"Invalid answer from the server: {exc}") from exc
        except (exceptions.RequestException, OSError, ValueError) as exc:
            raise ConnectionError(f"Connection refused or broken: {exc or type(exc).__name__}") from exc


class _Connections:
    """The connections of an own session, so that they can be aborted: nothing else wakes a thread that waits there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[Any] = []

    def add(self, connection: Any) -> None:
        with self._lock:
            self._open.append(connection)

    def abort(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            if connection.sock is not None:
                shut_down(connection.sock)

    def close(self) -> None:
        """Closes them: urllib3 leaves that to the garbage collector, which an exception can put off."""
        with self._lock:
            connections, self._open = self._open, []
        for connection in connections:
            connection.close()

    def make_adapter(self, base: type[Any]) -> Any:
        """Returns an HTTP adapter of requests that makes its connections known here."""
        known = self

        class Adapter(base):  # type: ignore[misc]  # requests is imported late
            def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
                super().init_poolmanager(*args, **kwargs)
                known.follow(self.poolmanager)

            def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
                manager = super().proxy_manager_for(*args, **kwargs)
                known.follow(manager)
                return manager

        return Adapter()

    def follow(self, manager: Any) -> None:
        """Has a pool manager of urllib3 make its connections known, through the classes that it makes them of."""
        known = self

        def follow(pool_class: Any) -> Any:
            class Connection(pool_class.ConnectionCls):  # type: ignore[misc]
                followed = True

                def connect(self) -> None:
                    super().connect()
                    known.add(self)

            class Pool(pool_class):  # type: ignore[misc]
                ConnectionCls = Connection

            return Pool

        manager.pool_classes_by_scheme = {
            scheme: pool_class if hasattr(pool_class.ConnectionCls, "followed") else follow(pool_class)
            for scheme, pool_class in manager.pool_classes_by_scheme.items()
        }
