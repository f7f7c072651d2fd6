"""Runs a `HandlerRunner` inside a loop and keeps what comes of its handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engineio.asyncio.handler_runner import HandlerRunner

Scenario = Callable[[HandlerRunner, "Log"], Coroutine[Any, Any, None]]


class Log:
    """What the handlers did, and what `finish` heard."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.results: dict[Any, Any] = {}
        self.errors: dict[Any, BaseException] = {}

    def finish(self, token: Any, result: Any, error: BaseException | None) -> None:
        assert token not in self.results
        assert token not in self.errors
        if error is None:
            self.results[token] = result
        else:
            self.errors[token] = error


def run(scenario: Scenario) -> Log:
    """Runs a scenario; afterwards no task is left over."""
    log = Log()

    async def main() -> None:
        runner = HandlerRunner()
        await scenario(runner, log)
        await runner.idle()
        assert not runner.tasks
        assert len(runner) == 0

    asyncio.run(main())
    return log


async def turn(times: int = 10) -> None:
    """Lets what is ready run."""
    for _ in range(times):
        await asyncio.sleep(0)
