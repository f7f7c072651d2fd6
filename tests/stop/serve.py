"""Serves the application of these tests: `python serve.py --way WAY --port PORT`, one function for each way."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

HOST = "127.0.0.1"
FOLDER = Path(__file__).parent


def execute(module: str, *arguments: str) -> None:
    path = os.pathsep.join([str(FOLDER), os.environ["PYTHONPATH"]])
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], {**os.environ, "PYTHONPATH": path})


def uvicorn(port: int) -> None:
    os.environ["SIGNALS"] = "yes"
    execute("uvicorn", "stop_app:app", "--host", HOST, "--port", str(port), "--log-level", "warning")


def embedded(port: int) -> None:
    execute("socketio", "serve", "stop_app:app", "--host", HOST, "--port", str(port))


def gunicorn(port: int) -> None:
    os.environ["SIGNALS"] = "yes"
    worker = ["--worker-class", "uvicorn_worker.UvicornWorker"]
    execute("gunicorn", "stop_app:app", *worker, "--bind", f"{HOST}:{port}", "--log-level", "warning")


def granian(port: int) -> None:
    os.environ["SIGNALS"] = "yes"
    execute("granian", "stop_app:app", "--interface", "asgi", "--host", HOST, "--port", str(port), "--no-access-log")


def daphne(port: int) -> None:
    os.environ["SERVER"] = "daphne"
    execute("daphne", "stop_app:daphne_app", "--bind", HOST, "--port", str(port), "--verbosity", "0")


def hypercorn(port: int) -> None:
    asyncio.run(_hypercorn(port))


async def _hypercorn(port: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from stop_app import app, sio

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def stopped() -> None:
        await stop.wait()
        await sio.close()

    config = Config()
    config.bind = [f"{HOST}:{port}"]
    await serve(app, config, shutdown_trigger=stopped)


def tornado(port: int) -> None:
    os.environ["SIGNALS"] = "yes"
    asyncio.run(_tornado(port))


async def _tornado(port: int) -> None:
    from stop_app import sio
    from tornado.web import Application

    import socketio

    Application([(r"/socket.io/", socketio.get_tornado_handler(sio))]).listen(port, HOST)
    await asyncio.Event().wait()


WAYS: dict[str, Callable[[int], None]] = {
    "uvicorn": uvicorn,
    "embedded": embedded,
    "gunicorn": gunicorn,
    "granian": granian,
    "daphne": daphne,
    "hypercorn": hypercorn,
    "tornado": tornado,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS, required=True)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    WAYS[chosen.way](chosen.port)
