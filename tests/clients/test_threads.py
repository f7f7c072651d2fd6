"""What is particular to the clients for threads: concurrent emits, handlers that block, the end of a program."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import engineio
import socketio

from .processes import FOLDER, Server

FAST = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.2}
DEADLINE = 20


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Our server."""
    server = Server("python")
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Fail a test after which a thread is left over."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + 1
    while left := set(threading.enumerate()) - before:
        assert time.monotonic() < end, f"threads are left over: {left}"
        time.sleep(0.005)


def listen(client: socketio.Client, *names: str) -> queue.Queue[Any]:
    """Return what is heard of some events."""
    heard: queue.Queue[Any] = queue.Queue()
    for name in names:
        client.on(name, lambda *args, name=name: heard.put((name, *args)))
    return heard


def test_many_threads_may_emit_at_once(server: Server, transports: list[str]) -> None:
    client = socketio.Client()
    heard = listen(client, "back")
    client.connect(server.url, transports=transports)
    count = 60

    def emit(name: int) -> None:
        for number in range(count):
            client.emit("send back", (name, number, bytes([name]) * 2000, {"more": [bytes([number])]}))
            assert client.call("echo", (name, bytes([number])), timeout=DEADLINE) == (name, bytes([number]))

    threads = [threading.Thread(target=emit, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers: dict[int, list[int]] = {}
    for _ in range(8 * count):
        _, name, number, data, more = heard.get(timeout=DEADLINE)
        assert data == bytes([name]) * 2000
        assert more == {"more": [bytes([number])]}
        numbers.setdefault(name, []).append(number)
    assert all(numbers[name] == list(range(count)) for name in range(8))
    client.disconnect()


def test_a_burst_that_the_kernel_does_not_take_at_once(server: Server) -> None:
    client = socketio.Client()
    client.connect(server.url, transports="websocket")
    server.signal(signal.SIGSTOP)
    waiting = threading.Thread(target=lambda: [client.emit("echo", b"x" * 900_000) for _ in range(12)])
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive(), "12 MB should be more than the kernel and the queue take"
    assert client.eio.socket.queued <= client.eio.max_send_queue + 1_000_000
    server.signal(signal.SIGCONT)
    waiting.join(DEADLINE)
    assert not waiting.is_alive()
    assert client.call("echo", "after all", timeout=DEADLINE) == "after all"
    client.disconnect()


def test_emits_end_when_a_stopped_server_is_given_up(start_server: Callable[[], Server]) -> None:
    server = start_server()
    client = socketio.Client(reconnection=False, request_timeout=0.3)
    heard = listen(client, "disconnect")
    client.connect(server.url, transports="websocket")
    server.signal(signal.SIGSTOP)
    with pytest.raises(socketio.exceptions.BadNamespaceError):
        for _ in range(100):
            client.emit("echo", b"x" * 900_000)
    assert heard.get(timeout=DEADLINE) == ("disconnect", "ping timeout")
    client.wait()
    client.disconnect()


def test_a_handler_that_blocks_keeps_nobody_waiting(server: Server) -> None:
    client = socketio.Client()
    release = threading.Event()
    heard: queue.Queue[Any] = queue.Queue()

    @client.on("back")
    def back(number: int) -> None:
        if number == 0:
            release.wait()
        heard.put(number)

    client.connect(server.url)
    for number in range(50):
        client.emit("send back", number)
    assert [heard.get(timeout=DEADLINE) for _ in range(49)] == list(range(1, 50))
    release.set()
    assert heard.get(timeout=DEADLINE) == 0
    client.disconnect()


def test_a_handler_may_call_back(server: Server, transports: list[str]) -> None:
    client = socketio.Client()
    heard: queue.Queue[Any] = queue.Queue()

    @client.event
    def question(data: Any) -> Any:
        return client.call("echo", data, timeout=DEADLINE)

    @client.event
    def back(data: Any) -> None:
        heard.put(client.call("ask me", data, timeout=DEADLINE))

    client.connect(server.url, transports=transports)
    client.emit("send back", "a question")
    assert heard.get(timeout=DEADLINE) == "a question"
    client.disconnect()


def test_handlers_that_never_end_stop_the_reading(server: Server) -> None:
    client = socketio.Client(max_in_flight=5)
    release = threading.Event()
    count = 0

    @client.event
    def back() -> None:
        nonlocal count
        count += 1
        release.wait()

    client.connect(server.url, transports="websocket")
    for _ in range(20):
        client.emit("send back")
    time.sleep(0.3)
    assert count == 5
    release.set()
    client.call("echo", timeout=DEADLINE)
    while count < 20:
        time.sleep(0.01)
    client.disconnect()


def test_a_failing_handler_is_logged_and_the_next_one_runs(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    client = socketio.Client()
    heard = listen(client, "back")

    @client.event
    def question(data: Any) -> None:
        raise SystemExit(3)

    client.connect(server.url)
    with pytest.raises(socketio.exceptions.TimeoutError):
        client.call("ask me", 1, timeout=0.2)  # what fails is not acknowledged
    client.emit("send back", 1)
    assert heard.get(timeout=DEADLINE) == ("back", 1)
    client.disconnect()
    assert "handler of event 'question' failed" in caplog.text
    assert "SystemExit: 3" in caplog.text


def test_a_callback_is_told_of_a_lost_connection(start_server: Callable[[], Server], transports: list[str]) -> None:
    server = start_server()
    client = socketio.Client(reconnection=False)
    heard: queue.Queue[Any] = queue.Queue()
    client.connect(server.url, transports=transports)
    client.emit("echo", 1, callback=heard.put, on_error=heard.put)
    assert heard.get(timeout=DEADLINE) == 1
    client.emit("never", callback=heard.put, on_error=heard.put)
    client.call("echo")
    server.kill()
    assert isinstance(heard.get(timeout=DEADLINE), socketio.exceptions.DisconnectedError)
    client.disconnect()
    assert heard.empty()


def test_a_class_based_namespace(server: Server) -> None:
    heard: queue.Queue[Any] = queue.Queue()

    class Other(socketio.ClientNamespace):
        def on_connect(self) -> None:
            heard.put("connect")

        def on_back(self, data: Any) -> None:
            heard.put(data)

        def on_disconnect(self) -> None:
            heard.put("disconnect")

    client = socketio.Client()
    namespace = Other("/other")
    client.register_namespace(namespace)
    client.connect(server.url)
    assert heard.get(timeout=DEADLINE) == "connect"
    namespace.emit("send back", "x")
    assert heard.get(timeout=DEADLINE) == "x"
    assert namespace.call("echo", "y") == "y"
    namespace.send("nobody", callback=heard.put)
    namespace.disconnect()
    assert heard.get_nowait() == "disconnect"
    with pytest.raises(ValueError, match="Not a valid namespace class"):
        client.register_namespace(socketio.AsyncClientNamespace("/x"))


def test_disconnecting_inside_the_disconnect_handler(server: Server) -> None:
    client = socketio.Client()
    heard = queue.Queue[str]()

    @client.event
    def disconnect(reason: str) -> None:
        client.disconnect()
        heard.put(reason)

    client.connect(server.url)
    client.disconnect()
    assert heard.get_nowait() == "client disconnect"


def test_several_threads_disconnect_at_once(server: Server, transports: list[str]) -> None:
    for _ in range(5):
        client = socketio.Client()
        heard = listen(client, "disconnect")
        client.connect(server.url, transports=transports)
        threads = [threading.Thread(target=client.disconnect) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        assert heard.get_nowait() == ("disconnect", "client disconnect")
        assert heard.empty()


def test_connecting_while_the_connection_is_being_made_again(start_server: Callable[[], Server]) -> None:
    server = start_server()
    client = socketio.Client(reconnection_delay=100, reconnection_delay_max=100)
    heard = listen(client, "connect", "disconnect")
    client.connect(server.url)
    assert heard.get(timeout=DEADLINE) == ("connect",)
    with pytest.raises(socketio.exceptions.ConnectionError, match="Already connected"):
        client.connect(server.url)
    server.kill()
    assert heard.get(timeout=DEADLINE)[0] == "disconnect"
    server.start()
    client.connect(server.url)
    assert heard.get(timeout=DEADLINE) == ("connect",)
    client.disconnect()


def test_connections_come_and_go(server: Server, transports: list[str]) -> None:
    client = socketio.Client(**FAST)
    heard = listen(client, "connect")
    client.connect(server.url, transports=transports)
    for _ in range(10):
        heard.get(timeout=DEADLINE)
        client.emit("drop")
    heard.get(timeout=DEADLINE)
    assert client.call("echo", 1) == 1
    client.disconnect()


def test_an_engine_for_threads_on_its_own(server: Server) -> None:
    engine = engineio.Client()
    heard: queue.Queue[Any] = queue.Queue()
    engine.on("message", heard.put)
    engine.on("disconnect", heard.put)
    engine.connect(server.url, engineio_path="socket.io")
    engine.send("0")
    assert heard.get(timeout=DEADLINE).startswith("0{")
    assert engine.create_queue().empty()
    assert not engine.create_event().is_set()
    assert engine.get_queue_empty_exception() is queue.Empty
    engine.disconnect(abort=True, reason="enough")
    while (last := heard.get(timeout=DEADLINE)) != "enough":
        assert last.startswith("2[")
    with pytest.raises(engineio.exceptions.SocketIsClosedError):
        engine.send("x")


PROGRAM = """
import sys, socketio
client = socketio.Client()
client.on("disconnect", lambda reason: print(reason, flush=True))
client.connect(sys.argv[1], transports=sys.argv[2].split(","))
print("connected", flush=True)
"""


def program(*lines: str, url: str, transports: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM + "\n".join(lines), url, ",".join(transports)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=FOLDER)


def test_an_interrupt_disconnects(server: Server, transports: list[str]) -> None:
    with program("client.wait()", url=server.url, transports=transports) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"
        os.kill(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=DEADLINE)
    assert output == "client disconnect\n"
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT


def test_a_program_that_ends_without_disconnecting_ends(server: Server, transports: list[str]) -> None:
    with program("print(client.call('echo', 5))", url=server.url, transports=transports) as process:
        output, errors = process.communicate(timeout=DEADLINE)
    assert (output, errors, process.returncode) == ("connected\n5\n", "", 0)


@pytest.mark.parametrize(("package", "transport"), [("requests", "polling"), ("websocket", "websocket")])
def test_what_is_missing_is_named(package: str, transport: str) -> None:
    lines = f"""
import sys
sys.modules[{package!r}] = None
import socketio
try:
    socketio.Client().connect("http://127.0.0.1:1", transports={transport!r}, retry=True)
except RuntimeError as exc:
    print(exc)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", lines], capture_output=True, text=True, timeout=30)
    assert 'pip install "fast-socketio[client]"' in done.stdout, done.stderr
