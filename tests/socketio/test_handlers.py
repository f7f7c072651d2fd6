"""The tables of handlers: lookup order and arities (api-contract A.5, "handler resolution" and the connect rows)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from socketio import AsyncNamespace
from socketio.handlers import Handlers, accepted_arguments

Anything = Callable[..., Any]


def handler(*arguments: Any) -> None:
    """Takes anything."""


class Chat(AsyncNamespace):
    async def on_connect(self, sid: str, environ: Any) -> None:
        pass

    async def on_message(self, sid: str, data: Any) -> None:
        pass


def named(name: str) -> Anything:
    return functools.partial(handler, name)


ORDER = [("/chat", "e"), ("/chat", "*"), ("*", "e"), ("*", "*")]
PREFIXES = [(), ("e",), ("/chat",), ("e", "/chat")]


@pytest.mark.parametrize("first", range(4))
def test_functions_in_the_documented_order(first: int) -> None:
    """A.5: handlers[ns][event] > handlers[ns]['*'] > handlers['*'][event] > handlers['*']['*'], with their prefixes."""
    handlers = Handlers()
    functions = [named(str(place)) for place in ORDER]
    for (namespace, event), function in list(zip(ORDER, functions, strict=True))[first:]:
        handlers.add(event, function, namespace)
    handlers.objects["/chat"] = Chat("/chat")
    assert handlers.find("e", "/chat", ("sid", 1)) == (functions[first], (*PREFIXES[first], "sid", 1))


def test_classes_come_after_functions() -> None:
    """A.5: class namespace for ns > class namespace '*' (ns prepended)."""
    handlers = Handlers()
    own, every = Chat("/chat"), Chat("*")
    handlers.objects["*"] = every
    assert handlers.find("message", "/chat", ("sid", 1)) == (every.on_message, ("/chat", "sid", 1))
    handlers.objects["/chat"] = own
    assert handlers.find("message", "/chat", ("sid", 1)) == (own.on_message, ("sid", 1))
    function = named("catch-all")
    handlers.add("*", function, "*")
    assert handlers.find("message", "/chat", ("sid", 1)) == (function, ("message", "/chat", "sid", 1))


@pytest.mark.parametrize("event", ["connect", "disconnect"])
def test_reserved_events_go_to_no_catch_all_event(event: str) -> None:
    """A.5: connect/disconnect never go to a catch-all event, but do go to a catch-all namespace."""
    handlers = Handlers()
    handlers.add("*", handler, "/")
    handlers.add("*", handler, "*")
    assert handlers.find(event, "/", ("sid",)) is None
    function = named(event)
    handlers.add(event, function, "*")
    assert handlers.find(event, "/", ("sid",)) == (function, ("/", "sid"))


def test_a_reserved_event_falls_through_to_the_class() -> None:
    handlers = Handlers()
    handlers.add("*", handler, "/chat")
    chat = handlers.objects["/chat"] = Chat("/chat")
    found = handlers.find("connect", "/chat", ("sid", {}))
    assert found == (chat.on_connect, ("sid", {}))


def test_nothing_found() -> None:
    handlers = Handlers()
    handlers.add("e", handler, "/other")
    assert handlers.find("e", "/", ()) is None
    assert handlers.find_fitting("disconnect", "/", ("sid", "why"), optional=1) is None


def test_class_without_the_method_ignores_the_event() -> None:
    """A.5: an unknown event of a class namespace is ignored and returns None, so that an ACK [] is sent."""
    handlers = Handlers()
    handlers.objects["/"] = Chat()
    found = handlers.find("nowhere", "/", ("sid", 1))
    assert found is not None
    assert found[0](*found[1]) is None


@pytest.mark.parametrize("event", ["emit", "trigger_event", "__init__", "__class__", "namespace", "server", 1.5, 7])
def test_events_reach_no_other_methods(event: Any) -> None:
    """faults F034: no attribute access on a class beyond on_<name>."""
    handlers = Handlers()
    chat = handlers.objects["/"] = Chat()
    found = handlers.find(event, "/", ("sid",))
    assert found is not None
    assert found[0] not in [getattr(chat, name) for name in dir(chat) if not name.startswith("__")]


def test_later_registration_replaces() -> None:
    """A.5: one handler per (namespace, event)."""
    handlers = Handlers()
    first, second = named("first"), named("second")
    handlers.add("e", first, "/")
    handlers.add("e", second, "/")
    assert handlers.find("e", "/", ()) == (second, ())
    assert handlers.functions == {"/": {"e": second}}


def one(a: Any) -> None: ...
def two(a: Any, b: Any) -> None: ...
def three(a: Any, b: Any, c: Any) -> None: ...
def default(a: Any, b: Any, c: Any = None) -> None: ...
def only(a: Any, /, b: Any, *, c: Any = 1) -> None: ...
def keywords(a: Any, b: Any, **more: Any) -> None: ...


class Callables:
    def two(self, a: Any, b: Any) -> None: ...

    def __call__(self, a: Any, b: Any) -> None: ...

    @classmethod
    def of_class(cls, a: Any, b: Any) -> None: ...

    @staticmethod
    def static(a: Any, b: Any) -> None: ...


def passing_on(function: Anything) -> Anything:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def adding_one(function: Anything) -> Anything:
    @functools.wraps(function)
    def wrapper(a: Any, b: Any) -> Any:
        return function(a, b, "user")

    return wrapper


class Decorated:
    @passing_on
    def two(self, a: Any, b: Any) -> None: ...

    @adding_one
    def one(self, a: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (one, 1),
        (two, 2),
        (three, 3),
        (default, 3),
        (only, 2),
        (keywords, 2),
        (handler, float("inf")),
        (Callables().two, 2),
        (Callables(), 2),
        (Callables.of_class, 2),
        (Callables.static, 2),
        (functools.partial(three, 1), 2),
        (lambda a, b: None, 2),
        (passing_on(two), 2),
        (passing_on(passing_on(default)), 3),
        (adding_one(three), 2),
        (passing_on(adding_one(three)), 2),
        (Decorated().two, 2),
        (Decorated().one, 1),
        (print, float("inf")),
        (min, float("inf")),  # it has no signature
    ],
)
def test_accepted_arguments(function: Anything, count: float) -> None:
    assert accepted_arguments(function) == count


@pytest.mark.parametrize(
    ("function", "arguments"),
    [(one, ("s", "e")), (two, ("s", "e")), (default, ("s", "e", "a")), (three, ("s", "e", "a"))],
)
def test_fit_leaves_out_the_optional_ones_alone(function: Anything, arguments: tuple[str, ...]) -> None:
    assert Handlers().fit(function, ("s", "e", "a"), optional=1) == arguments


def test_a_signature_is_read_once() -> None:
    class Spy:
        """A callable whose signature counts how often it is looked at."""

        looks = 0

        @property
        def __signature__(self) -> inspect.Signature:
            Spy.looks += 1
            return inspect.signature(two)

        def __call__(self, *arguments: Any) -> None: ...

    handlers = Handlers()
    handlers.add("connect", Spy(), "/")
    assert Spy.looks > 0
    looks, Spy.looks = Spy.looks, 0
    for _ in range(3):
        assert handlers.find_fitting("connect", "/", ("s", "e", "a"), optional=1) is not None
    assert (looks, Spy.looks) == (looks, 0)


def test_a_callable_that_cannot_be_hashed() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, sid: str) -> None: ...

    handlers = Handlers()
    handlers.add("disconnect", Unhashable(), "/")
    found = handlers.find_fitting("disconnect", "/", ("sid", "why"), optional=1)
    assert found is not None and found[1] == ("sid",)


def test_replaced_handlers_are_not_kept() -> None:
    """behaviours: handlers are re-registered while clients are connected, maybe for ever."""
    handlers = Handlers()
    for number in range(100):
        handlers.add("e", named(str(number)), "/")
    assert len(handlers._accepted) == 1


@pytest.mark.parametrize(
    ("table", "name", "has"),
    [
        ("functions", "/a", True),
        ("objects", "/a", True),
        ("functions", "*", False),
        ("objects", "*", False),
        ("functions", "/b", False),
    ],
)
def test_has_namespace(table: str, name: str, has: bool) -> None:
    handlers = Handlers()
    getattr(handlers, table)[name] = {}
    assert handlers.has_namespace("/a") is has
