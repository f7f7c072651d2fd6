"""`python -m socketio connect` in a pseudo-terminal: prompt, line editing, and the terminal as it was afterwards."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .processes import ENVIRONMENT, Server

CONTROLLING = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "socketio", *sys.argv[1:]])
"""
"""Makes the pseudo-terminal the one from which Ctrl-C comes, and then runs the command."""


class Terminal:
    """A pseudo-terminal with the command in it.

    Args:
        arguments: Those of the command.
        cwd: Where it is started.
    """

    def __init__(self, *arguments: str, cwd: Path | None = None) -> None:
        self._master, self._slave = pty.openpty()
        self.settings = termios.tcgetattr(self._slave)
        self._process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLING, *arguments],
            stdin=self._slave, stdout=self._slave, stderr=self._slave, start_new_session=True, env=ENVIRONMENT, cwd=cwd,
        )  # fmt: skip
        self.screen = ""
        self.printed = ""

    def type(self, keys: str) -> None:
        """Presses keys."""
        os.write(self._master, keys.encode())

    def see(self, text: str, seconds: float = 20) -> None:
        """Waits until a text is printed, and forgets what came before its end."""
        end = time.monotonic() + seconds
        while text not in self.screen:
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} is not in {self.screen!r}"
            found = os.read(self._master, 65536).decode()
            self.screen += found
            self.printed += found
        self.screen = self.screen.partition(text)[2]

    def end(self) -> int:
        """Returns the exit status; the terminal has to be as it was."""
        status = self._process.wait(20)
        assert termios.tcgetattr(self._slave) == self.settings
        return status

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """A function that starts the command in a pseudo-terminal."""
    terminals: list[Terminal] = []

    def start(*arguments: str, cwd: Path | None = None) -> Terminal:
        terminals.append(Terminal(*arguments, cwd=cwd))
        return terminals[-1]

    yield start
    for one in terminals:
        one.close()


StartTerminal = Callable[..., Terminal]


def test_a_session(url: str, terminal: StartTerminal) -> None:
    session = terminal("connect", url)
    session.see("= connected to /, sid ")
    session.see("= help lists the commands")
    session.see("/> ")
    session.type("call echx\x7fo 1\r")  # with a typing error
    session.see("< #1 1\r\n")
    session.type("join other\ruse other\r")
    session.see("/other> ")
    session.type("nonsense\r")
    session.see("! there is no command 'nonsense'; help lists them\r\n")
    session.type("quit\r")
    session.see("= disconnected from /")
    assert session.end() == 0  # to err at a keyboard is no failure


def test_lines_can_be_edited_and_come_back(url: str, terminal: StartTerminal) -> None:
    session = terminal("connect", url)
    session.see("/> ")
    session.type("all echo one\x01c\r")  # Ctrl-A: to the beginning of the line
    session.see('< #1 "one"\r\n')
    session.type("\x1b[A\r")  # up
    session.see('< #2 "one"\r\n')
    session.type("\x04")  # Ctrl-D
    session.see("= disconnected from /")
    assert session.end() == 0


def test_an_event_does_not_spoil_what_is_being_typed(url: str, terminal: StartTerminal) -> None:
    session = terminal("connect", url)
    session.see("/> ")
    session.type("emit late 1.5 x\r")
    session.see("/> ")
    session.type("call echo half")
    session.see("call echo half")
    session.see('\r\x1b[K< / "late" "x"\r\n/> call echo half')
    session.type(" whole\r")
    session.see('< #1 "half" "whole"\r\n')


def test_ctrl_c_ends_it(url: str, terminal: StartTerminal) -> None:
    session = terminal("connect", url)
    session.see("/> ")
    session.type("half a comm")
    session.see("half a comm")
    session.type("\x03")
    session.see("= disconnected from /: client disconnect\r\n")
    assert session.end() == 0
    assert "\x1b[?2004h" not in session.printed  # a mode of pasting that would be left on


def test_ctrl_c_while_it_connects(terminal: StartTerminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        session = terminal("connect", f"http://127.0.0.1:{silent.getsockname()[1]}", "--timeout", "60")
        connection, _ = silent.accept()
        with connection:
            session.type("\x03")
            assert session.end() == 0


def test_a_lost_connection_gives_the_terminal_back(
    start_server: Callable[..., Server], terminal: StartTerminal
) -> None:
    server = start_server()
    session = terminal("connect", server.url, "--no-reconnect")
    session.see("/> ")
    server.kill()
    session.see("\r\nfast-socketio: error: the connection was lost: ")
    assert session.end() == 1


def test_programs_get_no_prompt(url: str, terminal: StartTerminal) -> None:
    session = terminal("connect", url, "--json")
    session.see('{"type": "connect"')
    session.type("call echo x\r")
    session.see('{"type": "ack", "id": 1, "args": ["x"]}')
    session.type("\x04")
    session.see('{"type": "disconnect"')
    assert "> " not in session.printed
    assert session.end() == 0


def test_without_readline(url: str, terminal: StartTerminal, tmp_path: Path) -> None:
    (tmp_path / "readline.py").write_text("raise ImportError('not here')\n")
    session = terminal("connect", url, cwd=tmp_path)
    session.see("/> ")
    session.type("call echo x\r")
    session.see('< #1 "x"\r\n')
    session.see("/> ")
    session.type("\x04")
    session.see("= disconnected from /")
    assert session.end() == 0
