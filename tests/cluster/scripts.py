"""Programs that emit from outside, to be run as processes: `python scripts.py WHAT URL CHANNEL [ARGUMENT]`."""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
import sys
import threading
from typing import Any

import socketio

what, url, channel, *rest = sys.argv[1:]


def manager() -> Any:
    """Returns a manager for threads."""
    from socketio.managers.by_url import manager_for  # python-socketio runs this file, too

    return manager_for(url, is_async=False, channel=channel, write_only=True)


def emit_once() -> None:
    """Emits and ends at once."""
    manager().emit("script", {"data": b"1"}, room="a")


def emit_from_threads() -> None:
    """Emits from several threads."""
    own = manager()

    def work(number: int) -> None:
        for count in range(50):
            own.emit("script", (number, count))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own.close()


def emit_from_loops() -> None:
    """Emits from two event loops, one after the other."""
    kind = socketio.AsyncRedisManager if url.startswith("redis") else socketio.AsyncAioPikaManager
    own = kind(url, channel=channel, write_only=True)
    for number in range(2):
        asyncio.run(own.emit("script", number))


def command() -> None:
    """Does what else a process can do without a server; `rest` is a sid."""
    own = manager()
    own.enter_room(rest[0], "/", "b")
    own.emit("in b", None, room="b")
    own.leave_room(rest[0], "/", "b")
    own.close_room("a")
    for callback, room in ((print, "a"), (print, None)):
        try:
            own.emit("x", callback=callback, room=room, data=None)
        except RuntimeError as exc:
            print(exc)
    own.disconnect(rest[0])


def fork() -> None:
    """Emits before and after a fork, in parent and child."""
    own = manager()
    own.emit("script", "before")
    child = os.fork()
    own.emit("script", "child" if child == 0 else "parent")
    if child:
        os.waitpid(child, 0)
        own.emit("script", "after")


def pool() -> None:
    """Emits from processes of a pool that were forked."""
    global inherited
    inherited = manager()
    inherited.emit("script", -1)
    with multiprocessing.get_context("fork").Pool(2) as workers:
        workers.map(emit_inherited, range(20))


inherited: Any = None


def emit_inherited(number: int) -> None:
    """Emits with the manager that a process has from its parent."""
    inherited.emit("script", number)


def emit_to_nobody() -> None:
    """Emits while the broker is not there, waits for a line, and ends."""
    own = manager()
    for number in range(3):
        own.emit("script", number)
    print("emitted", flush=True)
    sys.stdin.readline()


def use_any() -> None:
    """Emits with whatever class is named."""
    module, _, name = rest[0].rpartition(":")
    own = getattr(importlib.import_module(module or "socketio"), name)(url, channel=channel, write_only=True)
    values: tuple[Any, ...] = ({"a": [b"1", None]}, ("two", b"2"), None, [])

    async def emit_all() -> None:
        for value in values:
            await own.emit("script", value)

    if name.startswith("Async"):
        asyncio.run(emit_all())  # python-socketio's do not work in a second event loop
    else:
        for value in values:
            own.emit("script", value)


async def emit_through_an_outage() -> None:
    """Emits, waits for a line, emits what fails at first, waits for another one, and emits again."""
    own = getattr(socketio, rest[0])(url, channel=channel, write_only=True)

    async def emit(event: str) -> None:
        if rest[0].startswith("Async"):
            await own.emit("script", event)
        else:
            own.emit("script", event)

    await emit("before")
    print("emitted", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await emit("meanwhile")
    print("failing", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await emit("after")
    if rest[0].startswith("Async"):
        await own.flush()


if __name__ == "__main__":
    result = globals()[what]()
    if asyncio.iscoroutine(result):
        asyncio.run(result)
