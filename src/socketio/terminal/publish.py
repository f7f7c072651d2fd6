"""`python -m socketio emit --redis URL`: emits by way of a broker to the clients of all servers on it."""

from __future__ import annotations

import argparse
import logging

from ..cli_errors import CommandFailedError, UsageError
from ..managers.by_url import SCHEMES, manager_for
from .values import check_event, parse_argument

__all__ = ["add_broker_options", "run"]


def add_broker_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that only an event by way of a broker has."""
    broker = parser.add_argument_group("by way of a broker", "EVENT is the first word then: there is no server.")
    broker.add_argument(
        "--manager", "--redis", "--amqp", "--kafka", "--zmq", dest="manager", metavar="URL",
        help="emit to the clients of all servers with this broker; it begins with " + ", ".join(SCHEMES),
    )  # fmt: skip
    broker.add_argument("--channel", default="socketio", help="that of the servers; default: %(default)s")
    broker.add_argument(
        "--room", dest="rooms", action="append", help="a room, or a sid; may be repeated; default: everybody"
    )


def run(options: argparse.Namespace) -> None:
    """Runs the command.

    Raises:
        CommandFailedError: if the broker did not take the event.
        UsageError: if the options make no sense.
    """
    words = [options.url, *([] if options.event is None else [options.event]), *options.arguments]
    logger = logging.getLogger("socketio.terminal")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    try:
        check_event(words[0])
        arguments = tuple(parse_argument(word) for word in words[1:])
        manager = manager_for(options.manager, is_async=False, channel=options.channel, write_only=True, logger=logger)
    except (ValueError, RuntimeError) as exc:
        raise UsageError(str(exc)) from exc
    try:
        for namespace in dict.fromkeys(options.namespaces or ["/"]):
            manager.emit(words[0], arguments, namespace=namespace, room=options.rooms)
        if not manager.flush(options.timeout):
            manager.outbox.clear()
            raise CommandFailedError(f"the broker cannot be reached: {manager.error}")
    except ValueError as exc:
        raise UsageError(str(exc)) from exc
    except KeyboardInterrupt:
        manager.outbox.clear()
        raise CommandFailedError("interrupted") from None
    finally:
        manager.close()
