from flask import Flask

import socketio

flask_app = Flask(__name__)
sio = socketio.Server()
app = socketio.WSGIApp(sio, flask_app)


@flask_app.route("/")
def index():
    return "an index"


@sio.event
def connect(sid, environ, auth):
    username = (auth or {}).get("username")
    if username is None:
        raise ConnectionRefusedError("authentication failed")
    if username == "evil":
        raise socketio.exceptions.ConnectionRefusedError("authentication failed")
    with sio.session(sid) as session:
        session["username"] = username


@sio.event
def who(sid):
    with sio.session(sid) as session:
        session["asked"] = session.get("asked", 0) + 1
        return session["username"], session["asked"]


@sio.event
def disconnect(sid):
    with sio.session(sid) as session:
        print("bye", session["username"], flush=True)
