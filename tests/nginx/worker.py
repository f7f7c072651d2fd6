"""A worker behind nginx: `python worker.py --way embedded|uvicorn|werkzeug|gevent --port PORT`, or `--uds PATH`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ways import serve

import socketio

TOLD = ("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")


MODES = {"werkzeug": "threading", "gevent": "gevent"}


def make_application(port: int, mode: str | None) -> Any:
    """Returns an application whose handlers say which worker they are, and what they know of a client."""
    sio: Any = socketio.Server(async_mode=mode) if mode else socketio.AsyncServer()

    @sio.event
    def disconnect(sid: str, reason: str) -> None:
        print(json.dumps({"type": "disconnect", "sid": sid, "reason": reason}), flush=True)

    @sio.event
    def who(sid: str) -> int:
        return port

    @sio.event
    def transport(sid: str) -> str:
        name: str = sio.transport(sid)
        return name

    @sio.event
    def echo(sid: str, *args: Any) -> tuple[Any, ...]:
        return args

    @sio.event
    def environ(sid: str) -> dict[str, Any]:
        return {key: sio.get_environ(sid).get(key) for key in TOLD}

    return socketio.WSGIApp(sio) if mode else socketio.ASGIApp(sio)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", default="embedded")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--uds")
    options = parser.parse_args()
    if options.uds:  # nobody but the proxy can connect, and it has no address that could be trusted
        socketio.run(make_application(0, None), uds=options.uds, forwarded_allow_ips="*")
    else:
        serve(make_application(options.port, MODES.get(options.way)), options.way, options.port)
