"""No framework: any ASGI application beside the server, and the embedded web server."""

import os

import socketio

sio = socketio.AsyncServer()


async def pages(scope, receive, send):
    """What is not for the server; no lifespan comes here, as the `ASGIApp` below has functions of its own for it."""
    assert scope["type"] == "http"
    body = b"ASGI"
    if scope["path"] == "/announce":
        message = await receive()
        await sio.emit("announcement", message["body"].decode())
        body = b""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


@sio.event
async def chat(sid, text):
    await sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


async def start():
    print("open the database here")


async def stop():
    print("and close it here: all clients have left")


app = socketio.ASGIApp(sio, pages, on_startup=start, on_shutdown=stop)

if __name__ == "__main__":
    socketio.run(app, port=int(os.environ.get("PORT", "5000")))
