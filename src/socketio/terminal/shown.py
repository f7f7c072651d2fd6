"""Which events are shown: all but some, or only some."""

from __future__ import annotations

__all__ = ["Shown"]


class Shown:
    """Events to show; all of them, to begin with."""

    def __init__(self) -> None:
        self._all = True
        self._exceptions: set[str] = set()

    def includes(self, event: str) -> bool:
        """Returns whether to show an event."""
        return self._all is not (event in self._exceptions)

    def on(self, event: str | None) -> None:
        """Shows an event again that was hidden; otherwise only those events for which this was called. `None`: all."""
        if event is None:
            self._all, self._exceptions = True, set()
        elif not self._all:
            self._exceptions.add(event)
        elif event in self._exceptions:
            self._exceptions.remove(event)
        else:
            self._all, self._exceptions = False, {event}

    def off(self, event: str | None) -> None:
        """Hides an event. `None`: all."""
        if event is None:
            self._all, self._exceptions = False, set()
        elif self._all:
            self._exceptions.add(event)
        else:
            self._exceptions.discard(event)
