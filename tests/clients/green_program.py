"""What a `Client` does under plain threads, gevent or eventlet: `python green_program.py KIND URL TRANSPORTS`.

It prints "done" if all went well. The server is killed and started again by the test when it reads "kill" and "start".
"""

from __future__ import annotations

import sys

kind, url, transports = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
if kind == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif kind == "eventlet":
    import eventlet

    eventlet.monkey_patch()

import queue
import threading
import time

import socketio

DEADLINE = 20


def ask(what: str) -> None:
    """Have the test do something with the server."""
    print(what, flush=True)
    if kind == "eventlet":
        # Reading a pipe would stop all greenlets; here nothing has to go on meanwhile.
        sys.stdin.readline()
    else:
        threading.Thread(target=sys.stdin.readline).start()


def main() -> None:
    client = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.1, request_timeout=2)
    heard: queue.Queue[object] = queue.Queue()
    client.on("connect", lambda: heard.put("connect"))
    client.on("disconnect", heard.put)

    @client.event
    def back(number: int, data: bytes) -> None:
        assert data == bytes([number]) * 5000
        if number == 0:
            client.sleep(0.3)
        heard.put(number)

    @client.event
    def question(data: object) -> object:
        return client.call("echo", data, timeout=DEADLINE)

    client.connect(url, transports=transports)
    assert client.transport() == transports[-1], client.transport()
    assert heard.get(timeout=DEADLINE) == "connect"

    def emit(first: int) -> None:
        for number in range(first, first + 10):
            client.emit("send back", (number, bytes([number]) * 5000))

    tasks = [client.start_background_task(emit, first) for first in range(0, 100, 10)]
    for task in tasks:
        task.join()
    assert sorted(heard.get(timeout=DEADLINE) for _ in range(100)) == list(range(100))
    assert client.call("ask me", b"?", timeout=DEADLINE) == b"?"
    # Longer than the server waits for a pong; other greenlets run meanwhile.
    ticks = []
    client.start_background_task(lambda: [ticks.append(time.sleep(0.01)) for _ in range(50)])
    client.sleep(1.5)
    assert len(ticks) == 50
    assert client.call("echo", "alive", timeout=DEADLINE) == "alive"

    waiting = client.start_background_task(lost, client, heard)
    time.sleep(0.1)
    ask("kill")
    assert {heard.get(timeout=DEADLINE), heard.get(timeout=DEADLINE)} == {"transport error", "DisconnectedError"}
    waiting.join()
    ask("start")
    assert heard.get(timeout=DEADLINE) == "connect"
    assert client.call("echo", "again", timeout=DEADLINE) == "again"
    client.disconnect()
    assert heard.get(timeout=DEADLINE) == "client disconnect"
    client.wait()

    with socketio.SimpleClient() as simple:
        simple.connect(url, transports=transports)
        assert simple.receive(timeout=DEADLINE)[0] == "auth"
        assert simple.call("echo", 5) == 5
    print("done", flush=True)


def lost(client: socketio.Client, heard: queue.Queue[object]) -> None:
    try:
        client.call("never")
    except socketio.exceptions.DisconnectedError as exc:
        heard.put(type(exc).__name__)


if __name__ == "__main__":
    main()
