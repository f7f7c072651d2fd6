"""What HTTP carries beside the protocol: CORS, compression, cookies, and the options that change what is offered."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from protocol_client import BAD_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol_client import Answer, ProtocolClient
    from serving import ServerProcess

    Connect = Callable[[str], ProtocolClient]

pytestmark = pytest.mark.binding

EVIL = "http://evil.example"


def cors_headers(answer: Answer) -> set[str]:
    """The names of the CORS headers of an answer."""
    return {name.lower() for name in answer.headers if name.lower().startswith("access-control-")}


# CORS


async def test_cors_same_origin_by_default(client: Connect) -> None:
    """`cors_allowed_origins=None`: same origin only; GET and POST carry the headers."""
    async with client("calm") as eio:
        origin = eio.url.removesuffix("/calm/")
        for answer in (
            await eio.handshake(headers={"Origin": origin}),
            await eio.post("4x", headers={"Origin": origin}),
            await eio.poll(headers={"Origin": origin}),
        ):
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
            assert "Origin" in answer.headers["Vary"]
        async with eio.websocket_session(headers={"Origin": origin}) as ws:
            await ws.send("4hello")
            assert await ws.receive() == "4hello"


@pytest.mark.parametrize(
    "origin",
    [EVIL, "null", "http://127.0.0.1", "http://127.0.0.1.evil.example", "http://user@127.0.0.1", "x" * 4_000],
)
async def test_cors_other_origins_are_refused(client: Connect, server: ServerProcess, origin: str) -> None:
    """A refused Origin: 400 code 3 for polling without any allowing header, 403 for WebSocket."""
    async with client("calm") as eio:
        answer = await eio.request(headers={"Origin": origin})
        assert answer.error == BAD_REQUEST
        assert "access-control-allow-origin" not in cors_headers(answer)
        refused = await eio.refused_websocket(headers={"Origin": origin})
        # daphne looks at an origin itself, whether it is one at all.
        assert refused.status == (400 if server.way == "daphne" and origin.startswith("x") else 403)


async def test_cors_checks_every_request_of_a_session(client: Connect) -> None:
    """A valid sid does not help another origin."""
    async with client("calm") as eio:
        await eio.handshake()
        assert (await eio.poll(headers={"Origin": EVIL})).error == BAD_REQUEST
        assert (await eio.post("4evil", headers={"Origin": EVIL})).error == BAD_REQUEST
        assert (await eio.refused_websocket(headers={"Origin": EVIL})).status == 403
        await eio.post("4good")
        assert (await eio.poll()).packets == ["4good"]


async def test_cors_behind_a_proxy(client: Connect) -> None:
    """The same origin is also what `X-Forwarded-Proto` and `X-Forwarded-Host` say; the first value counts."""
    async with client("calm") as eio:
        headers = {"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "public.example, inner.example"}
        good = {"Origin": "https://public.example", **headers}
        answer = await eio.request(headers=good)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://public.example"
        assert (await eio.request(headers={"Origin": "https://inner.example", **headers})).error == BAD_REQUEST


async def test_cors_preflight(client: Connect) -> None:
    """OPTIONS preflight answered with Access-Control-Allow-Origin/Methods/Headers/Credentials."""
    async with client("cors-list") as eio:
        headers = {
            "Origin": "http://one.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, x-token",
        }
        answer = await eio.request("OPTIONS", headers=headers)
        assert answer.status in (200, 204)
        assert answer.headers["Access-Control-Allow-Origin"] == "http://one.example"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        methods = {method.strip() for method in answer.headers["Access-Control-Allow-Methods"].split(",")}
        assert methods >= {"OPTIONS", "GET", "POST"}
        assert answer.headers["Access-Control-Allow-Headers"] == "content-type, x-token"
        refused = await eio.request("OPTIONS", headers={**headers, "Origin": EVIL})
        assert "access-control-allow-origin" not in cors_headers(refused)


async def test_cors_any_origin(client: Connect) -> None:
    """`*`: any origin; with credentials the origin itself is named, for browsers take no `*` with them."""
    async with client("cors-any") as eio:
        answer = await eio.handshake(headers={"Origin": EVIL})
        assert answer.headers["Access-Control-Allow-Origin"] == EVIL
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        async with eio.websocket_session(headers={"Origin": EVIL}):
            pass


@pytest.mark.parametrize("path", ["cors-one", "cors-list"])
async def test_cors_named_origins(client: Connect, path: str) -> None:
    """A string or a list: these, exactly, and no others."""
    async with client(path) as eio:
        answer = await eio.handshake(headers={"Origin": "http://one.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "http://one.example"
        for origin in (EVIL, "http://one.example.evil.example", "https://one.example", "http://one.example:81"):
            assert (await eio.request(sid=None, headers={"Origin": origin})).error == BAD_REQUEST


async def test_cors_callable(client: Connect) -> None:
    """A callable `(origin, environ)` decides."""
    async with client("cors-callable") as eio:
        friend = {"X-Friend": "http://friend.example"}
        answer = await eio.handshake(headers={"Origin": "http://friend.example", **friend})
        assert answer.headers["Access-Control-Allow-Origin"] == "http://friend.example"
        assert (await eio.request(sid=None, headers={"Origin": EVIL, **friend})).error == BAD_REQUEST


async def test_cors_off(client: Connect) -> None:
    """`[]` disables all CORS handling: no check, no headers."""
    async with client("cors-off") as eio:
        answer = await eio.handshake(headers={"Origin": EVIL})
        assert cors_headers(answer) == set()
        async with eio.websocket_session(headers={"Origin": EVIL}):
            pass


async def test_cors_without_credentials(client: Connect) -> None:
    """`cors_credentials=False`."""
    async with client("cors-no-credentials") as eio:
        answer = await eio.handshake(headers={"Origin": "http://one.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "http://one.example"
        assert "access-control-allow-credentials" not in cors_headers(answer)


async def test_cors_says_nothing_without_an_origin(client: Connect) -> None:
    """A request without an Origin is no CORS request."""
    async with client("calm") as eio:
        assert "access-control-allow-origin" not in cors_headers(await eio.handshake())


# Compression


DECODERS = {"gzip": gzip.decompress, "deflate": zlib.decompress}


@pytest.mark.parametrize(
    ("accepted", "used"),
    [("gzip", "gzip"), ("deflate", "deflate"), ("deflate, gzip", "deflate"), ("br, gzip;q=0.8", "gzip")],
)
@pytest.mark.parametrize("size", [1024, 100_000])
async def test_compression_from_the_threshold_on(client: Connect, accepted: str, used: str, size: int) -> None:
    """First encoding in `Accept-Encoding` order among gzip and deflate when the body has 1,024 bytes or more."""
    async with client("calm") as eio:
        await eio.handshake()
        packet = "4" + "x" * (size - 1)
        await eio.post(packet)
        answer = await eio.poll(headers={"Accept-Encoding": accepted})
        assert answer.headers["Content-Encoding"] == used
        assert len(answer.body) < size
        assert DECODERS[used](answer.body).decode() == packet


@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "br"}, {"Accept-Encoding": "identity"}])
async def test_compression_only_as_the_client_takes_it(client: Connect, headers: dict[str, str]) -> None:
    """No known encoding, no compression."""
    async with client("calm") as eio:
        await eio.handshake()
        packet = "4" + "x" * 5_000
        await eio.post(packet)
        answer = await eio.poll(headers=headers)
        assert "Content-Encoding" not in answer.headers
        assert answer.text == packet


async def test_compression_below_the_threshold(client: Connect) -> None:
    """1,023 bytes stay as they are."""
    async with client("calm") as eio:
        await eio.handshake()
        packet = "4" + "x" * 1_022
        await eio.post(packet)
        answer = await eio.poll(headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers
        assert answer.text == packet


async def test_compression_threshold(client: Connect) -> None:
    """`compression_threshold=10`."""
    async with client("low-threshold") as eio:
        await eio.handshake()
        await eio.post("4" + "x" * 9)
        answer = await eio.poll(headers={"Accept-Encoding": "gzip"})
        assert gzip.decompress(answer.body) == b"4xxxxxxxxx"


async def test_compression_off(client: Connect) -> None:
    """`http_compression=False`."""
    async with client("no-gzip") as eio:
        await eio.handshake()
        packet = "4" + "x" * 5_000
        await eio.post(packet)
        answer = await eio.poll(headers={"Accept-Encoding": "gzip, deflate"})
        assert "Content-Encoding" not in answer.headers
        assert answer.text == packet


# Cookies


async def test_cookie_as_a_string(client: Connect) -> None:
    """`name=<sid>; path=/; SameSite=Lax`, sent only on the polling handshake response."""
    async with client("cookie-string") as eio:
        answer = await eio.handshake()
        assert answer.headers.getall("Set-Cookie") == [f"io={eio.sid}; path=/; SameSite=Lax"]
        assert "Set-Cookie" not in (await eio.post("4x")).headers
        assert "Set-Cookie" not in (await eio.poll()).headers


async def test_cookie_as_a_dict(client: Connect) -> None:
    """Key `name` and attributes, whose value `True` makes a flag."""
    async with client("cookie-dict") as eio:
        parts = (await eio.handshake()).headers["Set-Cookie"].split("; ")
        assert parts[0] == f"custom={eio.sid}"
        assert set(parts[1:]) == {"path=/custom", "SameSite=Strict", "HttpOnly"}


async def test_no_cookie_by_default(client: Connect) -> None:
    async with client("calm") as eio:
        assert "Set-Cookie" not in (await eio.handshake()).headers


# What is offered


async def test_polling_only(client: Connect) -> None:
    """`transports="polling"`: no upgrade is offered, a WebSocket is refused."""
    async with client("polling-only") as eio:
        assert (await eio.refused_websocket()).status in (400, 403)
        await eio.handshake()
        assert eio.open_packet["upgrades"] == []
        await eio.post("4hello")
        assert (await eio.poll()).packets == ["4hello"]


async def test_websocket_only(client: Connect) -> None:
    """`transports=["websocket"]`: no session can begin by polling."""
    async with client("websocket-only") as eio:
        assert (await eio.request()).error == (400, 0, "Transport unknown")
        async with eio.websocket_session() as ws:
            await ws.send("4hello")
            assert await ws.receive() == "4hello"


async def test_without_monitoring(client: Connect) -> None:
    """`monitor_clients=False` serves as ever."""
    async with client("unmonitored") as eio:
        await eio.handshake()
        await eio.post("4hello")
        assert (await eio.poll()).packets == ["4hello"]
        async with eio.websocket_session() as ws:
            await ws.send("4hello")
            assert await ws.receive() == "4hello"
