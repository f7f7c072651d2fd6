"""What a `call()` waits for: an acknowledgement, or the certainty that none will come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .exceptions import DisconnectedError

__all__ = ["LOST", "Answer", "arguments_of", "make_answer", "value_of"]

LOST = "the connection was lost before the acknowledgement came"


class Answer:
    """The callback of a `call()`. Unlike other callbacks it is called at once and told of the end of the client.

    Args:
        resolve: Called once with the arguments of the acknowledgement.
        abandon: Called once instead if the client has left.
    """

    __slots__ = ("_abandon", "_resolve", "ack_id", "member")

    def __init__(self, resolve: Callable[[tuple[Any, ...]], object], abandon: Callable[[], object]) -> None:
        self._resolve = resolve
        self._abandon = abandon
        self.member: Any = None
        self.ack_id = 0

    def __call__(self, *arguments: Any) -> None:
        self._resolve(arguments)

    def abandon(self) -> None:
        """No acknowledgement will come."""
        self._abandon()

    def forget(self) -> None:
        """Nobody waits any more: a late acknowledgement is like an unknown one."""
        if self.member is not None:
            self.member.take_ack(self.ack_id)


def make_answer(
    callback: Callable[..., Any] | None,
    on_error: Callable[[Exception], Any],
    run: Callable[[Callable[..., Any], tuple[Any, ...]], object],
) -> Answer:
    """Returns a callback of a program's that is also told if no acknowledgement will come.

    Args:
        callback: What gets the arguments of the acknowledgement; `None` for nothing.
        on_error: What gets a `DisconnectedError` instead.
        run: Has a function called with arguments, soon.
    """

    def resolve(arguments: tuple[Any, ...]) -> None:
        if callback is not None:
            run(callback, arguments)

    return Answer(resolve, lambda: run(on_error, (DisconnectedError(LOST),)))


def value_of(arguments: tuple[Any, ...]) -> Any:
    """Returns what `call()` returns: `None` for no argument, the only one, or all of them as a tuple."""
    if not arguments:
        return None
    return arguments[0] if len(arguments) == 1 else arguments


def arguments_of(result: Any) -> list[Any]:
    """Returns the arguments of the acknowledgement that a handler's result makes: a tuple is several, `None` none."""
    if result is None:
        return []
    return list(result) if isinstance(result, tuple) else [result]
