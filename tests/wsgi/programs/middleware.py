import eventlet
import eventlet.wsgi

import socketio

sio = socketio.Server()
app = socketio.Middleware(sio)


@sio.on("connect")
def connect(sid, environ):
    sio.emit("my response", {"data": "Connected", "count": 0}, room=sid)


@sio.on("say")
def say(sid, data):
    sio.emit("reply", data, room=sid)


@sio.on("begin chat")
def begin_chat(sid):
    sio.enter_room(sid, "my room")


@sio.on("exit chat")
def exit_chat(sid):
    sio.leave_room(sid, "my room")


@sio.on("end chat")
def end_chat(sid):
    sio.close_room("my room")


@sio.on("my message")
def message(sid, data):
    sio.emit("my reply", data, room="my room", skip_sid=sid)


@sio.on("goodbye")
def goodbye(sid):
    sio.disconnect(sid)


@sio.on("disconnect")
def disconnect(sid):
    print("disconnect", sid, flush=True)


eventlet.wsgi.server(eventlet.listen(("", 5000)), app)
