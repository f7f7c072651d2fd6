"""Requests: the query, the headers, and how little it takes to make one."""

from __future__ import annotations

import dataclasses
from urllib.parse import parse_qs, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.request import MAX_PARAMETERS, Request, Response


def make_request(query_string: str = "", headers: list[tuple[bytes, bytes]] | None = None) -> Request:
    return Request("GET", "/engine.io/", query_string, headers or [], "http", ("192.0.2.1", 4000))


def test_it_keeps_what_it_is_given() -> None:
    headers = [(b"host", b"a")]
    request = Request("POST", "/engine.io/", "EIO=4", headers, "https", ("192.0.2.1", 4000))
    assert (request.method, request.path, request.query_string) == ("POST", "/engine.io/", "EIO=4")
    assert request.headers is headers
    assert (request.scheme, request.client) == ("https", ("192.0.2.1", 4000))
    assert request.origin_allowed is None


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True), ("ws", False), ("wss", True)])
def test_secure_schemes(scheme: str, secure: bool) -> None:
    assert Request("GET", "/", "", [], scheme, None).is_secure is secure


def test_it_has_no_dict() -> None:
    with pytest.raises(AttributeError):
        make_request().anything = 1  # type: ignore[attr-defined]


def test_repr_hides_sid_and_cookies() -> None:
    text = repr(make_request("sid=secret", [(b"cookie", b"io=secret")]))
    assert "secret" not in text
    assert "/engine.io/" in text


def test_usual_query() -> None:
    request = make_request("EIO=4&transport=websocket&sid=lv_VI97HAXpY6yYWAAAC")
    assert request.query("EIO") == "4"
    assert request.query("transport") == "websocket"
    assert request.query("sid") == "lv_VI97HAXpY6yYWAAAC"
    assert request.query("j") is None
    assert request.query_all("j") == []


@pytest.mark.parametrize(
    ("query_string", "name", "values"),
    [
        ("", "EIO", []),
        ("EIO", "EIO", [""]),
        ("EIO=", "EIO", [""]),
        ("=4", "", ["4"]),
        ("a=b=c", "a", ["b=c"]),
        ("EIO=4&EIO=3", "EIO", ["4", "3"]),
        ("transport=polling&x=1&transport=websocket&transport=", "transport", ["polling", "websocket", ""]),
        ("&&EIO=4&&", "EIO", ["4"]),
        ("E%49O=4", "EIO", ["4"]),
        ("a=x+y%2Bz", "a", ["x y+z"]),
        ("a+b=1", "a b", ["1"]),
        ("sid=a%0d%0aX-Inj:1", "sid", ["a\r\nX-Inj:1"]),
        ("a=%C3%A9%26%3d", "a", ["é&="]),
        ("a=%FF", "a", ["�"]),
        ("a=%zz%", "a", ["%zz%"]),
        ("a=1;b=2", "a", ["1;b=2"]),
        ("transport=__proto__", "transport", ["__proto__"]),
        ("sid=\u0661", "sid", ["\u0661"]),
    ],
)
def test_unusual_queries(query_string: str, name: str, values: list[str]) -> None:
    request = make_request(query_string)
    assert request.query_all(name) == values
    assert request.query(name) == (values[0] if values else None)


def test_a_caller_cannot_change_the_query() -> None:
    request = make_request("a=1")
    request.query_all("a").append("2")
    assert request.query_all("a") == ["1"]


def test_a_megabyte_of_sid() -> None:
    assert make_request("EIO=4&sid=" + "x" * 1_000_000).query("sid") == "x" * 1_000_000


def test_parameters_are_bounded() -> None:
    request = make_request("&".join(f"p{number}=1" for number in range(100_000)))
    assert request.query(f"p{MAX_PARAMETERS - 1}") == "1"
    assert request.query(f"p{MAX_PARAMETERS}") is None


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=10))
def test_query_agrees_with_the_standard_library(pairs: list[tuple[str, str]]) -> None:
    pairs = [
        (name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode()) for name, value in pairs
    ]
    query_string = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    request = make_request(query_string)
    for name, values in parse_qs(query_string, keep_blank_values=True).items():
        assert request.query_all(name) == values


def test_headers() -> None:
    request = make_request(headers=[(b"host", b"a"), (b"x-latin", b"\xe9"), (b"empty", b"")])
    assert request.header(b"host") == "a"
    assert request.header(b"x-latin") == "é"
    assert request.header(b"empty") == ""
    assert request.header(b"origin") is None
    assert make_request().header(b"host") is None


def test_repeated_headers_are_joined() -> None:
    request = make_request(headers=[(b"x", b"1"), (b"cookie", b"a=1"), (b"x", b"2"), (b"cookie", b"b=2"), (b"y", b"3")])
    assert request.header(b"x") == "1,2"
    assert request.header(b"cookie") == "a=1; b=2"
    assert request.header(b"y") == "3"
    assert request.merged_headers() == {b"x": b"1,2", b"cookie": b"a=1; b=2", b"y": b"3"}


def test_a_response_is_a_value() -> None:
    response = Response(200, [("Content-Type", "text/plain")], b"ok")
    assert response == Response(200, [("Content-Type", "text/plain")], b"ok")
    with pytest.raises(dataclasses.FrozenInstanceError):
        response.status = 500  # type: ignore[misc]
