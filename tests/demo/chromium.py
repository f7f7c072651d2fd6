"""Drives a headless Chromium over the DevTools protocol: open pages, type, click, wait for what a page shows."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # A window that is not in front must not have its timers slowed down: there are two here.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--remote-debugging-port=0",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Return the path of a Chromium; as root, try to install one first when there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(["apt-get", "install", "-y", "chromium"], capture_output=True, check=False, timeout=300)
        found = next(filter(None, map(shutil.which, NAMES)), None)
    return found


class Chromium:
    """A browser with a profile of its own, gone when the `async with` block ends."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.problems: list[str] = []
        """Uncaught exceptions and errors that any page has logged, other than failed requests."""

    async def __aenter__(self) -> Chromium:
        async with contextlib.AsyncExitStack() as stack:
            profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            self._process = await asyncio.create_subprocess_exec(
                self._path, *FLAGS, f"--user-data-dir={profile}", "about:blank",
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            stack.push_async_callback(self._stop)
            address = await asyncio.wait_for(self._devtools_address(), 30)
            self._drain = asyncio.create_task(self._process.stderr.read())  # a full pipe would stop the browser
            session = await stack.enter_async_context(aiohttp.ClientSession())
            self._ws = await stack.enter_async_context(session.ws_connect(address, max_msg_size=0))
            self._reader = asyncio.create_task(self._read())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.command("Browser.close"), 5)
        await self._stack.aclose()
        await asyncio.gather(self._reader, self._drain)

    async def _devtools_address(self) -> str:
        async for line in self._process.stderr:
            if line.startswith(b"DevTools listening on "):
                return line.split()[-1].decode()
        raise RuntimeError("Chromium ended before its DevTools were reachable")

    async def _stop(self) -> None:
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _read(self) -> None:
        async for message in self._ws:
            data = json.loads(message.data)
            answer = self._answers.pop(data.get("id", 0), None)
            if answer is not None and not answer.done():
                answer.set_result(data)
            elif data.get("method") == "Runtime.exceptionThrown":
                self.problems.append(json.dumps(data["params"]["exceptionDetails"]))
            elif data.get("method") == "Log.entryAdded":
                entry = data["params"]["entry"]
                if entry["level"] == "error" and entry["source"] not in ("network", "javascript"):
                    self.problems.append(json.dumps(entry))

    async def command(self, method: str, session: str | None = None, /, **params: Any) -> dict[str, Any]:
        """Send a DevTools command and return its result."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "method": method, "params": params}
        await self._ws.send_json(request | ({"sessionId": session} if session else {}))
        data = await answer
        if "error" in data:
            raise RuntimeError(f"{method}: {data['error']}")
        return data["result"]

    async def open(self, url: str, *, width: int = 1280, height: int = 800, scheme: str = "light") -> Page:
        """Open a window of its own, without the cookies and storage of the others."""
        context = await self.command("Target.createBrowserContext")
        target = await self.command(
            "Target.createTarget", url="about:blank", browserContextId=context["browserContextId"], newWindow=True
        )
        attached = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"])
        await page.command("Runtime.enable")
        await page.command("Log.enable")
        await page.command("Page.enable")
        await page.command("Emulation.setFocusEmulationEnabled", enabled=True)
        await page.look(width=width, height=height, scheme=scheme)
        await page.command("Page.navigate", url=url)
        return page


class Page:
    """One window."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._browser.command(method, self._session, **params)

    async def look(self, *, width: int, height: int, scheme: str) -> None:
        """Set the size, in CSS pixels, and the colour scheme, `light` or `dark`."""
        await self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        await self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited when it is a promise."""
        answer = await self.command("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def wait_for(self, condition: str, *, seconds: float = 15) -> None:
        """Wait until a JavaScript condition about the document is true; looked at whenever the document changes."""
        watched = await self.evaluate(
            f"""new Promise((resolve) => {{
                const holds = () => document.readyState !== "loading" && document.body && ({condition});
                const check = () => holds() && (observer.disconnect(), clearTimeout(timer), resolve("yes"));
                const observer = new MutationObserver(check);
                const timer = setTimeout(() => resolve(document.body?.innerText ?? "no page"), {seconds * 1000});
                addEventListener("DOMContentLoaded", check);
                observer.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
                check();
            }})"""
        )
        assert watched == "yes", f"within {seconds} s it never was true that {condition}; the page shows:\n{watched}"

    async def type(self, selector: str, text: str, *, enter: bool = True) -> None:
        """Replace the content of a text field as a person would."""
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.command("Input.insertText", text=text)
        if enter:
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
            await self.command("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
            await self.command("Input.dispatchKeyEvent", type="keyUp", **key)

    async def click(self, selector: str) -> None:
        """Click into the middle of an element, wherever that leads."""
        box = await self.evaluate(
            f"""(() => {{
                const node = document.querySelector({json.dumps(selector)});
                node.scrollIntoView({{ block: "nearest" }});
                const box = node.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        mouse = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        await self.command("Input.dispatchMouseEvent", type="mousePressed", **mouse)
        await self.command("Input.dispatchMouseEvent", type="mouseReleased", **mouse)

    async def screenshot(self, path: Path) -> None:
        """Save what the window shows as PNG."""
        answer = await self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))
