"""The life of a client in a namespace: how it joins and leaves, in every order (protocol.md D.3)."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from engineio.interfaces import reason
from socketio.acks import Answer
from socketio.exceptions import ConnectionRefusedError
from socketio.members import MemberState
from socketio.protocol import Connection

from .hosts import Desk, text

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR = range(5)
CONNECTED = (CONNECT, "/", None, {"sid": "sid0"})


@pytest.fixture
def desk() -> Desk:
    return Desk()


def failed(connection: Connection) -> bool:
    return bool(connection.socket.failed)  # type: ignore[union-attr]


def note(seen: list[Any], result: Any = None) -> Any:
    def handler(*arguments: Any) -> Any:
        seen.append(arguments)
        return result

    return handler


# Joining


def test_connect_is_answered_with_the_sid(desk: Desk) -> None:
    connection = desk.connection()
    text(connection, "0")
    assert desk.sent == [CONNECTED]
    assert connection.members["/"].state is MemberState.CONNECTED


@pytest.mark.parametrize(
    ("packet", "auth"),
    [("0", None), ("0{}", {}), ('0{"token":1}', {"token": 1}), ("0/?a=1&b=x,", {"a": "1", "b": "x"})],
)
def test_connect_handler_gets_sid_environ_auth(desk: Desk, packet: str, auth: Any) -> None:
    seen: list[Any] = []
    desk.registry.add("connect", note(seen), "/")
    connection = desk.connection()
    text(connection, packet)
    assert desk.sent == []  # the answer waits for the handler
    desk.run()
    assert seen == [("sid0", {"REMOTE_ADDR": "192.0.2.7"}, auth)]
    assert seen[0][1] is connection.environ
    assert desk.sent == [CONNECTED]


@pytest.mark.parametrize(
    ("outcome", "payload"),
    [
        (False, {"message": "Connection rejected by server"}),
        (ConnectionRefusedError(), {"message": "Connection rejected by server"}),
        (ConnectionRefusedError("no", 1, 2), {"message": "no", "data": (1, 2)}),
        (builtins.ConnectionRefusedError("secret"), {"message": "Connection refused by server"}),
        (KeyError("secret"), {"message": "Connection refused by server"}),
    ],
)
def test_refusal(desk: Desk, outcome: Any, payload: Any) -> None:
    """A.5 "connect handler"; behaviours: another exception tells the client nothing about itself."""

    def refuse(sid: str, environ: Any) -> Any:
        if outcome is False:
            return False
        raise outcome

    desk.registry.add("connect", refuse, "/")
    connection = desk.connection()
    text(connection, "0")
    member = desk.members[0]
    desk.run()
    assert desk.sent == [(CONNECT_ERROR, "/", None, payload)]
    assert member.state is MemberState.GONE and connection.members == {} and desk.left_ == ["sid0"]
    # The transport stays open, and the client may try again.
    assert not failed(connection) and desk.over == 0
    text(connection, "0")


@pytest.mark.parametrize("result", [None, True, 0, "", [], object()])
def test_only_false_refuses(desk: Desk, result: Any) -> None:
    desk.registry.add("connect", lambda sid, environ: result, "/")
    text(desk.connection(), "0")
    desk.run()
    assert desk.sent == [CONNECTED]


def test_unknown_namespace(desk: Desk) -> None:
    """D.3: `44/random,{"message":"Invalid namespace"}`; the name that comes back has an end (faults F050)."""
    connection = desk.connection()
    text(connection, "0/random", "0/" + "x" * 1000 + ",")
    assert desk.sent[0] == (CONNECT_ERROR, "/random", None, {"message": "Invalid namespace"})
    assert desk.sent[1][1] == "/" + "x" * 255
    assert not failed(connection) and desk.members == []


def test_too_many_namespaces(desk: Desk) -> None:
    connection = desk.connection()
    text(connection, "0", "0/a", "0/b", "0/c")
    assert [sent[0] for sent in desk.sent] == [CONNECT, CONNECT, CONNECT, CONNECT_ERROR]
    text(connection, "1/a", "0/c")
    assert desk.sent[-1][0] == CONNECT


def test_second_connect_closes(desk: Desk) -> None:
    """D.3: a second CONNECT to the same namespace closes the whole connection."""
    connection = desk.joined()
    text(connection, "0")
    assert failed(connection)


def test_second_connect_while_the_first_is_handled(desk: Desk) -> None:
    desk.registry.add("connect", lambda sid, environ: None, "/")
    connection = desk.connection()
    text(connection, "0", "0")
    assert failed(connection)


def test_packets_wait_for_the_connect_handler(desk: Desk) -> None:
    seen: list[Any] = []
    desk.registry.add("connect", lambda sid, environ: None, "/")
    desk.registry.add("e", note(seen, "answer"), "/")
    connection = desk.connection()
    text(connection, "0", '20["e",1]', '51-["e",{"_placeholder":true,"num":0}]')
    connection.receive_binary(b"\0")
    assert len(desk.tasks) == 1
    desk.run()
    assert seen == [("sid0", 1), ("sid0", b"\0")]
    assert desk.sent == [CONNECTED, (ACK, "/", 0, ["answer"])]


def test_not_too_many_of_them(desk: Desk) -> None:
    desk.registry.add("connect", lambda sid, environ: None, "/")
    connection = desk.connection()
    text(connection, "0", *['2["e"]'] * 64)
    assert not failed(connection)
    text(connection, '2["e"]')
    assert failed(connection)


def test_one_after_the_other_includes_the_connect_handler(desk: Desk) -> None:
    """A.5 "async_handlers": False is inline in the receive loop."""
    desk.registry.add("connect", lambda sid, environ: None, "/")
    connection = desk.connection(limit=1)
    socket: Any = connection.socket
    text(connection, "0")
    assert socket.halted
    desk.run()
    assert not socket.halted and connection.count == 0


def test_a_reason_that_is_not_json(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """The program's mistake is logged, and the client gets an answer all the same."""

    def refuse(sid: str, environ: Any) -> None:
        raise ConnectionRefusedError("no", object())

    desk.registry.add("connect", refuse, "/")
    desk.serialize = True
    text(desk.connection(), "0")
    desk.run()
    assert desk.sent == [(CONNECT_ERROR, "/", None, {"message": "Connection refused by server"})]
    assert desk.left_ == ["sid0"] and "not JSON serializable" in caplog.text


def test_held_packets_of_a_refused_client_are_dropped(desk: Desk) -> None:
    seen: list[Any] = []
    desk.registry.add("connect", lambda sid, environ: False, "/")
    desk.registry.add("e", note(seen), "/")
    text(desk.connection(), "0", '2["e"]')
    desk.run()
    assert seen == [] and len(desk.sent) == 1


@pytest.mark.parametrize("outcome", [None, False])
def test_always_connect(desk: Desk, outcome: Any) -> None:
    """A.5 "always_connect": CONNECT first; on rejection DISCONNECT, whose payload D.3 does not allow."""
    desk.always_connect = True
    desk.registry.add("connect", lambda sid, environ: outcome, "/")
    desk.registry.add("disconnect", lambda sid: pytest.fail("it never was connected"), "/")
    connection = desk.connection()
    text(connection, "0")
    assert desk.sent == [CONNECTED]
    desk.run()
    assert desk.sent[1:] == ([] if outcome is None else [(DISCONNECT, "/", None, None)])
    assert desk.left_ == ([] if outcome is None else ["sid0"])


# Leaving


@pytest.mark.parametrize(
    ("arity", "arguments"), [(1, ("sid0",)), (2, ("sid0", "client disconnect")), (3, ("sid0", "client disconnect"))]
)
def test_disconnect_packet(desk: Desk, arity: int, arguments: Any) -> None:
    """A.5 "disconnect handler": (sid, reason), or (sid). D.3: no reply; other namespaces live on."""
    seen: list[Any] = []
    handlers = [
        lambda sid: seen.append((sid,)),
        lambda sid, reason: seen.append((sid, reason)),
        lambda sid, reason=None: seen.append((sid, reason)),
    ]
    desk.registry.add("disconnect", handlers[arity - 1], "/")  # type: ignore[arg-type]
    connection = desk.joined()
    text(connection, "0/a", "1")
    member = desk.members[0]
    assert member.state is MemberState.LEAVING and desk.left_ == []
    desk.run()
    assert seen == [arguments]
    assert member.state is MemberState.GONE and desk.left_ == ["sid0"]
    assert len(desk.sent) == 1 and list(connection.members) == ["/a"] and not failed(connection)


def test_the_connection_closes(desk: Desk) -> None:
    seen: list[Any] = []
    desk.registry.add("disconnect", lambda namespace, sid, why: seen.append((namespace, why)), "*")
    connection = desk.joined()
    text(connection, "0/a")
    connection.closed(reason.PING_TIMEOUT)
    connection.closed(reason.PING_TIMEOUT)
    assert desk.over == 0
    desk.run()
    assert seen == [("/", "ping timeout"), ("/a", "ping timeout")]
    assert desk.over == 1 and desk.left_ == ["sid0", "sid1"]


@pytest.mark.parametrize("how", ["client disconnect", "ping timeout", "transport close"])
def test_leaving_during_the_connect_handler(desk: Desk, how: str) -> None:
    """Exactly one disconnect event, after the connect handler, with the reason; the client is told nothing more."""
    seen: list[Any] = []
    desk.registry.add("connect", lambda sid, environ: seen.append("connect"), "/")
    desk.registry.add("disconnect", lambda sid, why: seen.append(why), "/")
    connection = desk.connection()
    text(connection, "0")
    if how == "client disconnect":
        text(connection, "1")
    else:
        connection.closed(how)
    desk.run()
    assert seen == ["connect", how]
    assert desk.sent == [] and desk.left_ == ["sid0"]
    connection.closed(how)
    desk.run()
    assert len(seen) == 2 and desk.over == 1


def test_leaving_and_being_refused_is_no_disconnect(desk: Desk) -> None:
    desk.registry.add("connect", lambda sid, environ: False, "/")
    desk.registry.add("disconnect", lambda sid: pytest.fail("it never was connected"), "/")
    connection = desk.connection()
    text(connection, "0")
    connection.closed(reason.TRANSPORT_CLOSE)
    desk.run()
    assert desk.sent == [] and desk.left_ == ["sid0"] and desk.over == 1


def test_a_connection_ends_with_the_last_of_its_handlers(desk: Desk) -> None:
    """behaviours: get_environ works in the disconnect handler, so until then the connection is known."""
    over: list[int] = []
    desk.registry.add("connect", lambda namespace, sid, environ: None, "*")
    desk.registry.add("disconnect", lambda namespace, sid: over.append(desk.over), "*")
    connection = desk.connection()
    text(connection, "0", "0/a")
    connection.closed(reason.TRANSPORT_CLOSE)
    slow = desk.tasks.pop()
    desk.run()
    assert over == [0]
    desk.tasks.append(slow)
    desk.run()
    assert over == [0, 0] and desk.over == 1


def test_joining_again_while_the_first_is_still_refused(desk: Desk) -> None:
    answers = [False, None]
    desk.registry.add("connect", lambda sid, environ: answers.pop(0), "/")
    connection = desk.connection()
    text(connection, "0", "1", "0")
    desk.run()
    assert desk.sent == [(CONNECT, "/", None, {"sid": "sid1"})]
    assert connection.members["/"].sid == "sid1" and desk.left_ == ["sid0"]


def test_a_failing_disconnect_handler(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def handler(sid: str) -> None:
        raise RuntimeError("inside")

    desk.registry.add("disconnect", handler, "/")
    text(desk.joined(), "1")
    desk.run()
    assert "RuntimeError: inside" in caplog.text and desk.left_ == ["sid0"]


def test_expiry(desk: Desk) -> None:
    """D.3: no namespace within the connect timeout -> close."""
    idle, joined = desk.connection(), desk.joined()
    idle.expire(0)
    joined.expire(0)
    assert failed(idle) and not failed(joined)


def test_a_connect_handler_that_hangs(desk: Desk) -> None:
    """Fault F054: an answer within the connect timeout, and no half-joined client."""
    desk.registry.add("connect", lambda sid, environ: None, "/")
    connection = desk.connection()
    connection.receive_packet(0, "/", None, None)
    member = connection.members["/"]
    assert desk.delay == desk.connect_timeout
    member.expire(0)
    assert desk.sent == [(4, "/", None, {"message": "Connection timed out"})]
    assert (connection.members, desk.left_, desk.cancelled) == ({}, [member.sid], [member.sid])
    desk.run()  # it comes to its end all the same
    assert len(desk.sent) == 1 and desk.left_ == [member.sid] and connection.count == 0


def test_calls_are_abandoned_at_the_end(desk: Desk) -> None:
    seen: list[Any] = []
    connection = desk.joined()
    connection.members["/"].expect_ack(Answer(print, lambda: seen.append("abandoned")))
    connection.closed(reason.TRANSPORT_CLOSE)
    assert seen == ["abandoned"]
