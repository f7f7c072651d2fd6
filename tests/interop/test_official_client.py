"""The official JavaScript client, version 4, against our servers: every way to serve, every way to connect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from js_client import Clients, from_json
from ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from js_client import Driver
    from serving import ServerProcess

    StartServer = Callable[..., ServerProcess]


# Connecting


def test_connect_gives_the_client_the_sid_of_the_handler(clients: Clients, server: ServerProcess) -> None:
    client = clients.connect()
    assert server.reports.take(type="connect", sid=client.id)["auth"] is None
    assert client.receive("welcome") == [{"sid": client.id, "auth": None}]


def test_auth_reaches_the_connect_handler(clients: Clients, server: ServerProcess) -> None:
    auth = {"token": "Straße ✓", "nested": [1, {"two": None}]}
    client = clients.connect(auth=auth)
    assert server.reports.take(type="connect", sid=client.id)["auth"] == auth


def test_the_server_knows_the_transport(clients: Clients, how: str) -> None:
    client = clients.connect()
    assert client.call("transport") == ["polling" if how == "polling" else "websocket"]


def test_connect_handler_refuses_with_an_error(clients: Clients) -> None:
    refused = clients.open(auth={"refusal": "error"}).take("connect_error")
    assert (refused["message"], refused["data"]) == ("not welcome", {"code": 42})


def test_connect_handler_refuses_with_a_message_alone(clients: Clients) -> None:
    refused = clients.open(auth={"refusal": "message"}).take("connect_error")
    assert (refused["message"], refused["data"]) == ("not welcome", None)


def test_connect_handler_refuses_with_false(clients: Clients) -> None:
    refused = clients.open(auth={"refusal": "false"}).take("connect_error")
    assert refused["message"]


def test_an_exception_in_the_connect_handler_refuses_and_tells_nothing(clients: Clients) -> None:
    refused = clients.open(auth={"refusal": "crash"}).take("connect_error")
    assert refused["message"]
    assert "secret" not in json.dumps(refused)
    assert "RuntimeError" not in json.dumps(refused)


def test_a_refused_client_may_join_another_namespace_of_the_connection(clients: Clients) -> None:
    refused = clients.open(auth={"refusal": "false"})
    refused.take("connect_error")
    other = clients.open("/static", manager=refused.manager).wait_connected()
    assert other.call("echo", 1) == [1]


# Events


@pytest.mark.parametrize(
    "args",
    [
        [],
        [1],
        ["text", 2, None, True, 1.5, {"a": [1, {"b": []}]}, ["x"]],
        ["", "Grüße", "日本語", "🦄👩‍👩‍👧", 'nul \x00 quote " backslash \\ \u2028\u2029 \x1e'],
        [0, -1, 2**53 - 1, -(2**53) + 1, 1e-7, 1.7976931348623157e308],
    ],
    ids=["none", "one", "several", "unicode", "numbers"],
)
def test_arguments_survive_the_way_there_and_back(clients: Clients, args: list[Any]) -> None:
    client = clients.connect()
    client.emit("echo", *args)
    assert client.receive("echo") == args


def test_event_names_may_be_any_text(clients: Clients) -> None:
    client = clients.connect()
    for event in ("Grüße 🦄", 'quote " and , comma', "[]", "__proto__"):
        assert client.call(event, 1) == ["caught"]
        assert client.receive("caught") == [event, 1]


def test_a_big_payload_both_ways(clients: Clients) -> None:
    client = clients.connect()
    text = "0123456789" * 50_000
    client.emit("echo", text)
    assert client.receive("echo") == [text]


def test_an_event_without_a_handler_goes_to_the_catch_all(clients: Clients) -> None:
    client = clients.connect()
    client.emit("nobody knows", 1, "two", b"3")
    assert client.receive("caught") == ["nobody knows", 1, "two", b"3"]


def test_a_handler_that_raises_sends_no_ack_and_harms_nothing_else(clients: Clients, driver: Driver) -> None:
    client = clients.connect()
    client.driver.send("emit", socket=client.name, event="crash", args=[], ack="crash")
    assert client.call("ack_one", 1) == [1]
    assert driver.reports.take_all(type="ack", ack="crash") == []


# Acknowledgements


@pytest.mark.parametrize(
    ("event", "args", "answer"),
    [
        ("ack_none", [], []),
        ("ack_one", [1], [1]),
        ("ack_sync", ["sync"], ["sync"]),
        ("ack_one", [[1, 2]], [[1, 2]]),
        ("ack_tuple", [1, "two", {"three": 3}], [1, "two", {"three": 3}]),
        ("ack_tuple", [], []),
        ("ack_one", [{"deep": [b"bytes"]}], [{"deep": [b"bytes"]}]),
    ],
)
def test_the_server_acknowledges_with_what_its_handler_returns(
    clients: Clients, event: str, args: list[Any], answer: list[Any]
) -> None:
    assert clients.connect().call(event, *args) == answer


@pytest.mark.parametrize("answer", [[], [1], [1, "two", None], [{"a": b"bytes"}, b""]])
def test_emit_with_a_callback_gets_the_answer_of_the_client(
    clients: Clients, server: ServerProcess, answer: list[Any]
) -> None:
    client = clients.connect()
    client.answer("question", *answer)
    client.emit("ask", "how", b"many")
    assert client.receive("question") == ["how", b"many"]
    assert from_json(server.reports.take(type="answer", sid=client.id)["answer"]) == answer


@pytest.mark.parametrize(
    ("answer", "kind", "value"),
    [([], "NoneType", None), ([1], "int", 1), ([1, "two"], "tuple", [1, "two"]), ([[1, 2]], "list", [1, 2])],
    ids=["none", "one", "two", "list"],
)
def test_call_returns_the_answer_of_the_client(clients: Clients, answer: list[Any], kind: str, value: Any) -> None:
    client = clients.connect()
    client.answer("question", *answer)
    assert client.call("call", "how many") == [{"kind": kind, "answer": value}]


# Binary


@pytest.mark.parametrize(
    "args",
    [
        [b"\x00\x01\xff"],
        [b""],
        [{"a": [b"first", {"b": b"second"}], "c": "text"}, b"third", 4],
        [bytes([n]) * 1_000 for n in range(10)],
    ],
    ids=["one", "empty", "nested", "ten"],
)
def test_binary_attachments_both_ways(clients: Clients, args: list[Any]) -> None:
    client = clients.connect()
    client.emit("echo", *args)
    assert client.receive("echo") == args


def test_big_binary_both_ways(clients: Clients) -> None:
    client = clients.connect()
    blob = bytes(range(256)) * 2_000
    client.emit("echo", blob)
    assert client.receive("echo") == [blob]


# Rooms


def test_rooms_to_enter_leave_and_close(clients: Clients) -> None:
    one, two, three = (clients.connect() for _ in range(3))
    room, other = f"{one.id} room", f"{one.id} other"
    assert one.call("enter", room) == [] == two.call("enter", room)
    assert three.call("enter", other) == []
    assert one.call("rooms") == [sorted([one.id, room])]

    three.emit("say", "to the room", room, None)
    three.emit("say", "to both", [room, other], None)
    assert [one.receive("said"), one.receive("said")] == [["to the room"], ["to both"]]
    assert [two.receive("said"), two.receive("said")] == [["to the room"], ["to both"]]
    assert three.receive("said") == ["to both"]

    one.emit("say", "not to me", [room, other], one.id)
    one.emit("say", "not to us", [room, other], [one.id, two.id])
    assert two.receive("said") == ["not to me"]
    assert [three.receive("said"), three.receive("said")] == [["not to me"], ["not to us"]]

    assert two.call("leave", room) == []
    assert three.call("close", other) == []
    for text, to in (("after", [room, other]), ("end", [one.id, two.id, three.id])):
        one.emit("say", text, to, None)
    assert [one.receive("said"), one.receive("said")] == [["after"], ["end"]]
    assert two.receive("said") == ["end"]
    assert three.receive("said") == ["end"]
    assert three.call("rooms") == [[three.id]]


def test_a_client_in_several_of_the_rooms_gets_one_copy(clients: Clients) -> None:
    client = clients.connect()
    rooms = [f"{client.id} {n}" for n in range(3)]
    for room in rooms:
        client.call("enter", room)
    client.emit("say", "once", rooms, None)
    client.emit("say", "end", client.id, None)
    assert [client.receive("said"), client.receive("said")] == [["once"], ["end"]]


def test_an_emit_without_a_room_reaches_everyone_and_an_unknown_room_nobody(clients: Clients) -> None:
    one, two = clients.connect(), clients.connect()
    one.emit("say", "nobody", f"{one.id} no such room", None)
    one.emit("say", one.id, None, None)
    assert one.receive("said") == [one.id]
    assert two.receive("said") == [one.id]


def test_a_session_lasts_as_long_as_its_client(clients: Clients) -> None:
    client, other = clients.connect(), clients.connect()
    client.call("remember", {"name": "Ada"})
    assert client.call("recall") == [{"value": {"name": "Ada"}}]
    assert other.call("recall") == [{}]


# Namespaces


def test_several_namespaces_on_one_connection(clients: Clients, server: ServerProcess) -> None:
    main = clients.connect()
    static = clients.open("/static", manager=main.manager, auth={"for": "static"}).wait_connected()
    of_class = clients.open("/class", manager=main.manager, auth={"for": "class"}).wait_connected()
    assert len({main.id, static.id, of_class.id}) == 3
    assert server.reports.take(type="connect", sid=static.id)["auth"] == {"for": "static"}
    assert server.reports.take(type="connect", sid=of_class.id)["auth"] == {"for": "class"}
    for client, label in ((main, []), (static, ["static"]), (of_class, ["class"])):
        client.emit("echo", 1, b"2")
        assert client.receive("echo") == [*label, 1, b"2"]
    assert static.call("echo", "a") == ["a"]
    assert of_class.call("echo", "a", b"b") == ["a", b"b"]

    static.disconnect()
    assert static.take("disconnect")["reason"] == "io client disconnect"
    assert server.reports.take(type="disconnect", sid=static.id)["reason"] == "client disconnect"
    assert main.call("ack_one", "alive") == ["alive"]
    assert of_class.call("echo", "alive") == ["alive"]


def test_an_unknown_namespace_is_refused_and_harms_nothing_else(clients: Clients) -> None:
    main = clients.connect()
    refused = clients.open("/nowhere", manager=main.manager).take("connect_error")
    assert (refused["message"], refused["data"]) == ("Invalid namespace", None)
    assert main.call("ack_one", "alive") == ["alive"]


def test_the_server_may_disconnect_a_client_from_one_namespace(clients: Clients) -> None:
    main = clients.connect()
    static = clients.open("/static", manager=main.manager).wait_connected()
    static.emit("throw_out")
    assert static.take("disconnect")["reason"] == "io server disconnect"
    assert main.call("ack_one", "alive") == ["alive"]


# Disconnecting


def test_a_server_side_disconnect(clients: Clients, server: ServerProcess) -> None:
    client = clients.connect()
    client.emit("throw_out")
    assert client.take("disconnect")["reason"] == "io server disconnect"
    assert server.reports.take(type="disconnect", sid=client.id)["reason"] == "server disconnect"


def test_a_client_side_disconnect_leaves_the_rooms_readable_in_the_handler(
    clients: Clients, server: ServerProcess
) -> None:
    client = clients.connect()
    client.call("enter", "a room")
    client.disconnect()
    ended = server.reports.take(type="disconnect", sid=client.id)
    assert ended["reason"] == "client disconnect"
    assert ended["rooms"] == sorted(["a room", client.id])


def test_a_client_may_come_back(clients: Clients) -> None:
    client = clients.connect()
    first = client.id
    client.disconnect()
    client.take("disconnect")
    client.driver.send("connect", socket=client.name)
    assert client.wait_connected().id != first
    assert client.call("ack_one", 1) == [1]


# Order


def test_no_event_is_lost_doubled_or_reordered_by_the_upgrade(clients: Clients, how: str) -> None:
    # The driver starts the upgrade itself, so that it falls into the midst of the events.
    client = clients.open(numbers={"total": 1_000, "upgrade": how == "upgrade"}, options={"upgrade": False})
    sent = client.take("numbers_sent")
    transports = {"polling": ["polling", "polling"], "websocket": ["websocket", "websocket"]}
    assert sent["transports"] == transports.get(how, ["polling", "websocket"])
    count = sent["count"]
    assert count >= 1_000
    assert [client.receive("number") for _ in range(count)] == [[n] for n in range(count)]
    assert client.call("numbers_seen") == [list(range(count))]


# msgpack


def test_the_msgpack_parser(clients: Clients, server: ServerProcess) -> None:
    client = clients.connect(path="/msgpack/", msgpack=True, auth={"token": b"\x01"})
    assert from_json(server.reports.take(type="connect", sid=client.id)["auth"]) == {"token": b"\x01"}
    args = ["Grüße 🦄", 1, -1.5, None, True, {"bytes": [b"\x00\xff", b""]}, 2**40]
    client.emit("echo", *args)
    assert client.receive("echo") == args
    assert client.call("ack_tuple", b"one", 2) == [b"one", 2]
    client.answer("question", b"answer")
    client.emit("ask", "question")
    assert from_json(server.reports.take(type="answer", sid=client.id)["answer"]) == [b"answer"]
    static = clients.open("/static", manager=client.manager, path="/msgpack/").wait_connected()
    assert static.call("echo", 1) == [1]
    refused = clients.open("/nowhere", manager=client.manager, path="/msgpack/").take("connect_error")
    assert refused["message"] == "Invalid namespace"
    client.emit("throw_out")
    assert client.take("disconnect")["reason"] == "io server disconnect"


# The server goes away


@pytest.mark.parametrize("way", WAYS)
def test_the_client_reconnects_after_the_server_was_killed(
    driver: Driver, start_server: StartServer, way: str, how: str
) -> None:
    server = start_server(way)
    clients = Clients(driver, server, how)
    delays = {"reconnectionDelay": 50, "reconnectionDelayMax": 200}
    client = clients.connect(options={"reconnection": True, **delays})
    first = client.id
    server.kill()
    assert client.take("disconnect")["reason"] in ("transport close", "transport error")
    client.emit("echo", "sent while the server was away")
    server = start_server(way, server.port)
    assert client.wait_connected().id != first
    assert client.receive("echo") == ["sent while the server was away"]
    assert client.call("ack_one", 1) == [1]
    clients.close()


def test_sigterm_closes_every_client_and_runs_the_disconnect_handlers(
    driver: Driver, start_server: StartServer, how: str
) -> None:
    server = start_server("embedded")
    clients = Clients(driver, server, how)
    first, second = clients.connect(), clients.connect()
    static = clients.open("/static", manager=second.manager).wait_connected()
    # The deadline is the promise made to operators, not a measure of speed.
    assert server.terminate(deadline=5) == 0, server.errors
    for client in (first, second, static):
        reason = client.take("disconnect")["reason"]
        assert reason in ("transport close", "transport error", "io server disconnect")
        assert server.reports.take(type="disconnect", sid=client.id)["reason"]
    assert "Traceback" not in server.errors
    clients.close()
