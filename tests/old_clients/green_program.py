"""A `Client` under gevent or eventlet with an old server: `python green_program.py KIND URL`; prints "done"."""

from __future__ import annotations

import sys

kind, url = sys.argv[1:]
if kind == "gevent":
    from gevent import monkey

    monkey.patch_all()
else:
    import eventlet

    eventlet.monkey_patch()

import queue

import socketio

DEADLINE = 20


def main() -> None:
    for transports in ("polling", "websocket"):
        client = socketio.Client()
        heard: queue.Queue[str] = queue.Queue()
        client.on("alive", lambda heard=heard: heard.put("alive"))
        client.connect(url, transports=transports, namespaces=["/", "/admin"], wait_timeout=DEADLINE)
        for value in ("é€😀", [b"\x00\xff", "x"]):
            assert client.call("echo", value, namespace="/admin", timeout=DEADLINE) == value
        assert heard.get(timeout=DEADLINE) == "alive"  # after some pings
        client.disconnect()
    print("done")


main()
