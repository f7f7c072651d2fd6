"""Threads as programs and the client use them: how they start, and how long is waited for what."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import pytest

from engineio.sync import concurrency
from engineio.sync.concurrency import Concurrency, join, start_thread, wait_for

LIMIT = 20.0
"""How long a test waits for something, in seconds."""


def test_a_thread_gets_its_arguments_and_keeps_no_program_from_ending() -> None:
    heard: queue.Queue[Any] = queue.Queue()

    def target(*args: Any, **kwargs: Any) -> None:
        heard.put((args, kwargs, threading.current_thread()))

    thread = start_thread(target, 1, 2, name="three")
    assert heard.get(timeout=LIMIT) == ((1, 2), {"name": "three"}, thread)
    assert thread.daemon
    join(thread, LIMIT)
    assert thread.over.is_set()
    assert not thread.is_alive()


def test_join_waits_no_longer_than_that() -> None:
    release = threading.Event()
    thread = start_thread(release.wait, LIMIT)
    join(thread, 0.01)
    join(thread, 0)
    assert thread.is_alive()
    release.set()
    join(thread, None)
    assert not thread.is_alive()
    join(thread, None)
    join(None, None)


def test_nobody_waits_for_himself() -> None:
    heard: queue.Queue[Any] = queue.Queue()
    ready = threading.Event()
    threads: list[Any] = []

    def target() -> None:
        ready.wait(LIMIT)
        join(threads[0], None)
        heard.put("over")

    threads.append(start_thread(target))
    ready.set()
    assert heard.get(timeout=LIMIT) == "over"
    join(threads[0], LIMIT)


def test_a_thread_that_fails_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: errors.append(args.exc_type))

    def fails() -> None:
        raise SystemError

    thread = start_thread(fails)
    join(thread, None)
    assert not thread.is_alive()
    assert errors == [SystemError]


def test_what_holds_already_is_not_waited_for() -> None:
    changed = threading.Condition()
    with changed:
        assert wait_for(changed, lambda: 1, 0) is True
        assert wait_for(changed, lambda: "x") is True


@pytest.mark.parametrize("timeout", [-1, 0, 0.02])
def test_what_does_not_come_is_waited_for_no_longer_than_that(timeout: float) -> None:
    changed = threading.Condition()
    before = time.monotonic()
    with changed:
        assert wait_for(changed, lambda: False, timeout) is False
    assert time.monotonic() - before >= timeout


@pytest.mark.parametrize("timeout", [LIMIT, None])
def test_a_condition_that_becomes_true(timeout: float | None) -> None:
    changed = threading.Condition()
    steps: list[int] = []

    def step() -> None:
        for number in range(3):
            with changed:
                steps.append(number)
                changed.notify_all()

    with changed:
        thread = start_thread(step)
        assert wait_for(changed, lambda: len(steps) == 3, timeout) is True
    join(thread, LIMIT)


def test_a_wait_without_limit_looks_up_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "INTERRUPTIBLE", 0.001)
    looks = iter([False] * 10 + [True])
    changed = threading.Condition()
    with changed:
        assert wait_for(changed, lambda: next(looks)) is True  # though nobody notifies


def test_what_programs_use() -> None:
    tools = Concurrency()
    done = tools.create_event()
    waiting = tools.create_queue(maxsize=1)
    thread = tools.start_background_task(lambda *args, **kwargs: waiting.put((args, kwargs)) or done.set(), 1, two=2)
    assert done.wait(LIMIT)
    assert waiting.get_nowait() == ((1,), {"two": 2})
    with pytest.raises(tools.get_queue_empty_exception()):
        waiting.get_nowait()
    before = time.monotonic()
    tools.sleep(0.01)
    tools.sleep()
    assert time.monotonic() - before >= 0.01
    thread.join(LIMIT)
    assert not thread.is_alive()
