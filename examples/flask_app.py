"""Flask, with threads: the server in front of the application."""

import os

from flask import Flask, request

import socketio

sio = socketio.Server(async_mode="threading")
app = Flask(__name__)
app.wsgi_app = socketio.WSGIApp(sio, app.wsgi_app)


@app.get("/")
def index():
    return "Flask"


@app.post("/announce")
def announce():
    sio.emit("announcement", request.get_data(as_text=True))
    return "", 204


@sio.event
def chat(sid, text):
    sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "5000")))
