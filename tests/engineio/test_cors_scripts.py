"""Which pages may poll with script elements, which send no `Origin`."""

from __future__ import annotations

from typing import Any

import pytest

from engineio.cors import CORSPolicy

from .test_cors import GOOD, make_request, no_environ

EVIL = "http://evil.example/page"


def allows(origins: Any, **headers: str) -> bool:
    return CORSPolicy(origins).allows_script(make_request(**headers), no_environ)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # no browser, or one that has been told to say nothing
        ({"referer": f"{GOOD}/page?x#y"}, True),
        ({"referer": EVIL}, False),
        ({"referer": "http://good.example.evil.example/"}, False),
        ({"referer": "http://good.example@evil.example/"}, False),
        ({"referer": "null"}, True),
        ({"referer": "null", "sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"referer": f"{GOOD}/", "sec_fetch_site": "same-origin"}, True),
    ],
)
def test_the_own_pages(headers: dict[str, str], allowed: bool) -> None:
    assert allows(None, **headers) is allowed


def test_pages_that_are_allowed() -> None:
    assert allows("http://evil.example", referer=EVIL, sec_fetch_site="cross-site")
    assert allows("http://other.example", referer=f"{GOOD}/")  # the own one always is
    assert not allows("http://other.example", referer=EVIL)
    assert allows(lambda origin: origin == "http://evil.example", referer=EVIL)
    assert not allows(lambda origin: False, referer=EVIL)


def test_where_nothing_is_checked() -> None:
    assert allows("*", referer=EVIL, sec_fetch_site="cross-site")
    assert allows([], referer=EVIL, sec_fetch_site="cross-site")
