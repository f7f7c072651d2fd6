"""What a coroutine awaits for an acknowledgement."""

from __future__ import annotations

import asyncio
from typing import Any

from ..acks import Answer, value_of

__all__ = ["AwaitedAnswer"]


class AwaitedAnswer(Answer):
    """The callback of a `call()`, to be awaited.

    Args:
        abandoned: What is raised if no acknowledgement will come.
    """

    __slots__ = ("_future",)

    def __init__(self, abandoned: Exception) -> None:
        future: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()
        self._future = future

        def resolve(arguments: tuple[Any, ...]) -> None:
            if not future.done():
                future.set_result(arguments)

        def abandon() -> None:
            if not future.done():
                future.set_exception(abandoned)

        super().__init__(resolve, abandon)

    async def value(self) -> Any:
        """Waits and returns what `call()` returns."""
        return value_of(await self._future)

    def forget(self) -> None:
        """Nobody waits any more."""
        super().forget()
        if not self._future.cancel() and not self._future.cancelled():
            self._future.exception()  # looked at, in case nobody did
