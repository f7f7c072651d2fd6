"""The server program of the interop suite for WSGI: `server_app.py` without `async` and `await`, made from its source.

So both colours are sure to run the same program.
"""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).parent

OTHER_COLOUR = (
    ("async def", "def"),
    ("async with", "with"),
    ("await ", ""),
    ('AsyncServer(async_mode="asgi"', 'Server(async_mode={"werkzeug": "threading"}.get(options.way, options.way)'),
    ("AsyncServer", "Server"),
    ("AsyncNamespace", "Namespace"),
    ("ASGIApp", "WSGIApp"),
    ("ASGI_WAYS", "WSGI_WAYS"),
)
"""What is written in one colour, and what in the other."""


def source() -> str:
    """Return the program."""
    text = (FOLDER / "server_app.py").read_text("utf-8")
    for asyncio, threads in OTHER_COLOUR:
        text = text.replace(asyncio, threads)
    return text


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER))
    exec(compile(source(), str(FOLDER / "server_app.py"), "exec"))
