"""A server of a cluster, the same program for both packages. Usage: node.py MODE PORT MANAGER URL."""

from __future__ import annotations

import sys

mode, port, manager_name, url = sys.argv[1:]
if mode == "gevent":
    from gevent import monkey

    monkey.patch_all()

import logging
import time
from typing import Any

import socketio

if manager_name == "KafkaManager" and not hasattr(socketio, "AsyncKafkaManager"):
    import kafka

    class Producer(kafka.KafkaProducer):  # python-socketio gives text to a library that takes bytes, and keeps no order
        def send(self, topic: str, value: Any) -> Any:
            return super().send(topic, value.encode(), partition=0)

    kafka.KafkaProducer = Producer

manager = getattr(socketio, manager_name)(url)

MESSAGE = "x" * 32

if mode == "asgi":
    import asyncio

    sio: Any = socketio.AsyncServer(client_manager=manager, async_mode="asgi")

    @sio.event
    async def burst(sid: str, count: int) -> None:
        for _ in range(count):
            await sio.emit("m", MESSAGE)
            await asyncio.sleep(0)
        await sio.emit("end")

    @sio.event
    async def pace(sid: str, count: int, rate: int) -> None:
        for _ in range(count):
            await sio.emit("at", time.monotonic_ns())
            await asyncio.sleep(1 / rate)
        await sio.emit("end")
else:
    sio = socketio.Server(client_manager=manager, async_mode=mode)

    @sio.on("burst")
    def burst_now(sid: str, count: int) -> None:
        for _ in range(count):
            sio.emit("m", MESSAGE)
            sio.sleep(0)
        sio.emit("end")

    @sio.on("pace")
    def pace_now(sid: str, count: int, rate: int) -> None:
        for _ in range(count):
            sio.emit("at", time.monotonic_ns())
            sio.sleep(1 / rate)
        sio.emit("end")


@sio.on("cpu")
def cpu(sid: str) -> int:
    """Returns the processor time of this process, in nanoseconds."""
    return time.process_time_ns()


if __name__ == "__main__":
    if mode == "asgi":
        app = socketio.ASGIApp(sio)
        if hasattr(socketio, "run"):
            socketio.run(app, port=int(port))
        else:
            import uvicorn

            uvicorn.run(app, port=int(port), log_level="error", ws_per_message_deflate=False, ws_ping_interval=None)
    elif mode == "gevent":
        from gevent.pywsgi import WSGIServer

        options = {}
        if not hasattr(socketio, "run"):
            from geventwebsocket.handler import WebSocketHandler

            options["handler_class"] = WebSocketHandler
        WSGIServer(("127.0.0.1", int(port)), socketio.WSGIApp(sio), log=None, **options).serve_forever()
    else:
        from werkzeug.serving import run_simple

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        run_simple("127.0.0.1", int(port), socketio.WSGIApp(sio), threaded=True)
