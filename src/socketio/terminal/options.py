"""The options that `connect` and `emit` share: how to reach a server, and how to print what it says."""

from __future__ import annotations

import argparse
import math
import re
from typing import Any, Final
from urllib.parse import urlsplit

from ..cli_errors import UsageError
from .values import check_namespace, parse_auth

__all__ = ["add_connection_options", "prepare", "waiting_time"]

DEFAULT_TIMEOUT: Final = 5.0
"""For connecting and for acknowledgements, in seconds."""

# RFC 9110, section 5.6.2: token = 1*tchar
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that both commands have; the URL of the server is not among them."""
    parser.add_argument(
        "-n", "--namespace", dest="namespaces", metavar="NAME", type=_namespace, action="append",
        help="a namespace to join; default: /",
    )  # fmt: skip
    parser.add_argument(
        "--auth", metavar="JSON", type=_auth, help="what the server gets to know who this is; @FILE: from a file"
    )
    parser.add_argument(
        "-H", "--header", dest="headers", metavar="'NAME: VALUE'", type=_header, action="append", default=[],
        help="a header of each HTTP request; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--transport", dest="transports", choices=("polling", "websocket"), action="append",
        help="a transport to use, the first to begin with; may be repeated; default: both, polling first",
    )  # fmt: skip
    parser.add_argument(
        "--path", default="socket.io", help="where on the server Socket.IO is served; default: %(default)s"
    )
    parser.add_argument("--no-verify", action="store_true", help="do not verify the server's certificate")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=DEFAULT_TIMEOUT,
        help="for each step of connecting, and for an acknowledgement; default: %(default)g",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def prepare(options: argparse.Namespace) -> None:
    """Checks what argparse cannot check, and puts it into its final form: `url`, `namespaces`, `headers`.

    Raises:
        UsageError: if something is wrong.
    """
    options.url = _server_url(options.url)
    options.namespaces = list(dict.fromkeys(options.namespaces or ["/"]))
    headers: dict[str, str] = {}
    for name, value in options.headers:
        if name.lower() in map(str.lower, headers):
            raise UsageError(f"the header {name} is given twice")
        headers[name] = value
    options.headers = headers


def _seconds(text: str) -> float:
    """Returns a number of seconds above 0, for argparse."""
    number = _number(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


def waiting_time(text: str) -> float:
    """Returns a number of seconds, for argparse."""
    number = _number(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return number


def _server_url(text: str) -> str:
    """Returns the URL of a server; what has no scheme gets `http://`."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https", "ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half of an IPv6 address
        good = False
    if not good:
        raise UsageError(f"{text!r} is not the URL of a server, such as http://localhost:5000")
    return url


def _auth(text: str) -> Any:
    try:
        return parse_auth(text)
    except ValueError as exc:
        # Any other exception, and argparse would print the secret.
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    # No event loop waits for ever, or until something that is no number.
    return number if math.isfinite(number) else -1


def _namespace(text: str) -> str:
    try:
        return check_namespace(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    value = value.strip()
    if not colon or not _TOKEN.fullmatch(name) or not value.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 'Name: value'")
    return name, value
