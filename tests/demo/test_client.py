"""The demo's browser client on its own, in headless Chromium: acks and binary both ways, refusals, namespaces."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from .chromium import Chromium

TRANSPORTS = (["polling"], ["websocket"], ["polling", "websocket"])
PREPARE = """
    const { Socket } = await import("/client.mjs");
    const event = (socket, name) => new Promise((resolve) => socket.on(name, (...args) => resolve(args)));
    const connected = async (options = {}) => {
        const socket = new Socket({ transports, ...options });
        const inPlace = new Promise((done) => socket.on("transport", (name) => name === transports.at(-1) && done()));
        const connects = event(socket, "connect");
        socket.connect();
        await Promise.all([connects, inPlace]);
        return socket;
    };
"""


@pytest.fixture
def check(chromium_path: str, serve: Any, port: int) -> Any:
    """Run a JavaScript function body over each choice of transports and compare what it returns."""

    async def main(body: str, expected: Any) -> None:
        options = ("serve", "echo_server:app", "--log-level", "warning")
        async with serve(*options) as server, Chromium(chromium_path) as browser:
            for transports in TRANSPORTS:
                # Any document of the server's will do as the place to run scripts in.
                page = await browser.open(f"http://127.0.0.1:{port}/client.mjs")
                await page.wait_for("location.protocol === 'http:'")
                function = f"async (transports) => {{ {PREPARE} {body} }}"
                result = await page.evaluate(f"({function})({json.dumps(transports)})")
                assert result == expected, f"over {transports}"
            assert browser.problems == []
            assert await server.stop() == 0

    return lambda body, expected: asyncio.run(asyncio.wait_for(main(body, expected), 60))


def test_arguments_come_back(check: Any) -> None:
    body = """
        const socket = await connected();
        const back = event(socket, "back");
        socket.emit("back", 1, "two €", [null, true], { four: { five: 5.5 } });
        return [await back, await socket.call("echo", "ack")];
    """
    check(body, [[1, "two €", [None, True], {"four": {"five": 5.5}}], "ack"])


def test_binary_goes_both_ways(check: Any) -> None:
    body = """
        const socket = await connected();
        const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 256);
        const back = event(socket, "back");
        socket.emit("back", { deep: [bytes, bytes.subarray(1, 3).slice().buffer] });
        const [{ deep: [whole, part] }] = await back;
        const ack = await socket.call("echo", bytes.subarray(4, 6));
        return [[...whole].every((byte, index) => byte === index % 256), whole.length, [...part], [...ack]];
    """
    check(body, [True, 1000, [1, 2], [4, 5]])


def test_the_server_gets_acks(check: Any) -> None:
    body = """
        const socket = await connected();
        socket.on("question", (question, ack) => { ack(question, new Uint8Array([7])); ack("only once"); });
        const answered = event(socket, "answered");
        socket.emit("ask", "why");
        const [text, bytes] = await answered;
        return [text, [...bytes]];
    """
    check(body, ["why", [7]])


def test_events_keep_their_order_across_the_upgrade(check: Any) -> None:
    body = """
        const socket = new Socket({ transports });
        const got = [];
        const all = new Promise((done) => socket.on("back", (n) => got.push(n) === 300 && done()));
        socket.connect();
        for (let n = 0; n < 300; n++) {
            socket.emit("back", n);
            if (n % 10 === 0) await new Promise((later) => setTimeout(later));
        }
        await all;
        return got;
    """
    check(body, list(range(300)))


def test_a_refusal_is_told_and_final(check: Any) -> None:
    body = """
        const socket = new Socket({ transports, auth: { token: "wrong" } });
        let again = false;
        socket.on("reconnecting", () => { again = true; });
        const refused = event(socket, "connect_error");
        socket.connect();
        const [error] = await refused;
        return [error.message, error.data, again, socket.connected];
    """
    check(body, ["not you", {"reason": "auth"}, False, False])


def test_another_namespace_with_auth(check: Any) -> None:
    body = """
        const socket = new Socket({ transports, namespace: "/other", auth: { token: 1 } });
        const hello = event(socket, "hello");
        socket.connect();
        return hello;
    """
    check(body, [{"token": 1}])


def test_pings_keep_it_open(check: Any) -> None:
    body = """
        const socket = await connected();
        const gone = event(socket, "disconnect");
        // Twice the server's interval and timeout together, 0.3 s and 0.7 s.
        const late = new Promise((done) => setTimeout(() => done("open"), 2000));
        return [await Promise.race([gone, late]), await socket.call("echo", "still here")];
    """
    check(body, ["open", "still here"])


def test_it_is_told_when_the_server_sends_it_away(check: Any) -> None:
    body = """
        const socket = await connected();
        const gone = event(socket, "disconnect");
        socket.emit("leave_me");
        return gone;
    """
    check(body, ["io server disconnect"])


def test_a_call_fails_when_the_connection_goes(check: Any) -> None:
    body = """
        const socket = await connected();
        const call = socket.call("nobody answers this");
        socket.disconnect();
        return call.then(() => "answered", (error) => error.message);
    """
    check(body, "io client disconnect")
