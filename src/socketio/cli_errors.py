"""How a command of the command line ends badly; `cli.main` turns each into a line and an exit status.

* :exc:`CommandError`

  * :exc:`UsageError` -- status 2
  * :exc:`CommandFailedError` -- status 1
"""

from __future__ import annotations

__all__ = ["CommandError", "CommandFailedError", "UsageError"]


class CommandError(Exception):
    """The base of both; the message says in one line what is wrong."""


class UsageError(CommandError):
    """What was asked for makes no sense."""


class CommandFailedError(CommandError):
    """What was asked for could not be done: the server cannot start, or be reached, or does not answer."""
