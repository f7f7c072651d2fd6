"""The demo's page in headless Chromium: two windows that talk, both transports, a server that goes and comes back."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest

from .chromium import Chromium, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

JOINED = "document.body.dataset.state === 'online' && document.body.dataset.joined === 'true'"
SAMPLES = "Number(document.querySelector('#chart').dataset.samples)"
Serve = Any


def shows(selector: str, text: str) -> str:
    return f"document.querySelector({selector!r})?.textContent.includes({text!r})"


def lacks(selector: str, text: str) -> str:
    return f"!{shows(selector, text)}"


def over(transport: str) -> str:
    return f"{JOINED} && document.body.dataset.transport === {transport!r}"


async def enter(browser: Chromium, url: str, nickname: str) -> Page:
    """Open a window in the lobby under a nickname."""
    page = await browser.open(url)
    await page.wait_for(over("websocket"))  # reached by an upgrade: that is the default
    await page.type("#nickname", nickname)
    await page.wait_for(shows("#people", nickname))
    return page


async def say(sender: Page, receiver: Page, text: str) -> None:
    """Send a message and see it arrive in both windows."""
    await sender.type("#text", text)
    await sender.wait_for(shows("#messages .own:last-child", text))
    await receiver.wait_for(shows("#messages", text))


@pytest.fixture
def windows(chromium_path: str, serve: Serve, port: int) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], None]:
    """Run a scenario with the demo's server and two windows, and check that neither of them logged an error."""

    async def main(scenario: Callable[..., Coroutine[Any, Any, None]]) -> None:
        url = f"http://127.0.0.1:{port}/"
        async with serve("demo") as server, Chromium(chromium_path) as browser:
            ada, grace = await enter(browser, url, "Ada"), await enter(browser, url, "Grace")
            await scenario(server, ada, grace)
            assert browser.problems == []

    return lambda scenario: asyncio.run(main(scenario))


def test_two_windows_talk(windows: Any) -> None:
    async def scenario(server: Any, ada: Page, grace: Page) -> None:
        await ada.wait_for(shows("#people", "Grace"))
        await grace.wait_for(shows("#people", "Ada"))
        await say(ada, grace, "hello from Ada")
        await say(grace, ada, "hello from Grace")
        assert await grace.evaluate("document.querySelector('.message:not(.own) .who').textContent") == "Ada"

    windows(scenario)


def test_markup_stays_text(windows: Any) -> None:
    async def scenario(server: Any, ada: Page, grace: Page) -> None:
        markup = "<img src=x onerror=alert(1)><b>bold</b>"
        await say(ada, grace, markup)
        await ada.type("#nickname", "<i>Ada</i>")
        await grace.wait_for(shows("#people", "<i>Ada</i>"))
        assert await grace.evaluate("document.querySelectorAll('main img, main b, main i').length") == 0

    windows(scenario)


def test_typing_is_shown_to_the_others(windows: Any) -> None:
    async def scenario(server: Any, ada: Page, grace: Page) -> None:
        await ada.type("#text", "he", enter=False)
        await grace.wait_for(shows("#typing", "Ada is typing"))
        await ada.type("#text", "hello")
        await grace.wait_for(lacks("#typing", "Ada"))

    windows(scenario)


def test_rooms_are_joined_left_and_counted(windows: Any) -> None:
    async def scenario(server: Any, ada: Page, grace: Page) -> None:
        await ada.type("#room-name", "compilers")
        await ada.wait_for(shows("#room-title", "compilers"))
        await grace.wait_for(shows("#rooms [data-room=compilers]", "1") + "&&" + lacks("#people", "Ada"))
        await ada.type("#text", "only here")
        await ada.wait_for(shows("#messages", "only here"))
        await grace.click("#rooms [data-room=compilers]")
        await grace.wait_for(shows("#messages", "only here"))  # from the room's history
        await say(grace, ada, "found you")
        await ada.click("#leave")
        await ada.wait_for("document.body.dataset.joined === 'false' && document.querySelector('#text').disabled")
        await grace.wait_for(lacks("#people", "Ada"))
        await grace.click("#rooms [data-room=lobby]")
        await ada.wait_for("!document.querySelector('[data-room=compilers]')")  # gone with the last who was in it

    windows(scenario)


def test_a_taken_nickname_gets_a_number(windows: Any) -> None:
    async def scenario(server: Any, ada: Page, grace: Page) -> None:
        await grace.type("#nickname", "Ada")
        await ada.wait_for(shows("#people", "Ada 2"))

    windows(scenario)


def test_round_trips_are_measured_over_each_transport(windows: Any) -> None:
    async def scenario(server: Any, ada: Page, grace: Page) -> None:
        await ada.wait_for(f"{SAMPLES} >= 2")
        await ada.wait_for(shows("#rtt-median", "ms"))
        for mode, transport in (("polling", "polling"), ("websocket", "websocket"), ("upgrade", "websocket")):
            await ada.click(f"input[value={mode}]")
            await ada.wait_for(over(transport))
            await say(ada, grace, f"now in mode {mode}")
            await say(grace, ada, f"mode {mode} hears me")
            samples = await ada.evaluate(SAMPLES)
            await ada.wait_for(f"{SAMPLES} > {samples}")
        bars = "document.querySelectorAll('#chart rect.{}').length"
        assert await ada.evaluate(bars.format("polling")) >= 1
        assert await ada.evaluate(bars.format("websocket")) >= 3

    windows(scenario)


@pytest.mark.parametrize("mode", ["polling", "websocket", "upgrade"])
def test_both_come_back_after_the_server_was_killed(windows: Any, serve: Serve, mode: str) -> None:
    async def scenario(server: Any, ada: Page, grace: Page) -> None:
        await ada.click(f"input[value={mode}]")
        await ada.wait_for(over("polling" if mode == "polling" else "websocket"))
        await server.stop(signal.SIGKILL)
        await ada.wait_for("document.body.dataset.state === 'offline'")
        await grace.wait_for("document.body.dataset.state === 'offline'")
        async with serve("demo"):
            await ada.wait_for(JOINED)
            await grace.wait_for(JOINED)
            await ada.wait_for(shows("#people", "Grace"))
            await say(ada, grace, "back again")
            await say(grace, ada, "me too")

    windows(scenario)


def test_sigterm_ends_it_in_good_order(windows: Any, serve: Serve) -> None:
    async def scenario(server: Any, ada: Page, grace: Page) -> None:
        assert await server.stop(signal.SIGTERM) == 0
        await ada.wait_for("document.body.dataset.state === 'offline'")
        async with serve("demo"):
            await ada.wait_for(JOINED)

    windows(scenario)


def test_it_says_where_it_is_and_how_to_stop(serve: Serve, port: int) -> None:
    async def main() -> None:
        async with serve("demo") as server:
            assert server.first_line.startswith(f"http://127.0.0.1:{port}/ ")
            assert "Ctrl-C" in server.first_line
            assert await server.stop(signal.SIGINT) == 0

    asyncio.run(main())
