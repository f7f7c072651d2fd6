"""The tables of a manager, and whom an emit reaches (api-contract A.1 `BaseManager`, A.6)."""

from __future__ import annotations

from contextvars import copy_context
from types import SimpleNamespace
from typing import Any

import pytest

from engineio.packet import Outgoing
from socketio.acks import Answer
from socketio.base_manager import BaseManager
from socketio.members import Member, MemberState, connecting, drop


class Office:
    """What a manager needs of its server."""

    intercepted = False

    def __init__(self) -> None:
        self.connections: dict[str, Any] = {}
        self.encoded: list[tuple[Any, ...]] = []
        self.transmitted: list[tuple[Any, ...]] = []

    def encode(self, *packet: Any) -> Outgoing:
        self.encoded.append(packet)
        return Outgoing(str(len(self.encoded)).encode())

    def transmit(self, *packet: Any) -> None:
        self.transmitted.append(packet)


def add(manager: BaseManager, sid: str, namespace: str = "/", state: MemberState = MemberState.CONNECTED) -> list[Any]:
    """Adds a client; returns what is sent to it."""
    connection = manager.server.connections.setdefault("eio-" + sid, SimpleNamespace(eio_sid="eio-" + sid, members={}))
    member = connection.members[namespace] = Member(sid, namespace, connection)
    manager.add(member)
    received: list[Any] = []
    if state is MemberState.CONNECTED:
        member.push = received.append
    elif state is MemberState.LEAVING:
        member.push, member.early = drop, None
    if state is not MemberState.CONNECTING:
        manager.entered(member)
    member.state = state
    return received


@pytest.fixture
def manager() -> BaseManager:
    """a and b are in "room"; c is in another namespace."""
    manager = BaseManager()
    manager.set_server(Office())
    for sid, namespace in (("a", "/"), ("b", "/"), ("c", "/x")):
        add(manager, sid, namespace)
    for sid in "ab":
        manager.basic_enter_room(sid, "/", "room")
    return manager


def test_lookups(manager: BaseManager) -> None:
    """A.6: manager.sid_from_eio_sid, manager.rooms[namespace][room]."""
    assert sorted(manager.get_namespaces()) == ["/", "/x"]
    assert manager.sid_from_eio_sid("eio-a", "/") == "a"
    assert manager.sid_from_eio_sid("eio-a", "/x") is None
    assert manager.sid_from_eio_sid("nobody", "/") is None
    assert manager.eio_sid_from_sid("a", "/") == "eio-a"
    assert manager.eio_sid_from_sid("a", "/x") is None
    assert manager.pre_disconnect("a", "/") == "eio-a"
    assert manager.get_rooms("a", "/") == ["a", "room"]
    assert manager.get_rooms("nobody", "/") == manager.get_rooms("a", "/nowhere") == []
    assert dict(manager.rooms["/"]["room"]) == {"a": "eio-a", "b": "eio-b"}


def test_participants(manager: BaseManager) -> None:
    def of(namespace: str, room: Any) -> list[tuple[str, str]]:
        return list(manager.get_participants(namespace, room))

    everybody = [("a", "eio-a"), ("b", "eio-b")]
    assert of("/", "room") == of("/", None) == of("/", ["a", "b"]) == everybody
    assert of("/", "a") == everybody[:1]
    assert of("/", "nowhere") == of("/nowhere", None) == []


@pytest.mark.parametrize(
    ("state", "pre", "connected"),
    [(MemberState.CONNECTING, True, False), (MemberState.CONNECTED, True, True), (MemberState.LEAVING, True, False)],
)
def test_connected(manager: BaseManager, state: MemberState, pre: bool, connected: bool) -> None:
    add(manager, "d", state=state)
    assert manager.is_pre_connected("d", "/") is pre
    assert manager.is_connected("d", "/") is connected
    assert not manager.is_connected("d", "/x") and not manager.is_pre_connected("d", "/x")


def test_sid_rooms(manager: BaseManager) -> None:
    """faults F074: nobody enters, leaves or closes the room of somebody's sid."""
    assert manager.is_sid_room("/", "a")
    assert not manager.is_sid_room("/", "c") and manager.is_sid_room("/x", "c")
    assert not any(manager.is_sid_room("/", room) for room in ("room", None, 1, ["a"]))
    with pytest.raises(ValueError, match="sid room"):
        manager.basic_enter_room("a", "/", "b")
    with pytest.raises(ValueError, match="sid room"):
        manager.basic_close_room("b", "/")
    manager.basic_enter_room("a", "/", "a")
    manager.basic_leave_room("a", "/", "a")
    manager.basic_enter_room("a", "/", "c")  # the sid of a client elsewhere is a name like any other
    assert sorted(manager.get_rooms("a", "/")) == ["a", "c", "room"]


@pytest.mark.parametrize("room", [None, [], ["a"], {}, float("nan"), 1.5])
def test_names_that_no_room_can_have(manager: BaseManager, room: Any) -> None:
    with pytest.raises(ValueError, match="room"):
        manager.basic_enter_room("a", "/", room)
    manager.basic_leave_room("a", "/", room)
    manager.basic_close_room(room, "/")
    assert len(manager.rooms["/"]["room"]) == 2


@pytest.mark.parametrize(("sid", "namespace"), [("nobody", "/"), ("a", "/x"), ("a", "/nowhere")])
def test_rooms_of_nobody(manager: BaseManager, sid: str, namespace: str) -> None:
    with pytest.raises(KeyError):
        manager.basic_enter_room(sid, namespace, "room")
    manager.basic_leave_room(sid, namespace, "room")
    manager.basic_close_room("room", "/nowhere")


def test_an_empty_namespace_is_a_value_error_as_well(manager: BaseManager) -> None:
    """What programs of python-socketio catch where nobody is in the namespace."""
    with pytest.raises(ValueError, match="not in the namespace"):
        manager.basic_enter_room("a", "/nowhere", "room")


def test_nothing_is_left(manager: BaseManager) -> None:
    for sid, namespace in (("a", "/"), ("b", "/"), ("c", "/x")):
        manager.basic_disconnect(sid, namespace)
        manager.basic_disconnect(sid, namespace)
    assert manager.groups == {} and len(manager.rooms) == 0 and manager.get_namespaces() == []


# Fan-out


@pytest.mark.parametrize(
    ("data", "arguments"),
    [(None, []), ((), []), ((1, 2), [1, 2]), ([1, 2], [[1, 2]]), ({"a": 1}, [{"a": 1}]), (b"x", [b"x"]), (0, [0])],
)
def test_data_forms(manager: BaseManager, data: Any, arguments: Any) -> None:
    """A.5 "emit data": tuple = several arguments, None = no argument, else one."""
    manager.broadcast("e", data, "/", None, None, None)
    assert manager.server.encoded == [(2, "/", None, ["e", *arguments])]


def test_one_encoding_for_all(manager: BaseManager) -> None:
    received = [add(manager, f"r{number}") for number in range(5)]
    manager.broadcast("e", 1, "/", None, None, None)
    assert len(manager.server.encoded) == 1
    assert len({id(messages[0]) for messages in received}) == 1


@pytest.mark.parametrize(("namespace", "room"), [("/nowhere", None), ("/", "nowhere"), ("/", []), ("/x", "a")])
def test_nobody_there(manager: BaseManager, namespace: str, room: Any) -> None:
    """A.5: an unknown namespace or room is silently ignored, and nothing is encoded for it."""
    manager.broadcast("e", object(), namespace, room, None, None)
    assert manager.server.encoded == []


def test_each_recipient_has_its_own_ack(manager: BaseManager) -> None:
    """A.5 "callback": with several recipients each gets its own ack id."""
    manager.broadcast("e", None, "/", "a", None, print)
    manager.broadcast("f", None, "/", "room", None, repr)
    assert manager.server.encoded == [(2, "/", 1, ["e"]), (2, "/", 2, ["f"]), (2, "/", 1, ["f"])]
    assert manager.member("a", "/").acks == {1: print, 2: repr}
    assert manager.member("b", "/").acks == {1: repr}


def test_who_is_leaving_answers_no_call(manager: BaseManager) -> None:
    """Not even one that its own disconnect handler makes, which would wait for itself."""
    add(manager, "late", state=MemberState.LEAVING)
    seen: list[str] = []
    manager.broadcast("e", None, "/", "late", None, Answer(print, lambda: seen.append("abandoned")))
    assert seen == ["abandoned"]


def test_who_is_connecting_gets_later_what_is_meant_for_it(manager: BaseManager) -> None:
    """Fault F073: nothing that others broadcast while the connect handler is running."""
    add(manager, "new", state=MemberState.CONNECTING)
    new = manager.member("new", "/")
    manager.broadcast("theirs", None, "/", None, None, None)
    assert new.early == []
    manager.broadcast("direct", None, "/", "new", None, None)
    own = copy_context()
    own.run(connecting.set, new)
    own.run(manager.broadcast, "own", None, "/", None, None, None)
    assert [manager.server.encoded[int(message.text or b"") - 1][3] for message in new.early] == [["direct"], ["own"]]


def test_intercepted(manager: BaseManager) -> None:
    """A.6: every send goes through _send_packet, but not before CONNECT and not after the end."""
    manager.server.intercepted = True
    add(manager, "new", state=MemberState.CONNECTING)
    add(manager, "late", state=MemberState.LEAVING)
    own = copy_context()
    own.run(connecting.set, manager.member("new", "/"))
    own.run(manager.broadcast, "e", 1, "/", None, "b", print)
    assert [packet[1:] for packet in manager.server.transmitted] == [(2, "/", 1, ["e", 1])]
    assert manager.server.transmitted[0][0].eio_sid == "eio-a"
    assert manager.member("new", "/").early == [(1, ["e", 1])]
    assert manager.server.encoded == []
