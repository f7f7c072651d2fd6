"""Runs handlers in threads: in the order of their submission, one after the other unless one takes its time.

A thread per event costs more than all the rest of an event's way. Most handlers are over at once, so one *runner*
thread takes them in turn. A second thread stands by: if the runner has not finished a handler for some milliseconds
while others wait, the one that stands by becomes the runner, and the former runner stands by after its handler.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from .concurrency import THREADS, Threads

__all__ = ["HandlerRunner"]

Finish = Callable[[Any, Any, BaseException | None], None]
"""Called with (the token of the submission, the handler's result, its exception or `None`). It must not raise."""

_Step = Callable[[], Any]
"""What a thread does, until it returns what it does next."""

PATIENCE, IMPATIENCE = 0.01, 0.0002
"""For how long a handler may keep the next ones waiting, in seconds: the less, the more of them have done so lately."""

LINGER = 10.0
"""For how long a thread waits for work before it ends, in seconds."""


class HandlerRunner:
    """Starts handlers in order, and lets those that take long have their threads for themselves.

    Args:
        settled: Called after each handler with (finish, token, result, error), in the handler's thread: it has to call
            `finish(token, result, error)`.
        kind: The kind of its threads.
    """

    def __init__(
        self, settled: Callable[[Finish, Any, Any, BaseException | None], None], kind: Threads = THREADS
    ) -> None:
        self._settled = settled
        self._kind = kind
        self._queue: deque[tuple[Callable[..., Any], tuple[Any, ...], Finish, Any]] = deque()
        self._lock = kind.make_lock()
        self._work = kind.make_condition(self._lock)
        self._spare_work = kind.make_condition(self._lock)
        self._runner: Any = None
        """The thread that takes handlers; `None` if there is none."""
        self._idle = False
        """Whether it waits for one."""
        self._spare: Any = None
        """The thread that stands by."""
        self._watching = False
        """Whether that one looks at the runner's progress, which it does only while handlers wait."""
        self._progress = 0
        self._patience = PATIENCE
        self._ending = False
        self.threads: set[Any] = set()
        """All of its threads, also those that are busy with a handler that takes its time."""

    def __len__(self) -> int:
        return len(self._queue)

    def submit(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Finish, token: Any) -> None:
        """Has `handler(*arguments)` called soon, in another thread; then `finish`, by way of `settled`."""
        with self._lock:
            self._queue.append((handler, arguments, finish, token))
            self._ending = False
            if self._runner is None:
                self._runner = self._start(self._run)
            elif self._idle:
                self._idle = False
                self._work.notify()
            elif not self._watching:
                self._watch()

    def run(self, handler: Callable[..., Any], arguments: tuple[Any, ...], finish: Finish, token: Any) -> None:
        """Calls a handler in the caller's thread, and then `finish`, by way of `settled`."""
        result: Any = None
        error: BaseException | None = None
        try:
            result = handler(*arguments)
        except BaseException as exc:  # SystemExit included: it is one handler's failure
            error = exc
        self._settled(finish, token, result, error)

    def stop(self, timeout: float) -> None:
        """Has the threads end as soon as they have nothing to do.

        Args:
            timeout: For how many seconds to wait for those that have nothing to do.
        """
        with self._lock:
            self._ending = True
            self._work.notify_all()
            self._spare_work.notify_all()
            idle = [self._spare]
            if self._idle:
                idle.append(self._runner)
        for thread in idle:
            self._kind.join(thread, timeout)

    def _start(self, step: _Step) -> Any:
        thread = self._kind.start(self._live, step)
        self.threads.add(thread)
        return thread

    def _live(self, step: _Step | None) -> None:
        own = self._kind.current()
        try:
            while step is not None:
                step = step()
        finally:
            with self._lock:
                self.threads.discard(own)
                if self._spare is own:
                    self._spare = None
                if self._runner is own:  # `settled` has raised, which is a bug; the others need not suffer
                    self._runner = self._start(self._run)

    def _watch(self) -> None:
        """Has the thread that stands by look at the progress: handlers wait while one is under way."""
        self._watching = True
        if self._spare is None:
            self._spare = self._start(self._stand_by)
        else:
            self._spare_work.notify()

    def _run(self) -> _Step | None:
        """Takes handlers while this thread is the runner; returns what it does next."""
        own = self._kind.current()
        queue = self._queue
        while True:
            with self._lock:
                while not queue and self._runner is own:
                    self._idle = True
                    over = self._ending or (not self._work.wait(LINGER) and not queue)
                    if self._runner is not own:  # replaced before it woke up: `_idle` is the other one's
                        break
                    self._idle = False
                    if over:
                        self._runner = None
                        return None
                if self._runner is not own:
                    if self._spare is not None or self._ending:
                        return None
                    self._spare = own
                    return self._stand_by
                handler, arguments, finish, token = queue.popleft()
                self._progress += 1
                if queue and not self._watching:
                    self._watch()
            self.run(handler, arguments, finish, token)
            # Nothing is kept alive while this thread waits.
            del handler, arguments, finish, token

    def _stand_by(self) -> _Step | None:
        """Waits until the runner is stuck and takes its place; returns what this thread does next."""
        own = self._kind.current()
        with self._lock:
            while True:
                if not self._queue or self._runner is None or self._idle:
                    self._watching = False
                    if self._ending or (not self._spare_work.wait(LINGER) and not self._watching):
                        self._spare = None
                        return None
                    continue
                before = self._progress
                end = time.monotonic() + self._patience
                while (left := end - time.monotonic()) > 0:
                    self._spare_work.wait(left)
                if self._progress != before:
                    self._patience = min(self._patience * 2, PATIENCE)
                elif self._queue:
                    self._patience = max(self._patience / 2, IMPATIENCE)
                    self._watching = False
                    self._spare = None
                    self._runner = own
                    self._idle = False
                    return self._run
