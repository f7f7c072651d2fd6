"""The lines of standard input, for an event loop: read in a thread of their own, each when it is asked for.

So nothing that is typed or piped in keeps the client from answering the server, and a long file waits where it is.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
from queue import SimpleQueue
from types import ModuleType

from .text import clean

try:
    import readline as _readline
except ImportError:  # Windows
    readline: ModuleType | None = None
else:
    readline = _readline

try:
    import termios as _termios
except ImportError:  # Windows
    termios: ModuleType | None = None
else:
    termios = _termios

__all__ = ["Keyboard"]

CHUNK = 65536
"""How much is read from a pipe at once, in bytes."""


class Keyboard:
    """Standard input.

    Attributes:
        interactive: Whether it is a terminal.
        editing: Whether there is a prompt, and lines can be edited.

    Args:
        editing: `False` if there is to be no prompt in any case.
    """

    def __init__(self, editing: bool) -> None:
        self._descriptor = sys.stdin.fileno() if isinstance(sys.stdin, io.TextIOWrapper) else None
        self.interactive = self._descriptor is not None and os.isatty(self._descriptor)
        self.editing = editing and self.interactive and sys.stdout is not None and sys.stdout.isatty()
        self._loop = asyncio.get_running_loop()
        self._requests: SimpleQueue[tuple[str, asyncio.Future[str | None]]] = SimpleQueue()
        self._prompt = ""
        self._visible = False
        self._rest = bytearray()
        self._at_end = False
        self._settings = termios.tcgetattr(self._descriptor) if termios is not None and self.interactive else None
        if self.editing and readline is not None:
            readline.set_pre_input_hook(self._shown)
        threading.Thread(target=self._serve, name="keyboard", daemon=True).start()

    def ask(self, prompt: str) -> asyncio.Future[str | None]:
        """Has the next line read; `None` is the end of input.

        The future fails with ValueError for a line that is not text.
        """
        future: asyncio.Future[str | None] = self._loop.create_future()
        self._prompt = clean(prompt)
        if self.editing and readline is None:
            sys.stdout.write(self._prompt)
            sys.stdout.flush()
            self._visible = True
        self._requests.put((self._prompt, future))
        return future

    def draft(self) -> str | None:
        """Returns the prompt and what has been typed after it; `None` if there is no prompt now."""
        if not self._visible:
            return None
        return self._prompt + (readline.get_line_buffer() if readline is not None else "")

    def close(self) -> None:
        """Gives the terminal back as it was; the thread may still wait for a line that nobody will get."""
        if self._visible:
            self._visible = False
            sys.stdout.write("\n")
            sys.stdout.flush()
        if self._settings is not None and termios is not None:
            try:
                termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._settings)
            except termios.error:  # the terminal is gone
                pass

    # In the thread

    def _serve(self) -> None:
        while True:
            prompt, future = self._requests.get()
            line: str | None = None
            error: ValueError | None = None
            try:
                line = self._edit(prompt) if self.editing and readline is not None else self._read()
            except (OSError, EOFError):
                pass
            except ValueError as exc:
                error = exc
            try:
                self._loop.call_soon_threadsafe(_settle, future, line, error)
            except RuntimeError:  # the loop is closed
                return

    def _edit(self, prompt: str) -> str:
        try:
            return input(prompt)
        except UnicodeDecodeError as exc:
            raise ValueError("this line is not text") from exc
        finally:
            self._visible = False

    def _shown(self) -> None:
        self._visible = True

    def _read(self) -> str | None:
        # Not sys.stdin.readline(): at its end the process would wait in vain for the lock of that buffer, and abort.
        if self._descriptor is None:
            return None
        while (end := self._rest.find(b"\n")) < 0 and not self._at_end:
            chunk = os.read(self._descriptor, CHUNK)
            self._at_end = not chunk
            self._rest += chunk
        self._visible = False
        if end < 0 and not self._rest:
            return None
        line = bytes(self._rest if end < 0 else self._rest[:end])
        del self._rest[: len(line) + 1]
        try:
            return line.decode()
        except UnicodeDecodeError as exc:
            raise ValueError("this line is not UTF-8") from exc


def _settle(future: asyncio.Future[str | None], line: str | None, error: ValueError | None) -> None:
    if future.done():  # nobody waits any more
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(line)
