"""The application of these tests, as the README says how each server has its clients told of the end."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from settings import report

import socketio

sio = socketio.AsyncServer(close_on_signals=os.environ.get("SIGNALS") == "yes", ws_close_timeout=1)


@sio.event
async def connect(sid: str, environ: dict[str, Any]) -> None:
    report(type="connect", sid=sid)


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    await asyncio.sleep(0.2)  # nobody kills it before it is done
    report(type="disconnect", sid=sid, reason=reason)


@sio.event
async def echo(sid: str, data: Any) -> Any:
    return data


@sio.event
async def scheme(sid: str) -> Any:
    return sio.get_environ(sid)["wsgi.url_scheme"]


def on_startup() -> None:
    report(type="startup")


def on_shutdown() -> None:
    report(type="shutdown")


app = socketio.ASGIApp(sio, on_startup=on_startup, on_shutdown=on_shutdown)
daphne_app = socketio.ASGIApp(sio)

if os.environ.get("SERVER") == "daphne":
    from twisted.internet import defer, reactor

    def close() -> Any:
        return defer.Deferred.fromFuture(asyncio.ensure_future(sio.close()))

    reactor.addSystemEventTrigger("before", "shutdown", close)
