"""The server under attack: a program on the public API, with a debug route that counts what is alive in it.

Run as `python server_app.py embedded|asgi PORT OPTIONS`, where OPTIONS is a JSON object: `server` holds the keyword
options of `socketio.AsyncServer`, `static` a directory for `/static`, `files` the limit of open files, `announce`
prints each disconnect.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import resource
import sys
import threading
import time
from collections import Counter, defaultdict
from typing import Any
from urllib.parse import parse_qs

import engineio
import socketio

mode, port, options = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
if "files" in options:
    resource.setrlimit(resource.RLIMIT_NOFILE, (options["files"], options["files"]))
logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s %(message)s")

SLOW_NAMESPACES = ["/slow", "/refuse", "/refused-error", "/boom", "/hang", "/cancelled", "/vanish"]
sio = socketio.AsyncServer(
    async_mode="asgi",
    namespaces=["/", "/admin", "/class", *SLOW_NAMESPACES, *(f"/n{i}" for i in range(150))],
    **options.get("server", {}),
)
eio = engineio.AsyncServer(async_mode="asgi")
disconnects: dict[str, list[str]] = defaultdict(list)
seen: list[Any] = []
counts: Counter[str] = Counter()
pending_engine_sids: list[str] = []
running = peak = 0
release = asyncio.Event()
real_time = time.time


class Boom(BaseException):
    """Neither an `Exception` nor one of the interpreter's own."""


RAISES: dict[str, BaseException] = {
    "ValueError": ValueError("from the handler"),
    "BaseException": Boom("from the handler"),
    "SystemExit": SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt("from the handler"),
    "GeneratorExit": GeneratorExit("from the handler"),
    "CancelledError": asyncio.CancelledError("from the handler"),
}


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    counts["connect"] += 1
    if isinstance(auth, dict):
        seen.append(auth)
        if "raise" in auth:
            raise RAISES[auth["raise"]]


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    disconnects[sid].append(reason)
    counts["disconnect"] += 1
    if "announce" in options:
        print(f"DISCONNECT {sid} {reason}", flush=True)
    if (await sio.get_session(sid)).get("raise_at_disconnect"):
        raise RAISES[(await sio.get_session(sid))["raise_at_disconnect"]]


@sio.on("connect", namespace="/slow")
async def connect_slow(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    counts["slow"] += 1
    await asyncio.sleep((auth or {}).get("seconds", 0.5))


@sio.on("disconnect", namespace="/slow")
async def disconnect_slow(sid: str, reason: str) -> None:
    disconnects[sid].append(reason)
    counts["slow disconnect"] += 1


@sio.on("connect", namespace="/refuse")
async def connect_refuse(sid: str, environ: dict[str, Any], auth: Any = None) -> bool:
    await asyncio.sleep((auth or {}).get("seconds", 0))
    return False


@sio.on("connect", namespace="/refused-error")
async def connect_refused_error(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    raise socketio.exceptions.ConnectionRefusedError("not you", {"why": 1})


@sio.on("connect", namespace="/boom")
async def connect_boom(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    raise RuntimeError("the password of the database is swordfish")


@sio.on("connect", namespace="/cancelled")
async def connect_cancelled(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    raise asyncio.CancelledError


@sio.on("connect", namespace="/hang")
async def connect_hang(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    await asyncio.Event().wait()


@sio.on("connect", namespace="/vanish")
async def connect_vanish(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    await sio.disconnect(sid, namespace="/vanish")


@sio.event
async def echo(sid: str, *args: Any) -> tuple[Any, ...]:
    return args


@sio.on("echo", namespace="/admin")
async def echo_admin(sid: str, *args: Any) -> tuple[Any, ...]:
    return args


@sio.event
def remember(sid: str, *args: Any) -> None:
    seen.append(args[0] if args else None)


@sio.event
def count(sid: str) -> None:
    counts["count"] += 1


@sio.event
async def sizes(sid: str, *args: Any) -> tuple[int, ...]:
    return tuple(len(a) for a in args)


@sio.event
async def relay(sid: str, *args: Any) -> None:
    await sio.emit("relayed", args, skip_sid=sid)


@sio.event
async def broadcast(sid: str, event: str, data: Any, namespace: str) -> None:
    await sio.emit(event, data, namespace=namespace)


@sio.event
async def slow(sid: str, number: int) -> None:
    global running, peak
    running += 1
    peak = max(peak, running)
    seen.append(number)
    try:
        await release.wait()
    finally:
        running -= 1


@sio.event
async def hang(sid: str) -> None:
    await asyncio.Event().wait()


@sio.event
async def block(sid: str, seconds: float) -> None:
    time.sleep(seconds)


@sio.event
async def fail(sid: str, kind: str) -> None:
    await asyncio.sleep(0)
    raise RAISES[kind]


@sio.event
async def fail_at_once(sid: str, kind: str) -> None:
    raise RAISES[kind]


@sio.event
def fail_sync(sid: str, kind: str) -> None:
    raise RAISES[kind]


@sio.event
async def fail_at_disconnect(sid: str, kind: str) -> None:
    await sio.save_session(sid, {"raise_at_disconnect": kind})


@sio.event
async def bye(sid: str) -> None:
    await sio.disconnect(sid)


@sio.event
async def join(sid: str, room: Any) -> str:
    try:
        await sio.enter_room(sid, room)
    except (ValueError, TypeError) as exc:
        return type(exc).__name__
    return "joined"


@sio.event
async def leave(sid: str, room: Any) -> None:
    await sio.leave_room(sid, room)


@sio.event
async def close_room(sid: str, room: Any) -> str:
    try:
        await sio.close_room(room)
    except (ValueError, TypeError) as exc:
        return type(exc).__name__
    return "closed"


@sio.event
async def churn(sid: str, rooms: int, times: int) -> None:
    for _ in range(times):
        for number in range(rooms):
            await sio.enter_room(sid, f"room {number}")
        for number in range(rooms):
            await sio.leave_room(sid, f"room {number}")


@sio.on("join", namespace="/admin")
async def join_admin(sid: str, room: Any) -> None:
    await sio.enter_room(sid, room, namespace="/admin")


@sio.event
async def to_room(sid: str, room: Any, data: Any) -> None:
    await sio.emit("in_room", data, to=room)


@sio.event
async def flood(sid: str, room: str, size: int, times: int) -> None:
    for _ in range(times):
        await sio.emit("data", "x" * size, to=room)
        await asyncio.sleep(0)


@sio.event
async def ask(sid: str, timeout: float) -> tuple[Any, ...]:
    try:
        return "answer", await sio.call("question", to=sid, timeout=timeout)
    except socketio.exceptions.TimeoutError:
        return ("timeout",)


@sio.event
async def ask_many(sid: str, number: int, timeout: float) -> int:
    async def one() -> int:
        try:
            await sio.call("question", to=sid, timeout=timeout)
        except socketio.exceptions.TimeoutError:
            return 1
        return 0

    return sum(await asyncio.gather(*(one() for _ in range(number))))


@sio.event
async def emit_with_callbacks(sid: str, number: int) -> None:
    for _ in range(number):
        await sio.emit("question", to=sid, callback=lambda *args: counts.update(["answered"]))


@sio.event
async def other_loop(sid: str) -> None:
    thread = threading.Thread(target=lambda: asyncio.run(sio.emit("from_thread", 1, to=sid)))
    thread.start()
    await asyncio.get_running_loop().run_in_executor(None, thread.join)


class ClassNamespace(socketio.AsyncNamespace):
    """A namespace whose own methods must not be reachable by event names."""

    async def on_echo(self, sid: str, *args: Any) -> tuple[Any, ...]:
        return args


sio.register_namespace(ClassNamespace("/class"))


@eio.on("connect")
async def engine_connect(sid: str, environ: dict[str, Any]) -> None:
    if "slow=1" in environ["QUERY_STRING"]:
        pending_engine_sids.append(sid)
        await release.wait()


@eio.on("message")
async def engine_message(sid: str, data: Any) -> None:
    await eio.send(sid, data)


def alive_objects() -> dict[str, int]:
    """Count the instances of the two packages' classes, those that one sees only by asking the collector."""
    gc.collect()
    found: Counter[str] = Counter()
    for thing in gc.get_objects():
        module = type(thing).__module__
        if isinstance(module, str) and module.partition(".")[0] in ("engineio", "socketio"):
            found[f"{module}.{type(thing).__qualname__}"] += 1
    return found


def report(query: dict[str, list[str]]) -> dict[str, Any]:
    with open("/proc/self/statm") as statm:
        rss = int(statm.read().split()[1]) * resource.getpagesize()
    members = {ns: {str(room): len(sids) for room, sids in rooms.items()} for ns, rooms in sio.manager.rooms.items()}
    answer: dict[str, Any] = {
        "sockets": len(sio.eio.sockets) + len(eio.sockets),
        "environ": len(sio.environ),
        "rooms": sum(len(rooms) for rooms in members.values()),
        "room_members": sum(n for rooms in members.values() for n in rooms.values()),
        "tasks": len(asyncio.all_tasks()),
        "files": len(os.listdir("/proc/self/fd")),
    }
    facts: dict[str, Any] = {
        "rss": rss, "running": running, "peak": peak, "counts": counts, "pending": pending_engine_sids,
        "seen": len(seen), "seen_tail": seen[-3:] if "tail" in query else None, "in_order": None,
    }  # fmt: skip
    if "numbers" in query:
        facts["in_order"] = seen == list(range(len(seen)))
    if "sid" in query:
        facts["disconnects"] = disconnects.get(query["sid"][0], [])
    if "objects" in query:
        facts["objects"] = alive_objects()
    if "task_names" in query:
        facts["task_names"] = [repr(task) for task in asyncio.all_tasks()]
    return {"counters": answer, **facts}


def act(query: dict[str, list[str]]) -> None:
    global peak
    if "reset" in query:
        seen.clear()
        counts.clear()
        pending_engine_sids.clear()
        disconnects.clear()
        release.clear()
        peak = 0
    if "release" in query:
        release.set()
    if "clock" in query:
        shift = float(query["clock"][0])
        time.time = lambda: real_time() + shift


async def debug(scope: Any, receive: Any, send: Any) -> None:
    """Answer `/debug`, refuse all else."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000})
    else:
        found = scope["path"] == "/debug"
        body = b"no such page"
        if found:
            query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
            act(query)
            body = json.dumps(report(query), default=str).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})


static = {"static_files": {"/static": options["static"]}} if "static" in options else {}
app = socketio.ASGIApp(sio, engineio.ASGIApp(eio, debug), **static)

if __name__ == "__main__":
    if mode == "embedded":
        socketio.run(app, host="127.0.0.1", port=port)
    else:
        import uvicorn

        # Without a graceful timeout of its own uvicorn waits without end for a request that is not complete.
        uvicorn.run(
            app, host="127.0.0.1", port=port, ws="websockets-sansio", log_level="warning", timeout_graceful_shutdown=1
        )
