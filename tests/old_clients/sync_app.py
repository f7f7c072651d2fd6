"""The server program for threads: `server_app.py` without `async` and `await`, made from its source."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = Path(__file__).parent / "server_app.py"

OTHER_COLOUR = (
    ("async def", "def"),
    ("await ", ""),
    ('AsyncServer(async_mode="asgi"', 'Server(async_mode="threading"'),
    ("ASGIApp", "WSGIApp"),
    ("ASGI_WAYS", "WSGI_WAYS"),
)
"""What is written in one colour, and what in the other."""

if __name__ == "__main__":
    text = PROGRAM.read_text("utf-8")
    for asyncio, threads in OTHER_COLOUR:
        text = text.replace(asyncio, threads)
    sys.path.insert(0, str(PROGRAM.parent))
    exec(compile(text, str(PROGRAM), "exec"))
