"""The server under test: this project's `AsyncServer` on its own `run`. Usage: ours.py PORT."""

from __future__ import annotations

import sys

import socketio
from handlers import create_server

if __name__ == "__main__":
    app = socketio.ASGIApp(create_server())
    socketio.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
