"""The options of a client, the URLs of its requests, and what answers mean."""

from __future__ import annotations

from typing import Any

import pytest

import engineio
from engineio.base_client import BaseClient


@pytest.mark.parametrize(
    ("url", "path", "transport", "expected"),
    [
        ("http://h", "engine.io", "polling", "http://h/engine.io/?transport=polling&EIO=4"),
        ("http://h:80/", "/a/b/", "websocket", "ws://h:80/a/b/?transport=websocket&EIO=4"),
        ("https://h/engine.io/", "engine.io", "websocket", "wss://h/engine.io/?transport=websocket&EIO=4"),
        ("wss://h?a=b&c=d", "x", "polling", "https://h/x/?a=b&c=d&transport=polling&EIO=4"),
        ("ws://h", "", "polling", "http://h/?transport=polling&EIO=4"),
    ],
)
def test_urls(url: str, path: str, transport: str, expected: str) -> None:
    client = BaseClient()
    client.prepare(url, None, path)
    assert client.build_url(transport) == expected
    assert client.build_url(transport, "s/d=") == expected + "&sid=s%2Fd%3D"
    assert client.build_url(transport, None, 12.5) == expected + "&t=12.5"


def test_requests_need_no_timestamp() -> None:
    client = BaseClient(timestamp_requests=False)
    client.prepare("http://h", None, "e")
    assert "&t=" not in client.build_url("polling", None, 12.5)


@pytest.mark.parametrize("url", ["", "h", "ftp://h", "http://", "/engine.io"])
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        BaseClient().prepare(url, None, "e")


def test_transports_are_checked() -> None:
    client = BaseClient()
    assert client.prepare("http://h", "websocket", "e") == ["websocket"]
    assert client.prepare("http://h", None, "e") == ["polling", "websocket"]
    with pytest.raises(ValueError, match="No valid transports"):
        client.prepare("http://h", ["carrier pigeon"], "e")


@pytest.mark.parametrize(("body", "content"), [(b'{"code":1}', {"code": 1}), (b"<html>", None), (b"", None)])
def test_a_refusal_carries_what_the_server_said(body: bytes, content: Any) -> None:
    refusal = BaseClient().refusal(400, body)
    assert isinstance(refusal, engineio.exceptions.ConnectionError)
    assert refusal.args == ("Unexpected status code 400 in server response", content)


def test_a_redirect_is_told() -> None:
    assert "https://elsewhere" in str(BaseClient().refusal(302, b"", "https://elsewhere"))


def test_an_unknown_option_is_warned_about() -> None:
    with pytest.warns(UserWarning, match="did you mean 'request_timeout'"):
        BaseClient(request_timout=5)


def test_only_three_events_exist() -> None:
    client = BaseClient()

    @client.on("message")
    def message(data: Any) -> None: ...

    assert client.handlers == {"message": message}
    with pytest.raises(ValueError, match="Invalid event"):
        client.on("other")


def test_a_new_client_is_disconnected() -> None:
    client = BaseClient()
    assert (client.state, client.sid, client.transport(), client.upgrades) == ("disconnected", None, None, [])
