"""Handlers as tasks: cancellation, timeouts, and waiting until all are over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engineio.asyncio.handler_runner import HandlerRunner

from .scenario import Log, run, turn


def test_a_timeout_interrupts_the_handler_that_set_it() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def waits(seconds: float | None) -> str:
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.Event().wait()
            except TimeoutError:
                return "timeout"
            return "never"

        runner.submit(waits, (0,), log.finish, "at once")
        runner.submit(waits, (0.001,), log.finish, "soon")
        runner.submit(lambda: "fine", (), log.finish, "next")

    assert run(scenario).results == {"at once": "timeout", "soon": "timeout", "next": "fine"}


def test_cancelling_a_handler_that_waits() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        tasks: dict[str, asyncio.Task[Any]] = {}

        async def waits(name: str) -> str:
            task = asyncio.current_task()
            assert task is not None
            tasks[name] = task
            try:
                await asyncio.Event().wait()
            finally:
                log.steps.append(f"{name} cleaned up")
            return name

        async def resists() -> str:
            try:
                await waits("resists")
            except asyncio.CancelledError:
                return "no"
            return "never"

        runner.submit(waits, ("gives up",), log.finish, "gives up")
        runner.submit(resists, (), log.finish, "resists")
        runner.submit(lambda: "fine", (), log.finish, "next")
        await turn()
        for task in tasks.values():
            task.cancel()
        await asyncio.wait(tasks.values())
        assert tasks["gives up"].cancelled()

    log = run(scenario)
    assert log.steps == ["gives up cleaned up", "resists cleaned up"]
    assert log.results == {"next": "fine", "resists": "no"}
    assert isinstance(log.errors["gives up"], asyncio.CancelledError)


@pytest.mark.parametrize("kind", ["sync", "async", "raising"])
def test_a_handler_that_cancels_its_own_task_without_waiting(kind: str) -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        def cancels() -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            if kind == "raising":
                raise ValueError

        async def cancels_too() -> None:
            cancels()

        async def waits() -> str:
            await asyncio.sleep(0)
            return "undisturbed"

        runner.submit(cancels_too if kind == "async" else cancels, (), log.finish, "cancels")
        runner.submit(waits, (), log.finish, "next")
        runner.submit(waits, (), log.finish, "last")

    log = run(scenario)
    assert log.results.items() >= {"next": "undisturbed", "last": "undisturbed"}.items()


def test_a_handler_that_cancels_its_own_task_and_waits() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def cancels() -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)

        runner.submit(cancels, (), log.finish, "cancels")
        runner.submit(lambda: "fine", (), log.finish, "next")

    log = run(scenario)
    assert log.results == {"next": "fine"}
    assert isinstance(log.errors["cancels"], asyncio.CancelledError)


def test_a_runner_that_is_cancelled_before_its_start_loses_nothing() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        runner.submit(lambda: "fine", (), log.finish, "first")
        for task in runner.tasks:
            task.cancel()
        await turn()
        runner.submit(lambda: "fine", (), log.finish, "second")

    assert run(scenario).results == {"first": "fine", "second": "fine"}


def test_cancel_spares_the_caller() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def waits() -> None:
            await asyncio.Event().wait()

        async def cancels() -> str:
            await asyncio.sleep(0)
            runner.cancel()
            await asyncio.sleep(0)
            return "fine"

        runner.submit(waits, (), log.finish, "waits")
        runner.submit(cancels, (), log.finish, "cancels")

    log = run(scenario)
    assert log.results == {"cancels": "fine"}
    assert isinstance(log.errors["waits"], asyncio.CancelledError)


# Idle


def test_idle_waits_for_what_handlers_submit() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def handler(left: int) -> None:
            await asyncio.sleep(0)
            log.steps.append(left)
            if left:
                runner.submit(handler, (left - 1,), log.finish, left)

        await runner.idle()
        runner.submit(handler, (3,), log.finish, "first")
        await runner.idle()
        assert log.steps == [3, 2, 1, 0]

    run(scenario)


def test_a_handler_that_waits_for_all_others() -> None:
    async def scenario(runner: HandlerRunner, log: Log) -> None:
        async def last() -> None:
            await runner.idle()
            log.steps.append("last")

        async def other() -> None:
            await asyncio.sleep(0)
            log.steps.append("other")

        runner.submit(last, (), log.finish, "last")
        runner.submit(other, (), log.finish, "other")
        runner.submit(log.steps.append, ("plain",), log.finish, "plain")

    assert run(scenario).steps[-1] == "last"
