"""The state machine of a client: Socket.IO packets in, handlers and packets out (protocol.md D.3)."""

from __future__ import annotations

from typing import Any

import pytest

from socketio.acks import Answer
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


# Violations


@pytest.mark.parametrize(
    "packet", ['2["e"]', "3[]", "30[]", "1", "4{}", '2/a,["e"]', "1/a", '51-/a,["e",{}]', '450-["e"]']
)
def test_what_precedes_connect_closes(desk: Desk, packet: str) -> None:
    """D.3: the first packet is not CONNECT, or an EVENT for a namespace that was not joined."""
    connection = desk.connection()
    text(connection, packet)
    assert failed(connection)


MALFORMED = ["9", "abc", "2", "2{}", "2[]", '2["e"', "2[true]", '2["connect"]', '2["disconnecting"]', '20x["e"]']
MALFORMED += ["3", "3{}", "4{}", '4"no"', '1["x"]', "0[1]", '0"x"', "0null", '5["e"]', '50-["e"]', '511-["e",{}]']


@pytest.mark.parametrize("packet", ["", *MALFORMED])
def test_malformed_packets_close(desk: Desk, packet: str) -> None:
    """D.3 and the suite's "should close the connection upon invalid format"."""
    connection = desk.joined()
    text(connection, packet)
    assert failed(connection)
    assert desk.sent == []


# Events


def test_event_and_acknowledgement(desk: Desk) -> None:
    seen: list[Any] = []
    desk.registry.add("e", note(seen, "answer"), "/a")
    connection = desk.joined("/a")
    text(connection, '2/a,7["e",1,{"b":[2]}]', '2/a,["e"]')
    desk.run()
    assert seen == [("sid0", 1, {"b": [2]}), ("sid0",)]
    assert desk.sent == [(ACK, "/a", 7, ["answer"])]


@pytest.mark.parametrize(
    ("result", "arguments"),
    [
        (None, []),
        ((), []),
        ((1, 2), [1, 2]),
        ([1, 2], [[1, 2]]),
        (0, [0]),
        (False, [False]),
        ("", [""]),
        (b"x", [b"x"]),
    ],
)
def test_acknowledgement_forms(desk: Desk, result: Any, arguments: Any) -> None:
    """A.5 "ack of received event": None -> [], tuple -> list, else [value]."""
    desk.registry.add("e", lambda sid: result, "/")
    text(desk.joined(), '20["e"]')
    desk.run()
    assert desk.sent == [(ACK, "/", 0, arguments)]


def test_no_handler_no_acknowledgement(desk: Desk) -> None:
    """A.5: no handler at all -> no ACK."""
    connection = desk.joined()
    text(connection, '20["e"]')
    desk.run()
    assert desk.sent == [] and connection.count == 0


def test_a_failing_handler(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A TypeError of the body calls it once only; logged with its traceback, no ACK."""
    seen: list[Any] = []

    def handler(*arguments: Any) -> None:
        seen.append(arguments)
        raise TypeError("inside")

    desk.registry.add("e", handler, "/")
    connection = desk.joined()
    text(connection, '20["e",1]')
    desk.run()
    assert seen == [("sid0", 1)]
    assert desk.sent == [] and not failed(connection)
    assert "'e'" in caplog.text and "TypeError: inside" in caplog.text and "Traceback" in caplog.text


def test_numbers_are_event_names(desk: Desk) -> None:
    seen: list[Any] = []
    desk.registry.add(1, note(seen), "/")  # type: ignore[arg-type]  # of JavaScript applications
    text(desk.joined(), "2[1,2]")
    desk.run()
    assert seen == [("sid0", 2)]


def test_attachments(desk: Desk) -> None:
    """D.3: two attachments come in their order; they have a deadline."""
    seen: list[Any] = []
    desk.registry.add("e", note(seen), "/")
    connection = desk.joined()
    text(connection, '52-["e",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]')
    assert desk.delay == 30
    connection.receive_binary(b"0")
    assert desk.delay == 30
    connection.receive_binary(b"1")
    desk.run()
    assert desk.delay is None
    assert seen == [("sid0", b"1", [b"0"])]


@pytest.mark.parametrize("number", ["-1", "1", "0.5", "true", '"0"', "null"])
def test_placeholders_of_other_attachments_close(desk: Desk, number: str) -> None:
    connection = desk.joined()
    text(connection, f'51-["e",{{"_placeholder":true,"num":{number}}}]')
    connection.receive_binary(b"")
    assert failed(connection)


def test_a_text_among_attachments_closes(desk: Desk) -> None:
    connection = desk.joined()
    text(connection, '51-["e",{"_placeholder":true,"num":0}]', '2["e"]')
    assert failed(connection)


def test_a_stray_attachment_closes(desk: Desk) -> None:
    connection = desk.joined()
    connection.receive_binary(b"x")
    assert failed(connection)


def test_late_attachments_close(desk: Desk) -> None:
    connection = desk.joined()
    text(connection, '51-["e",{"_placeholder":true,"num":0}]')
    connection.expire(0)
    assert failed(connection)


def test_flow_control(desk: Desk) -> None:
    """Reading stops at the limit and goes on when half of the handlers are over."""
    desk.registry.add("e", lambda sid: None, "/")
    connection = desk.joined(limit=4)
    socket: Any = connection.socket
    text(connection, *['2["e"]'] * 3)
    assert not socket.halted
    text(connection, '2["e"]')
    assert socket.halted
    for count, halted in ((3, True), (2, False), (1, False), (0, False)):
        tasks = [desk.tasks.popleft() for _ in range(len(desk.tasks))]
        desk.tasks.append(tasks.pop(0))
        desk.run()
        desk.tasks.extend(tasks)
        assert (connection.count, socket.halted) == (count, halted)


# Acknowledgements of the client


def test_callbacks(desk: Desk) -> None:
    """D.3: ids belong to a namespace; an unknown, duplicate or foreign one is ignored."""
    seen: list[Any] = []
    connection = desk.joined()
    text(connection, "0/a")
    ack_id = connection.members["/"].expect_ack(note(seen))
    text(connection, "3/a,1[9]", "32[9]", "3[9]", f"3{ack_id}[1,2]", f"3{ack_id}[3]")
    desk.run()
    assert seen == [(1, 2)] and connection.count == 0 and not failed(connection)


def test_binary_acknowledgement(desk: Desk) -> None:
    seen: list[Any] = []
    connection = desk.joined()
    connection.members["/"].expect_ack(note(seen))
    text(connection, '61-1[{"_placeholder":true,"num":0}]')
    connection.receive_binary(b"x")
    desk.run()
    assert seen == [(b"x",)]


def test_a_failing_callback(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    connection = desk.joined()
    connection.members["/"].expect_ack(lambda: None)
    text(connection, "31[1]")
    desk.run()
    assert "TypeError" in caplog.text and connection.count == 0


def test_an_answer_does_not_wait_for_its_turn(desk: Desk) -> None:
    seen: list[Any] = []
    connection = desk.joined()
    connection.members["/"].expect_ack(Answer(seen.append, print))
    text(connection, "31[1]")
    assert seen == [(1,)] and not desk.tasks
