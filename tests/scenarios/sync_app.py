"""The server program of the scenario suite for WSGI: what `server_app` is for ASGI, with plain functions."""

from __future__ import annotations

import argparse
from typing import Any

from settings import ENGINES, FAST, STATIC_FILES, report
from ways import WSGI_WAYS, serve
from werkzeug import Request, Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import engineio
import socketio

Sid = str


def build_engine(mode: str, path: str, options: dict[str, Any]) -> engineio.Server:
    """Return an Engine.IO server that echoes, closes on `close me`, and refuses a handshake that asks for it."""
    eio = engineio.Server(async_mode=mode, **options)

    @eio.on("connect")
    def connect(sid: Sid, environ: dict[str, Any]) -> Any:
        if "refuse=reason" in environ["QUERY_STRING"]:
            return {"why": "not today"}
        if "refuse=false" in environ["QUERY_STRING"]:
            return False
        report(type="connect", path=path, sid=sid)
        return None

    @eio.on("message")
    def message(sid: Sid, data: str | bytes) -> None:
        report(type="message", sid=sid, size=len(data))
        if data == "close me":
            eio.disconnect(sid)
        elif data == "transport?":
            eio.send(sid, eio.transport(sid))
        else:
            eio.send(sid, data)

    @eio.on("disconnect")
    def disconnect(sid: Sid, reason: str) -> None:
        report(type="disconnect", path=path, sid=sid, reason=reason)

    return eio


def build_socketio(mode: str, label: str, **options: Any) -> socketio.Server:
    """Return a Socket.IO server with the handlers of the official conformance suite in `/` and `/custom`."""
    sio = socketio.Server(async_mode=mode, **options)
    gates: list[Sid] = []
    """Who has let in those that ask to wait for it."""

    def add(namespace: str) -> None:
        @sio.on("connect", namespace=namespace)
        def connect(sid: Sid, environ: dict[str, Any], auth: Any) -> bool | None:
            report(type="connect", path=label, namespace=namespace, sid=sid)
            while "gate=shut" in environ["QUERY_STRING"] and not gates:
                sio.sleep(0.01)
            if auth == {"refuse": "data"}:
                raise socketio.exceptions.ConnectionRefusedError("no", {"code": 7})
            if auth == {"refuse": "false"}:
                return False
            sio.emit("auth", {} if auth is None else auth, to=sid, namespace=namespace)
            return None

        @sio.on("disconnect", namespace=namespace)
        def disconnect(sid: Sid, reason: str) -> None:
            report(type="disconnect", path=label, namespace=namespace, sid=sid, reason=reason)

        @sio.on("message", namespace=namespace)
        def message(sid: Sid, *args: Any) -> None:
            sio.emit("message-back", args, to=sid, namespace=namespace)

        @sio.on("message-with-ack", namespace=namespace)
        def message_with_ack(sid: Sid, *args: Any) -> tuple[Any, ...]:
            return args

        @sio.on("leave me", namespace=namespace)
        def leave_me(sid: Sid) -> None:
            sio.disconnect(sid, namespace=namespace)

        @sio.on("environ", namespace=namespace)
        def environ(sid: Sid, name: str) -> Any:
            return sio.get_environ(sid, namespace=namespace).get(name)

        @sio.on("open the gate", namespace=namespace)
        def open_the_gate(sid: Sid) -> None:
            gates.append(sid)

        @sio.on("tell all", namespace=namespace)
        def tell_all(sid: Sid, *args: Any) -> None:
            sio.emit("told", args, namespace=namespace)

        @sio.on("ask me", namespace=namespace)
        def ask_me(sid: Sid, *args: Any) -> None:
            answer = sio.call("question", args, to=sid, namespace=namespace)
            sio.emit("answered", answer, to=sid, namespace=namespace)

        @sio.on("crash", namespace=namespace)
        def crash(sid: Sid) -> None:
            raise RuntimeError("a secret detail")

    add("/")
    add("/custom")
    return sio


@Request.application
def hello(request: Request) -> Response:
    """Answer at `/hello` alone."""
    return Response("hello" if request.path == "/hello" else "", 200 if request.path == "/hello" else 404)


def build(mode: str) -> Any:
    """Return the app, whose servers are of one kind of concurrency."""

    def wrap(label: str, **options: Any) -> socketio.WSGIApp:
        return socketio.WSGIApp(build_socketio(mode, label), **options)

    inner = DispatcherMiddleware(hello, {"/inner": wrap("inner", socketio_path="/ws/")})
    app: Any = DispatcherMiddleware(
        hello,
        {"/mounted": wrap("mounted"), "/api/ws": wrap("at its own path", socketio_path=""), "/outer": inner},
    )
    for path, options in ENGINES.items():
        app = engineio.WSGIApp(build_engine(mode, path, options), app, engineio_path=path)
    app = socketio.WSGIApp(build_socketio(mode, "patient"), app, socketio_path="patient")
    old = build_socketio(mode, "old", connect_timeout=1.0, allow_eio3=True)
    app = socketio.WSGIApp(old, app, socketio_path="old")
    sio = build_socketio(mode, "socket.io", connect_timeout=1.0, **FAST)
    return socketio.WSGIApp(sio, app, static_files=STATIC_FILES)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WSGI_WAYS, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    serve(build("threading" if arguments.way == "werkzeug" else arguments.way), arguments.way, arguments.port)
