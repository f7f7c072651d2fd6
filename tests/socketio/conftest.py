"""How this folder's tests run: one that is a coroutine function runs on an event loop of its own."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

DEADLINE = 30.0
"""After how long a test that waits for something is stopped, in seconds."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a coroutine function; it fails if it leaves a task behind, or an exception that nobody has seen."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    unseen: list[dict[str, Any]] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: unseen.append(context))
        async with asyncio.timeout(DEADLINE):
            await pyfuncitem.obj(**arguments)
            for _ in range(25):  # what needs no more than its turn
                await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a task is left over"

    asyncio.run(run())
    assert not unseen
    return True
