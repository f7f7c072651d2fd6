"""The demo behind `python -m socketio demo`: a chat with rooms and a live round-trip chart, on one page."""

from .app import create_app

__all__ = ["create_app"]
