"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Delays that double from attempt to attempt up to a limit, each changed at random by a fraction of itself.

    The random part keeps the clients of a server that was restarted from coming back all at once.

    Args:
        delay: The first delay in seconds.
        delay_max: The longest one in seconds; no delay exceeds it.
        randomization_factor: By which fraction of itself a delay is made longer or shorter at most, 0 to 1.
        uniform: Returns a random number between its two arguments.
    """

    def __init__(
        self,
        delay: float,
        delay_max: float,
        randomization_factor: float,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._delay = max(delay, 0.0)
        self._delay_max = max(delay_max, 0.0)
        self._factor = min(max(randomization_factor, 0.0), 1.0)
        self._uniform = uniform

    def next(self) -> float:
        """Returns the next delay in seconds."""
        delay = min(self._delay, self._delay_max)
        self._delay = min(self._delay * 2, self._delay_max)
        spread = delay * self._factor
        # At the limit only the shorter half is left, instead of most delays being the limit itself.
        return self._uniform(delay - spread, min(delay + spread, self._delay_max))
