"""What a command prints: lines for people with a mark for the direction, or one JSON object a line for programs.

`<` comes from the server, `>` goes to it, `=` is what happens to the connection, `!` is what went wrong. All of it goes
through `text`, so that nothing that a server sends reaches the terminal as it is.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any, TextIO

from .text import clean, to_ascii_json, to_json

__all__ = ["Screen"]

ERASE_LINE = "\r\x1b[K"


class Screen:
    """The standard output, and for people's error messages the standard error.

    Args:
        as_json: Whether to print JSON.
        gone: Called with the error when nobody takes the output any more; once.
        draft: Returns what is being typed, prompt included, to be printed again below each line; `None` if nothing is.
    """

    def __init__(
        self,
        as_json: bool,
        gone: Callable[[OSError], object] = lambda error: None,
        draft: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.as_json = as_json
        self._gone = gone
        self._draft = draft
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that is not UTF-8 must not end the command.
                stream.reconfigure(errors="backslashreplace")

    def connected(self, namespace: str, sid: str | None) -> None:
        """A namespace was joined."""
        self._put({"type": "connect", "namespace": namespace, "sid": sid}, f"= connected to {namespace}, sid {sid}")

    def disconnected(self, namespace: str, reason: str) -> None:
        """A namespace was left."""
        record = {"type": "disconnect", "namespace": namespace, "reason": reason}
        self._put(record, f"= disconnected from {namespace}: {reason}")

    def event(self, namespace: str, event: str, arguments: tuple[Any, ...]) -> None:
        """The server has sent an event."""
        record = {"type": "event", "namespace": namespace, "event": event, "args": arguments}
        self._put(record, f"< {namespace} {_sequence(event, *arguments)}")

    def sent(self, namespace: str, event: str, arguments: list[Any], number: int | None = None) -> None:
        """An event was sent; with a number, an acknowledgement is awaited."""
        if not self.as_json:  # a program knows what it has sent
            mark = "" if number is None else f" #{number}"
            self._write(f"> {namespace} {_sequence(event, *arguments)}{mark}", sys.stdout)

    def acknowledged(self, number: int, arguments: tuple[Any, ...]) -> None:
        """The server has acknowledged the event with this number."""
        self._put({"type": "ack", "id": number, "args": arguments}, f"< #{number} {_sequence(*arguments)}".rstrip())

    def reconnection(self, event: str, *arguments: Any) -> None:
        """What `AsyncClient` announces between two connections."""
        if event == "reconnect_attempt":
            self._put({"type": event, "attempt": arguments[0]}, f"= connecting again, attempt {arguments[0]}")
        elif event == "reconnect":
            self._put({"type": event, "attempt": arguments[0]}, f"= reconnected, attempt {arguments[0]}")
        elif event == "reconnect_error":
            self._put({"type": event, "message": arguments[0]}, f"= cannot reconnect: {arguments[0]}")

    def status(self, transport: str | None, namespaces: dict[str, str], use: str) -> None:
        """How things are.

        Args:
            transport: `None` if there is no connection.
            namespaces: Namespace -> sid there.
            use: The namespace of `emit` and `call`.
        """
        record = {"type": "status", "transport": transport, "namespaces": namespaces, "use": use}
        joined = "".join(f"; {name}, sid {sid}" for name, sid in namespaces.items())
        state = f"connected over {transport}" if transport is not None else "not connected at the moment"
        self._put(record, f"= {state}{joined}; using {use}")

    def help(self, text: str) -> None:
        """A text of several lines."""
        if self.as_json:
            self._put({"type": "help", "text": text}, "")
        else:
            for line in text.splitlines():
                self._write(clean(line), sys.stdout)

    def result(self, arguments: tuple[Any, ...]) -> None:
        """The acknowledgement of the only event."""
        if self.as_json:
            self.acknowledged(1, arguments)
        else:
            for argument in arguments:
                self._write(to_json(argument), sys.stdout)

    def error(self, message: str, **details: Any) -> None:
        """Something went wrong.

        Args:
            message: What, in one sentence.
            details: More for programs.
        """
        if self.as_json:
            self._put({"type": "error", "message": message, **details}, "")
        else:
            self._write(clean(f"! {message}"), sys.stderr)

    def fatal(self, message: str) -> None:
        """The command ends because of this. People are told so by `cli.main`."""
        if self.as_json:
            self.error(message)

    def hint(self, text: str) -> None:
        """Something that helps people, and no program."""
        self._write(f"= {text}", sys.stdout)

    def _put(self, record: dict[str, Any], text: str) -> None:
        self._write(to_ascii_json(record) if self.as_json else clean(text), sys.stdout)

    def _write(self, line: str, stream: TextIO | None) -> None:
        if stream is None:  # it was closed before the start
            return
        draft = self._draft()
        try:
            stream.write(f"{line}\n" if draft is None else f"{ERASE_LINE}{line}\n{draft}")
            stream.flush()
        except OSError as exc:
            self._gone(exc)


def _sequence(*values: Any) -> str:
    return " ".join(map(to_json, values))
