"""`python -m socketio connect`: commands in, line by line, and what the server sends out, until one side ends it."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import math
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ..cli_errors import CommandFailedError
from ..exceptions import BadNamespaceError, SocketIOError
from .connection import Question, TerminalClient
from .keyboard import Keyboard
from .options import prepare
from .screen import Screen
from .shown import Shown
from .values import RULE, Words, check_event, check_namespace, parse_auth

__all__ = ["HELP", "run"]

HELP: Final = f"""\
emit EVENT [ARGUMENT ...]  send an event
call EVENT [ARGUMENT ...]  send an event and print its acknowledgement, under the number of the call, when it comes
on [EVENT]                 show this event again, or, if it is not hidden, only the events named so; alone: show all
off [EVENT]                do not show this event; alone: show none
join NAMESPACE [JSON]      join a namespace; JSON is the auth, by default that of --auth
leave NAMESPACE            leave a namespace; the connection ends with the last one
use NAMESPACE              send the next events in this namespace
status                     print the transport and the namespaces
help                       print this
quit                       disconnect, without waiting for acknowledgements

{RULE}
An EVENT or a NAMESPACE with spaces, or the name of a FILE with spaces (@"a b"), is written in quotes, as JSON.
Empty lines and those that begin with # are skipped."""


def run(options: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        1 if a command that was piped in has failed, otherwise 0.

    Raises:
        CommandFailedError: if the connection could not be made, or was lost for good.
        UsageError: if the options make no sense.
    """
    prepare(options)
    return asyncio.run(_main(options))


async def _main(options: argparse.Namespace) -> int:
    session = Session(options)
    task = asyncio.current_task()
    assert task is not None
    try:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    except NotImplementedError:  # Windows
        pass
    try:
        await session.run()
    except asyncio.CancelledError:  # Ctrl-C, for which asyncio.run cancels the task, or SIGTERM
        pass
    except CommandFailedError as exc:
        session.screen.fatal(str(exc))
        raise
    return session.status()


class Session:
    """One connection and the commands for it.

    Args:
        options: Those of `connect`.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        loop = asyncio.get_running_loop()
        self._options = options
        self._keyboard = Keyboard(editing=not options.json)
        self._unheard: asyncio.Future[OSError] = loop.create_future()
        """Done when nobody takes the output any more."""
        self.screen = Screen(options.json, self._lose_output, self._keyboard.draft)
        self._client = TerminalClient(
            options, reconnection=not options.no_reconnect, announced=self.screen.reconnection
        )
        self._client.on("connect", self._connected, namespace="*")
        self._client.on("disconnect", self._disconnected, namespace="*")
        self._client.on("*", self._received, namespace="*")
        self._shown = Shown()
        self._use: str = options.namespaces[0]
        self._calls: set[asyncio.Task[None]] = set()
        self._call_count = 0
        self._line = 0
        self._failed = False
        self._left = False
        self._reason = "unknown"
        self._commands: dict[str, Callable[[Words], Awaitable[None]]] = {
            "emit": self._emit,
            "call": self._call,
            "on": self._on,
            "off": self._off,
            "join": self._join,
            "leave": self._leave,
            "use": self._choose,
            "status": self._status,
            "help": self._help,
        }

    def status(self) -> int:
        """Returns the exit status: only of a script it says whether a command has failed."""
        return int(self._failed and not self._keyboard.interactive)

    async def run(self) -> None:
        """Connects, and disconnects at the end.

        Raises:
            CommandFailedError: if the connection cannot be made, or is lost for good.
        """
        try:
            await self._client.open()
            if self._keyboard.editing:
                self.screen.hint("help lists the commands, quit or Ctrl-D ends")
            ended = asyncio.create_task(self._client.wait())
            try:
                await self._converse(ended)
                lost = ended.done() and not self._left
                if lost and self._calls:
                    await asyncio.wait(self._calls)
            finally:
                for task in (ended, *self._calls):
                    task.cancel()
                await self._client.disconnect()
        finally:
            self._keyboard.close()
        if self._unheard.done() and not isinstance(self._unheard.result(), BrokenPipeError):
            raise CommandFailedError(f"cannot write: {self._unheard.result().strerror}")
        if lost:
            raise CommandFailedError(f"the connection was lost: {self._reason}")

    async def _converse(self, ended: asyncio.Task[None]) -> None:
        """Obeys until there is nothing more to do, or no connection and none to come."""

        async def happens(*awaited: asyncio.Future[Any], timeout: float | None = None) -> bool:
            """Waits for one of these; returns whether the conversation goes on."""
            ends = (ended, self._unheard)
            await asyncio.wait((*awaited, *ends), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            return not any(end.done() for end in ends)

        while True:
            asked = self._keyboard.ask(f"{self._use}> ")
            if not await happens(asked):
                asked.cancel()
                return
            self._line += 1
            try:
                line = asked.result()
            except ValueError as exc:
                self._fail(str(exc))
                continue
            if line is None:
                break
            if line.strip() == "quit":
                return
            await self._obey(line)
        while self._calls:
            if not await happens(*self._calls):
                return
        if self._options.wait is not None:
            await happens(timeout=None if math.isinf(self._options.wait) else self._options.wait)

    async def _obey(self, line: str) -> None:
        words = Words(line)
        if words.at_end() or line.lstrip().startswith("#"):
            return
        try:
            name = words.name("a command")
            command = self._commands.get(name)
            if command is None:
                raise ValueError(self._unknown(name))
            await command(words)
        except BadNamespaceError:
            self._fail(f"not in {self._use}; join it first" if self._client.connected else "there is no connection now")
        except (ValueError, SocketIOError) as exc:
            self._fail(str(exc))

    def _unknown(self, name: str) -> str:
        nearest = difflib.get_close_matches(name, [*self._commands, "quit"], n=1)
        return f"there is no command {name!r}; {f'is it {nearest[0]}?' if nearest else 'help lists them'}"

    def _fail(self, message: str, **details: Any) -> None:
        self._failed = True
        if self._keyboard.interactive:
            self.screen.error(message, **details)
        elif details or self.screen.as_json:
            self.screen.error(message, **(details or {"line": self._line}))
        else:
            self.screen.error(f"line {self._line}: {message}")

    # Commands

    async def _emit(self, words: Words) -> None:
        event, arguments = check_event(words.name("EVENT")), words.values()
        await self._client.emit(event, tuple(arguments), self._use)
        self.screen.sent(self._use, event, arguments)

    async def _call(self, words: Words) -> None:
        self._call_count += 1  # also where it fails, so that a script can count its calls
        number = self._call_count
        event, arguments = check_event(words.name("EVENT")), words.values()
        question = Question(self._client, self._options.timeout)
        await question.send(event, arguments, self._use)
        self.screen.sent(self._use, event, arguments, number)
        task = asyncio.create_task(self._wait_for_answer(question, number))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _wait_for_answer(self, question: Question, number: int) -> None:
        try:
            arguments = await question.arguments()
        except SocketIOError as exc:
            self._fail(f"call {number}: {exc}", id=number)
        else:
            self.screen.acknowledged(number, arguments)

    async def _on(self, words: Words) -> None:
        self._shown.on(words.optional_name())
        words.finish()

    async def _off(self, words: Words) -> None:
        self._shown.off(words.optional_name())
        words.finish()

    async def _join(self, words: Words) -> None:
        namespace, auth = check_namespace(words.name("NAMESPACE")), words.rest()
        await self._client.join(namespace, parse_auth(auth) if auth else self._options.auth)

    async def _leave(self, words: Words) -> None:
        namespace = self._joined(words)
        self._left = len(self._client.namespaces) == 1
        await self._client.disconnect_namespace(namespace)

    async def _choose(self, words: Words) -> None:
        self._use = self._joined(words)

    def _joined(self, words: Words) -> str:
        namespace = check_namespace(words.name("NAMESPACE"))
        words.finish()
        if namespace not in self._client.namespaces:
            raise ValueError(f"not in {namespace}")
        return namespace

    async def _status(self, words: Words) -> None:
        words.finish()
        transport = self._client.transport() if self._client.connected else None
        self.screen.status(transport, self._client.namespaces, self._use)

    async def _help(self, words: Words) -> None:
        self.screen.help(HELP)

    # What happens

    def _connected(self, namespace: str) -> None:
        self.screen.connected(namespace, self._client.get_sid(namespace))

    def _disconnected(self, namespace: str, reason: str) -> None:
        self._reason = reason
        self.screen.disconnected(namespace, reason)

    def _received(self, event: str, namespace: str, *arguments: Any) -> None:
        if self._shown.includes(event):
            self.screen.event(namespace, event, arguments)

    def _lose_output(self, error: OSError) -> None:
        if not self._unheard.done():
            self._unheard.set_result(error)
