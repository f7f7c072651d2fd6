"""uWSGI with gevent: the socket of a request, of which uWSGI's own module tells the file descriptor."""

from __future__ import annotations

import os
from typing import Any

import gevent.socket

__all__ = ["find_socket"]


class Duplicate(gevent.socket.socket):  # type: ignore[misc]  # gevent has no types
    """A socket of our own for a connection that stays uWSGI's."""

    is_duplicate = True


def find_socket(environ: dict[str, Any]) -> Any:
    """Returns a socket for the connection of a request, which its receiver closes; `None` outside of uWSGI."""
    try:
        import uwsgi
    except ImportError:
        return None
    return Duplicate(fileno=os.dup(uwsgi.connection_fd()))
