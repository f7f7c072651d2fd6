"""`socketio.run`: what it serves, how it fails to start, and how it stops."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import socketio

from ..engineio.bindings.live import DEADLINE, Client, handshake, head_of
from ..engineio.bindings.server_process import ServerProcess

PROGRAM = str(Path(__file__).with_name("embedded_app.py"))
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"
POLLING = "/socket.io/?EIO=4&transport=polling"
WHERE = ("server", "app", "hooks", "front", "mounted")


@contextlib.contextmanager
def running(**options: Any) -> Iterator[ServerProcess]:
    """Run the program; at its end it must not have been in trouble."""
    with ServerProcess(PROGRAM, json.dumps(options)) as process:
        yield process
    output = process.output
    # A handler that does not come to its end shows where it was.
    trouble = () if options.get("goodbye", 0) is None else ("Traceback",)
    for sign in (*trouble, "never retrieved", "never awaited", "was destroyed but it is pending"):
        assert sign not in output, output


def connect(port: int) -> Client:
    return Client(socket.create_connection(("127.0.0.1", port), DEADLINE))


def joined(port: int) -> Client:
    """Return a client that has joined the namespace over a WebSocket."""
    client = connect(port)
    assert head_of(client.ask(handshake(WEBSOCKET)))[0] == 101
    assert (client.receive() or (0, b""))[1].startswith(b"0{")
    client.send("40")
    assert (client.receive() or (0, b""))[1].startswith(b"40{")
    return client


def assert_restarting(client: Client) -> None:
    """Assert that the server ends the connection with the close frame of a restart."""
    while (frame := client.receive()) is not None and frame[0] != 8:
        pass
    assert frame is not None
    assert frame[1][:2] == (1012).to_bytes(2, "big")
    client.close(1012)
    assert client.receive() is None


def post(client: Client, target: str, body: bytes) -> bytes:
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (target.encode(), len(body))
    return client.ask(head + body)


def get(target: str) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % target.encode()


def polling(client: Client) -> str:
    """Join the namespace over polling; return where the session is polled."""
    body = client.ask(get(POLLING)).partition(b"\r\n\r\n")[2]
    target = f"{POLLING}&sid={json.loads(body[1:])['sid']}"
    assert post(client, target, b"40").endswith(b"ok")
    assert b"40{" in client.ask(get(target))
    return target


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize(("number", "goodbye"), [(signal.SIGTERM, 1), (signal.SIGINT, 0)])
def test_stop(where: str, number: int, goodbye: int) -> None:
    with running(where=where, goodbye=goodbye) as process, contextlib.ExitStack() as stack:
        port = process.port
        client = stack.enter_context(joined(port))
        client.send('421["echo",5]')
        assert client.receive() == (1, b"431[5]")
        poller = stack.enter_context(connect(port))
        poller.sock.sendall(get(polling(poller)))
        stack.enter_context(connect(port))  # one that asks for nothing
        process.signal(number)
        assert_restarting(client)
        answer = poller.answer()
        assert head_of(answer)[0] == 200
        assert answer.endswith((b"\x1e1", b"\r\n\r\n1"))
        assert process.wait() == 0
        output = process.output
        assert output.count("leaving: server disconnect") == 2
        assert output.count("left") == 2
        assert output.endswith("end of the program\n")
        if where in ("hooks", "front", "mounted"):
            assert output.index("startup") < output.index("come")
            assert output.index("left") < output.index("shutdown")


@pytest.mark.parametrize("options", [{"http": "h11"}, {"loop": "asyncio"}, {"ws": "websockets-sansio"}])
def test_stop_with_other_implementations(options: dict[str, str]) -> None:
    with running(where="mounted", **options) as process:
        with joined(process.port) as client, connect(process.port) as poller:
            poller.sock.sendall(get(polling(poller)))
            process.signal(signal.SIGTERM)
            assert_restarting(client)
            assert poller.answer().endswith(b"1")
        assert process.wait(8) == 0
        assert process.output.count("left") == 2


def test_stop_with_pollers_only() -> None:
    """Each implementation of HTTP has to let the server hear of the stop, without the word of a WebSocket."""
    for http in ("auto", "h11", "httptools"):
        with running(where="mounted", http=http) as process:
            with connect(process.port) as poller:
                poller.sock.sendall(get(polling(poller)))
                process.signal(signal.SIGTERM)
                assert poller.answer().endswith(b"1")
            assert process.wait(8) == 0


def test_nobody_comes_back_during_the_stop() -> None:
    """The connection is still open when the client hears the end: a new session on it would never be closed."""
    with running(goodbye=1) as process:
        with connect(process.port) as poller:
            poller.sock.sendall(get(polling(poller)))
            process.signal(signal.SIGTERM)
            assert poller.answer().endswith(b"1")
            with contextlib.suppress(OSError):
                poller.sock.sendall(get(POLLING))
                assert b"0{" not in poller.answer()
        assert process.wait(8) == 0
        assert process.output.count("come") == 1


@pytest.mark.parametrize("where", WHERE)
def test_hung_handler_ends_with_the_time_to_stop(where: str) -> None:
    with running(where=where, goodbye=None, timeout_graceful_shutdown=1) as process:
        with joined(process.port) as client:
            process.signal(signal.SIGTERM)
            assert client.receive() is not None
        assert process.wait(8) == 0
        assert "leaving" in process.output
        assert "left" not in process.output
        assert where not in ("hooks", "front", "mounted") or "shutdown" in process.output


def test_client_that_does_not_close_does_not_hold_up_the_stop() -> None:
    with running() as process, joined(process.port) as client:
        process.signal(signal.SIGTERM)
        assert process.wait(9) == 0
        assert client.rest()[-1][0] == 8


@pytest.mark.parametrize("numbers", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)])
def test_second_signal_ends_at_once(numbers: tuple[int, int]) -> None:
    with running(goodbye=None, timeout_graceful_shutdown=600) as process, joined(process.port) as client:
        process.signal(numbers[0])
        assert client.receive() is not None
        process.signal(numbers[1])
        assert process.wait(8) == 0


def test_signal_without_clients() -> None:
    with running() as process:
        assert process.port
        process.signal(signal.SIGTERM)
        assert process.wait(8) == 0


def test_other_paths_are_not_found() -> None:
    with running() as process, connect(process.port) as client:
        assert head_of(client.ask(get("/elsewhere")))[0] == 404


def test_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(port=port, log_level="warning", where="front") as process:
            assert process.wait() == 3
            assert "address already in use" in process.output
            assert str(port) in process.output
            assert process.output.index("startup") < process.output.index("shutdown")


FAILING = """
import socketio

def startup():
    raise ValueError("there is no database")

socketio.run(socketio.ASGIApp(socketio.AsyncServer(async_mode="asgi"), on_startup=startup), port=0)
"""


def test_startup_that_fails() -> None:
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 3
    assert "there is no database" in done.stderr


BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "uvicorn":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())

import socketio

sio = socketio.AsyncServer(async_mode="asgi")
assert socketio.ASGIApp(sio)
try:
    socketio.run(sio)
except RuntimeError as exc:
    print(exc)
"""


def test_missing_uvicorn() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert 'pip install "fast-socketio[server]"' in done.stdout


@pytest.mark.parametrize("options", [{"workers": 2}, {"reload": True}])
def test_more_than_one_process_is_refused(options: dict[str, Any]) -> None:
    """uvicorn's own runner would be needed for that; silently serving from one process would mislead."""
    with pytest.raises(ValueError, match="one process"):
        socketio.run("module:app", **options)
