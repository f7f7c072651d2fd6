"""Locks, conditions and all else of a kind of greenlets, in a program that patches nothing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import engineio
from engineio.sync.green import GreenCondition, GreenRLock

PROGRAM = Path(__file__).parent / "green_program.py"
QUIET = {"eventlet": "ignore"}  # it says of itself that it is deprecated


@pytest.mark.parametrize("kind", ["threading", "gevent", "eventlet"])
def test_a_kind(kind: str) -> None:
    if kind != "threading" and importlib.util.find_spec(kind) is None:
        pytest.skip(f"{kind} is not installed")
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(engineio.__file__))}
    command = [sys.executable, "-W", QUIET.get(kind, "error"), str(PROGRAM), kind]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    names = [line for line in PROGRAM.read_text("utf-8").splitlines() if line.startswith("def check_")]
    assert len(result.stdout.split()) == len(names) > 5 and result.stderr == ""


def make_lock() -> GreenRLock:
    """Returns such a lock, of threads: they are a library like the others."""
    return GreenRLock(threading.Semaphore(1), threading.current_thread)


def test_a_lock_of_threads() -> None:
    lock = make_lock()
    counter = 0

    def count() -> None:
        nonlocal counter
        for _ in range(2000):
            with lock, lock:
                before = counter
                counter = before + 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter == 8000


def test_a_condition_of_threads() -> None:
    """A queue of one item: whatever is put into it is taken once, and in order."""
    changed = GreenCondition(make_lock(), threading.Event)
    items: list[int] = []
    taken: list[int] = []

    def put() -> None:
        for number in range(500):
            with changed:
                while items:
                    changed.wait()
                items.append(number)
                changed.notify_all()

    def take() -> None:
        for _ in range(500):
            with changed:
                while not items:
                    changed.wait(5)
                taken.append(items.pop())
                changed.notify_all()

    threads = [threading.Thread(target=target) for target in (put, take)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert taken == list(range(500))


def test_an_error_in_a_block_lets_go_of_the_lock() -> None:
    lock = make_lock()
    for guard in (lock, GreenCondition(lock, threading.Event)):
        with pytest.raises(ValueError, match="inside"), guard:
            raise ValueError("inside")
    assert lock.acquire()
