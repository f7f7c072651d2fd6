"""Handlers that share threads: their order, that one that blocks keeps nobody waiting, and that none is lost."""

from __future__ import annotations

import random
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engineio.sync import handler_runner
from engineio.sync.handler_runner import LINGER, HandlerRunner

LIMIT = LINGER / 2
"""How long a test waits for something, in seconds: a thread that was not woken lingers for longer."""


class Log:
    """What `finish` heard; and waiting for that."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.results: dict[Any, Any] = {}
        self.errors: dict[Any, BaseException] = {}
        self.times = Counter[Any]()

    def finish(self, token: Any, result: Any, error: BaseException | None) -> None:
        with self.changed:
            self.times[token] += 1
            if error is None:
                self.results[token] = result
            else:
                self.errors[token] = error
            self.changed.notify_all()

    def wait(self, count: int, limit: float = LIMIT) -> None:
        """Waits until a number of handlers is over."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.times) >= count, limit), f"{len(self.times)} of {count}"


def settled(finish: Any, token: Any, result: Any, error: BaseException | None) -> None:
    finish(token, result, error)


def until(condition: Callable[[], object]) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def runner() -> Iterator[HandlerRunner]:
    """A runner, of which no thread may be left after it was stopped."""
    before = set(threading.enumerate())
    runner = HandlerRunner(settled)
    yield runner
    runner.stop(LIMIT)
    until(lambda: not runner.threads)
    until(lambda: set(threading.enumerate()) <= before)
    assert len(runner) == 0


@pytest.fixture
def log() -> Iterator[Log]:
    """Fails a test after which `finish` was called more than once for one handler."""
    log = Log()
    yield log
    assert set(log.times.values()) <= {1}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a runner that gets no time from the machine not be mistaken for one whose handler blocks."""
    monkeypatch.setattr(handler_runner, "PATIENCE", 0.5)


def test_handlers_start_in_the_order_of_their_submission(patient: None, runner: HandlerRunner, log: Log) -> None:
    started: list[int] = []
    for number in range(500):
        runner.submit(started.append, (number,), log.finish, number)
    log.wait(500)
    assert started == list(range(500))
    assert set(log.results) == set(range(500))


def test_quick_handlers_share_a_thread(patient: None, runner: HandlerRunner, log: Log) -> None:
    for burst in range(5):
        for number in range(50):
            runner.submit(threading.get_ident, (), log.finish, (burst, number))
        log.wait(50 * (burst + 1))
    assert len(set(log.results.values())) == 1
    assert threading.get_ident() not in log.results.values()
    assert len(runner.threads) <= 2


def test_handlers_that_wait_in_line_are_counted(patient: None, runner: HandlerRunner, log: Log) -> None:
    started, release = threading.Event(), threading.Event()

    def blocks() -> None:
        started.set()
        release.wait(LIMIT)

    runner.submit(blocks, (), log.finish, "blocks")
    assert started.wait(LIMIT)
    for number in range(3):
        runner.submit(int, (), log.finish, number)
    assert len(runner) == 3
    release.set()
    log.wait(4)
    assert len(runner) == 0


def test_a_handler_that_blocks_keeps_nobody_waiting(runner: HandlerRunner, log: Log) -> None:
    release = threading.Event()
    runner.submit(release.wait, (LIMIT,), log.finish, "blocks")
    for number in range(20):
        runner.submit(int, (number,), log.finish, number)
    log.wait(20)
    assert log.results == {number: number for number in range(20)}
    # Later ones do not wait for it, either.
    runner.submit(int, (20,), log.finish, 20)
    log.wait(21)
    release.set()
    log.wait(22)


def test_handlers_that_block_have_a_thread_each(runner: HandlerRunner, log: Log) -> None:
    release = threading.Event()

    def blocks() -> int:
        assert release.wait(LIMIT)
        return threading.get_ident()

    for number in range(6):
        runner.submit(blocks, (), log.finish, number)
        runner.submit(int, (), log.finish, number + 100)
    log.wait(6)
    assert set(log.results) == set(range(100, 106))
    assert 6 <= len(runner.threads) <= 8
    release.set()
    log.wait(12)
    assert len({log.results[number] for number in range(6)}) == 6
    # One goes on, and one stands by.
    until(lambda: len(runner.threads) <= 2)
    runner.submit(int, (), log.finish, "later")
    log.wait(13)


def test_a_handler_may_wait_for_one_that_it_submits(runner: HandlerRunner, log: Log) -> None:
    def asks(depth: int) -> int:
        answered: list[int] = []
        over = threading.Event()

        def finish(token: Any, result: Any, error: BaseException | None) -> None:
            answered.append(result)
            over.set()

        if depth:
            runner.submit(asks, (depth - 1,), finish, None)
            assert over.wait(LIMIT)
        return sum(answered) + 1

    runner.submit(asks, (5,), log.finish, "asks")
    log.wait(1)
    assert log.results == {"asks": 6}


KINDS = [ValueError, BaseException, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration]


def test_an_exception_goes_to_finish_and_nowhere_else(runner: HandlerRunner, log: Log) -> None:
    def fails(kind: type[BaseException]) -> None:
        raise kind("from the handler")

    for kind in KINDS:
        runner.submit(fails, (kind,), log.finish, kind)
        runner.submit(int, (), log.finish, kind.__name__)
    log.wait(2 * len(KINDS))
    assert {kind: type(error) for kind, error in log.errors.items()} == {kind: kind for kind in KINDS}
    assert set(log.results) == {kind.__name__ for kind in KINDS}


def test_finish_is_called_by_way_of_settled_in_the_thread_of_the_handler(log: Log) -> None:
    threads: dict[Any, threading.Thread] = {}

    def settled(finish: Any, token: Any, result: Any, error: BaseException | None) -> None:
        threads[token] = threading.current_thread()
        finish(token, result, error)

    runner = HandlerRunner(settled)
    for number in range(10):
        runner.submit(threading.current_thread, (), log.finish, number)
    log.wait(10)
    assert threads == log.results
    runner.stop(LIMIT)


def test_nothing_of_a_handler_is_kept_alive(runner: HandlerRunner, log: Log) -> None:
    class Large:
        pass

    gone = threading.Event()
    argument = Large()
    weakref.finalize(argument, gone.set)
    runner.submit(id, (argument,), log.finish, "id")
    del argument
    assert gone.wait(LIMIT)


def test_a_settled_that_raises_does_not_stop_the_others(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(str(args.exc_value)))

    def settled(finish: Any, token: Any, result: Any, error: BaseException | None) -> None:
        finish(token, result, error)
        if token % 3 == 0:
            raise RuntimeError("a bug")

    runner = HandlerRunner(settled)
    for number in range(10):
        runner.submit(int, (number,), log.finish, number)
    log.wait(10)
    assert log.results == {number: number for number in range(10)}
    runner.stop(LIMIT)
    until(lambda: not runner.threads)
    assert raised == ["a bug"] * 4


# The end


def test_stop_ends_those_that_have_nothing_to_do(runner: HandlerRunner, log: Log) -> None:
    release = threading.Event()
    for round_ in range(3):
        release.clear()
        for number in range(4):
            runner.submit(release.wait, (LIMIT,), log.finish, (round_, number))
        runner.submit(int, (), log.finish, (round_, "quick"))
        log.wait(5 * round_ + 1)
        release.set()
        log.wait(5 * (round_ + 1))
        assert runner.threads
        runner.stop(LIMIT)
        until(lambda: not runner.threads)


def test_stop_leaves_the_busy_ones_to_end_by_themselves(runner: HandlerRunner, log: Log) -> None:
    release = threading.Event()
    for number in range(3):
        runner.submit(release.wait, (LIMIT,), log.finish, number)
    runner.submit(int, (), log.finish, "quick")
    log.wait(1)
    runner.stop(LIMIT)
    until(lambda: len(runner.threads) == 3)
    assert set(log.results) == {"quick"}
    # What is submitted now finds a new thread.
    runner.submit(int, (), log.finish, "later")
    log.wait(2)
    runner.stop(LIMIT)
    release.set()
    log.wait(5)
    until(lambda: not runner.threads)


def test_what_was_submitted_before_the_end_is_run(runner: HandlerRunner, log: Log) -> None:
    for number in range(500):
        runner.submit(int, (number,), log.finish, number)
    runner.stop(0)
    log.wait(500)
    assert log.results == {number: number for number in range(500)}


def test_a_handler_may_stop_its_runner(runner: HandlerRunner, log: Log) -> None:
    runner.submit(runner.stop, (LIMIT,), log.finish, "stop")
    log.wait(1)
    until(lambda: not runner.threads)


# Many at once


@pytest.fixture
def hasty() -> Iterator[None]:
    """Has Python change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def submit_many(
    runner: HandlerRunner, log: Log, name: int, count: int, handler: Callable[[float], Any], pause: float
) -> None:
    """Submits handlers of which some block, and now and then makes a pause."""
    choice = random.Random(name)
    for number in range(count):
        runner.submit(handler, (choice.uniform(0, 0.02) if choice.random() < 0.005 else 0,), log.finish, (name, number))
        if choice.random() < pause:
            time.sleep(choice.uniform(0, 0.001))


def test_nothing_is_lost_of_what_many_threads_submit(hasty: None, runner: HandlerRunner, log: Log) -> None:
    names, count = range(5), 4000
    release = threading.Event()

    def handler(seconds: float) -> float:
        if seconds:
            time.sleep(seconds)
        return seconds

    for number in range(5):
        runner.submit(release.wait, (), log.finish, number)
    threads = [threading.Thread(target=submit_many, args=(runner, log, name, count, handler, 0.02)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.wait(len(names) * count, 30)
    release.set()
    log.wait(len(names) * count + 5)
    assert log.errors == {}
    assert set(log.results) == {(name, number) for name in names for number in range(count)} | set(range(5))


def test_nothing_is_lost_while_the_runner_is_stopped_again_and_again(
    hasty: None, runner: HandlerRunner, log: Log
) -> None:
    names, count = range(3), 1000
    over = threading.Event()

    def stop() -> None:
        choice = random.Random(0)
        while not over.wait(choice.uniform(0, 0.001)):
            runner.stop(0)

    stopping = threading.Thread(target=stop)
    stopping.start()
    threads = [threading.Thread(target=submit_many, args=(runner, log, name, count, time.sleep, 0.3)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.wait(len(names) * count, 30)
    over.set()
    stopping.join()
    assert set(log.results) == {(name, number) for name in names for number in range(count)}


def test_a_runner_that_wakes_late_leaves_the_one_that_has_replaced_it_alone() -> None:
    runner = HandlerRunner(lambda finish, *outcome: finish(*outcome))
    late = [0.0]

    class Late(threading.Condition):
        """Its next waiter gets no time from the machine for a while after it was notified."""

        def wait(self, timeout: float | None = None) -> bool:
            notified = super().wait(timeout)
            seconds, late[0] = late[0], 0.0
            if seconds:
                runner._lock.release()
                time.sleep(seconds)
                runner._lock.acquire()
            return notified

    runner._work = Late(runner._lock)
    done = threading.Event()

    def run_one() -> int:
        threads: list[int] = []
        done.clear()
        runner.submit(threading.get_ident, (), lambda token, result, error: (threads.append(result), done.set()), None)
        assert done.wait(5)
        time.sleep(0.02)  # it is idle again
        return threads[0]

    run_one()
    late[0] = 0.1
    for _ in range(2):
        runner.submit(int, (), lambda *outcome: None, None)
    time.sleep(0.3)
    assert len({run_one() for _ in range(10)}) == 1, "each handler has replaced the runner"
    runner.stop(5)
