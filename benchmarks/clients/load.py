"""Puts load on a client and prints what it cost, as one line of JSON. Usage: load.py MODE COLOUR URL [options].

`socketio` is whichever package the interpreter has: the same program runs on this project and on python-socketio. Times
are processor time of the whole process, all of its threads included.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import statistics
import threading
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import socketio

MESSAGE = "x" * 32
OPTIONS: dict[str, Any] = {"transports": ["websocket"], "wait_timeout": 20}
EVENTS = {"receive": 50_000, "emit": 50_000, "call": 5_000, "idle": 1_000}
"""How many events a round has by default; clients, for `idle`."""

PATIENCE = 120
"""How many seconds a round may take."""

SETTLE = 3
"""How many seconds the idle clients are left alone before their memory is counted."""

AT_ONCE = 20
"""How many of the idle clients connect at the same time."""


def package() -> str:
    """Say which package is measured."""
    for name in ("fast-socketio", "python-socketio"):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return "?"


def count_to(target: int, reached: Callable[[], object], coroutine: bool) -> Callable[[str], Any]:
    """Make a handler that counts its calls; some clients call it in several threads at once."""
    number = itertools.count(1).__next__

    def handler(data: str) -> None:
        if number() == target:
            reached()

    async def coroutine_handler(data: str) -> None:
        if number() == target:
            reached()

    return coroutine_handler if coroutine else handler


# asyncio


async def receive_async(client: Any, count: int, coroutine: bool) -> float:
    """Ask for events and count them in a handler."""
    done = asyncio.Event()
    client.on("msg", count_to(count, done.set, coroutine))
    start = time.process_time()
    await client.emit("burst", count)
    await asyncio.wait_for(done.wait(), PATIENCE)
    return time.process_time() - start


async def emit_async(client: Any, count: int, coroutine: bool) -> float:
    """Send events; the call at the end is answered when the server has them all."""
    start = time.process_time()
    for _ in range(count):
        await client.emit("sink", MESSAGE)
    arrived = await client.call("arrivals", count, timeout=PATIENCE)
    used = time.process_time() - start
    assert arrived == count, arrived
    return used


async def call_async(client: Any, count: int, coroutine: bool) -> float:
    """Make one round trip after the other."""
    start = time.process_time()
    for _ in range(count):
        await client.call("ack", MESSAGE)
    return time.process_time() - start


async def run_async(mode: str, url: str, count: int, rounds: int, coroutine: bool) -> list[float]:
    """Return the seconds of each round of a mode, after a smaller one that does not count."""
    measure = {"receive": receive_async, "emit": emit_async, "call": call_async}[mode]
    client = socketio.AsyncClient()
    await client.connect(url, **OPTIONS)
    try:
        await measure(client, max(count // 10, 1), coroutine)
        return [await measure(client, count, coroutine) for _ in range(rounds)]
    finally:
        await client.disconnect()


# Threads


def receive_sync(client: Any, count: int) -> float:
    """Ask for events and count them in a handler."""
    done = threading.Event()
    client.on("msg", count_to(count, done.set, False))
    start = time.process_time()
    client.emit("burst", count)
    assert done.wait(PATIENCE), "the events have not come"
    return time.process_time() - start


def emit_sync(client: Any, count: int) -> float:
    """Send events; the call at the end is answered when the server has them all."""
    start = time.process_time()
    for _ in range(count):
        client.emit("sink", MESSAGE)
    arrived = client.call("arrivals", count, timeout=PATIENCE)
    used = time.process_time() - start
    assert arrived == count, arrived
    return used


def call_sync(client: Any, count: int) -> float:
    """Make one round trip after the other."""
    start = time.process_time()
    for _ in range(count):
        client.call("ack", MESSAGE)
    return time.process_time() - start


def run_sync(mode: str, url: str, count: int, rounds: int) -> list[float]:
    """Return the seconds of each round of a mode, after a smaller one that does not count."""
    measure = {"receive": receive_sync, "emit": emit_sync, "call": call_sync}[mode]
    client = socketio.Client()
    client.connect(url, **OPTIONS)
    try:
        measure(client, max(count // 10, 1))
        return [measure(client, count) for _ in range(rounds)]
    finally:
        client.disconnect()


# Memory


def resident() -> float:
    """Return the resident memory of this process, in kB."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1000


async def idle(url: str, count: int) -> float:
    """Return what one of many connected clients takes, in kB; what the first one loads does not count."""
    connected = [socketio.AsyncClient()]
    await connected[0].connect(url, **OPTIONS)
    await asyncio.sleep(SETTLE)
    before = resident()
    while (missing := count + 1 - len(connected)) > 0:
        batch = [socketio.AsyncClient() for _ in range(min(AT_ONCE, missing))]
        await asyncio.gather(*(client.connect(url, **OPTIONS) for client in batch))
        connected += batch
    await asyncio.sleep(SETTLE)
    after = resident()
    assert all(client.connected for client in connected), "some clients have lost their connection"
    return (after - before) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=list(EVENTS))
    parser.add_argument("colour", choices=["async", "sync"])
    parser.add_argument("url")
    parser.add_argument("--events", type=int, help="events of a round, or idle clients")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--handler", choices=["def", "coroutine"], default="def", help="what kind receives the events")
    options = parser.parse_args()
    count = options.events or EVENTS[options.mode]
    result: dict[str, Any] = {"package": package(), "mode": options.mode, "colour": options.colour, "events": count}
    if options.mode == "idle":
        if options.colour == "sync":
            parser.error("idle is for async")
        result["kB_per_client"] = round(asyncio.run(idle(options.url, count)), 2)
    elif options.colour == "sync" and not hasattr(socketio, "Client"):
        result["missing"] = "socketio.Client"
    else:
        if options.colour == "sync":
            times = run_sync(options.mode, options.url, count, options.rounds)
        else:
            coroutine = options.handler == "coroutine"
            times = asyncio.run(run_async(options.mode, options.url, count, options.rounds, coroutine))
        seconds = statistics.median(times) / count
        result |= {
            "rounds": len(times),
            "us_per_event": round(seconds * 1e6, 3),
            "events_per_second": round(1 / seconds),
        }
    print(json.dumps(result), flush=True)
    if options.mode == "idle":
        # A thousand farewells are not measured, and the connections end with the process.
        os._exit(0)


if __name__ == "__main__":
    main()
