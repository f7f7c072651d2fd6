"""Which file a URL path stands for: the `static_files` setting and a path in, a file name and its type out.

Looks at the file system (does it exist, where does it lead) but opens nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CONTENT_TYPES", "StaticFile", "StaticFiles"]

CONTENT_TYPES = {
    "css": "text/css",
    "gif": "image/gif",
    "html": "text/html",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "application/javascript",
    "json": "application/json",
    "map": "application/json",
    "mjs": "application/javascript",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "wasm": "application/wasm",
    "webp": "image/webp",
    "woff2": "font/woff2",
}
"""File name extension -> media type. Not `mimetypes`, whose answers depend on the machine."""

DEFAULT_CONTENT_TYPE = "application/octet-stream"

MAX_PATH_SIZE = 4096
"""The longest path that is looked up, in characters: resolving one costs a system call for each of its segments."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that exists and may be served."""

    filename: str
    content_type: str


@dataclass(frozen=True, slots=True)
class _Entry:
    filename: str
    content_type: str | None
    """`None`: what the extension says."""


class StaticFiles:
    """The files and directories that an application serves.

    Args:
        mapping: URL path -> file or directory, or a dict of its ``filename`` and, optionally, the ``content_type`` of
            all that it leads to. Relative names start at the current directory of each request. The key ``""`` names
            the file that stands for a directory instead of ``index.html``.

    Raises:
        ValueError: An entry has no file name.
        TypeError: An entry is neither a name nor a dict.
    """

    __slots__ = ("_entries", "_index", "_prefixes")

    def __init__(self, mapping: Mapping[str, str | Mapping[str, str]] | None) -> None:
        self._entries = {url: _entry(url, value) for url, value in (mapping or {}).items()}
        self._index = self._entries.get("", _Entry("index.html", None))
        # The longest first, so that the first match is the closest; "" is no directory but the index.
        self._prefixes = [
            (url if url.endswith("/") else url + "/", self._entries[url])
            for url in sorted(filter(None, self._entries), key=len, reverse=True)
        ]

    def find(self, path: str) -> StaticFile | None:
        """Return the file for a URL path, or `None` if there is none that may be served.

        Args:
            path: Percent-decoded once. What a second decoding would turn into ``..`` is a plain name here.
        """
        entry = self._entries.get(path)
        if entry is not None:
            if os.path.isfile(entry.filename):
                return StaticFile(entry.filename, entry.content_type or _content_type(entry.filename))
            return self._find_below(entry, "")
        # "//host/..." would be a network path to some, a backslash is a separator on some systems.
        if len(path) > MAX_PATH_SIZE or path.startswith("//") or "\\" in path or "\0" in path:
            return None
        for prefix, entry in self._prefixes:
            if path.startswith(prefix) and os.path.isdir(entry.filename):
                return self._find_below(entry, path[len(prefix) :])
        return None

    def _find_below(self, entry: _Entry, rest: str) -> StaticFile | None:
        """Return a file below a directory; `rest` is relative to it, and empty or ending in ``/`` for its index."""
        segments = [segment for segment in rest.split("/") if segment]
        if ".." in segments:
            return None
        content_type = entry.content_type
        if not rest or rest.endswith("/"):
            segments.append(self._index.filename)
            content_type = self._index.content_type or content_type
        try:
            root = os.path.realpath(entry.filename)
            filename = os.path.realpath(os.path.join(root, *segments))
        except ValueError:  # a name that the file system cannot even encode
            return None
        # Symbolic links may lead to elsewhere in the directory, not out of it.
        if not filename.startswith(root.rstrip(os.sep) + os.sep) or not os.path.isfile(filename):
            return None
        return StaticFile(filename, content_type or _content_type(segments[-1]))


def _entry(url: str, value: str | Mapping[str, str]) -> _Entry:
    content_type = None
    if isinstance(value, Mapping):
        filename, content_type = value.get("filename"), value.get("content_type")
    else:
        filename = value
    if not filename:  # it would be the current directory
        raise ValueError(f"the static file {url!r} has no file name")
    return _Entry(os.fspath(filename), content_type)


def _content_type(filename: str) -> str:
    _, dot, extension = filename.rpartition(".")
    return CONTENT_TYPES.get(extension.lower(), DEFAULT_CONTENT_TYPE) if dot else DEFAULT_CONTENT_TYPE
