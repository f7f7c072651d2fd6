"""Runs handlers inside shared tasks: in the order of their submission, and with a task of its own for each that waits.

A task per event costs more than all the rest of an event's way through the server. Most handlers finish without ever
waiting, so one *runner* task starts the queued handlers one after the other, each in its own copy of the context. The
first that does wait keeps the runner's task as its own (so `asyncio.current_task()`, `asyncio.timeout()` and
cancellation behave as in a task of its own), and a new runner takes over what is still queued.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from types import CoroutineType
from typing import Any

__all__ = ["Finish", "HandlerRunner"]

Finish = Callable[[Any, Any, BaseException | None], None]
"""Called with (the token of the submission, the handler's result, its exception or `None`). It must not raise."""


class _Adopted:
    """Awaits the rest of a coroutine whose first step has already run in `context`."""

    __slots__ = ("context", "coroutine", "waiting_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], context: Context, waiting_for: Any) -> None:
        self.coroutine, self.context, self.waiting_for = coroutine, context, waiting_for

    def __await__(self) -> Generator[Any, Any, Any]:
        run, coroutine, waiting_for = self.context.run, self.coroutine, self.waiting_for
        step: Callable[[Any], Any]
        argument: Any
        while True:
            try:
                argument = yield waiting_for
            except BaseException as exc:  # cancellation included: it is the handler's to deal with
                step, argument = coroutine.throw, exc
            else:
                step = coroutine.send
            try:
                waiting_for = run(step, argument)
            except StopIteration as stop:
                return stop.value


class HandlerRunner:
    """Starts handlers in order, without a task for those that do not wait."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._queue: deque[tuple[Context, Callable[..., Any], tuple[Any, ...], Finish, Any]] = deque()
        self._runner: asyncio.Task[None] | None = None
        # A runner serves many clients: it must not inherit what the one that happens to wake it keeps in its context.
        self._context = copy_context()

    def __len__(self) -> int:
        return len(self._queue)

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Finish, token: Any) -> None:
        """Has `handler(*arguments)` run soon, and awaited if it is a coroutine; then calls `finish`.

        The handler runs in a copy of the caller's context, as a task that is made here would.
        """
        self._queue.append((copy_context(), handler, arguments, finish, token))
        if self._runner is None:
            self._spawn()

    async def idle(self) -> None:
        """Waits until nothing is queued or under way, but for the caller's own task."""
        own = asyncio.current_task()
        while True:
            if others := [task for task in self.tasks if task is not own]:
                await asyncio.wait(others)
            elif self._queue:
                await asyncio.sleep(0)  # the caller is a handler: as soon as it waits, a new runner goes on
            else:
                return

    def cancel(self) -> None:
        """Cancels the handlers that are under way, but for the caller."""
        own = asyncio.current_task()
        for task in self.tasks:
            if task is not own:
                task.cancel()

    def _spawn(self) -> None:
        task = self._runner = asyncio.get_running_loop().create_task(self._run(), context=self._context.copy())
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if self._runner is task:  # it was cancelled before its start, or ended by an exception
            self._hand_on()

    async def _run(self) -> None:
        queue = self._queue
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]  # a task runs this
        while queue:
            context, handler, arguments, finish, token = queue.popleft()
            try:
                result = context.run(handler, *arguments)
            except BaseException as exc:
                finish(token, None, exc)
            else:
                # A Task or another awaitable that a plain function returns is a result like any other.
                if result is not None and (result.__class__ is CoroutineType or isinstance(result, Coroutine)):
                    try:
                        waiting_for = context.run(result.send, None)
                    except StopIteration as stop:
                        finish(token, stop.value, None)
                    except BaseException as exc:
                        finish(token, None, exc)
                    else:
                        # This handler waits: it keeps this task, somebody else goes on with the queue.
                        self._hand_on()
                        await self._adopt(_Adopted(result, context, waiting_for), finish, token)
                        return
                else:
                    finish(token, result, None)
            if task.cancelling():
                # The handler cancelled "its" task and was over before that had an effect: nobody else's business.
                break
        self._hand_on()

    def _hand_on(self) -> None:
        self._runner = None
        if self._queue:
            self._spawn()

    @staticmethod
    async def _adopt(rest: _Adopted, finish: Finish, token: Any) -> None:
        try:
            result = await rest
        except BaseException as exc:
            finish(token, None, exc)
            if isinstance(exc, asyncio.CancelledError):
                raise
        else:
            finish(token, result, None)
