"""`event_server.py` without `async` and `await`, made from its source: `python sync_event_server.py PORT`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

import socketio


def load() -> Any:
    """Return the Socket.IO server of the program."""
    program = Path(__file__).with_name("event_server.py")
    text = program.read_text("utf-8")
    for asyncio, threads in (("async def", "def"), ("await ", ""), ("AsyncServer", "Server")):
        text = text.replace(asyncio, threads)
    names: dict[str, Any] = {"__name__": "event_server"}
    exec(compile(text, str(program), "exec"), names)
    return names["sio"]


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server("127.0.0.1", int(sys.argv[1]), socketio.WSGIApp(load()), threaded=True).serve_forever()
