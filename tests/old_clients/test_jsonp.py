"""The client of Socket.IO 2 in Chromium, polling by script elements and forms."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).parent.parent / "demo"))

from chromium import Chromium, find_chromium

if TYPE_CHECKING:
    from serving import ServerProcess

TEXTS = [
    "plain",
    "\u2028 and \u2029",
    "\"quotes\" and 'others' and \\backslashes\\ \\n \\\\n",
    "</script><script>document.title = 'broken'</script><!--",
    "é€😀 \x00\x07\x1e\x7f",
    "lines\nand\r\nlines\ttabs + plus & and = %41",
    "x" * 100_000,
]

TALK = """
new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(String(why)));
    setTimeout(() => fail("no answer in time"), 50000);
    const socket = io("/", { transports: ["polling"], forceJSONP: true, upgrade: false, reconnection: false });
    socket.on("connect_error", fail);
    socket.on("error", fail);
    const texts = TEXTS, came = [];
    socket.on("back", (...args) => came.push(args));
    socket.on("connect", () => {
        const scripts = [...document.querySelectorAll("script")].filter((script) => script.src.includes("j="));
        let left = texts.length + 1;
        const settle = () => {
            left -= 1;
            if (left) return;
            socket.disconnect();
            resolve({ came, scripts: scripts.length, title: document.title });
        };
        socket.emit("echo", { bytes: new Uint8Array([0, 4, 255]).buffer }, ({ bytes }) => {
            if (`${new Uint8Array(bytes)}` !== "0,4,255") fail(`bytes came back as ${new Uint8Array(bytes)}`);
            settle();
        });
        for (const text of texts) {
            socket.emit("send_back", text, { text });
            socket.emit("echo", text, (answer) => {
                if (answer !== text) fail(`${JSON.stringify(text)} came back as ${JSON.stringify(answer)}`);
                settle();
            });
        }
    });
})
"""


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = find_chromium()
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    return path


async def test_text_of_every_kind_and_bytes_both_ways(server: ServerProcess, chromium_path: str) -> None:
    async with Chromium(chromium_path) as browser:
        page = await browser.open(f"{server.url}/page")
        await page.wait_for("typeof io === 'function'")
        result = await page.evaluate(TALK.replace("TEXTS", json.dumps(TEXTS)))
        problems = list(browser.problems)
    assert result["came"] == [[text, {"text": text}] for text in TEXTS]
    assert result["scripts"] > 0  # it was no XMLHttpRequest
    assert result["title"] == "A client of Socket.IO 2"
    assert problems == []
    heard = await server.hear(type="disconnect", namespace="/")
    assert heard["reason"]
