"""Which handler an event goes to and with which arguments: the tables of handlers and the documented lookup order."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["Handler", "Handlers", "accepted_arguments"]

Handler = Callable[..., Any]

RESERVED = frozenset({"connect", "disconnect", "connect_error", "__disconnect_final"})
"""Events that never go to a catch-all event; to a catch-all namespace they do."""


def accepted_arguments(handler: Handler) -> float:
    """Returns how many positional arguments a handler takes at most; infinity if there is no limit or no telling.

    A decorator's wrapper with `*args` takes as many as the function that it wraps; any other speaks for itself.
    """
    bound = 0
    if inspect.ismethod(handler):
        handler, bound = handler.__func__, 1
    while True:
        try:
            parameters = inspect.signature(handler, follow_wrapped=False).parameters.values()
        except (TypeError, ValueError):
            return float("inf")
        if not any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
            break
        try:
            handler = handler.__wrapped__  # type: ignore[attr-defined]  # see functools.wraps
        except AttributeError:
            return float("inf")
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in positional for parameter in parameters) - bound


def _method(namespace_object: Any, event: Any, arguments: tuple[Any, ...]) -> tuple[Handler, tuple[Any, ...]]:
    """Returns what a class-based namespace does with an event: its method, unless it has its own `trigger_event`."""
    if namespace_object.has_own_trigger():
        return namespace_object.trigger_event, (event, *arguments)
    return namespace_object.find_method(event) or _ignore, arguments


def _ignore(*arguments: Any) -> None:
    """What a class-based namespace does with an event that it has no method for; so it is acknowledged."""


class Handlers:
    """The handlers of a server or client.

    Attributes:
        functions: namespace -> event -> function.
        objects: namespace -> class-based namespace.
    """

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, Handler]] = {}
        self.objects: dict[str, Any] = {}
        self._accepted: dict[Handler, float] = {}

    def add(self, event: str, handler: Handler, namespace: str) -> None:
        """Registers a function, in place of the one that it may replace; its signature is read here and never again."""
        events = self.functions.setdefault(namespace, {})
        try:
            self._accepted.pop(events.get(event), None)  # type: ignore[arg-type]  # None is as good as any
        except TypeError:  # one that cannot be hashed
            pass
        events[event] = handler
        self._accepts(handler)

    def _accepts(self, handler: Handler) -> float:
        try:
            return self._accepted[handler]
        except KeyError:
            accepted = self._accepted[handler] = accepted_arguments(handler)
            return accepted
        except TypeError:  # a callable object that cannot be hashed
            return accepted_arguments(handler)

    def find(self, event: Any, namespace: str, arguments: tuple[Any, ...]) -> tuple[Handler, tuple[Any, ...]] | None:
        """Returns a handler and its arguments, or `None` if there is none.

        The order: the event in the namespace; `*` in the namespace, which gets the event first; the event in `*`,
        which gets the namespace first; `*` in `*`, which gets both; the class of the namespace; the class of `*`.

        Args:
            event: The name of the event.
            namespace: Where it happened.
            arguments: What the event's own handler gets.
        """
        functions = self.functions
        if functions:
            events = functions.get(namespace)
            if events is not None:
                handler = events.get(event)
                if handler is not None:
                    return handler, arguments
                if event not in RESERVED:
                    handler = events.get("*")
                    if handler is not None:
                        return handler, (event, *arguments)
            events = functions.get("*")
            if events is not None:
                handler = events.get(event)
                if handler is not None:
                    return handler, (namespace, *arguments)
                if event not in RESERVED:
                    handler = events.get("*")
                    if handler is not None:
                        return handler, (event, namespace, *arguments)
        if self.objects:
            namespace_object = self.objects.get(namespace)
            if namespace_object is not None:
                return _method(namespace_object, event, arguments)
            namespace_object = self.objects.get("*")
            if namespace_object is not None:
                return _method(namespace_object, event, (namespace, *arguments))
        return None

    def find_fitting(
        self, event: str, namespace: str, arguments: tuple[Any, ...], optional: int
    ) -> tuple[Handler, tuple[Any, ...]] | None:
        """Like `find`, but leaves the last `optional` arguments out if the function takes fewer."""
        found = self.find(event, namespace, arguments)
        if found is None:
            return None
        handler, arguments = found
        return handler, self.fit(handler, arguments, optional)

    def find_exact(
        self, event: str, namespace: str, arguments: tuple[Any, ...], optional: int
    ) -> tuple[Handler, tuple[Any, ...]] | None:
        """Like `find_fitting`, but never a catch-all event: for what the library itself has to tell."""
        for name, prefix in ((namespace, ()), ("*", (namespace,))):
            handler = self.functions.get(name, {}).get(event)
            if handler is not None:
                return handler, self.fit(handler, (*prefix, *arguments), optional)
        for name, prefix in ((namespace, ()), ("*", (namespace,))):
            if name in self.objects:
                handler, arguments = _method(self.objects[name], event, (*prefix, *arguments))
                return handler, self.fit(handler, arguments, optional)
        return None

    def fit(self, handler: Handler, arguments: tuple[Any, ...], optional: int) -> tuple[Any, ...]:
        """Returns the arguments that a function takes; at most the last `optional` ones are left out."""
        surplus = len(arguments) - self._accepts(handler)
        if surplus <= 0:
            return arguments
        return arguments[: len(arguments) - min(int(surplus), optional)]

    def has_namespace(self, namespace: str) -> bool:
        """Returns whether anything is registered for a namespace; what is registered for all does not count."""
        return namespace in self.functions or namespace in self.objects
