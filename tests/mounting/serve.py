"""Serves an application of `applications.py`: `python serve.py --way APPLICATION/WAY --port PORT`.

WAY is one of `ways.ASGI_WAYS`, or `prefixed`: embedded, behind a proxy that cuts `/api` off.
"""

from __future__ import annotations

import argparse

import applications
from ways import serve

import socketio

parser = argparse.ArgumentParser()
parser.add_argument("--way", required=True)
parser.add_argument("--port", type=int, required=True)
chosen = parser.parse_args()
name, way = chosen.way.split("/")
name, *arguments = name.split(":")
application = getattr(applications, name)(*arguments)
if way == "prefixed":
    socketio.run(application, port=chosen.port, root_path="/api")
else:
    serve(application, way, chosen.port)
