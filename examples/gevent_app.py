"""gevent: any WSGI application beside the server, served by `gevent.pywsgi`."""

import gevent.monkey

gevent.monkey.patch_all()

import os

from gevent.pywsgi import WSGIServer

import socketio

sio = socketio.Server(async_mode="gevent")


def pages(environ, start_response):
    body = b"gevent"
    if environ["PATH_INFO"] == "/announce":
        sio.emit("announcement", environ["wsgi.input"].read().decode())
        body = b""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@sio.event
def chat(sid, text):
    sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


app = socketio.WSGIApp(sio, pages)

if __name__ == "__main__":
    WSGIServer(("127.0.0.1", int(os.environ.get("PORT", "5000"))), app, log=None).serve_forever()
