"""`WSGIApp`: which part of it gets a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import engineio
import socketio
from engineio import Middleware, WSGIApp
from engineio.middleware import WSGIApp as SameApp
from engineio.static_files import StaticFile

from ..wsgi_calls import QUERY, Client, call, get, make_environ, serving


class Named:
    """An application, or a server, that answers with its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.environs.append(environ)
        start_response("200 OK", [("Content-Length", str(len(self.name)))])
        return [self.name.encode()]

    handle_request = __call__


def make(**options: Any) -> tuple[WSGIApp, Named, Named]:
    server, other = Named("server"), Named("other")
    options.setdefault("wsgi_app", other)
    return WSGIApp(server, **options), server, other


def test_the_name_that_programs_import() -> None:
    assert SameApp is WSGIApp and engineio.Middleware is Middleware
    assert issubclass(socketio.WSGIApp, WSGIApp) and issubclass(socketio.Middleware, socketio.WSGIApp)


# Paths

OWN = [
    ("engine.io", "/engine.io/"),
    ("engine.io", "/engine.io"),
    ("engine.io", "/engine.io/more"),
    ("/engine.io/", "/engine.io/"),
    ("/ws/engine.io", "/ws/engine.io/"),
    ("", "/"),
    ("", ""),
    ("", "/anything"),
    ("/", "/anything"),
]
NOT_OWN = [
    ("engine.io", "/"),
    ("engine.io", ""),
    ("engine.io", "/engine.iox/"),
    ("engine.io", "/engine"),
    ("engine.io", "/app/engine.io/"),
    ("/ws/engine.io", "/engine.io/"),
]


@pytest.mark.parametrize(("engineio_path", "path"), OWN)
def test_paths_of_the_server(engineio_path: str, path: str) -> None:
    app, server, other = make(engineio_path=engineio_path)
    environ = make_environ(path)
    assert call(app, environ).text == "server"
    assert server.environs[0] is environ and other.environs == []


@pytest.mark.parametrize(("engineio_path", "path"), NOT_OWN)
def test_paths_of_the_other_application(engineio_path: str, path: str) -> None:
    app, server, other = make(engineio_path=engineio_path)
    environ = make_environ(path, method="DELETE")
    assert call(app, environ).text == "other"
    assert other.environs[0] is environ and server.environs == []


@pytest.mark.parametrize("cls", [socketio.WSGIApp, socketio.Middleware])
def test_the_default_path_of_socketio(cls: Any) -> None:
    app = cls(Named("server"), Named("other"))
    assert get(app, "/socket.io/").text == "server" and get(app, "/engine.io/").text == "other"
    app = cls(Named("server"), wsgi_app=Named("other"), socketio_path="/ws/socket.io")
    assert get(app, "/ws/socket.io/").text == "server" and get(app, "/socket.io/").text == "other"


def test_nothing_else() -> None:
    app, _, _ = make(wsgi_app=None)
    answer = get(app, "/nothing")
    assert (answer.status, answer.text, answer.header("content-type")) == (404, "Not Found", ["text/plain"])
    assert answer.header("content-length") == ["9"]


def test_the_other_application_may_be_replaced() -> None:
    """behaviours: the attribute `wsgi_app` is reassigned later, also by subclasses."""

    class Mine(socketio.WSGIApp):
        def __init__(self, server: Any, wsgi_app: Any, socketio_path: str = "socket.io") -> None:
            super().__init__(server, wsgi_app, socketio_path=socketio_path)

    app = Mine(Named("server"), None)
    assert get(app, "/").status == 404
    app.wsgi_app = Named("later")
    assert get(app, "/").text == "later"
    assert get(app, "/socket.io/").text == "server"


def test_it_may_wrap_itself() -> None:
    """A.4: `app.wsgi_app = WSGIApp(sio, app.wsgi_app)`, for several servers as well."""
    inner = Named("inner")
    app = socketio.WSGIApp(Named("one"), engineio.WSGIApp(Named("two"), inner))
    assert [get(app, path).text for path in ("/socket.io/", "/engine.io/", "/else")] == ["one", "two", "inner"]


def test_a_subclass_may_answer_otherwise() -> None:
    class Mine(WSGIApp):
        def not_found(self, start_response: Any) -> list[bytes]:
            start_response("418 I'm a Teapot", [])
            return []

    assert get(Mine(Named("server")), "/nothing").status == 418


def test_a_whole_connection() -> None:
    with serving() as server:
        environs: list[dict[str, Any]] = []
        server.on("connect", lambda sid, environ: environs.append(environ))
        app = WSGIApp(server, engineio_path="/ws/")
        environ = make_environ("/ws/", QUERY) | {"SCRIPT_NAME": "/app", "flask.app": app}
        assert call(app, environ).text.startswith('0{"sid":')
        assert environs[0] is environ and environs[0]["flask.app"] is app
        assert Client(server).connect().status == 200


# Static files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<p>index</p>")
    (tmp_path / "app.js").write_text("app()")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "public" / "deep").mkdir(parents=True)
    (tmp_path / "public" / "index.html").write_text("<p>public</p>")
    (tmp_path / "public" / "main.html").write_text("<p>main</p>")
    (tmp_path / "public" / "data.json").write_text("{}")
    (tmp_path / "public" / "deep" / "empty").write_text("")
    return tmp_path


def with_files(folder: Path, other: Any = None, **more: Any) -> WSGIApp:
    files = {
        "/": str(folder / "index.html"),
        "/app.js": folder / "app.js",
        "/plain": {"filename": str(folder / "app.js"), "content_type": "text/x-mine"},
        "/gone": str(folder / "gone.html"),
        "/public": str(folder / "public"),
        "/typed/": {"filename": str(folder / "public"), "content_type": "text/x-all"},
    }
    return WSGIApp(Named("server"), other, files | more)


FILES = {
    "/": (b"<p>index</p>", "text/html"),
    "/app.js": (b"app()", "application/javascript"),
    "/plain": (b"app()", "text/x-mine"),
    "/public": (b"<p>public</p>", "text/html"),
    "/public/": (b"<p>public</p>", "text/html"),
    "/public/data.json": (b"{}", "application/json"),
    "/public/deep/empty": (b"", "application/octet-stream"),
    "/typed/data.json": (b"{}", "text/x-all"),
}


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_static_files(folder: Path, path: str, method: str) -> None:
    """HEAD: the same headers; RFC 9110, 9.3.2: "the server MUST NOT send content in the response"."""
    body, content_type = FILES[path]
    answer = get(with_files(folder), path, method=method)
    assert (answer.status, answer.body) == (200, body if method == "GET" else b"")
    assert answer.header("content-type")[0].startswith(content_type)
    assert answer.header("content-length") == [str(len(body))]


@pytest.mark.parametrize(
    "path",
    [
        *("/gone", "/public/gone", "/other", "/public/deep/", "/app.js/", "/publicity"),
        *("/public/../secret", "/public/deep/../../secret", "/public//../secret", "/public/..", "//public/data.json"),
        *("/public/%2e%2e/secret", "/public\\..\\secret", "/public/\0", "/public/" + "a/" * 3000),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_not_served(folder: Path, path: str, method: str) -> None:
    answer = get(with_files(folder), path, method=method)
    assert (answer.status, answer.text) == (404, "Not Found" if method == "GET" else "")


def test_a_link_out_of_the_folder(folder: Path) -> None:
    (folder / "public" / "link").symlink_to(folder / "secret")
    assert get(with_files(folder), "/public/link").status == 404


def test_another_index(folder: Path) -> None:
    assert get(with_files(folder, **{"": "main.html"}), "/public/").text == "<p>main</p>"


def test_other_methods_and_paths_go_to_the_other_application(folder: Path) -> None:
    other = Named("other")
    app = with_files(folder, other)
    assert get(app, "/app.js").text == "app()" and other.environs == []
    assert get(app, "/app.js", method="POST").text == "other"
    assert get(app, "/public/gone").text == "other"
    assert get(app, "/else", method="HEAD").text == "other", "what another application answers is its own affair"


def test_a_file_that_goes_before_it_is_opened(folder: Path) -> None:
    class Files:
        def find(self, path: str) -> StaticFile:
            return StaticFile(str(folder / "gone"), "text/plain")

    app = with_files(folder)
    app._files = Files()  # type: ignore[assignment]
    assert get(app, "/app.js").status == 404
