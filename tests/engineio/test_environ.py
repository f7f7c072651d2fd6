"""The environ: every key that applications read, and none that a client can forge."""

from __future__ import annotations

import io
import sys
from typing import Any
from wsgiref.util import request_uri
from wsgiref.validate import check_environ

import pytest

from engineio.environ import Environ, build_environ
from engineio.request import Request


async def receive() -> dict[str, Any]:
    raise AssertionError("nobody reads here")


async def send(message: dict[str, Any]) -> None:
    raise AssertionError("nobody writes here")


def environ_of(
    headers: list[tuple[bytes, bytes]] | None = None,
    *,
    path: str = "/socket.io/",
    query_string: str = "EIO=4&transport=polling",
    scheme: str = "http",
    client: tuple[str, int] | None = ("192.0.2.1", 4000),
    **scope: Any,
) -> dict[str, Any]:
    scope = {"type": "http", "server": ("192.0.2.9", 8000), "http_version": "1.1"} | scope
    request = Request("GET", path, query_string, headers or [], scheme, client)
    return build_environ(request, scope=scope, receive=receive, send=send)


def test_all_keys() -> None:
    headers = [
        (b"host", b"example.org"),
        (b"user-agent", b"test"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"0"),
        (b"x-own", b"1"),
    ]
    scope = {"type": "http", "server": ("192.0.2.9", 8000), "http_version": "1.1", "root_path": ""}
    request = Request("POST", "/socket.io/", "EIO=4", headers, "http", ("192.0.2.1", 4000))
    environ = build_environ(request, scope=scope, receive=receive, send=send)
    body = environ.pop("wsgi.input")
    assert isinstance(body, io.BytesIO)
    assert body.read() == b""
    assert environ.pop("asgi.scope") is scope
    assert environ.pop("asgi.receive") is receive
    assert environ.pop("asgi.send") is send
    assert environ.pop("wsgi.errors") is sys.stderr
    assert environ == {
        "wsgi.version": (1, 0),
        "wsgi.async": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.url_scheme": "http",
        "SERVER_SOFTWARE": "asgi",
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/socket.io/",
        "QUERY_STRING": "EIO=4",
        "RAW_URI": "/socket.io/?EIO=4",
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "192.0.2.9",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "4000",
        "HTTP_HOST": "example.org",
        "HTTP_USER_AGENT": "test",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "0",
        "HTTP_X_OWN": "1",
    }


def test_the_reference_validator_accepts_it() -> None:
    check_environ(environ_of([(b"host", b"example.org"), (b"cookie", b"a=1")]))


def test_each_call_makes_a_new_dict() -> None:
    request = Request("GET", "/", "", [], "http", None)
    first, second = (build_environ(request, scope={}, receive=None, send=None) for _ in range(2))
    first["saved_session"] = {}
    assert "saved_session" not in second
    assert first["wsgi.input"] is not second["wsgi.input"]


@pytest.mark.parametrize(
    ("scheme", "url_scheme"), [("http", "http"), ("https", "https"), ("ws", "http"), ("wss", "https")]
)
def test_url_scheme(scheme: str, url_scheme: str) -> None:
    assert environ_of(scheme=scheme)["wsgi.url_scheme"] == url_scheme


@pytest.mark.parametrize(
    ("client", "address", "port"),
    [
        (("192.0.2.1", 4000), "192.0.2.1", "4000"),
        (("fe80::1%eth0", 1), "fe80::1%eth0", "1"),
        (None, "", "0"),
    ],
)
def test_the_client_is_the_real_one(client: tuple[str, int] | None, address: str, port: str) -> None:
    environ = environ_of([(b"x-forwarded-for", b"203.0.113.9")], client=client)  # F102: not from the headers
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (address, port)


@pytest.mark.parametrize(
    ("server", "name", "port"),
    [(("h", 80), "h", "80"), (("/run/app.sock", None), "/run/app.sock", "0"), (None, "asgi", "0")],
)
def test_the_server(server: Any, name: str, port: str) -> None:
    environ = environ_of(server=server)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (name, port)


@pytest.mark.parametrize(
    ("root_path", "path", "script_name", "path_info"),
    [
        ("", "/socket.io/", "", "/socket.io/"),
        ("/app", "/app/socket.io/", "/app", "/socket.io/"),
        ("/app/", "/app/socket.io/", "/app", "/socket.io/"),
        ("/app", "/application/socket.io/", "/app", "/application/socket.io/"),
        ("/app", "/socket.io/", "/app", "/socket.io/"),
        ("/", "/socket.io/", "", "/socket.io/"),
    ],
)
def test_root_path(root_path: str, path: str, script_name: str, path_info: str) -> None:
    environ = environ_of(path=path, root_path=root_path)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


@pytest.mark.parametrize("path", ["/ws/socket.io/", "/api/ws/socket.io/"])
def test_root_path_that_the_application_names_itself(path: str) -> None:
    environ = environ_of(path=path, root_path="/api/ws", app_root_path="/api")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/api/ws", "/socket.io/")


def test_the_url_can_be_put_together_again() -> None:
    environ = environ_of([(b"host", b"example.org")], path="/app/socket.io/", root_path="/app", scheme="wss")
    assert request_uri(environ) == "https://example.org/app/socket.io/?EIO=4&transport=polling"


@pytest.mark.parametrize(
    ("path", "raw_path", "query_string", "raw_uri"),
    [
        ("/é x", b"/%C3%A9%20x", "a=%20", "/%C3%A9%20x?a=%20"),
        ("/é", None, "a=1", "/é?a=1"),
        ("/a", b"", "", "/a"),
    ],
)
def test_raw_uri(path: str, raw_path: bytes | None, query_string: str, raw_uri: str) -> None:
    environ = environ_of(path=path, raw_path=raw_path, query_string=query_string)
    assert environ["RAW_URI"] == raw_uri
    assert environ["PATH_INFO"] == path


def test_repeated_headers_are_joined() -> None:
    environ = environ_of([(b"x-a", b"1"), (b"cookie", b"a=1"), (b"x-a", b"2"), (b"cookie", b"b=2")])
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_underscores_do_not_forge_dashes() -> None:
    forged = [
        (b"x_forwarded_for", b"6.6.6.6"),
        (b"x-forwarded_proto", b"https"),
        (b"content_length", b"9"),
        (b"x_own", b"1"),
    ]
    environ = environ_of([(b"x-forwarded-for", b"192.0.2.7"), *forged])
    assert environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.7"
    assert not {"HTTP_X_FORWARDED_PROTO", "CONTENT_LENGTH", "HTTP_CONTENT_LENGTH", "HTTP_X_OWN"} & environ.keys()


def test_headers_cannot_take_other_keys() -> None:
    environ = environ_of([(b"remote-addr", b"6.6.6.6"), (b"wsgi.url_scheme", b"x"), (b"wsgi.input", b"x"), (b"", b"x")])
    assert environ["REMOTE_ADDR"] == "192.0.2.1"
    assert environ["HTTP_REMOTE_ADDR"] == "6.6.6.6"
    assert isinstance(environ["wsgi.input"], io.BytesIO)


def test_upper_case_is_that_of_ascii() -> None:
    environ = environ_of([(b"x-pa\xdf", b"\xe9"), (b"x-own", b"1")])
    assert "HTTP_X_PASS" not in environ
    assert environ["HTTP_X_PA\xdf"] == "é"


def test_usual_keys_are_shared() -> None:
    first, second = (
        next(key for key in environ_of([(b"user-agent", b"x")]) if key == "HTTP_USER_AGENT") for _ in range(2)
    )
    assert first is second


def test_http_version() -> None:
    assert environ_of(http_version="2")["SERVER_PROTOCOL"] == "HTTP/2"


def test_the_request_of_a_framework_is_made_when_somebody_asks_for_it() -> None:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    environ = Environ({"REQUEST_METHOD": "GET"}, "a.request", make)
    assert isinstance(environ, dict)
    assert "a.request" in environ and "b.request" not in environ and "REQUEST_METHOD" in environ
    assert (environ["REQUEST_METHOD"], environ.get("REQUEST_METHOD"), environ.get("b.request", 1)) == ("GET", "GET", 1)
    with pytest.raises(KeyError, match=r"b\.request"):
        environ["b.request"]
    copy = environ.copy()
    assert made == []
    assert environ["a.request"] is environ.get("a.request") is environ["a.request"] is made[0]
    assert copy.get("a.request") is made[1]
    assert len(made) == 2
    environ["a.request"] = "mine"
    assert environ.get("a.request") == "mine"
