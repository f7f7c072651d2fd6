"""The server to compare with: python-socketio on uvicorn with uvloop and httptools. Usage: python_socketio.py PORT.

Runs under an interpreter of its own: both projects install a package named `socketio`.
"""

from __future__ import annotations

import sys

import uvicorn

import socketio
from handlers import create_server

if __name__ == "__main__":
    app = socketio.ASGIApp(create_server())
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning")
