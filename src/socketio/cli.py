"""The command line: `python -m socketio` or `fast-socketio`. In goes `argv`, out comes the exit status.

Status 0: done, or stopped by Ctrl-C or SIGTERM; 1: the server could not be started or reached; 2: the command line is
wrong.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import math
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from . import AsyncManager, AsyncServer, run
from .cli_errors import CommandError, CommandFailedError, UsageError
from .cli_workers import end_with_parent, listening_sockets, run_workers
from .managers.by_url import manager_for
from .terminal.options import add_connection_options, waiting_time
from .terminal.publish import add_broker_options
from .terminal.text import clean
from .terminal.values import RULE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

__all__ = ["main"]

_DEFAULT_HOST: Final = "127.0.0.1"
_DEFAULT_PORT: Final = 5000
_LOG_LEVELS: Final = ("critical", "error", "warning", "info", "debug", "trace")

_OK: Final = 0
_FAILED: Final = 1
_USAGE: Final = 2


class _Terminated(Exception):
    """SIGTERM came."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The arguments without the program's name; `None` takes those of the process.

    Returns:
        The exit status.
    """
    parser = _parser()
    try:
        options = parser.parse_args(argv)
    except SystemExit as exc:  # argparse has printed the help, or what is wrong
        return exc.code if isinstance(exc.code, int) else _USAGE
    command: Callable[[argparse.Namespace], int] | None = options.command
    if command is None:
        parser.print_help()
        return _OK
    try:
        return command(options)
    except KeyboardInterrupt:
        return _OK
    except CommandError as exc:
        print(f"{parser.prog}: error: {clean(str(exc))}", file=sys.stderr)
        return _USAGE if isinstance(exc, UsageError) else _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fast-socketio",
        description="Socket.IO for Python: try it out, or serve an application.",
    )
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_CommandParser)

    demo = commands.add_parser(
        "demo",
        help="serve a chat page to try out rooms, transports and round-trip times",
        description="Serve one self-contained page: a chat with rooms, a chart of round-trip times, and a switch "
        "between polling and WebSocket. It needs no network.",
    )
    _add_address(demo)
    demo.set_defaults(command=_demo)

    serve = commands.add_parser(
        "serve",
        help="serve an ASGI application or a Socket.IO server",
        description="Serve an ASGI application, or a socketio.AsyncServer on its own, on uvicorn.",
    )
    serve.add_argument("target", metavar="MODULE:ATTRIBUTE", help="what to serve, for example chat.app:sio")
    _add_address(serve)
    serve.add_argument("--uds", metavar="PATH", type=Path, help="listen on a Unix domain socket instead of a port")
    serve.add_argument("--log-level", choices=_LOG_LEVELS, default="info", help="default: %(default)s")
    serve.add_argument("--ssl-certfile", metavar="FILE", type=Path, help="serve HTTPS with this certificate (PEM)")
    serve.add_argument("--ssl-keyfile", metavar="FILE", type=Path, help="the certificate's private key (PEM)")
    serve.add_argument(
        "--app-dir",
        metavar="DIRECTORY",
        type=Path,
        default=Path(),
        help="where to look for the module; default: the current directory",
    )
    serve.add_argument(
        "--workers", metavar="COUNT", type=_count, default=1, help="how many processes share the port; default: 1"
    )
    serve.add_argument(
        "--manager", metavar="URL", help="a broker that the processes have in common, such as redis://localhost"
    )
    serve.add_argument("--channel", default="socketio", help="that of the broker; default: %(default)s")
    serve.add_argument("--worker", type=_descriptors, help=argparse.SUPPRESS)
    serve.set_defaults(command=_serve)

    connect = commands.add_parser(
        "connect",
        help="talk to a Socket.IO server: an interactive client, also for scripts",
        description="Print the events of a Socket.IO server, and do what the commands on standard input say. "
        "The command `help` lists them.",
        epilog="Exit status: 0: ended as asked; 1: the connection could not be made or was lost for good, or a "
        "command that was piped in has failed; 2: wrong arguments.",
    )
    connect.add_argument(
        "url", metavar="URL", help="the server, such as http://localhost:5000; its path does not count"
    )
    add_connection_options(connect)
    connect.add_argument("--no-reconnect", action="store_true", help="end when the connection is lost")
    connect.add_argument(
        "--wait", metavar="SECONDS", type=waiting_time, nargs="?", const=math.inf,
        help="go on listening that long after the end of input; without a number, until Ctrl-C",
    )  # fmt: skip
    connect.set_defaults(command=_connect)

    emit = commands.add_parser(
        "emit",
        usage="%(prog)s [OPTION ...] URL EVENT [ARGUMENT ...]\n"
        "       %(prog)s [OPTION ...] --manager URL EVENT [ARGUMENT ...]",
        help="send one event to a Socket.IO server and print its acknowledgement",
        description="Send one event to a Socket.IO server, and print each argument of the acknowledgement in a line.",
        epilog=RULE,
    )
    # All but the first may be missing: a way to emit that goes by no server (a broker) has no URL.
    emit.add_argument("url", metavar="URL", help="the server, such as http://localhost:5000; its path does not count")
    emit.add_argument("event", metavar="EVENT", nargs="?", help="the name of the event")
    emit.add_argument("arguments", metavar="ARGUMENT", nargs="*", help="what goes with it, see below")
    add_connection_options(emit)
    emit.add_argument("--no-ack", action="store_true", help="ask for no acknowledgement: end when the event is sent")
    add_broker_options(emit)
    emit.set_defaults(command=_emit)
    return parser


class _CommandParser(argparse.ArgumentParser):
    """Takes options in any place: `emit URL --json EVENT`. Without this, argparse takes EVENT for missing there."""

    _split = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._split:
            return super().parse_known_args(args, namespace)
        self._split = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._split = False


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=_DEFAULT_HOST, help="address to listen on; default: %(default)s")
    parser.add_argument("--port", type=_port, default=_DEFAULT_PORT, help="default: %(default)s")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes: 1 to 1000")
    return int(text)


def _descriptors(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _demo(options: argparse.Namespace) -> int:
    from .demo import create_app

    _check_address(options.host, options.port)
    url = _url("http", options.host, options.port)
    print(f"{url} - the demo; open it in two windows. Ctrl-C stops it.", flush=True)
    _run(create_app(), host=options.host, port=options.port, log_level="warning")
    return _OK


def _serve(options: argparse.Namespace) -> int:
    for path in (options.ssl_certfile, options.ssl_keyfile):
        if path is not None and not path.is_file():
            raise UsageError(f"there is no file {path}")
    if options.ssl_keyfile is not None and options.ssl_certfile is None:
        raise UsageError("--ssl-keyfile needs --ssl-certfile")
    if options.workers > 1 and options.uds is not None:
        raise UsageError("workers share a port, not a Unix domain socket")
    if options.workers > 1 and options.worker is None:
        return _serve_by_workers(options)
    app = _load(options.target, options.app_dir)
    if options.manager is not None:
        _set_manager(app, options)
    run_options: dict[str, Any] = {"log_level": options.log_level}
    if options.ssl_certfile is not None:
        run_options["ssl_certfile"] = str(options.ssl_certfile)
        run_options["ssl_keyfile"] = str(options.ssl_keyfile) if options.ssl_keyfile is not None else None
    if options.worker is not None:
        listener, parent, started = options.worker
        end_with_parent(parent)
        sockets = [socket.socket(fileno=listener)]
        _run(app, sockets=sockets, on_started=lambda: os.write(started, b"."), **run_options)
        return _OK
    if options.uds is not None:
        run_options["uds"] = str(options.uds)
        where = f"unix:{options.uds}"
    else:
        _check_address(options.host, options.port)
        scheme = "http" if options.ssl_certfile is None else "https"
        where = _url(scheme, options.host, options.port)
    print(f"{where} - {options.target}. Ctrl-C stops it.", flush=True)
    _run(app, host=options.host, port=options.port, **run_options)
    return _OK


def _serve_by_workers(options: argparse.Namespace) -> int:
    _check_address(options.host, options.port)
    if options.manager is not None:
        _manager(options)  # what is wrong with it is said once
    command = [sys.executable, "-m", __package__, "serve", options.target, "--workers", str(options.workers)]
    for name in ("host", "port", "log_level", "ssl_certfile", "ssl_keyfile", "app_dir", "manager", "channel"):
        value = getattr(options, name)
        if value is not None:
            command.append(f"--{name.replace('_', '-')}={value}")
    listeners = listening_sockets(options.host, options.port, options.workers)
    scheme = "http" if options.ssl_certfile is None else "https"
    where = _url(scheme, options.host, options.port)
    print(f"{where} - {options.target}, {options.workers} workers. Ctrl-C stops them.", flush=True)
    run_workers(command, listeners)
    return _OK


def _manager(options: argparse.Namespace) -> Any:
    try:
        return manager_for(options.manager, is_async=True, channel=options.channel)
    except (ValueError, RuntimeError) as exc:
        raise UsageError(str(exc)) from exc


def _set_manager(app: Any, options: argparse.Namespace) -> None:
    """Gives a server that has none a manager with a broker."""
    server = app if isinstance(app, AsyncServer) else getattr(app, "socketio_server", None)
    if not isinstance(server, AsyncServer):
        raise UsageError(f"--manager needs a socketio.AsyncServer or ASGIApp; {options.target} is neither")
    if type(server.manager) is not AsyncManager:
        raise UsageError(f"{options.target} has a client_manager of its own")
    server.manager = _manager(options)
    server.manager.set_server(server)


def _connect(options: argparse.Namespace) -> int:
    from .terminal import session

    return session.run(options)


def _emit(options: argparse.Namespace) -> int:
    from .terminal import emit, publish

    (emit if options.manager is None else publish).run(options)
    return _OK


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise _Terminated


def _run(app: Any, **options: Any) -> None:
    # uvicorn stops in good order on SIGTERM and then raises it again for the handler that was there before it: this
    # one, so that the exit status tells a stop that was asked for from a crash.
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        run(app, **options)
    except _Terminated:
        return
    except SystemExit as exc:
        raise CommandFailedError("the server could not start") from exc
    except RuntimeError as exc:
        # The extra with uvicorn is not installed; anything else that goes wrong keeps its traceback.
        if isinstance(exc.__cause__, ImportError):
            raise CommandFailedError(str(exc)) from exc
        raise
    except OSError as exc:
        raise CommandFailedError(str(exc)) from exc
    finally:
        signal.signal(signal.SIGTERM, before)


def _load(target: str, app_dir: Path) -> Any:
    """Import what `module:attribute` names and check that it can be served."""
    module_name, colon, attribute = target.partition(":")
    if not (module_name and colon and attribute):
        raise UsageError(f"{target!r} is not of the form MODULE:ATTRIBUTE, for example chat.app:sio")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise UsageError(f"{module_name!r} is not the name of a module")
    sys.path.insert(0, str(app_dir.resolve()))
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        # Only when it is the module itself, or a package it should be in, that is missing.
        if exc.name is None or not f"{module_name}.".startswith(f"{exc.name}."):
            raise _import_failed(module_name) from exc
        raise UsageError(f"there is no module {module_name!r} in {app_dir.resolve()} or among the installed") from exc
    except (Exception, SystemExit) as exc:
        raise _import_failed(module_name) from exc
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as exc:
            raise UsageError(f"{module_name!r} has no attribute {attribute!r}") from exc
    if not isinstance(found, AsyncServer) and not _is_asgi(found):
        kind = "class" if inspect.isclass(found) else type(found).__name__
        raise UsageError(f"{target} is neither an ASGI application nor a socketio.AsyncServer but a {kind}")
    return found


def _import_failed(module_name: str) -> UsageError:
    # The fault is in the caller's own module: only its traceback helps to find it.
    traceback.print_exc()
    return UsageError(f"importing {module_name!r} failed, see above")


def _is_asgi(found: Any) -> bool:
    """Whether something can be called with scope, receive and send."""
    if not callable(found) or inspect.isclass(found):
        return False
    try:
        inspect.signature(found).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:  # no signature to be had, as of some compiled callables
        return True
    return True


def _check_address(host: str, port: int) -> None:
    """Find out before anything is started, or printed, whether the address can be listened on.

    Raises:
        CommandFailedError: it cannot; the message says why in one line.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            if sys.platform != "win32":  # there it would allow to bind a port that is in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as exc:
        raise CommandFailedError(f"cannot listen on {host} port {port}: {exc.strerror or exc}") from exc


def _url(scheme: str, host: str, port: int) -> str:
    # RFC 3986, section 3.2.2: "enclosing the IP literal within square brackets"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
