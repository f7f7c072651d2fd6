"""What uWSGI serves."""

from __future__ import annotations

from gunicorn_app import app as application

__all__ = ["application"]
