"""Deadlines behind one timer: nothing early, nothing later than the resolution says, nothing forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.deadlines import Deadline, Deadlines


class Item:
    bucket: int | None = None

    def expire(self, now: float) -> None:
        """Not called by these tests."""


@pytest.mark.parametrize("resolution", [0.005, 0.1, 0.25, 1.0])
def test_nothing_is_due_early_or_late(resolution: float) -> None:
    for step in range(200):
        deadlines = Deadlines(resolution)
        item = Item()
        when = 1000 + step * 0.0137
        deadlines.add(item, when)
        assert deadlines.take_due(when - 1e-6) == []
        assert deadlines.take_due(when + resolution + 1e-6) == [item]
        assert item.bucket is None
        assert len(deadlines) == 0


def test_next_says_when_to_look_again() -> None:
    deadlines = Deadlines(0.25)
    assert deadlines.next() is None
    late, early = Item(), Item()
    deadlines.add(late, 20.0)
    deadlines.add(early, 10.1)
    when = deadlines.next()
    assert when is not None
    assert 10.1 <= when <= 10.35
    assert deadlines.take_due(when) == [early]
    when = deadlines.next()
    assert when is not None
    assert 20.0 <= when <= 20.25
    deadlines.discard(late)
    assert deadlines.next() is None


def test_a_second_deadline_replaces_the_first() -> None:
    deadlines = Deadlines(0.1)
    item = Item()
    deadlines.add(item, 10.0)
    deadlines.add(item, 5.0)
    assert len(deadlines) == 1
    assert deadlines.take_due(6.0) == [item]
    assert deadlines.take_due(100.0) == []
    deadlines.add(item, 200.0)
    deadlines.add(item, 300.0)
    assert deadlines.take_due(250.0) == []
    assert deadlines.take_due(301.0) == [item]


def test_discarding_what_has_no_deadline() -> None:
    deadlines = Deadlines(0.1)
    item = Item()
    deadlines.discard(item)
    deadlines.add(item, 1.0)
    deadlines.discard(item)
    deadlines.discard(item)
    assert len(deadlines) == 0
    assert deadlines.take_due(10.0) == []


def test_a_deadline_set_again_is_due_once() -> None:
    deadlines = Deadlines(1.0)
    item = Item()
    for when in (5.2, 5.5, 5.9):
        deadlines.add(item, when)
    assert len(deadlines) == 1
    assert deadlines.take_due(6.0) == [item]
    deadlines.add(item, 5.9)
    assert deadlines.take_due(6.0) == [item]


def test_a_bucket_that_was_emptied_is_used_again() -> None:
    deadlines = Deadlines(1.0)
    item = Item()
    for _ in range(3):
        deadlines.add(item, 5.5)
        deadlines.discard(item)
    deadlines.add(item, 5.5)
    assert deadlines.next() == 6.0
    assert deadlines.take_due(6.0) == [item]
    assert deadlines.next() is None


def test_the_earliest_come_first() -> None:
    deadlines = Deadlines(0.1)
    items = [Item() for _ in range(10)]
    for index in (3, 1, 4, 5, 9, 2, 6, 8, 7, 0):
        deadlines.add(items[index], index)
    assert deadlines.take_due(4.5) == items[:5]
    assert deadlines.take_due(100) == items[5:]


@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.floats(0, 10))), max_size=40), st.floats(0, 12))
def test_it_holds_what_was_added_last(steps: list[tuple[int, float | None]], now: float) -> None:
    deadlines = Deadlines(0.25)
    items = [Item() for _ in range(10)]
    expected: dict[int, float] = {}
    for index, when in steps:
        if when is None:
            deadlines.discard(items[index])
            expected.pop(index, None)
        else:
            deadlines.add(items[index], when)
            expected[index] = when
    assert len(deadlines) == len(expected)
    due = {items.index(item) for item in deadlines.take_due(now)}  # type: ignore[arg-type]
    assert {index for index, when in expected.items() if when + 0.25 < now} <= due
    assert due <= {index for index, when in expected.items() if when <= now}
    rest = deadlines.next()
    assert rest is None or rest > now
    assert len(deadlines) == len(expected) - len(due)


def test_a_deadline_calls_its_function() -> None:
    calls: list[str] = []
    deadlines = Deadlines(0.1)
    deadlines.add(Deadline(lambda: calls.append("called")), 1.0)
    for item in deadlines.take_due(2.0):
        item.expire(2.0)
    assert calls == ["called"]
