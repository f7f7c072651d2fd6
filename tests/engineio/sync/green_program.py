"""What a kind of greenlets has to do, without any patching: run by `test_green.py` with the name of the kind."""

from __future__ import annotations

import itertools
import queue
import socket
import sys
import time
from collections.abc import Callable
from math import inf
from typing import Any

from engineio import Server
from engineio.sync.modes import load_kind

kind = load_kind(sys.argv[1])
LIMIT = 10.0


def together(*targets: Callable[[], Any]) -> None:
    """Runs some functions at the same time, and raises what one of them raises."""
    errors: list[BaseException] = []

    def guard(target: Callable[[], Any]) -> None:
        try:
            target()
        except BaseException as exc:
            errors.append(exc)

    threads = [kind.start(guard, target) for target in targets]
    for thread in threads:
        kind.join(thread, LIMIT)
    if errors:
        raise errors[0]


def check_a_lock_that_its_holder_may_take_again() -> None:
    lock, log = kind.make_rlock(), []

    def work(name: int) -> None:
        with lock:
            log.append(name)
            with lock:
                kind.sleep(0)
                log.append(name)
            kind.sleep(0)
            log.append(name)

    together(*(lambda name=name: work(name) for name in range(5)))
    # Whose turn comes first is up to the machine; nobody gets a turn in the midst of another one's.
    turns = [name for name, _ in itertools.groupby(log)]
    assert sorted(turns) == list(range(5)) and len(log) == 15, log
    assert lock.acquire() is True
    lock.release()


def check_a_condition() -> None:
    for lock in (kind.make_rlock(), kind.make_lock()):
        changed, heard = kind.make_condition(lock), []

        def wait(timeout: float | None, changed: Any = changed, heard: list[bool] = heard) -> None:
            with changed:
                heard.append(changed.wait(timeout))

        def notify(changed: Any = changed) -> None:
            kind.sleep(0.01)
            with changed:
                changed.notify()

        together(lambda: wait(LIMIT), notify)  # they run now
        assert heard == [True]
        together(lambda: wait(0.001))
        assert heard == [True, False] and not changed._waiters

        def notify_all(changed: Any = changed) -> None:
            while len(changed._waiters) < 3:
                kind.sleep(0)
            with changed:
                changed.notify_all()

        together(*[lambda: wait(None)] * 3, notify_all)
        assert heard[2:] == [True] * 3
        with changed:
            changed.notify(3)  # nobody waits


def check_that_a_condition_gives_back_a_lock_taken_twice() -> None:
    lock = kind.make_rlock()
    changed, inside, log = kind.make_condition(lock), [], []

    def wait() -> None:
        with lock:
            with lock:
                assert changed.wait(LIMIT)
                inside.append(True)
                kind.sleep(0.005)
            kind.sleep(0.005)
            inside.clear()
        log.append("waited")

    def notify() -> None:
        while "waited" not in log:
            with changed:
                assert not inside
                changed.notify()
            kind.sleep(0.001)

    together(wait, notify)
    assert log == ["waited"]


def check_one_notification_for_one() -> None:
    """A notification that comes at the end of somebody's patience is not lost for the others."""
    lock = kind.make_lock()
    changed, heard = kind.make_condition(lock), []

    def wait(timeout: float) -> None:
        with changed:
            heard.append(changed.wait(timeout))

    def notify() -> None:
        while len(changed._waiters) < 2:
            kind.sleep(0)
        with changed:
            changed.notify()
            changed.notify()

    together(lambda: wait(LIMIT), lambda: wait(LIMIT), notify)
    assert heard == [True, True]


def check_what_programs_get() -> None:
    server = Server(async_mode=kind.name)
    items, ready, log = server.create_queue(), server.create_event(), []

    def consume() -> None:
        log.append(items.get())
        ready.set()

    thread = server.start_background_task(consume)
    server.sleep(0)
    items.put("x")
    assert ready.wait(LIMIT) and log == ["x"]
    kind.join(thread, LIMIT)
    kind.join(None, LIMIT)
    kind.join(kind.current(), LIMIT)
    assert server.get_queue_empty_exception() is queue.Empty
    try:
        items.get_nowait()
    except server.get_queue_empty_exception():
        log.append("empty")
    assert log == ["x", "empty"] and server.create_queue(maxsize=1).maxsize == 1
    blocked = kind.start(kind.sleep, LIMIT)
    begin = time.monotonic()
    kind.join(blocked, 0.001)
    assert time.monotonic() - begin < LIMIT / 2


def check_waiting_for_a_socket() -> None:
    one, other = socket.socketpair()
    readable, writable = kind.make_waiter(one, False), kind.make_waiter(one, True)
    assert writable.wait(inf) and not readable.wait(time.monotonic() + 0.001)
    log = []

    def wait() -> None:
        log.append(readable.wait(time.monotonic() + LIMIT))

    def send() -> None:
        kind.sleep(0.01)
        log.append("sends")
        other.send(b"x")

    together(wait, send)
    assert log == ["sends", True]
    one.close()
    other.close()


def check_handlers_and_deadlines() -> None:
    """A server whose handlers wait for each other, and whose clients do not answer pings."""
    from engineio.admitted import Admitted
    from engineio.request import Request

    class Link:
        name, target = "websocket", None

        def flush(self) -> None:
            sent.extend(message.text for message in self.target.take())

        def close(self, code: int, reason: str) -> None: ...

        def pause_reading(self) -> None: ...

        def resume_reading(self) -> None: ...

    server = Server(async_mode=kind.name, ping_interval=0.02, ping_timeout=0.02)
    sent, heard, go = [], [], kind.make_event()

    def message(sid: str, data: str) -> None:
        heard.append(data)
        if data == "wait":
            go.wait(LIMIT)
        else:
            go.set()
        heard.append("over")

    server.on("message", message)
    server.on("disconnect", lambda sid, reason: heard.append(reason))
    request = Request("GET", "/", "EIO=4&transport=websocket", [], "http", None)
    admitted = server.admit_websocket(request, {})
    assert isinstance(admitted, Admitted)
    with server.core:
        admitted.attach(Link())
        admitted.socket.receive_text(b"4wait")
        admitted.socket.receive_text(b"4go")
    end = time.monotonic() + LIMIT
    while "ping timeout" not in heard and time.monotonic() < end:
        kind.sleep(0.001)
    assert heard[:2] == ["wait", "go"] and sorted(heard[2:]) == ["over", "over", "ping timeout"], heard
    assert sent[0].startswith(b"0{") and b"2" in sent[1:]
    server.close(LIMIT)


for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()
        print(name)
