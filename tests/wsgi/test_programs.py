"""Programs as tutorials show them, in `programs/`, as they are but for the port."""

from __future__ import annotations

import queue
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from js_client import Clients, Driver
from serving import DEADLINE

import socketio

from .processes import FOLDER, WsgiProcess

Start = Callable[[str], WsgiProcess]


@pytest.fixture
def start_program() -> Iterator[Start]:
    """A function that starts a program of the folder."""
    programs: list[WsgiProcess] = []

    def start(name: str) -> WsgiProcess:
        programs.append(WsgiProcess(FOLDER / "run_program.py", name))
        return programs[-1]

    yield start
    for program in programs:
        program.close()


class Caller:
    """One of our clients, and queues of what it receives."""

    def __init__(self, program: WsgiProcess, namespace: str = "/", **options: Any) -> None:
        self.client = socketio.Client(reconnection=False)
        self.events: dict[str, queue.Queue[Any]] = {}
        for event in ("my response", "reply", "my reply", "disconnect", "my_response", "note", "remembered"):
            self.events[event] = queue.Queue()
            self.client.on(event, self.events[event].put, namespace=namespace)
        self.client.on("remembered", lambda *args: self.events["remembered"].put(args))
        self.client.on("note", lambda data: ("noted", data))
        self.client.on("question", lambda question: question + "!")
        self.client.connect(program.url, namespaces=[namespace], **options)

    def take(self, event: str) -> Any:
        return self.events[event].get(timeout=DEADLINE)


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        text: str = response.read().decode()
        return text


def test_static_page(start_program: Start, get_driver: Callable[[], Driver]) -> None:
    program = start_program("static_page")
    assert "static content" in fetch(program.url + "/")
    caller = Caller(program)
    caller.client.emit("my message", {"a": 1})
    assert caller.take("reply") == {"a": 1}
    clients = Clients(get_driver(), program, "upgrade")
    official = clients.connect()
    official.emit("my message", b"bytes")
    assert official.receive("reply") == [b"bytes"]
    sid = caller.client.get_sid()
    caller.client.disconnect()
    program.reports.take(type="text", text=f"disconnect {sid}")
    clients.close()


def test_middleware(start_program: Start) -> None:
    program = start_program("middleware")
    one, two, three = Caller(program), Caller(program, transports=["polling"]), Caller(program)
    assert one.take("my response") == {"data": "Connected", "count": 0}
    one.client.emit("say", "only to me")
    assert one.take("reply") == "only to me"
    for caller in (one, two):
        caller.client.call("begin chat")
    one.client.call("my message", 1)
    assert two.take("my reply") == 1
    one.client.call("exit chat")
    two.client.call("my message", 2)
    three.client.call("begin chat")
    one.client.call("my message", 3)
    assert [caller.take("my reply") for caller in (two, three)] == [3, 3]
    one.client.call("end chat")
    two.client.call("my message", 4)
    three.client.call("say", "last")
    assert three.take("reply") == "last"
    sid = three.client.get_sid()
    three.client.emit("goodbye")
    assert three.take("disconnect") == "server disconnect"
    program.reports.take(type="text", text=f"disconnect {sid}")
    assert all(caller.events[event].empty() for caller in (one, two, three) for event in ("reply", "my reply"))
    for caller in (one, two):
        caller.client.disconnect()


def test_flask_under_gunicorn(start_program: Start) -> None:
    program = start_program("flask_gunicorn")
    assert fetch(program.url) == "an index"
    # What Python's own exception of that name says may be meant for others.
    for auth, message in (({}, "Connection refused by server"), ({"username": "evil"}, "authentication failed")):
        refusals: list[Any] = []
        client = socketio.Client()
        client.on("connect_error", refusals.append)
        with pytest.raises(socketio.exceptions.ConnectionError):
            client.connect(program.url, auth=auth, transports=["websocket"])
        assert refusals == [{"message": message}]
    caller = Caller(program, auth={"username": "miguel"})
    assert caller.client.call("who") == ("miguel", 1)
    assert caller.client.call("who") == ("miguel", 2)
    caller.client.disconnect()
    program.reports.take(type="text", text="bye miguel")


def test_background_task_and_callbacks(start_program: Start) -> None:
    program = start_program("background")
    caller = Caller(program)
    assert fetch(program.url) == "started"
    assert [caller.take("my_response")["count"] for _ in range(3)] == [1, 2, 3]
    assert caller.client.call("ask", "why") == ("the answer is", "why!")
    caller.client.emit("remember", "this")
    assert caller.take("remembered") == ("noted", "this")
    caller.client.disconnect()


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], None])
def test_class_based(transports: list[str] | None, start_program: Start) -> None:
    program = start_program("class_based")
    caller = Caller(program, "/test", transports=transports)
    assert caller.client.call("my_event", {"data": b"1"}, namespace="/test") == ("ok", 1)
    assert caller.take("my_response") == {"data": b"1"}
    assert caller.client.transport() == ("polling" if transports == ["polling"] else "websocket")
    sid = caller.client.get_sid("/test")
    caller.client.disconnect()
    program.reports.take(type="text", text=f"disconnect {sid}")
