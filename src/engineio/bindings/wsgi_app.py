"""`WSGIApp`: an application that puts an Engine.IO server in front of static files and another application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..request import Response
from ..static_files import StaticFile, StaticFiles
from .wsgi import StartResponse, respond

__all__ = ["Middleware", "WSGIApp"]


class WSGIApp:
    """A WSGI application: an Engine.IO server on its path, then static files, then another application.

    Args:
        engineio_app: The server.
        wsgi_app: What gets the requests of all other paths.
        static_files: URL -> file name, or a dictionary with `filename` and `content_type`; a directory serves what
            is in it.
        engineio_path: The server's path.
    """

    def __init__(
        self,
        engineio_app: Any,
        wsgi_app: Any = None,
        static_files: Mapping[str, Any] | None = None,
        engineio_path: str = "engine.io",
    ) -> None:
        self.engineio_app = engineio_app
        self.wsgi_app = wsgi_app
        self.static_files = static_files
        self.engineio_path = "/" + engineio_path.strip("/")
        self._files = StaticFiles(static_files)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request."""
        path = environ.get("PATH_INFO", "")
        own = self.engineio_path
        if own == "/" or path == own or path.startswith(own + "/"):
            answer: Iterable[bytes] = self.engineio_app.handle_request(environ, start_response)
            return answer
        method = environ["REQUEST_METHOD"]
        file = self._files.find(path) if method in ("GET", "HEAD") else None
        if file is None and self.wsgi_app is not None:
            answer = self.wsgi_app(environ, start_response)
            return answer
        answer = self.not_found(start_response) if file is None else self._serve(file, start_response)
        # RFC 9110, 9.3.2: "the server MUST NOT send content in the response"; not all of the web servers see to it.
        return [] if method == "HEAD" else answer

    def _serve(self, file: StaticFile, start_response: StartResponse) -> Iterable[bytes]:
        try:
            with open(file.filename, "rb") as content:
                body = content.read()
        except OSError:
            return self.not_found(start_response)
        return respond(Response(200, [("Content-Type", file.content_type)], body), start_response)

    def not_found(self, start_response: StartResponse) -> Iterable[bytes]:
        """Answers that there is nothing."""
        return respond(Response(404, [("Content-Type", "text/plain")], b"Not Found"), start_response)


class Middleware(WSGIApp):
    """The old name of `WSGIApp`, without static files."""

    def __init__(self, engineio_app: Any, wsgi_app: Any = None, engineio_path: str = "engine.io") -> None:
        super().__init__(engineio_app, wsgi_app, engineio_path=engineio_path)
