"""What the server programs of the scenario suite have in common: the servers and their options, files, reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LIMIT = 1_000_000
FAST = {"ping_interval": 0.3, "ping_timeout": 0.2, "max_http_buffer_size": LIMIT}
"""The heartbeat of the official conformance suites, in seconds."""

ENGINES: dict[str, dict[str, Any]] = {
    "engine.io": FAST,
    "calm": {"max_http_buffer_size": LIMIT},
    "grace": {"ping_interval": (0.3, 2.5), "ping_timeout": 0.2},
    "unmonitored": {"monitor_clients": False},
    "cookie-string": {"cookie": "io"},
    "cookie-dict": {"cookie": {"name": "custom", "path": "/custom", "SameSite": "Strict", "HttpOnly": True}},
    "cors-any": {"cors_allowed_origins": "*"},
    "cors-one": {"cors_allowed_origins": "http://one.example"},
    "cors-list": {"cors_allowed_origins": ["http://one.example", "http://two.example"]},
    "cors-callable": {"cors_allowed_origins": lambda origin, environ: origin == environ["HTTP_X_FRIEND"]},
    "cors-off": {"cors_allowed_origins": []},
    "cors-no-credentials": {"cors_allowed_origins": "http://one.example", "cors_credentials": False},
    "no-gzip": {"http_compression": False},
    "low-threshold": {"compression_threshold": 10},
    "polling-only": {"transports": "polling"},
    "websocket-only": {"transports": ["websocket"]},
    "no-upgrades": {"allow_upgrades": False},
    "short-upgrade": {"upgrade_timeout": 0.3},
    "short-body": {"body_timeout": 0.3},
    "eio3": {"max_http_buffer_size": LIMIT, "allow_eio3": True},
    "eio3-fast": {**FAST, "allowEIO3": True},
    "jsonp": {"jsonp": True, "cors_allowed_origins": "http://one.example"},
}
"""Path -> options of the Engine.IO server there."""

FOLDER = Path(__file__).parent / "static"

STATIC_FILES: dict[str, Any] = {
    "/": str(FOLDER / "index.html"),
    "/data": {"filename": str(FOLDER / "data.txt"), "content_type": "application/x-data"},
    "/static": str(FOLDER),
}


def report(**fields: Any) -> None:
    """Tell the test something, as one JSON line, in one write: other processes may write to the same pipe."""
    print(json.dumps(fields) + "\n", end="", flush=True)
