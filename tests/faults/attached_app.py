"""The server of `server_app.py`, attached to an application of aiohttp or Sanic. Usage: aiohttp|sanic PORT OPTIONS."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from server_app import act, eio, mode, options, port, report, sio


def answer(query: str) -> str:
    """Answer `/debug`."""
    asked = parse_qs(query, keep_blank_values=True)
    act(asked)
    return json.dumps(report(asked), default=str)


def attach(app: Any) -> None:
    """Attach both servers."""
    sio.attach(app)
    eio.attach(app)


def serve_aiohttp() -> None:
    """Serve with `run_app`."""
    from aiohttp import web

    async def debug(request: web.Request) -> web.Response:
        return web.Response(text=answer(request.query_string), content_type="application/json")

    app = web.Application()
    attach(app)
    app.router.add_get("/debug", debug)
    if "static" in options:
        app.router.add_static("/static", options["static"])
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, shutdown_timeout=1)


def serve_sanic() -> None:
    """Serve with Sanic's own server, in this process."""
    from sanic import HTTPResponse, Request, Sanic

    app = Sanic("faults", configure_logging=False)
    attach(app)

    @app.get("/debug")
    async def debug(request: Request) -> HTTPResponse:
        return HTTPResponse(answer(request.query_string), content_type="application/json")

    app.run(host="127.0.0.1", port=port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    if mode == "aiohttp":
        serve_aiohttp()
    else:
        serve_sanic()
