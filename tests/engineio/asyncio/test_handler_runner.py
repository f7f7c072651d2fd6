"""Handlers that share tasks: their order, and that each can believe it has a task of its own."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest

from engineio.asyncio.handler_runner import HandlerRunner

from .scenario import Log, run, turn

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_handlers_start_in_the_order_of_their_submission() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        go_on = asyncio.Event()

        def plain(number: int) -> int:
            log.steps.append(number)
            return number

        async def quick(number: int) -> int:
            return plain(number)

        async def waits(number: int) -> int:
            log.steps.append(number)
            await go_on.wait()
            return number

        handlers = [plain, quick, waits]
        for number in range(30):
            runner.submit(handlers[number % 3], (number,), log.finish, number)
        assert log.steps == []
        assert len(runner) == 30
        await turn(50)
        assert log.steps == list(range(30))
        assert len(log.results) == 20
        go_on.set()

    log = run(scenario)
    assert log.results == {number: number for number in range(30)}
    assert log.errors == {}


def test_handlers_that_do_not_wait_share_a_task() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def quick() -> asyncio.Task[Any] | None:
            return asyncio.current_task()

        for number in range(10):
            runner.submit(quick, (), log.finish, number)
        await runner.idle()
        assert len(set(log.results.values())) == 1

    run(scenario)


def test_a_handler_that_waits_has_a_task_of_its_own() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def waits() -> asyncio.Task[Any] | None:
            before = asyncio.current_task()
            await asyncio.sleep(0)
            both = await asyncio.gather(asyncio.sleep(0, "a"), asyncio.create_task(asyncio.sleep(0, "b")))
            assert both == ["a", "b"]
            assert asyncio.current_task() is before
            return before

        for number in range(10):
            runner.submit(waits, (), log.finish, number)
        await runner.idle()
        assert len(set(log.results.values())) == 10

    assert run(scenario).errors == {}


def test_handlers_submitted_by_handlers_run_after_those_that_wait_in_line() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def handler(name: str, *next_names: str) -> None:
            log.steps.append(name)
            for next_name in next_names:
                runner.submit(handler, (next_name,), log.finish, next_name)

        runner.submit(handler, ("a", "c", "d"), log.finish, "a")
        runner.submit(handler, ("b",), log.finish, "b")

    assert run(scenario).steps == ["a", "b", "c", "d"]


# Contexts


def test_no_context_leaks_from_one_handler_into_the_next() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        def plain(name: str) -> str:
            before = variable.get()
            variable.set(name)
            return before

        async def quick(name: str) -> str:
            return plain(name)

        async def waits(name: str) -> str:
            before = plain(name)
            for _ in range(3):
                await asyncio.sleep(0)
                assert variable.get() == name
            return before

        for number, handler in enumerate([plain, quick, waits] * 3):
            runner.submit(handler, (f"{number}",), log.finish, number)

    log = run(scenario)
    assert set(log.results.values()) == {"unset"}
    assert len(log.results) == 9


def test_a_handler_runs_in_the_context_of_whoever_submits_it() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def reads() -> str:
            await asyncio.sleep(0)
            return variable.get()

        # As the tasks of two requests do, each with what its middleware has set.
        async def request(name: str) -> None:
            variable.set(name)
            runner.submit(reads, (), log.finish, name)
            runner.submit(variable.get, (), log.finish, name + " sync")

        await asyncio.gather(request("first"), request("second"))
        runner.submit(reads, (), log.finish, "unset")

    log = run(scenario)
    assert {token.removesuffix(" sync"): value for token, value in log.results.items()} == {
        "first": "first",
        "second": "second",
        "unset": "unset",
    }


def test_the_context_of_one_client_does_not_reach_what_another_ones_end_sets_off() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        def finish(token: Any, result: Any, error: BaseException | None) -> None:
            log.finish(token, result, error)
            if token == "held back":
                # As when a link delivers what it has kept, because a handler is over.
                runner.submit(variable.get, (), log.finish, "released")

        async def request() -> None:
            variable.set("the first client's")
            runner.submit(variable.get, (), log.finish, "first")

        await asyncio.create_task(request())
        runner.submit(variable.get, (), finish, "held back")

    log = run(scenario)
    assert log.results == {"first": "the first client's", "held back": "unset", "released": "unset"}


# What handlers return and raise


def test_a_task_that_a_plain_function_returns_is_not_awaited() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        never = asyncio.Event()

        def starts() -> asyncio.Task[Any]:
            return asyncio.create_task(never.wait())

        runner.submit(starts, (), log.finish, "task")
        await turn()
        task = log.results["task"]
        assert isinstance(task, asyncio.Task)
        assert not task.done()
        task.cancel()
        await turn()

    run(scenario)


def test_a_coroutine_that_a_plain_function_returns_is_awaited() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def inner(value: int) -> int:
            await asyncio.sleep(0)
            return value

        runner.submit(lambda: inner(1), (), log.finish, "coroutine")

    assert run(scenario).results == {"coroutine": 1}


KINDS = [ValueError, BaseException, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, StopAsyncIteration]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", ["sync", "at once", "later"])
def test_an_exception_goes_to_finish_and_nowhere_else(kind: type[BaseException], when: str) -> None:
    # One client must not be able to end the server: that is also true of SystemExit.
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        def fails() -> None:
            raise kind("from the handler")

        async def fails_at_once() -> None:
            raise kind("from the handler")

        async def fails_later() -> None:
            await asyncio.sleep(0)
            raise kind("from the handler")

        handler = {"sync": fails, "at once": fails_at_once, "later": fails_later}[when]
        for number in range(3):
            runner.submit(handler, (), log.finish, number)
            runner.submit(lambda: "fine", (), log.finish, number + 10)

    log = run(scenario)
    assert log.results == {10: "fine", 11: "fine", 12: "fine"}
    assert set(log.errors) == {0, 1, 2}
    for error in log.errors.values():
        # Python itself turns a StopIteration that leaves a coroutine into a RuntimeError.
        assert isinstance(error, (kind, RuntimeError))


def test_a_finish_that_raises_does_not_stop_the_others() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        def finish(token: Any, result: Any, error: BaseException | None) -> None:
            raise RuntimeError("a bug")

        asyncio.get_running_loop().set_exception_handler(lambda loop, context: log.steps.append(context["message"]))
        runner.submit(lambda: None, (), finish, 0)
        runner.submit(lambda: "fine", (), log.finish, 1)
        await turn()
        assert log.results == {1: "fine"}
        runner.submit(lambda: "later", (), log.finish, 2)

    assert run(scenario).results == {1: "fine", 2: "later"}
