"""What a server says of a new connection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engineio.exceptions import ProtocolError
from engineio.handshake import LONGEST, SHORTEST, USUAL_MAX_PAYLOAD, read_handshake
from engineio.json import codec_for

CONTENT = {"sid": "abc", "upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200, "maxPayload": 100}
loads = codec_for(None).loads


def handshake(**content: Any) -> Any:
    return read_handshake(json.dumps({**CONTENT, **content}).encode(), loads)


def test_a_handshake_is_read() -> None:
    read = handshake()
    assert (read.sid, read.upgrades, read.max_payload) == ("abc", ("websocket",), 100)
    assert (read.ping_interval, read.ping_timeout) == (0.3, 0.2)


@pytest.mark.parametrize(
    ("value", "seconds"), [(0, SHORTEST), (-5, SHORTEST), (10**12, LONGEST), (10**400, LONGEST), (25000, 25.0)]
)
def test_intervals_are_clamped(value: int, seconds: float) -> None:
    if value > 10**99:
        content = ('{"sid":"a","pingInterval":' + "9" * 90 + ',"pingTimeout":1}').encode()
        assert read_handshake(content, loads).ping_interval == LONGEST
    else:
        assert handshake(pingInterval=value).ping_interval == seconds
        assert handshake(pingTimeout=value).ping_timeout == seconds


@pytest.mark.parametrize("limit", [-1, 0, None])
def test_a_senseless_limit_is_replaced(limit: int | None) -> None:
    assert handshake(maxPayload=limit).max_payload == USUAL_MAX_PAYLOAD


def test_unknown_upgrades_are_left_out() -> None:
    assert handshake(upgrades=["__class__", "webtransport", 5, None, {}, "websocket"]).upgrades == ("websocket",)


@pytest.mark.parametrize(
    "content",
    [
        *({"sid": sid} for sid in ("", 5, None, "a" * 300, "a\nb")),
        *({"pingInterval": value} for value in ("25", None, True, [])),
        *({"upgrades": "websocket"}, {"maxPayload": "1"}, {"pingTimeout": {}}),
    ],
)
def test_a_wrong_handshake_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        handshake(**content)


@pytest.mark.parametrize(("limit", "is_newer"), [(100, True), (0, True), (None, False)])
def test_only_new_servers_say_how_much_they_take(limit: int | None, is_newer: bool) -> None:
    assert handshake(maxPayload=limit).is_newer is is_newer
