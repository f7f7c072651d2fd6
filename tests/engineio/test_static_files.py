"""Static files: every form of the setting, and no way out of a directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engineio.static_files import CONTENT_TYPES, StaticFile, StaticFiles


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a `public` directory, and things beside it that are nobody's business."""
    for name in (
        "secret.txt",
        "index.html",
        "home.html",
        "app.js",
        "public/index.html",
        "public/home.html",
        "public/a.css",
        "public/unknown.bin",
        "public/noextension",
        "public/UPPER.HTML",
        "public/.hidden",
        "public/a..b.txt",
        "public/;.txt",
        "public/sub/index.html",
        "public/sub/q.txt",
        "public/empty/q.txt",
        "public-too/secret.txt",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(mapping: Any, path: str) -> tuple[str, str] | None:
    """Return content (which is the name) and type of what is found."""
    file = StaticFiles(mapping).find(path)
    return None if file is None else (Path(file.filename).read_text(), file.content_type)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("mapping", "answers"),
    [
        (None, {"/": None, "": None}),
        ({}, {"/": None, "": None}),
        ({"/": "index.html"}, {"/": ("index.html", "text/html"), "/index.html": None, "": None, "/x": None}),
        ({"/": {"filename": "index.html"}}, {"/": ("index.html", "text/html")}),
        ({"/": {"content_type": "text/plain", "filename": "index.html"}}, {"/": ("index.html", "text/plain")}),
        ({"/x.png": "public/a.css"}, {"/x.png": ("public/a.css", "text/css")}),
        ({"/app.js": "app.js"}, {"/app.js": ("app.js", "application/javascript"), "/app.js/": None, "/app.js/x": None}),
        ({"/gone": "gone.txt", "/gone/": "gone/"}, {"/gone": None, "/gone/": None, "/gone/x": None}),
        (
            {"/": "public"},
            {
                "/": ("public/index.html", "text/html"),
                "/a.css": ("public/a.css", "text/css"),
                "/sub/": ("public/sub/index.html", "text/html"),
                "/sub": None,
                "/empty/": None,
                "/empty": None,
                "/gone": None,
            },
        ),
        (
            {"/static": "./public"},
            {
                "/static": ("public/index.html", "text/html"),
                "/static/": ("public/index.html", "text/html"),
                "/static/a.css": ("public/a.css", "text/css"),
                "/static//a.css": ("public/a.css", "text/css"),
                "/static/sub/q.txt": ("public/sub/q.txt", "text/plain"),
                "/static/unknown.bin": ("public/unknown.bin", "application/octet-stream"),
                "/static/noextension": ("public/noextension", "application/octet-stream"),
                "/static/UPPER.HTML": ("public/UPPER.HTML", "text/html"),
                "/static/a..b.txt": ("public/a..b.txt", "text/plain"),
                "/staticx": None,
                "/staticx/a.css": None,
                "/static/a.css/": None,
                "/static/a.css/x": None,
                "/": None,
            },
        ),
        ({"/static": "./public/"}, {"/static": ("public/index.html", "text/html")}),
        (
            {"/static/": "./public/"},
            {
                "/static/": ("public/index.html", "text/html"),
                "/static/a.css": ("public/a.css", "text/css"),
                "/static": None,
            },
        ),
        ({"/static/": "./public"}, {"/static/a.css": ("public/a.css", "text/css"), "/static": None}),
        (
            {"": "home.html", "/static": "./public", "/": "app.js"},
            {
                "/static/": ("public/home.html", "text/html"),
                "/static/sub/": None,
                "/": ("app.js", "application/javascript"),
                "": ("home.html", "text/html"),
            },
        ),
        (
            {"/": "public/", "": "home.html"},
            {"/": ("public/home.html", "text/html"), "/a.css": ("public/a.css", "text/css")},
        ),
        (
            {"": {"filename": "home.html", "content_type": "text/x-home"}, "/static": "public"},
            {"/static/": ("public/home.html", "text/x-home"), "/static/a.css": ("public/a.css", "text/css")},
        ),
        (
            {"/static": {"filename": "public", "content_type": "text/x-all"}},
            {"/static/": ("public/index.html", "text/x-all"), "/static/a.css": ("public/a.css", "text/x-all")},
        ),
        (
            {"/a": "public", "/a/b": "public/sub"},
            {
                "/a/b/q.txt": ("public/sub/q.txt", "text/plain"),
                "/a/a.css": ("public/a.css", "text/css"),
                "/a/b/a.css": None,
            },
        ),
        (
            {"/a/": "app.js", "/a": "public"},
            {"/a/": ("app.js", "application/javascript"), "/a/a.css": ("public/a.css", "text/css")},
        ),
    ],
    ids=repr,
)
def test_forms(mapping: Any, answers: dict[str, tuple[str, str] | None]) -> None:
    assert {path: found(mapping, path) for path in answers} == answers


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    "mapping", [{"/": "public"}, {"/": "./public/"}, {"/static": "public"}, {"/static/": "public/"}]
)
@pytest.mark.parametrize(
    "rest",
    [
        # F078
        "../secret.txt",
        "../../etc/passwd",
        "sub/../../secret.txt",
        "sub/../a.css",
        "..",
        "../",
        "./../secret.txt",
        ".//..//secret.txt",
        "../public/a.css",
        "../public-too/secret.txt",
        "%2e%2e%2fsecret.txt",
        "..%2fsecret.txt",
        "..\\secret.txt",
        "sub\\q.txt",
        "a.css\0",
        "a.css\0.png",
        "\0",
        "/etc/passwd",
        "//etc/passwd",
        "a.css;x",
        "a.css?x",
        "\ud800",
        "x" * 100_000,
        "sub/" * 10_000,
        "a.css\n",
    ],
    ids=lambda rest: ascii(rest[:30]),
)
def test_nothing_leads_out(mapping: dict[str, str], rest: str) -> None:
    (url,) = mapping
    assert found(mapping, url.rstrip("/") + "/" + rest) is None


@pytest.mark.usefixtures("site")
def test_a_path_that_starts_with_two_slashes_is_no_path() -> None:
    for path in ("//a.css", "//etc/passwd", "///a.css"):
        assert found({"/": "public"}, path) is None


def test_symbolic_links_stay_inside(site: Path) -> None:
    public = site / "public"
    (public / "out.txt").symlink_to(site / "secret.txt")
    (public / "relative.txt").symlink_to("../secret.txt")
    (public / "outdir").symlink_to(site / "public-too")
    (public / "loop").symlink_to("loop")
    (public / "in.txt").symlink_to("sub/q.txt")
    (public / "insub").symlink_to("sub")
    (public / "empty" / "index.html").symlink_to(site / "secret.txt")
    mapping = {"/": "public"}
    for path in ("/out.txt", "/relative.txt", "/outdir/secret.txt", "/loop", "/loop/x", "/empty/"):
        assert found(mapping, path) is None
    assert found(mapping, "/in.txt") == ("public/sub/q.txt", "text/plain")
    assert found(mapping, "/insub/q.txt") == ("public/sub/q.txt", "text/plain")


def test_what_is_named_may_be_a_link(site: Path) -> None:
    (site / "current").symlink_to("public")
    (site / "current.txt").symlink_to("secret.txt")
    mapping = {"/": "current", "/text": "current.txt"}
    assert found(mapping, "/a.css") == ("public/a.css", "text/css")
    assert found(mapping, "/text") == ("secret.txt", "text/plain")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_only_regular_files(site: Path) -> None:
    os.mkfifo(site / "public" / "pipe.txt")
    mapping = {"/": "public", "/pipe": "public/pipe.txt", "/null": os.devnull}
    for path in ("/pipe.txt", "/pipe", "/null", "/sub"):
        assert found(mapping, path) is None


def test_absolute_names_and_path_objects(site: Path) -> None:
    mapping: Any = {"/": str(site / "public"), "/app": site / "app.js", "/root": "/"}
    assert found(mapping, "/a.css") == ("public/a.css", "text/css")
    assert found(mapping, "/app") == ("app.js", "application/javascript")
    assert found(mapping, "/root" + str(site / "app.js")) == ("app.js", "application/javascript")


def test_an_index_stays_in_its_directory(site: Path) -> None:
    for index in (str(site / "secret.txt"), "../secret.txt"):
        assert found({"/": "public", "": index}, "/") is None


@pytest.mark.parametrize("extension", sorted(CONTENT_TYPES))
def test_content_types(site: Path, extension: str) -> None:
    (site / "public" / f"x.{extension}").write_text("x")
    assert found({"/": "public"}, f"/x.{extension}") == ("x", CONTENT_TYPES[extension])


@pytest.mark.parametrize("mapping", [{"/": ""}, {"/": {}}, {"/": {"content_type": "text/html"}}, {"/": None}])
def test_entries_without_a_file(mapping: Any) -> None:
    with pytest.raises(ValueError, match="no file name"):
        StaticFiles(mapping)


@pytest.mark.parametrize("mapping", [{"/": 1}, {"/": ["a"]}, {"/": {"filename": 1}}])
def test_entries_of_other_types(mapping: Any) -> None:
    with pytest.raises(TypeError):
        StaticFiles(mapping)


@given(
    st.lists(
        st.sampled_from(["..", ".", "", "/", "\\", "\0", "sub", "public", "secret.txt", "a.css", "%2e%2e"]), max_size=8
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_found_is_inside(site: Path, parts: list[str]) -> None:
    for path in ("/" + "/".join(parts), "/" + "".join(parts)):
        file = StaticFiles({"/": "public"}).find(path)
        assert file is None or Path(file.filename).resolve().is_relative_to((site / "public").resolve())


def test_a_file_is_a_value() -> None:
    assert StaticFile("a", "b") == StaticFile("a", "b")
    assert hash(StaticFile("a", "b")) == hash(StaticFile("a", "b"))
