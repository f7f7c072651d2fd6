"""Engine.IO 4 over HTTP: the table of errors of the protocol checklist, as far as no request rule has the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from limits import MUTE_REFUSALS
from protocol_client import (
    BAD_REQUEST,
    SESSION_ID_UNKNOWN,
    TRANSPORT_UNKNOWN,
    UNSUPPORTED_PROTOCOL_VERSION,
    ProtocolClient,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import ServerProcess

    Connect = Callable[[str], ProtocolClient]

pytestmark = pytest.mark.binding


async def test_error_websocket_without_upgrade(client: Connect) -> None:
    """Code 3: websocket transport without upgrade."""
    async with client("calm") as eio:
        assert (await eio.request(transport="websocket")).error == BAD_REQUEST


async def test_error_polling_with_upgrade(client: Connect, server: ServerProcess) -> None:
    """Code 3: an upgrade request whose transport is polling."""
    async with client("calm") as eio:
        answer = await eio.refused_websocket(transport="polling")
        assert answer.status == (403 if server.way in MUTE_REFUSALS else 400)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"EIO": "abc"}, UNSUPPORTED_PROTOCOL_VERSION),
        ({"EIO": None}, UNSUPPORTED_PROTOCOL_VERSION),
        ({"transport": "abc"}, TRANSPORT_UNKNOWN),
        ({"transport": None}, TRANSPORT_UNKNOWN),
        ({"sid": "unknown"}, SESSION_ID_UNKNOWN),
    ],
)
async def test_error_refused_websocket(
    client: Connect, server: ServerProcess, query: dict[str, Any], error: tuple[int, int, str]
) -> None:
    """Suite, WebSocket: "fails with an invalid 'EIO' query parameter", "... 'transport' query parameter"."""
    async with client("calm") as eio:
        answer = await eio.refused_websocket(**query)
        if server.way in MUTE_REFUSALS:
            assert answer.status == 403
        else:
            assert answer.error == error


@pytest.mark.parametrize(("how", "said"), [("reason", {"why": "not today"}), ("false", False)])
async def test_error_refusing_connect_handler(client: Connect, how: str, said: Any) -> None:
    """Engine connect handler returning anything other than None or True rejects with 401 and JSON body of the value."""
    async with client("calm") as eio:
        answer = await eio.request(refuse=how)
        assert answer.status == 401
        if said:
            assert answer.json == said
        refused = await eio.refused_websocket(refuse=how)
        assert refused.status in (401, 403)
