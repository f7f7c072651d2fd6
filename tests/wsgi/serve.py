"""Serves the application of these tests: `python serve.py --way WAY --port PORT`, one function for each way."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

HOST = "127.0.0.1"
FOLDER = Path(__file__).parent


def werkzeug(port: int) -> None:
    from application import make_app, make_server
    from werkzeug.serving import run_simple

    run_simple(HOST, port, make_app(make_server()), threaded=True)


def flask(port: int, **options: bool) -> None:
    from application import make_flask, make_server

    import socketio

    app = make_flask()
    app.wsgi_app = socketio.WSGIApp(make_server(), app.wsgi_app)
    app.run(HOST, port, threaded=True, **options)


def flask_debug(port: int) -> None:
    flask(port, debug=True, use_reloader=False)


def gunicorn(port: int, *arguments: str) -> None:
    settings = ["--bind", f"{HOST}:{port}", "--graceful-timeout", "2", "--chdir", str(FOLDER), "--log-level", "warning"]
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *settings, *arguments])


def gthread(port: int) -> None:
    gunicorn(port, "--worker-class", "gthread", "--threads", "20", "gunicorn_app:app")


def django(port: int) -> None:
    gunicorn(port, "--worker-class", "gthread", "--threads", "20", "gunicorn_app:django_app")


def gunicorn_gevent(port: int) -> None:
    gunicorn(port, "--worker-class", "gevent", "gunicorn_app:app")


def gunicorn_gevent_websocket(port: int) -> None:
    gunicorn(port, "--worker-class", "geventwebsocket.gunicorn.workers.GeventWebSocketWorker", "gunicorn_app:app")


def gunicorn_eventlet(port: int) -> None:
    gunicorn(port, "--worker-class", "eventlet", "gunicorn_app:app")


def uwsgi(port: int) -> None:
    program = str(Path(sys.executable).with_name("uwsgi"))
    settings = [
        "--gevent",
        "100",
        "--disable-logging",
        "--virtualenv",
        sys.prefix,
        "--pythonpath",
        str(FOLDER),
        "--die-on-term",
    ]
    os.execv(program, [program, "--http-socket", f"{HOST}:{port}", *settings, "--module", "uwsgi_app"])


def waitress(port: int) -> None:
    from application import make_app, make_server
    from waitress import serve

    serve(make_app(make_server()), host=HOST, port=port, threads=20)


def gevent(port: int) -> None:
    from application import make_app, make_server
    from gevent import pywsgi

    pywsgi.WSGIServer((HOST, port), make_app(make_server())).serve_forever()


def gevent_patched(port: int) -> None:
    from gevent import monkey

    monkey.patch_all()
    gevent(port)


def eventlet(port: int) -> None:
    import eventlet
    import eventlet.wsgi
    from application import make_app, make_server

    eventlet.wsgi.server(eventlet.listen((HOST, port)), make_app(make_server()))


def eventlet_patched(port: int) -> None:
    import eventlet as library

    library.monkey_patch()
    eventlet(port)


WAYS: dict[str, Callable[[int], None]] = {
    "werkzeug": werkzeug,
    "flask": flask,
    "flask-debug": flask_debug,
    "django": django,
    "gunicorn-gthread": gthread,
    "gunicorn-gevent": gunicorn_gevent,
    "gunicorn-gevent-websocket": gunicorn_gevent_websocket,
    "gunicorn-eventlet": gunicorn_eventlet,
    "uwsgi": uwsgi,
    "waitress": waitress,
    "gevent": gevent,
    "gevent-patched": gevent_patched,
    "eventlet": eventlet,
    "eventlet-patched": eventlet_patched,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=WAYS, required=True)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    WAYS[chosen.way](chosen.port)
