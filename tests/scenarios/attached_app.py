"""The server program of the scenario suite for the frameworks that servers are attached to."""

from __future__ import annotations

import argparse
import asyncio
import signal
from typing import Any

from async_servers import build_engines, build_socketios
from settings import report
from ways import ATTACHED_WAYS, HOST

import engineio
import socketio


def attach(app: Any) -> None:
    """Attach all servers."""
    for path, server in [*build_engines(), *build_socketios()]:
        server.attach(app, path)


async def serve_aiohttp(port: int) -> None:
    """Serve on aiohttp's runner until SIGTERM."""
    from aiohttp import web

    app = web.Application()
    attach(app)

    async def on_startup(app: web.Application) -> None:
        report(type="startup")

    async def on_cleanup(app: web.Application) -> None:
        report(type="shutdown")

    app.on_startup.append(on_startup)
    app.on_cleanup.append(on_cleanup)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    await stop.wait()
    await runner.cleanup()


def serve_sanic(port: int) -> None:
    """Serve on Sanic's own server until SIGTERM."""
    from sanic import Request, Sanic

    app = Sanic("scenarios")
    attach(app)

    @app.on_request
    async def wait_until_running(request: Request) -> None:
        # Sanic loses a SIGTERM that comes between its first connection and this: let no test send one so early.
        while not app.state.is_running:
            await asyncio.sleep(0.01)

    @app.before_server_start
    async def on_startup(app: Sanic) -> None:
        report(type="startup")

    @app.after_server_stop
    async def on_cleanup(app: Sanic) -> None:
        report(type="shutdown")

    app.run(host=HOST, port=port, single_process=True, access_log=False, motd=False)


async def serve_tornado(port: int) -> None:
    """Serve on Tornado's HTTP server until SIGTERM."""
    from tornado.web import Application

    engines, socketios = list(build_engines()), list(build_socketios())
    handlers = [(path, engineio.get_tornado_handler(server)) for path, server in engines]
    handlers += [(path, socketio.get_tornado_handler(server)) for path, server in socketios]
    app = Application([(f"/{path}/?", handler) for path, handler in handlers])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    http_server = app.listen(port, HOST)
    report(type="startup")
    await stop.wait()
    http_server.stop()
    await asyncio.gather(*[server.close() for _, server in [*engines, *socketios]])
    await http_server.close_all_connections()
    report(type="shutdown")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=ATTACHED_WAYS, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    if arguments.way == "aiohttp":
        asyncio.run(serve_aiohttp(arguments.port))
    elif arguments.way == "tornado":
        asyncio.run(serve_tornado(arguments.port))
    else:
        serve_sanic(arguments.port)
