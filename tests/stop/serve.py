"""Serves the application of these tests: `python serve.py --way WAY --port PORT`, one function for each way.

With `TLS` in the environment, the folder of a key and a certificate, they serve HTTPS.
"""

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

TLS = os.environ.get("TLS")
KEY, CERTIFICATE = f"{TLS}/key", f"{TLS}/certificate"


def execute(module: str, *arguments: str) -> None:
    path = os.pathsep.join([str(FOLDER), os.environ["PYTHONPATH"]])
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], {**os.environ, "PYTHONPATH": path})


def uvicorn(port: int) -> None:
    os.environ["SIGNALS"] = "yes"
    tls = ["--ssl-keyfile", KEY, "--ssl-certfile", CERTIFICATE] if TLS else []
    execute("uvicorn", "stop_app:app", "--host", HOST, "--port", str(port), "--log-level", "warning", *tls)


def embedded(port: int) -> None:
    from stop_app import app

    import socketio

    socketio.run(app, host=HOST, port=port, **({"ssl_keyfile": KEY, "ssl_certfile": CERTIFICATE} if TLS else {}))


def gunicorn(port: int) -> None:
    os.environ["SIGNALS"] = "yes"
    worker = ["--worker-class", "uvicorn_worker.UvicornWorker"]
    execute("gunicorn", "stop_app:app", *worker, "--bind", f"{HOST}:{port}", "--log-level", "warning")


def granian(port: int) -> None:
    os.environ["SIGNALS"] = "yes"
    tls = ["--ssl-keyfile", KEY, "--ssl-certificate", CERTIFICATE] if TLS else []
    where = ["--host", HOST, "--port", str(port)]
    execute("granian", "stop_app:app", "--interface", "asgi", "--no-access-log", *where, *tls)


def daphne(port: int) -> None:
    os.environ["SERVER"] = "daphne"
    endpoint = f"ssl:{port}:interface={HOST}:privateKey={KEY}:certKey={CERTIFICATE}"
    where = ["--endpoint", endpoint] if TLS else ["--bind", HOST, "--port", str(port)]
    execute("daphne", "stop_app:daphne_app", "--verbosity", "0", *where)


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
    if TLS:
        config.keyfile, config.certfile = KEY, CERTIFICATE
    await serve(app, config, shutdown_trigger=stopped)


def tornado(port: int) -> None:
    os.environ["SIGNALS"] = "yes"
    asyncio.run(_tornado(port))


async def _tornado(port: int) -> None:
    from stop_app import sio
    from tornado.web import Application

    import socketio

    app = Application([(r"/socket.io/", socketio.get_tornado_handler(sio))])
    app.listen(port, HOST, ssl_options={"keyfile": KEY, "certfile": CERTIFICATE} if TLS else None)
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
