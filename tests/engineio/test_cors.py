"""Origins: who gets in, and what a browser is told about it."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from engineio.cors import MAX_ORIGIN_SIZE, MAX_REQUEST_HEADERS_SIZE, CORSPolicy, serialize_origin
from engineio.request import Request

GOOD = "http://good.example"


def make_request(
    origin: str | None = None,
    *,
    scheme: str = "http",
    host: str | None = "good.example",
    method: str = "GET",
    **more: str,
) -> Request:
    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    if origin is not None:
        headers.append((b"origin", origin.encode("latin-1")))
    headers += [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in more.items()]
    return Request(method, "/engine.io/", "EIO=4&transport=polling", headers, scheme, None)


def no_environ() -> dict[str, Any]:
    raise AssertionError("the environ must not be built")


def granted(policy: CORSPolicy, request: Request) -> str | None:
    """Check that verdict and headers agree, and return the granted origin."""
    allowed = policy.allows(request, no_environ)
    assert request.origin_allowed is allowed
    headers = policy.headers(request)
    assert len(dict(headers)) == len(headers)
    origin = dict(headers).get("Access-Control-Allow-Origin")
    if request.header(b"origin"):
        assert allowed == (origin is not None)
    else:
        assert allowed
    if origin is None:
        assert "Access-Control-Allow-Credentials" not in dict(headers)
    return origin


# F070: each of these is a 400 and gets no Access-Control-Allow-Origin.
NOT_GOOD = [
    "http://evil.example",
    "null",
    "http://good.example.evil",
    "http://evilgood.example",
    "HTTP://GOOD.EXAMPLE",
    "http://Good.example",
    "http://good.example:8080",
    "http://good.example:",
    "https://good.example",
    "http://user@good.example",
    "http://good.example@evil.example",
    "http://good.example/",
    "http://good.example/path",
    "http://good.example#",
    "http://good.example.",
    " http://good.example x",
    "http://good.example, http://evil.example",
    "http://good.example\r\nX-Injected: 1",
    "http://good.example\x00",
    "http://g\xf6od.example",
    "good.example",
    "//good.example",
    "*",
    GOOD + "a" * 65536,
]


@pytest.mark.parametrize("origin", NOT_GOOD, ids=lambda origin: repr(origin[:40]))
@pytest.mark.parametrize("policy", [None, GOOD, [GOOD], (GOOD, "http://other.example")], ids=repr)
def test_only_the_exact_origin_is_accepted(policy: Any, origin: str) -> None:
    assert granted(CORSPolicy(policy), make_request(GOOD)) == GOOD
    assert granted(CORSPolicy(policy), make_request(origin)) is None


@pytest.mark.parametrize(
    "policy", [None, "*", GOOD, [GOOD], (), lambda origin: False], ids=lambda policy: str(policy)[:9]
)
@pytest.mark.parametrize("origin", [None, ""])
def test_no_origin_is_allowed(policy: Any, origin: str | None) -> None:
    request = make_request(origin)
    assert granted(CORSPolicy(policy), request) is None
    assert CORSPolicy(policy).headers(request) == [("Vary", "Origin")]


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("http", "localhost:8000", "http://localhost:8000"),
        ("http", "good.example:80", "http://good.example"),
        ("http", "good.example:80", "http://good.example:80"),
        ("https", "good.example:443", "https://good.example"),
        ("http", "good.example:443", "http://good.example:443"),
        ("ws", "good.example", "http://good.example"),
        ("wss", "good.example", "https://good.example"),
        ("http", "Good.EXAMPLE", "http://good.example"),
        ("http", "[::1]:8000", "http://[::1]:8000"),
        ("http", "[2001:DB8::1]", "http://[2001:db8::1]"),
    ],
)
def test_same_origin(scheme: str, host: str, origin: str) -> None:
    assert granted(CORSPolicy(None), make_request(origin, scheme=scheme, host=host)) == origin


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("ws", "good.example", "ws://good.example"),
        ("ws", "good.example", "https://good.example"),
        ("wss", "good.example", "http://good.example"),
        ("http", None, "http://good.example"),
        ("http", None, "http://"),
        ("http", "", "http://"),
        ("http", "good.example:8000", "http://good.example"),
        ("http", "good.example,evil.example", "http://evil.example"),
    ],
)
def test_other_origin(scheme: str, host: str | None, origin: str) -> None:
    assert granted(CORSPolicy(None), make_request(origin, scheme=scheme, host=host)) is None


@pytest.mark.parametrize(
    ("forwarded", "origin", "allowed"),
    [
        ({"x_forwarded_proto": "https"}, "https://good.example", True),
        ({"x_forwarded_proto": "wss"}, "https://good.example", True),
        ({"x_forwarded_proto": "HTTPS"}, "https://good.example", True),
        ({"x_forwarded_proto": "https"}, "http://good.example", False),
        ({"x_forwarded_proto": ""}, "http://good.example", True),
        ({"x_forwarded_host": "public.example, inner.example"}, "http://public.example", True),
        ({"x_forwarded_host": "public.example, inner.example"}, "http://inner.example", False),
        ({"x_forwarded_host": "public.example"}, "http://good.example", True),
        ({"x_forwarded_host": "public.example", "x_forwarded_proto": "https,http"}, "https://public.example", True),
        ({"x_forwarded_host": "public.example:443", "x_forwarded_proto": "https"}, "https://public.example", True),
        ({"x_forwarded_host": "public.example", "x_forwarded_proto": "https,http"}, "http://public.example", False),
        ({"x_forwarded_host": ",".join(f"h{i}" for i in range(100))}, "http://h0", True),
        ({"x_forwarded_host": ",".join(f"h{i}" for i in range(100))}, "http://h99", False),
    ],
)
def test_behind_a_proxy(forwarded: dict[str, str], origin: str, allowed: bool) -> None:
    assert granted(CORSPolicy(None), make_request(origin, **forwarded)) == (origin if allowed else None)


def test_forwarded_headers_count_only_where_they_are_trusted() -> None:
    policy = CORSPolicy(None, trust_forwarded=False)
    forwarded = {"x_forwarded_host": "evil.example", "x_forwarded_proto": "https"}
    assert granted(policy, make_request(GOOD, **forwarded)) == GOOD
    for origin in ("https://evil.example", "http://evil.example", "https://good.example"):
        assert granted(policy, make_request(origin, **forwarded)) is None


def test_forwarded_headers_do_not_widen_a_list() -> None:
    assert granted(CORSPolicy([GOOD]), make_request("http://evil.example", x_forwarded_host="evil.example")) is None
    assert granted(CORSPolicy(["http://other.example"]), make_request(GOOD)) is None  # nor does the own origin


@pytest.mark.parametrize(
    ("configured", "origin"),
    [
        ("HTTP://Good.Example", "http://good.example"),
        ("http://good.example:80", "http://good.example"),
        ("http://good.example:80", "http://good.example:80"),
        ("https://good.example:443/", "https://good.example"),
        ("http://good.example/", "http://good.example"),
        ("null", "null"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ("file://", "file://"),
    ],
)
def test_configured_origins_are_taken_as_browsers_send_them(configured: str, origin: str) -> None:
    assert granted(CORSPolicy(configured), make_request(origin)) == origin
    assert granted(CORSPolicy({configured}), make_request(origin)) == origin


@pytest.mark.parametrize("allowed_origins", ["*", ["*"], [GOOD, "*"], ("*",)], ids=repr)
def test_all_origins(allowed_origins: Any) -> None:
    policy = CORSPolicy(allowed_origins)
    for origin in ("http://evil.example", "null", "app://x"):
        request = make_request(origin)
        assert granted(policy, request) == origin
        # F072: never "*" together with credentials.
        assert policy.headers(request) == [
            ("Vary", "Origin"),
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
        ]


@pytest.mark.parametrize("origin", ["x" * (MAX_ORIGIN_SIZE + 1), "http://a\r\nb", "http://a b", "a,b", "\x7f", "\xe9"])
@pytest.mark.parametrize("allowed_origins", ["*", lambda origin: True])
def test_nothing_admits_what_is_no_origin(allowed_origins: Any, origin: str) -> None:
    assert granted(CORSPolicy(allowed_origins), make_request(origin)) is None


def test_all_origins_without_credentials() -> None:
    policy = CORSPolicy("*", credentials=False)
    for request in (make_request(), make_request("http://evil.example")):
        assert policy.allows(request, no_environ)
        assert policy.headers(request) == [("Access-Control-Allow-Origin", "*")]


def test_without_credentials() -> None:
    policy = CORSPolicy(GOOD, credentials=False)
    request = make_request(GOOD)
    assert policy.allows(request, no_environ)
    assert policy.headers(request) == [("Vary", "Origin"), ("Access-Control-Allow-Origin", GOOD)]


def test_headers_judge_a_request_that_was_not_judged() -> None:
    assert dict(CORSPolicy(GOOD).headers(make_request(GOOD)))["Access-Control-Allow-Origin"] == GOOD
    assert CORSPolicy(GOOD).headers(make_request("http://evil.example")) == [("Vary", "Origin")]


def test_the_empty_list_turns_it_off() -> None:
    policy = CORSPolicy([])
    assert not policy.enabled
    request = make_request("http://evil.example", method="OPTIONS", access_control_request_headers="X-A")
    assert policy.allows(request, no_environ)
    assert policy.headers(request) == []
    response = policy.preflight(request, no_environ)
    assert (response.status, response.body) == (200, b"OK")
    assert response.headers == [("Content-Type", "text/plain")]


@pytest.mark.parametrize("allowed_origins", [(), set(), ""], ids=repr)
def test_nothing_else_that_is_empty_does(allowed_origins: Any) -> None:
    policy = CORSPolicy(allowed_origins)
    assert policy.enabled
    assert granted(policy, make_request(GOOD)) is None


def test_a_callable_of_origin() -> None:
    asked: list[str] = []

    def decide(origin: str) -> bool:
        asked.append(origin)
        return origin == GOOD

    policy = CORSPolicy(decide)
    assert granted(policy, make_request(GOOD)) == GOOD
    assert granted(policy, make_request("http://evil.example")) is None
    assert asked == [GOOD, "http://evil.example"]  # once a request
    assert dict(policy.headers(make_request(GOOD)))["Access-Control-Allow-Origin"] == GOOD


def test_a_callable_of_origin_and_environ() -> None:
    environ = {"HTTP_X": "1"}
    policy = CORSPolicy(lambda origin, environ: origin == GOOD and environ["HTTP_X"] == "1")
    request = make_request(GOOD)
    assert policy.allows(request, lambda: environ)
    assert dict(policy.headers(request))["Access-Control-Allow-Origin"] == GOOD
    assert not policy.allows(make_request("http://evil.example"), lambda: environ)
    assert not policy.allows(make_request(GOOD), lambda: {"HTTP_X": "2"})
    # Nobody can ask it without an environ, so it grants nothing.
    assert policy.headers(make_request(GOOD)) == [("Vary", "Origin")]


class Decider:
    def __call__(self, origin: str, environ: dict[str, Any]) -> bool:
        return True

    def method(self, origin: str) -> bool:
        return True

    async def coroutine(self, origin: str) -> bool:
        return False


class AsyncDecider:
    async def __call__(self, origin: str) -> bool:
        return False


@pytest.mark.parametrize(
    ("function", "wants_environ"),
    [
        (Decider(), True),
        (Decider().method, False),
        (functools.partial(lambda tenant, origin: True, "tenant"), False),
        (lambda *arguments: len(arguments) == 2, True),
        (lambda origin, environ=None: environ is not None, True),
        ({GOOD}.__contains__, False),
        (bool, False),
    ],
)
def test_the_signature_decides(function: Any, wants_environ: bool) -> None:
    built: list[int] = []

    def environ() -> dict[str, Any]:
        built.append(1)
        return {}

    assert CORSPolicy(function).allows(make_request(GOOD), environ)
    assert bool(built) is wants_environ


@pytest.mark.parametrize("function", [lambda: True, lambda a, b, c: True, Decider().coroutine, AsyncDecider()])
def test_other_callables_are_refused(function: Any) -> None:
    with pytest.raises(TypeError, match="cors_allowed_origins"):
        CORSPolicy(function)


def test_an_error_of_the_callable_is_the_callers() -> None:
    def decide(origin: str) -> bool:
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        CORSPolicy(decide).allows(make_request(GOOD), no_environ)


@pytest.mark.parametrize("allowed_origins", [[1], [None], [b"http://a"], [GOOD, [GOOD]]])
def test_origins_must_be_strings(allowed_origins: Any) -> None:
    with pytest.raises(TypeError, match="must be a string"):
        CORSPolicy(allowed_origins)


def test_preflight() -> None:
    request = make_request(GOOD, method="OPTIONS", access_control_request_headers="Content-Type, X-A")
    response = CORSPolicy(GOOD).preflight(request, no_environ)
    assert (response.status, response.body) == (200, b"OK")
    assert dict(response.headers) == {
        "Content-Type": "text/plain",
        "Vary": "Origin",
        "Access-Control-Allow-Origin": GOOD,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "OPTIONS, GET, POST",
        "Access-Control-Allow-Headers": "Content-Type, X-A",
    }


def test_preflight_of_a_refused_origin() -> None:
    request = make_request("http://evil.example", method="OPTIONS", access_control_request_headers="X-A")
    response = CORSPolicy(GOOD).preflight(request, no_environ)
    assert response.status == 400
    assert not [name for name, _ in response.headers if name.startswith("Access-Control-")]
    assert response.body == b'{"code":4,"message":"Forbidden"}'


@pytest.mark.parametrize(
    "names",
    [
        ",".join(f"x-{number}" for number in range(1000)),  # F072
        "x" * (MAX_REQUEST_HEADERS_SIZE + 1),
        "x\r\nX-Injected: 1",
        "x\x00",
        "x-\xe9",
        "",
    ],
    ids=lambda names: repr(names[:12]),
)
def test_unreasonable_request_headers_are_not_echoed(names: str) -> None:
    request = make_request(GOOD, method="OPTIONS", access_control_request_headers=names)
    response = CORSPolicy(GOOD).preflight(request, no_environ)
    assert response.status == 200
    assert "Access-Control-Allow-Headers" not in dict(response.headers)


def test_the_longest_request_headers_are_echoed() -> None:
    names = "x" * MAX_REQUEST_HEADERS_SIZE
    response = CORSPolicy(GOOD).preflight(make_request(GOOD, access_control_request_headers=names), no_environ)
    assert dict(response.headers)["Access-Control-Allow-Headers"] == names


def test_private_networks_are_not_opened() -> None:
    request = make_request(GOOD, method="OPTIONS", access_control_request_private_network="true")
    response = CORSPolicy(GOOD).preflight(request, no_environ)
    assert "Access-Control-Allow-Private-Network" not in dict(response.headers)


@pytest.mark.parametrize(
    ("origin", "serialized"),
    [
        ("HTTP://A:80", "http://a"),
        ("https://a:80", "https://a:80"),
        ("http://a/", "http://a"),
        ("http://a/b", None),
        ("http://u@a", None),
        ("http://a?b", None),
        ("null", None),
        ("*", None),
        ("", None),
        ("http://", None),
        ("http://a:123456", None),
        ("http://a\n", None),
    ],
)
def test_serialization(origin: str, serialized: str | None) -> None:
    assert serialize_origin(origin) == serialized
