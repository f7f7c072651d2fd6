"""The WSGI-style dict that handlers get for a session: a request in, `environ` out."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .request import Request

__all__ = ["Environ", "build_environ", "describe", "split_path"]

_USUAL_HEADERS = (
    b"accept",
    b"accept-encoding",
    b"accept-language",
    b"authorization",
    b"cache-control",
    b"connection",
    b"cookie",
    b"dnt",
    b"forwarded",
    b"host",
    b"if-none-match",
    b"origin",
    b"pragma",
    b"priority",
    b"referer",
    b"sec-ch-ua",
    b"sec-ch-ua-mobile",
    b"sec-ch-ua-platform",
    b"sec-fetch-dest",
    b"sec-fetch-mode",
    b"sec-fetch-site",
    b"sec-gpc",
    b"sec-websocket-extensions",
    b"sec-websocket-key",
    b"sec-websocket-protocol",
    b"sec-websocket-version",
    b"te",
    b"traceparent",
    b"transfer-encoding",
    b"upgrade",
    b"upgrade-insecure-requests",
    b"user-agent",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-real-ip",
    b"x-request-id",
)

_KEYS = {name: "HTTP_" + name.decode().upper().replace("-", "_") for name in _USUAL_HEADERS}
_KEYS[b"content-type"] = "CONTENT_TYPE"
_KEYS[b"content-length"] = "CONTENT_LENGTH"
"""Header -> key of the usual ones. An environ lives as long as its session: shared keys are memory not spent."""

_SCHEMES = {"ws": "http", "wss": "https"}


def split_path(path: str, root_path: str, app_root_path: str = "") -> tuple[str, str]:
    """Returns where an application is mounted, and the path below that: PEP 3333's SCRIPT_NAME and PATH_INFO.

    Args:
        path: The path of the request.
        root_path: Where the application is mounted, as ASGI has it.
        app_root_path: The part of it that the outermost application names itself, because a proxy has cut it off (the
            `root_path` of FastAPI).
    """
    root_path = root_path.rstrip("/")
    # ASGI: the path includes the root path. But to what the application names, Starlette's mounts add their own part.
    for prefix in (root_path, root_path.removeprefix(app_root_path)):
        if path.startswith(prefix + "/"):
            return root_path, path[len(prefix) :]
    return root_path, path


def build_environ(request: Request, *, scope: Mapping[str, Any], receive: Any, send: Any) -> dict[str, Any]:
    """Describe a request in the terms of PEP 3333, for an application that runs under ASGI.

    Args:
        request: The request.
        scope: Its ASGI scope; kept under ``asgi.scope``.
        receive: Kept under ``asgi.receive``.
        send: Kept under ``asgi.send``.

    Returns:
        As `describe`.
    """
    raw_path: bytes | None = scope.get("raw_path")
    environ = describe(
        request,
        "asgi",
        root_path=scope.get("root_path") or "",
        app_root_path=scope.get("app_root_path") or "",
        raw_path=raw_path.decode("latin-1") if raw_path else None,
        http_version=scope.get("http_version", "1.1"),
        server=scope.get("server"),
    )
    environ["asgi.scope"] = scope
    environ["asgi.receive"] = receive
    environ["asgi.send"] = send
    return environ


def describe(
    request: Request,
    software: str,
    *,
    root_path: str = "",
    app_root_path: str = "",
    raw_path: str | None = None,
    http_version: str = "1.1",
    server: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """Describe a request in the terms of PEP 3333, for an application of an asyncio framework.

    Args:
        request: The request.
        software: What has received it.
        root_path: What of its path belongs to a mount.
        app_root_path: What of that is not in the path, see `split_path`.
        raw_path: The path as it came, percent-encoded.
        http_version: The version of HTTP.
        server: Address and port that it came to, or `None`.

    Returns:
        A new dict, which is the application's to change. ``wsgi.input`` is empty: the server reads the body itself.
        ``PATH_INFO`` is text rather than PEP 3333's latin-1 view of UTF-8. Without a client address (a Unix socket)
        ``REMOTE_ADDR`` is empty.
    """
    path = request.path
    script_name, path_info = split_path(path, root_path, app_root_path)
    raw_uri = raw_path or path
    client = request.client
    environ: dict[str, Any] = {
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.async": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.url_scheme": _SCHEMES.get(request.scheme, request.scheme),
        "SERVER_SOFTWARE": software,
        "REQUEST_METHOD": request.method,
        "PATH_INFO": path_info,
        "QUERY_STRING": request.query_string,
        "RAW_URI": f"{raw_uri}?{request.query_string}" if request.query_string else raw_uri,
        "SCRIPT_NAME": script_name,
        "SERVER_PROTOCOL": "HTTP/" + http_version,
        "SERVER_NAME": server[0] if server else software,
        "SERVER_PORT": str(server[1] or 0) if server else "0",
        "REMOTE_ADDR": client[0] if client else "",
        "REMOTE_PORT": str(client[1]) if client else "0",
    }
    for name, value in request.merged_headers().items():
        key = _KEYS.get(name)
        if key is None:
            # "X_Forwarded_For" would get the key of "X-Forwarded-For", which a proxy sets and a client must not.
            if b"_" in name:
                continue
            # Upper case as bytes: as text, latin-1's sharp s would become "SS" and with it another header.
            key = "HTTP_" + name.upper().replace(b"-", b"_").decode("latin-1")
        environ[key] = value.decode("latin-1")
    return environ


class Environ(dict[str, Any]):
    """An environ with the framework's own request, which is made again when somebody asks for it.

    A program with a connect handler has an environ of each client, and hardly any looks at the request: it is 40 % of
    the memory of an idle client.

    Args:
        content: All else.
        key: The key of the request.
        make: Makes it.
    """

    __slots__ = ("_key", "_make")

    def __init__(self, content: dict[str, Any], key: str, make: Callable[[], Any]) -> None:
        super().__init__(content)
        self._key = key
        self._make = make

    def __missing__(self, key: str) -> Any:
        """Makes the request, once."""
        if key != self._key:
            raise KeyError(key)
        request = self[key] = self._make()
        return request

    def __contains__(self, key: object) -> bool:
        """Whether there is such a key; the request counts before it is made."""
        return key == self._key or super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Returns the value of a key, or the default."""
        return self[key] if self.__contains__(key) else default

    def copy(self) -> Environ:
        """Returns a copy that can make the request as well."""
        return Environ(self, self._key, self._make)
