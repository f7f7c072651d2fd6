import gevent.monkey

gevent.monkey.patch_all()

from gevent import pywsgi
from geventwebsocket.handler import WebSocketHandler

import socketio


class MyCustomNamespace(socketio.Namespace):
    def on_connect(self, sid, environ):
        self.save_session(sid, {"messages": 0})

    def on_disconnect(self, sid):
        print("disconnect", sid, flush=True)

    def on_my_event(self, sid, data):
        with self.session(sid) as session:
            session["messages"] += 1
        self.emit("my_response", data)
        return "ok", self.get_session(sid)["messages"]


sio = socketio.Server(async_mode="gevent")
sio.register_namespace(MyCustomNamespace("/test"))
app = socketio.WSGIApp(sio)
pywsgi.WSGIServer(("", 5000), app, handler_class=WebSocketHandler).serve_forever()
