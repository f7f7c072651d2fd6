"""The handshake's cookie: its forms, and that nothing can be smuggled in."""

from __future__ import annotations

from typing import Any

import pytest

from engineio.cookies import CookieTemplate


@pytest.mark.parametrize("cookie", [None, "", {}])
def test_no_cookie(cookie: Any) -> None:
    assert CookieTemplate(cookie).header("abc") is None


@pytest.mark.parametrize(
    ("cookie", "header"),
    [
        ("io", "io=abc; path=/; SameSite=Lax"),
        ({"name": "x"}, "x=abc"),
        ({"path": "/"}, "io=abc; path=/"),
        (
            {"name": "x", "path": "/p", "SameSite": "None", "Secure": True, "HttpOnly": True},
            "x=abc; path=/p; SameSite=None; Secure; HttpOnly",
        ),
        ({"path": "/", "name": "x"}, "x=abc; path=/"),
        ({"name": "x", "Max-Age": 3600}, "x=abc; Max-Age=3600"),
        ({"name": "x", "Max-Age": 0}, "x=abc; Max-Age=0"),
        ({"name": "x", "Secure": False, "Domain": None}, "x=abc"),
        ({"name": "x", "a": ""}, "x=abc; a="),
        (
            {"name": "x", "Expires": lambda: "Thu, 01 Jan 2026 00:00:00 GMT"},
            "x=abc; Expires=Thu, 01 Jan 2026 00:00:00 GMT",
        ),
        ({"name": "x", "Secure": lambda: True, "a": lambda: False, "b": "c"}, "x=abc; Secure; b=c"),
    ],
)
def test_forms(cookie: Any, header: str) -> None:
    assert CookieTemplate(cookie).header("abc") == header


def test_a_callable_is_called_for_each_cookie() -> None:
    numbers = iter(range(10))
    template = CookieTemplate({"name": "x", "n": lambda: next(numbers)})
    assert [template.header("a"), template.header("b")] == ["x=a; n=0", "x=b; n=1"]


def test_later_changes_of_the_dict_do_not_count() -> None:
    cookie = {"name": "x", "path": "/"}
    template = CookieTemplate(cookie)
    cookie["path"] = "/other\r\n"
    assert template.header("abc") == "x=abc; path=/"


# F080: what would end the value or the header.
SPLITTERS = ["\r", "\n", "\r\nX-Injected: 1", ";", "; Domain=evil.example", "\0", "\x1b", "\x7f", "\x85", "\u2028", "é"]


@pytest.mark.parametrize("splitter", SPLITTERS, ids=ascii)
def test_splitters_are_refused(splitter: str) -> None:
    for cookie in (
        f"io{splitter}",
        {"name": f"io{splitter}"},
        {"name": "io", f"path{splitter}": "/"},
        {"name": "io", "path": f"/{splitter}"},
        {"name": "io", f"Secure{splitter}": True},
        {"name": "io", f"x{splitter}": lambda: "y"},
    ):
        with pytest.raises(ValueError):
            CookieTemplate(cookie)


@pytest.mark.parametrize("splitter", SPLITTERS, ids=ascii)
def test_splitters_from_callables_are_refused_when_they_come(splitter: str) -> None:
    template = CookieTemplate({"name": "io", "path": lambda: f"/{splitter}"})
    with pytest.raises(ValueError):
        template.header("abc")


@pytest.mark.parametrize("splitter", SPLITTERS, ids=ascii)
def test_splitters_in_a_sid_are_refused(splitter: str) -> None:
    with pytest.raises(ValueError):
        CookieTemplate("io").header(f"abc{splitter}")


@pytest.mark.parametrize("name", ["a b", "a=b", "a,b", "a\t", {"name": ""}, {"name": "a", "": "b"}])
def test_names_are_names(name: Any) -> None:
    with pytest.raises(ValueError):
        CookieTemplate(name)


@pytest.mark.parametrize(
    "cookie", [1, True, ["io"], b"io", {"name": 1}, {1: "x"}, {"a": b"x"}, {"a": ["x"]}, {"name": None}]
)
def test_other_types_are_refused(cookie: Any) -> None:
    with pytest.raises(TypeError):
        CookieTemplate(cookie)
