from threading import Lock

from flask import Flask

import socketio

sio = socketio.Server(async_mode="threading")
app = Flask(__name__)
app.wsgi_app = socketio.WSGIApp(sio, app.wsgi_app)
app.config["SECRET_KEY"] = "secret!"
thread = None
thread_lock = Lock()


def background_thread():
    count = 0
    while True:
        sio.sleep(0.05)
        count += 1
        sio.emit("my_response", {"data": "Server generated event", "count": count})


@app.route("/")
def index():
    global thread
    with thread_lock:
        if thread is None:
            thread = sio.start_background_task(background_thread)
    return "started"


@sio.event
def ask(sid, question):
    answer = sio.call("question", question, to=sid, timeout=10)
    return "the answer is", answer


@sio.event
def remember(sid, data):
    def remembered(*args):
        sio.emit("remembered", args, to=sid)

    sio.emit("note", data, to=sid, callback=remembered)


if __name__ == "__main__":
    app.run(port=5000, threaded=True)
