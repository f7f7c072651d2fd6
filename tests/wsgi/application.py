"""The server that the processes of these tests serve: the handlers, and the other applications beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import socketio

FOLDER = Path(__file__).parent


def make_server(**options: Any) -> socketio.Server:
    """Returns a server with the handlers of the tests, in two namespaces; SERVER_OPTIONS are further options."""
    defaults = {"ping_interval": 0.2, "ping_timeout": 2, **json.loads(os.environ.get("SERVER_OPTIONS", "{}"))}
    sio = socketio.Server(**{**defaults, **options})
    for namespace in ("/", "/other"):
        add_handlers(sio, namespace)
    return sio


def add_handlers(sio: socketio.Server, namespace: str) -> None:
    """Adds the handlers of one namespace."""

    @sio.on("connect", namespace=namespace)
    def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        if auth and auth.get("refuse"):
            raise socketio.exceptions.ConnectionRefusedError("not you", {"code": 7})
        sio.save_session(sid, {"auth": auth, "agent": environ.get("HTTP_USER_AGENT", "")}, namespace=namespace)

    @sio.on("echo", namespace=namespace)
    def echo(sid: str, *args: Any) -> tuple[Any, ...]:
        return args

    @sio.on("send back", namespace=namespace)
    def send_back(sid: str, *args: Any) -> None:
        sio.emit("back", args, to=sid, namespace=namespace)

    @sio.on("ask me", namespace=namespace)
    def ask_me(sid: str, question: Any) -> Any:
        return sio.call("question", question, to=sid, namespace=namespace, timeout=10)

    @sio.on("session", namespace=namespace)
    def session(sid: str) -> Any:
        return sio.get_session(sid, namespace=namespace)["auth"]

    @sio.on("transport", namespace=namespace)
    def transport(sid: str) -> str:
        return sio.transport(sid, namespace=namespace)

    @sio.on("join", namespace=namespace)
    def join(sid: str, room: str) -> None:
        sio.enter_room(sid, room, namespace=namespace)

    @sio.on("tell", namespace=namespace)
    def tell(sid: str, room: str | None, data: Any) -> None:
        sio.emit("told", data, room=room, skip_sid=sid, namespace=namespace)

    @sio.on("burst", namespace=namespace)
    def burst(sid: str, count: int) -> None:
        for number in range(count):
            sio.emit("number", number, to=sid, namespace=namespace)

    @sio.on("tick", namespace=namespace)
    def tick(sid: str, count: int) -> None:
        def run() -> None:
            for number in range(count):
                sio.sleep(0.01)
                sio.emit("tick", number, to=sid, namespace=namespace)

        sio.start_background_task(run)

    @sio.on("block", namespace=namespace)
    def block(sid: str, seconds: float) -> str:
        sio.sleep(seconds)
        return "over"

    @sio.on("count", namespace=namespace)
    def count(sid: str) -> int:
        return len(sio.eio.sockets)

    @sio.on("leave", namespace=namespace)
    def leave(sid: str) -> None:
        sio.disconnect(sid, namespace=namespace)


def make_app(sio: socketio.Server, beside: Any = None) -> socketio.WSGIApp:
    """Returns the server with a static file and another application beside it."""
    return socketio.WSGIApp(sio, beside, static_files={"/page": str(FOLDER / "programs" / "index.html")})


def make_flask() -> Any:
    """Returns a Flask application with two routes."""
    import flask

    app = flask.Flask("beside")

    @app.get("/")
    def index() -> str:
        return "index of flask"

    @app.post("/double")
    def double() -> dict[str, Any]:
        return {"twice": flask.request.get_data(as_text=True) * 2}

    return app


def make_django() -> Any:
    """Returns the WSGI application of a Django project with two routes."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_project"
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()
