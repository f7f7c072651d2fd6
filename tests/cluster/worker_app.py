"""What the tests of workers serve."""

from __future__ import annotations

import os
import sys

import socketio

sio = socketio.AsyncServer()
app = socketio.ASGIApp(sio)
managed = socketio.AsyncServer(client_manager=socketio.AsyncManager.__subclasses__()[0]())


@sio.event
async def who(sid: str) -> int:
    """Returns the id of the process."""
    return os.getpid()


@sio.event
async def crash(sid: str) -> None:
    """Ends the process."""
    sys.stdout.flush()
    os._exit(7)


@sio.event
async def say(sid: str, text: str) -> None:
    """Says something to everybody."""
    await sio.emit("said", text)


@sio.event
async def disconnect(sid: str) -> None:
    """Says who has left."""
    await sio.emit("left", sid)
