"""Class-based namespaces: which method an event finds."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from socketio import AsyncNamespace, base_namespace
from socketio.base_namespace import BaseClientNamespace, BaseNamespace, BaseServerNamespace


class Chat(BaseServerNamespace):
    on_number = 7

    def on_message(self, sid: str) -> str:
        return "message"

    def on_7(self, sid: str) -> str:
        return "seven"


@pytest.mark.parametrize(("given", "name"), [(None, "/"), ("", "/"), ("/chat", "/chat"), ("*", "*")])
def test_name(given: str | None, name: str) -> None:
    assert BaseNamespace(given).namespace == name


def test_methods() -> None:
    chat = Chat("/chat")
    assert chat.find_method("message") == chat.on_message
    assert chat.find_method(7) == chat.on_7
    assert chat.find_method("nowhere") is None


@pytest.mark.parametrize(
    "event", ["emit", "send", "trigger_event", "rooms", "__init__", "__class__", "_private", "", "server", 1.5, None]
)
def test_an_event_reaches_only_methods_with_the_prefix(event: Any) -> None:
    """faults F034."""
    assert Chat().find_method(event) is None


def test_own_trigger() -> None:
    class Traced(AsyncNamespace):
        async def trigger_event(self, event: str, *args: Any) -> Any:
            return await super().trigger_event(event, *args)

    class Deeper(Traced):
        pass

    class Wrapped(AsyncNamespace):
        @functools.wraps(AsyncNamespace.trigger_event)
        async def trigger_event(self, *args: Any) -> Any:
            return await super().trigger_event(*args)

    replaced: Any = AsyncNamespace()
    replaced.trigger_event = print
    assert [namespace.has_own_trigger() for namespace in (Traced(), Deeper(), Wrapped(), replaced)] == [True] * 4
    assert not AsyncNamespace().has_own_trigger()


def test_base_has_no_colour() -> None:
    assert BaseNamespace().is_asyncio_based() is False
    assert AsyncNamespace().is_asyncio_based() is True
    with pytest.raises(NotImplementedError):
        BaseNamespace().trigger_event("e")


def test_rooms_ask_the_server() -> None:
    class Server:
        def rooms(self, sid: str, namespace: str) -> list[str]:
            return [sid, namespace]

    chat = Chat("/chat")
    chat.set_server(Server())
    assert chat.rooms("sid") == ["sid", "/chat"]
    assert chat.rooms("sid", namespace="/other") == ["sid", "/other"]


def test_import_path() -> None:
    assert base_namespace.BaseServerNamespace is BaseServerNamespace
    assert issubclass(AsyncNamespace, BaseServerNamespace)


class Methods:
    """Methods of a client's namespace that take more or less."""

    def none(self) -> None: ...

    def one(self, data: Any) -> None: ...

    def perhaps(self, data: Any = None) -> None: ...

    def many(self, *args: Any) -> None: ...

    @staticmethod
    def unbound() -> None: ...

    @classmethod
    def of_the_class(cls) -> None: ...


@pytest.mark.parametrize("event", ["connect_error", "disconnect"])
@pytest.mark.parametrize(
    ("name", "takes"),
    [("none", False), ("one", True), ("perhaps", True), ("many", True), ("unbound", False), ("of_the_class", False)],
)
def test_the_reason_is_for_those_who_take_it(event: str, name: str, takes: bool) -> None:
    fit = BaseClientNamespace("/chat").fit_arguments
    method = getattr(Methods(), name)
    assert fit(event, method, ("why",)) == (("why",) if takes else ())
    assert fit(event, method, ()) == ()


@pytest.mark.parametrize("event", ["connect", "message", "anything"])
def test_other_events_keep_their_arguments(event: str) -> None:
    # That a handler of an event takes fewer is a mistake of the program, which it should hear of.
    namespace = BaseClientNamespace()
    assert namespace.fit_arguments(event, Methods().none, (1, 2)) == (1, 2)


def test_a_namespace_knows_its_client() -> None:
    namespace = BaseClientNamespace("/chat")
    assert namespace.client is None
    client = object()
    namespace.set_client(client)
    assert namespace.client is client
