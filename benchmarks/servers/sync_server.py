"""A server for threads, gevent or eventlet, the same program for both packages. Usage: sync_server.py MODE PORT.

The handlers are those of `handlers.py`, as plain functions; `socketio` is whichever package the interpreter has.
"""

from __future__ import annotations

import sys

mode, port = sys.argv[1], int(sys.argv[2])
if mode == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif mode == "eventlet":
    import eventlet

    eventlet.monkey_patch()

import logging

import socketio

MESSAGE = "x" * 32

sio = socketio.Server(async_mode=mode)


@sio.event
def echo(sid: str, data: str) -> None:
    sio.emit("echo", data, to=sid)


@sio.event
def ack(sid: str, data: str) -> str:
    return data


@sio.event
def bcast(sid: str, count: int) -> None:
    for _ in range(count):
        sio.emit("msg", MESSAGE)


@sio.event
def paced(sid: str, count: int) -> None:
    for _ in range(count):
        sio.emit("msg", MESSAGE)
        sio.sleep(0)


app = socketio.WSGIApp(sio)

if __name__ == "__main__":
    if mode == "threading":
        from werkzeug.serving import run_simple

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        run_simple("127.0.0.1", port, app, threaded=True)
    elif mode == "gevent":
        from gevent.pywsgi import WSGIServer

        options = {}
        try:
            # What python-socketio needs for WebSockets.
            from geventwebsocket.handler import WebSocketHandler

            options["handler_class"] = WebSocketHandler
        except ImportError:
            pass
        WSGIServer(("127.0.0.1", port), app, log=None, backlog=4096, **options).serve_forever()
    else:
        import eventlet.wsgi

        eventlet.wsgi.server(eventlet.listen(("127.0.0.1", port), backlog=4096), app, log_output=False)
