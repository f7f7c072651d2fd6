import eventlet

import socketio

sio = socketio.Server()


@sio.on("connect")
def connect(sid, environ):
    print("connect", sid)


@sio.on("my message")
def message(sid, data):
    sio.emit("reply", data, room=sid)


@sio.on("disconnect")
def disconnect(sid):
    print("disconnect", sid)


eventlet.wsgi.server(
    eventlet.listen(("", 5000)),
    socketio.WSGIApp(sio, static_files={"/": {"content_type": "text/html", "filename": "index.html"}}),
)
