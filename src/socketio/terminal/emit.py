"""`python -m socketio emit`: connects, sends one event, and prints what the server answers."""

from __future__ import annotations

import argparse
import asyncio

from ..cli_errors import CommandFailedError, UsageError
from ..exceptions import SocketIOError
from .connection import Question, TerminalClient
from .options import prepare
from .screen import Screen
from .values import check_event, parse_argument

__all__ = ["run"]


def run(options: argparse.Namespace) -> None:
    """Runs the command.

    Raises:
        CommandFailedError: if the event could not be sent, or was not acknowledged in time.
        UsageError: if the options make no sense.
    """
    prepare(options)
    if len(options.namespaces) > 1:
        raise UsageError("an event is sent in one namespace")
    try:
        if options.event is None:
            raise ValueError("EVENT is missing")
        check_event(options.event)
        options.arguments = [parse_argument(argument) for argument in options.arguments]
    except ValueError as exc:
        raise UsageError(str(exc)) from exc
    screen = Screen(options.json)
    try:
        asyncio.run(_main(options, screen))
    except CommandFailedError as exc:
        screen.fatal(str(exc))
        raise
    except KeyboardInterrupt:
        # Nothing has come of it, and a script must not go on as if it had.
        raise CommandFailedError("interrupted") from None


async def _main(options: argparse.Namespace, screen: Screen) -> None:
    # No room in the queue: `emit` waits until the event is on its way.
    client = TerminalClient(options, reconnection=False, max_send_queue=0)
    await client.open()
    namespace = options.namespaces[0]
    try:
        if options.no_ack:
            await client.emit(options.event, tuple(options.arguments), namespace)
            if not client.connected:
                raise CommandFailedError("the connection was lost before the event was sent")
        else:
            question = Question(client, options.timeout)
            await question.send(options.event, options.arguments, namespace)
            screen.result(await question.arguments())
    except SocketIOError as exc:
        raise CommandFailedError(str(exc)) from exc
    finally:
        await client.disconnect()
