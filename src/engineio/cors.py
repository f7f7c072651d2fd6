"""Which origins may use the server, and the CORS headers that tell a browser so: a request in, a verdict out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from .request import Request, Response

__all__ = ["MAX_ORIGIN_SIZE", "MAX_REQUEST_HEADERS_SIZE", "AllowedOrigins", "CORSPolicy", "serialize_origin"]

AllowedOrigins: TypeAlias = str | Collection[str] | Callable[..., bool] | None
"""What `cors_allowed_origins` can be."""

MAX_ORIGIN_SIZE = 512
"""The longest `Origin`, in bytes, that can be accepted: scheme, a host of at most 253 bytes (RFC 1035), port."""

MAX_REQUEST_HEADERS_SIZE = 4096
"""The longest `Access-Control-Request-Headers`, in bytes, that is echoed."""

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_HTTP_SCHEMES = {"ws": "http", "wss": "https"}

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^\s/:@?#,\[\]\\]+)(?::([0-9]{1,5}))?/?", re.ASCII)
_REFERER_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+")
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
_NOT_FIELD_NAMES = re.compile(r"[^A-Za-z0-9!#$%&'*+.^_`|~, \t-]")  # RFC 9110, 5.6.2: token


class CORSPolicy:
    """The rules for requests that come from pages of other origins.

    Args:
        allowed_origins: `None` allows the server's own origin only; ``"*"``, alone or in a list, allows all; a string
            or several allow these. A callable decides: it gets the origin, or the origin and the environ. The empty
            list turns CORS off: nothing is checked and no header is sent.
        credentials: Whether browsers may send cookies along.
        trust_forwarded: Whether `X-Forwarded-Proto` and `X-Forwarded-Host` tell the server's own origin. A browser
            cannot set them on a request to another origin, but a proxy that passes on what it is sent can be misused.

    Raises:
        TypeError: An origin is not a string, or the callable takes neither one nor two arguments, or is a coroutine
            function, whose every answer would count as a yes.
    """

    __slots__ = ("_any", "_callable", "_credentials", "_enabled", "_origins", "_trust_forwarded", "_wants_environ")

    def __init__(
        self, allowed_origins: AllowedOrigins, credentials: bool = True, *, trust_forwarded: bool = True
    ) -> None:
        self._enabled = not (isinstance(allowed_origins, list) and not allowed_origins)
        self._credentials = credentials
        self._trust_forwarded = trust_forwarded
        self._callable: Callable[..., bool] | None = None
        self._wants_environ = False
        self._origins: frozenset[str] | None = None
        if callable(allowed_origins):
            self._callable = allowed_origins
            self._wants_environ = _takes_environ(allowed_origins)
        elif allowed_origins is not None:
            self._origins = _origin_set((allowed_origins,) if isinstance(allowed_origins, str) else allowed_origins)
        self._any = self._origins is not None and "*" in self._origins

    @property
    def enabled(self) -> bool:
        """Whether anything is checked and any header sent."""
        return self._enabled

    def allows(self, request: Request, environ: Callable[[], dict[str, Any]]) -> bool:
        """Say whether a request may be served, and remember it in the request for `headers`.

        Args:
            request: The request; one without `Origin` does not come from another page and is allowed.
            environ: Builds the WSGI-style dict; called only for a policy that is a callable of (origin, environ).
        """
        if not self._enabled:
            return True
        origin = request.header(b"origin")
        allowed = True if not origin else self._judge(origin, request, environ)
        request.origin_allowed = allowed
        return allowed

    def allows_script(self, request: Request, environ: Callable[[], dict[str, Any]]) -> bool:
        """Say whether a request that a script element can make may be served.

        Such an element sends no `Origin`, whatever page it is in, and that page can read the answer. What tells one
        page from another is the `Referer`, which a page may suppress, and in newer browsers `Sec-Fetch-Site`.
        """
        if not self._enabled or self._any:
            return True
        referer = _REFERER_ORIGIN.match(request.header(b"referer") or "")
        if referer is None:
            return request.header(b"sec-fetch-site") not in ("cross-site", "same-site")
        origin = referer[0]
        return self._is_own(origin, request) or self._judge(origin, request, environ)

    def headers(self, request: Request) -> list[tuple[str, str]]:
        """Return the headers that every response to the request has to carry.

        A callable policy is not asked again: without a preceding `allows`, one that wants the environ grants nothing.
        """
        if not self._enabled:
            return []
        if self._any and not self._credentials:
            # Fetch, 3.2.5: "*" is an answer to all origins as long as no credentials are sent.
            return [("Access-Control-Allow-Origin", "*")]
        headers = [("Vary", "Origin")]
        origin = request.header(b"origin")
        if origin:
            allowed = request.origin_allowed
            if allowed is None:
                allowed = request.origin_allowed = self._judge(origin, request, None)
            if allowed:
                # Never "*" together with credentials: Fetch, 3.2.5, makes browsers refuse it.
                headers.append(("Access-Control-Allow-Origin", origin))
                if self._credentials:
                    headers.append(("Access-Control-Allow-Credentials", "true"))
        return headers

    def preflight(self, request: Request, environ: Callable[[], dict[str, Any]]) -> Response:
        """Answer an OPTIONS request: 200, or 400 without any permission for a refused origin."""
        if not self.allows(request, environ):
            body = b'{"code":4,"message":"Forbidden"}'
            return Response(400, [("Content-Type", "application/json"), *self.headers(request)], body)
        headers = [("Content-Type", "text/plain"), *self.headers(request)]
        if self._enabled:
            headers.append(("Access-Control-Allow-Methods", "OPTIONS, GET, POST"))
            names = request.header(b"access-control-request-headers")
            if names and len(names) <= MAX_REQUEST_HEADERS_SIZE and not _NOT_FIELD_NAMES.search(names):
                headers.append(("Access-Control-Allow-Headers", names))
        return Response(200, headers, b"OK")

    def _judge(self, origin: str, request: Request, environ: Callable[[], dict[str, Any]] | None) -> bool:
        # Whatever is set up, this is no origin but an attempt at the log, the response or the memory.
        if len(origin) > MAX_ORIGIN_SIZE or "," in origin or _UNPRINTABLE.search(origin):
            return False
        if self._callable is not None:
            if not self._wants_environ:
                return bool(self._callable(origin))
            return environ is not None and bool(self._callable(origin, environ()))
        if self._origins is not None:
            return self._any or origin in self._origins
        return self._is_own(origin, request)

    def _is_own(self, origin: str, request: Request) -> bool:
        scheme = request.scheme
        host = request.header(b"host")
        hosts = [host] if host else []
        if self._trust_forwarded:
            # A chain of proxies appends; the first value is what the browser used.
            forwarded_scheme = _first(request.header(b"x-forwarded-proto"))
            if forwarded_scheme:
                scheme = forwarded_scheme.lower()
            forwarded_host = _first(request.header(b"x-forwarded-host"))
            if forwarded_host:
                hosts.append(forwarded_host)
        scheme = _HTTP_SCHEMES.get(scheme, scheme)
        for own in hosts:
            own_origin = f"{scheme}://{own}"
            if origin in (own_origin, serialize_origin(own_origin)):
                return True
        return False


def serialize_origin(origin: str) -> str | None:
    """Return an origin as a browser sends it: scheme and host in lower case, no default port, no trailing slash.

    Returns:
        `None` if it is not of the form ``scheme://host[:port]``.
    """
    match = _ORIGIN.fullmatch(origin.lower())
    if match is None:
        return None
    scheme, host, port = match.groups()
    # RFC 6454, 6.2: the port is appended "if the port part of the origin triple is different from the default port".
    if port is None or port == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def _origin_set(origins: Collection[str]) -> frozenset[str]:
    """Return the origins as written and as browsers send them.

    As written because some are not of the common form: ``null``, or those of browser extensions and of clients that
    are no browsers. What a request says is compared as it is, so that one place only has to get the rules right.
    """
    accepted = set()
    for origin in origins:
        if not isinstance(origin, str):
            raise TypeError(f"an allowed origin must be a string, not {origin!r}")
        accepted.add(origin)
        serialized = serialize_origin(origin)
        if serialized is not None:
            accepted.add(serialized)
    return frozenset(accepted)


def _takes_environ(function: Callable[..., bool]) -> bool:
    """Return whether a policy takes (origin, environ) rather than (origin)."""
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004
        raise TypeError("cors_allowed_origins must not be a coroutine function")
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in functions do not tell
        return False
    for arguments in ((None, None), (None,)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return len(arguments) == 2
    raise TypeError("cors_allowed_origins must take (origin) or (origin, environ)")


def _first(value: str | None) -> str | None:
    """Return the first element of a comma-separated header."""
    return value.split(",", 1)[0].strip() if value else None
