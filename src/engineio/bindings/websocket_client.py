"""The handshake of the WebSocket of a `Client`, by websocket-client; what comes after it is this library's own."""

from __future__ import annotations

import functools
import http.cookies
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..base_client import BaseClient
from ..exceptions import ConnectionError
from ..sync.stream import shut_down

__all__ = ["Handshake", "Opener"]

MISSING = 'The client needs websocket-client; install it with: pip install "fast-socketio[client]"'

NO_PROXY = ["*"]
"""Tells websocket-client that no server is reached through a proxy."""
ALWAYS_PROXY = ["proxy.invalid"]
"""Tells it that no server but one that does not exist is reached without one, whatever the environment says."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the handshake of a WebSocket takes over from the HTTP session.

    Attributes:
        headers: Name -> value.
        proxy: The URL of the proxy, with its scheme and credentials; `None` for none.
        verify: Whether the server's certificate is verified: with the authorities in this file or folder, or not.
        certificate: The client's: a file that holds the key, too, or two files; `None` for none.
    """

    headers: Mapping[str, str | bytes]
    proxy: str | None
    verify: bool | str
    certificate: str | tuple[str, str] | None


class Opener:
    """Opens one WebSocket.

    Args:
        client: Whose options count.
        url: With `ws` or `wss`.
        handshake: What the session says.

    Raises:
        RuntimeError: if websocket-client is not installed.
    """

    def __init__(self, client: BaseClient, url: str, handshake: Handshake) -> None:
        try:
            import websocket
        except ImportError as exc:
            raise RuntimeError(MISSING) from exc
        self._websocket: Any = websocket
        self._client = client
        self._url = url
        self._handshake = handshake
        self._ws: Any = None

    def open(self) -> socket.socket:
        """Returns the connected socket after the handshake; nothing behind that was read from it.

        Raises:
            ConnectionError: if there is no answer, or none that opens it.
        """
        module = self._websocket
        options = self._options()
        options["class_"] = functools.partial(self._make, options.get("class_", module.WebSocket))
        timeout = options["timeout"]
        try:
            ws = module.create_connection(self._url, **options)
        except module.WebSocketBadStatusException as exc:
            location = (exc.resp_headers or {}).get("location")
            raise self._client.refusal(exc.status_code, exc.resp_body or b"", location) from exc
        except (module.WebSocketTimeoutException, TimeoutError) as exc:
            raise ConnectionError(f"No answer from the server within {timeout} seconds") from exc
        except Exception as exc:
            # Those of python-socks have no base class in common with the others, and a bad answer of the server's can
            # raise whatever its parsing raises.
            status = self._status()
            if status is not None and 300 <= status < 400:
                raise self._client.refusal(status, b"", self._ws.handshake_response.headers.get("location")) from exc
            raise ConnectionError(f"Connection refused or broken: {exc or type(exc).__name__}") from exc
        status = self._status()
        if status != 101:
            ws.shutdown()
            raise self._client.refusal(status or 0, b"", ws.handshake_response.headers.get("location"))
        self._forget_cookies()
        connection: socket.socket = ws.sock
        return connection

    def _forget_cookies(self) -> None:
        # websocket-client has one jar for the whole process, from which every client of a server would get them. They
        # are kept in the session, which belongs to one client.
        jar: Any = getattr(getattr(self._websocket, "_handshake", None), "CookieJar", None)
        if isinstance(getattr(jar, "jar", None), dict):
            jar.jar.clear()

    def abort(self) -> None:
        """Ends a handshake that is under way, from any thread."""
        connection = getattr(self._ws, "sock", None)
        if connection is not None:
            shut_down(connection)

    def cookies(self) -> dict[str, str]:
        """Returns the cookies that came with the server's answer: name -> value."""
        header = self._ws.handshake_response.headers.get("set-cookie")
        try:
            return {name: morsel.value for name, morsel in http.cookies.SimpleCookie(header or "").items()}
        except http.cookies.CookieError:
            return {}

    def _make(self, class_: Any, **options: Any) -> Any:
        self._ws = class_(**options)
        return self._ws

    def _status(self) -> int | None:
        response = getattr(self._ws, "handshake_response", None)
        return None if response is None else response.status

    def _options(self) -> dict[str, Any]:
        handshake = self._handshake
        options = dict(self._client.websocket_extra_options)
        headers: dict[str, str | bytes] = dict(handshake.headers)
        for name in ("header", "headers"):
            further = options.pop(name, None) or {}
            if not isinstance(further, Mapping):
                further = dict(line.split(":", 1) for line in further)
            for key, value in further.items():
                # Names differ in nothing but the case of their letters.
                for same in [known for known in headers if known.lower() == key.strip().lower()]:
                    del headers[same]
                headers[key.strip()] = str(value).strip()
        if "http_proxy_host" not in options and "http_no_proxy" not in options:
            options |= _proxy_options(handshake.proxy)
        options["header"] = {
            name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in headers.items()
        }
        options["sslopt"] = {**_tls_options(handshake), **(options.get("sslopt") or {})}
        options.setdefault("timeout", self._client.request_timeout)
        options.setdefault("redirect_limit", 0)
        return options


def _proxy_options(url: str | None) -> dict[str, Any]:
    if url is None:
        return {"http_no_proxy": NO_PROXY}
    parts = urlsplit(url if "://" in url else f"http://{url}")
    options: dict[str, Any] = {
        "http_proxy_host": parts.hostname,
        "http_proxy_port": parts.port or {"http": 80, "https": 443}.get(parts.scheme, 1080),
        "proxy_type": parts.scheme if parts.scheme.startswith("socks") else "http",
        "http_no_proxy": ALWAYS_PROXY,
    }
    if parts.username:
        options["http_proxy_auth"] = (unquote(parts.username), unquote(parts.password or ""))
    return options


def _tls_options(handshake: Handshake) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if handshake.verify is False:
        options |= {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    elif isinstance(handshake.verify, str):
        options["ca_cert_path" if Path(handshake.verify).is_dir() else "ca_certs"] = handshake.verify
    certificate = handshake.certificate
    if isinstance(certificate, str):
        options["certfile"] = certificate
    elif certificate is not None:
        options["certfile"], options["keyfile"] = certificate
    return options
