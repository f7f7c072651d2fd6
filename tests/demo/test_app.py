"""The demo's application with a client that sends what the page would not: each time an answer, and nothing breaks."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

LONG = "x" * 25
FILES = {
    "/": "text/html",
    "/style.css": "text/css",
    "/client.mjs": "text/javascript",
    "/engine.mjs": "text/javascript",
    "/chart.mjs": "text/javascript",
    "/page.mjs": "text/javascript",
}


class Client:
    """Engine.IO over polling, by hand; one request at a time."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self._url = f"{base}socket.io/?EIO=4&transport=polling"

    async def connect(self, auth: Any = None) -> None:
        opened = await self.poll()
        self._url += f"&sid={json.loads(opened[0][1:])['sid']}"
        await self.send("40" + ("" if auth is None else json.dumps(auth)))
        assert (await self.poll())[0].startswith('40{"sid":')

    async def send(self, packet: str) -> None:
        async with self._http.post(self._url, data=packet) as answer:  # text: octets would be refused
            assert (answer.status, await answer.text()) == (200, "ok")

    async def poll(self) -> list[str]:
        async with self._http.get(self._url) as answer:
            assert answer.status == 200
            return (await answer.text()).split("\x1e")

    async def call(self, *event: Any) -> Any:
        """Emit an event and return the first argument of its ack."""
        await self.send("427" + json.dumps(event))
        while True:
            for packet in await self.poll():
                if packet.startswith("437"):
                    return json.loads(packet[3:])[0]


@pytest.fixture
def with_clients(serve: Any, port: int) -> Any:
    """Run a scenario with the server's address and two connected clients."""

    async def main(scenario: Any) -> None:
        base = f"http://127.0.0.1:{port}/"
        async with serve("demo") as server, aiohttp.ClientSession() as http:
            clients = Client(http, base), Client(http, base)
            await clients[0].connect({"client": "page"})
            await clients[1].connect({"client": ["no", "text"]})
            await scenario(http, base, *clients)
            assert await server.stop() == 0

    return lambda scenario: asyncio.run(asyncio.wait_for(main(scenario), 30))


def test_the_page_is_made_of_these_files(with_clients: Any) -> None:
    async def scenario(http: aiohttp.ClientSession, base: str, *clients: Client) -> None:
        for path, kind in FILES.items():
            async with http.get(base + path[1:]) as answer:
                assert (answer.status, answer.content_type) == (200, kind)
                text = await answer.text()
                assert "https://" not in text, "it needs no network"

    with_clients(scenario)


def test_bad_input_is_answered(with_clients: Any) -> None:
    async def scenario(http: aiohttp.ClientSession, base: str, ada: Client, grace: Client) -> None:
        for event in (
            ("join",),
            ("join", None),
            ("join", 5),
            ("join", {"room": 1, "nickname": "Ada"}),
            ("join", {"room": "lobby"}),
            ("join", {"room": "lobby", "nickname": LONG}),
            ("join", {"room": LONG, "nickname": "Ada"}),
            ("join", {"room": "\u0000", "nickname": "Ada"}),
            ("say", "before it is in a room"),
            ("rename", {}),
        ):
            assert list(await ada.call(*event)) == ["error"], event
        assert (await ada.call("join", {"room": "__proto__", "nickname": "Ada"}, "extra"))["nickname"] == "Ada"
        for text in (None, 5, {"a": 1}, "", " ", "x" * 2001):
            assert list(await ada.call("say", text)) == ["error"], text
        assert await ada.call("typing", {}, []) == {}
        assert await ada.call("rtt", 1, 2, 3) == {}
        assert (await grace.call("join", {"room": "__proto__", "nickname": "Grace"}))["history"] == []

    with_clients(scenario)


def test_a_page_that_returns_keeps_its_nickname(with_clients: Any) -> None:
    async def scenario(http: aiohttp.ClientSession, base: str, ada: Client, grace: Client) -> None:
        wish = {"room": "lobby", "nickname": "Ada"}
        assert (await ada.call("join", wish))["nickname"] == "Ada"
        assert (await grace.call("join", wish))["nickname"] == "Ada 2"
        again = Client(http, base)
        await again.connect({"client": "page"})
        answer = await again.call("join", wish)
        assert sorted(member["nickname"] for member in answer["members"]) == ["Ada", "Ada 2"]

    with_clients(scenario)
