"""A server of a cluster: `python node.py KIND PORT MANAGER URL CHANNEL [OPTIONS]`, ours or that of python-socketio.

KIND is `asyncio`, `threads`, `gevent` or `eventlet`; MANAGER the name of the manager class; OPTIONS are those of the
manager, in JSON. Clients have it do what they like: it calls the methods of its server that they name.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

kind, port, manager_name, url, channel = sys.argv[1:6]
options = json.loads(sys.argv[6]) if len(sys.argv) > 6 else {}

if kind == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif kind == "eventlet":
    import eventlet

    eventlet.monkey_patch()

import socketio  # noqa: E402

module, _, name = manager_name.rpartition(":")
way, _, address = url.partition(":")
if way in ("ready", "factory"):
    import redis.asyncio

    client_class = redis.asyncio.Redis if kind == "asyncio" else redis.Redis
    url = address
    where: Any = (lambda: client_class.from_url(address)) if way == "factory" else client_class.from_url(address)
else:
    where = url
manager = getattr(importlib.import_module(module or "socketio"), name)(where, channel=channel, **options)
for name, seconds in {"settle": 5.0, "patience": 10.0}.items():
    if getattr(manager, name, 0):  # after an outage, others may take their time where many tests share a machine
        setattr(manager, name, seconds)
NAMESPACES = ["/", "/other"]


def find(method: str) -> Any:
    """Returns `emit` and so on of the server, or of its manager."""
    owner, _, name = method.rpartition(".")
    return getattr(manager if owner == "manager" else sio, name)


def revive(value: Any) -> Any:
    """Returns data of a client as Python's: `{"tuple": [...]}` is a tuple."""
    if isinstance(value, dict) and list(value) == ["tuple"]:
        return tuple(value["tuple"])
    return value


def answer(result: Any) -> Any:
    """Returns a result as JSON can hold it."""
    return list(result) if isinstance(result, (tuple, set)) else result


def look() -> dict[str, Any]:
    """Returns what tests want to know of this process."""
    own = set()
    for entry in os.listdir("/proc/self/fd"):
        try:
            own.add(os.readlink(f"/proc/self/fd/{entry}"))
        except OSError:
            pass
    lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    broker = int(re.findall(r":(\d+)", url)[-1])
    connections = [
        line for line in lines if f"socket:[{line[9]}]" in own and int(line[2].rpartition(":")[2], 16) == broker
    ]
    return {
        "healthy": manager.healthy,
        "listening": manager.listening,
        "waiting": len(manager.outbox),
        "dropped": manager.outbox.dropped,
        "ignored": manager.ignored,
        "threads": threading.active_count(),
        "connections": len(connections),  # to the broker, also those that are half closed
        "host_id": manager.host_id,
    }


left: list[list[str]] = []
"""Who has left, and why."""

if kind == "asyncio":
    sio: Any = socketio.AsyncServer(client_manager=manager, async_mode="asgi", namespaces=NAMESPACES)
    for namespace in NAMESPACES:

        @sio.on("do", namespace=namespace)
        async def do(sid: str, method: str, args: Any, kwargs: Any) -> Any:
            try:
                return answer(await find(method)(*map(revive, args), **kwargs))
            except Exception as exc:
                return {"raised": [type(exc).__name__, str(exc)]}

        @sio.on("ask", namespace=namespace)
        async def ask(sid: str, args: Any, kwargs: Any) -> None:
            async def callback(*values: Any) -> None:
                await sio.emit("asked", [*values], to=sid)

            try:
                await sio.emit(*map(revive, args), callback=callback, **kwargs)
            except Exception as exc:
                await callback(type(exc).__name__, str(exc))

        @sio.on("flow", namespace=namespace)
        async def flow(sid: str, first: int, end: int, rate: int) -> None:
            for number in range(first, end):
                await sio.emit("number", number)
                await sio.sleep(1 / rate)

        @sio.on("disconnect", namespace=namespace)
        async def disconnect(sid: str, reason: Any = None, namespace: str = namespace) -> None:
            left.append([sid, reason])
            await sio.emit("left", sid, namespace=namespace)
else:
    mode = {"threads": "threading"}.get(kind, kind)
    sio = socketio.Server(client_manager=manager, async_mode=mode, namespaces=NAMESPACES)
    for namespace in NAMESPACES:

        @sio.on("do", namespace=namespace)
        def do_now(sid: str, method: str, args: Any, kwargs: Any) -> Any:
            try:
                return answer(find(method)(*map(revive, args), **kwargs))
            except Exception as exc:
                return {"raised": [type(exc).__name__, str(exc)]}

        @sio.on("ask", namespace=namespace)
        def ask_now(sid: str, args: Any, kwargs: Any) -> None:
            def callback(*values: Any) -> None:
                sio.emit("asked", [*values], to=sid)

            try:
                sio.emit(*map(revive, args), callback=callback, **kwargs)
            except Exception as exc:
                callback(type(exc).__name__, str(exc))

        @sio.on("flow", namespace=namespace)
        def flow_now(sid: str, first: int, end: int, rate: int) -> None:
            for number in range(first, end):
                sio.emit("number", number)
                sio.sleep(1 / rate)

        @sio.on("disconnect", namespace=namespace)
        def disconnect_now(sid: str, reason: Any = None, namespace: str = namespace) -> None:
            left.append([sid, reason])
            sio.emit("left", sid, namespace=namespace)


for namespace in NAMESPACES:
    sio.on("rooms", lambda sid, whose, namespace=namespace: sio.rooms(whose, namespace), namespace=namespace)
    sio.on("look", lambda sid: look(), namespace=namespace)
    sio.on("who left", lambda sid: left, namespace=namespace)


if __name__ == "__main__":
    if kind == "asyncio":
        app = socketio.ASGIApp(sio)
        if hasattr(socketio, "run"):
            socketio.run(app, port=int(port))
        else:
            import uvicorn

            uvicorn.run(app, port=int(port), log_level="warning")
    elif kind == "threads":
        from socketserver import ThreadingMixIn
        from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

        class Threading(ThreadingMixIn, WSGIServer):
            """A thread for each request."""

            daemon_threads = True
            request_queue_size = 128

        class Quiet(WSGIRequestHandler):
            """Requests are not logged."""

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        make_server("127.0.0.1", int(port), socketio.WSGIApp(sio), Threading, Quiet).serve_forever()
    elif kind == "gevent":
        from gevent.pywsgi import WSGIServer as GeventServer

        GeventServer(("127.0.0.1", int(port)), socketio.WSGIApp(sio), log=None).serve_forever()
    else:
        import eventlet.wsgi

        eventlet.wsgi.server(eventlet.listen(("127.0.0.1", int(port))), socketio.WSGIApp(sio), log_output=False)
