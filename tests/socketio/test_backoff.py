"""The delays between attempts to connect."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from socketio.backoff import Backoff


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def test_delays_double_up_to_the_limit() -> None:
    backoff = Backoff(1, 5, 0)
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 5, 5]


def test_the_jitter_is_a_fraction_of_the_delay() -> None:
    asked = []
    backoff = Backoff(1, 100, 0.5, lambda low, high: asked.append((low, high)) or low)
    for _ in range(3):
        backoff.next()
    assert asked == [(0.5, 1.5), (1, 3), (2, 6)]


def test_the_limit_holds_with_jitter() -> None:
    asked = []
    backoff = Backoff(5, 5, 0.5, lambda low, high: asked.append((low, high)) or high)
    assert backoff.next() == 5
    assert asked == [(2.5, 5)]


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(-2, 5))
def test_no_delay_is_negative_or_too_long(delay: float, delay_max: float, factor: float) -> None:
    backoff = Backoff(delay, delay_max, factor)
    assert all(0 <= backoff.next() <= delay_max for _ in range(50))
