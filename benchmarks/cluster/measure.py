"""Runs two servers on one broker, of each package in turn, and prints Markdown tables. Usage: see `compare`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crowd import Client, wait_for_end

HERE = Path(__file__).resolve().parent
FIGURES = ("events_per_s", "sender_us", "receiver_us", "delay_ms", "delay_p99_ms")

FORWARDER = HERE.parent.parent / "tests" / "brokers" / "forwarder.py"

BROKERS: dict[str, dict[str, Any]] = {
    "redis": {
        "command": ["redis-server", "--port", "{port}", "--save", "", "--appendonly", "no"],
        "url": "redis://127.0.0.1:{port}/0",
        "managers": {"asgi": "AsyncRedisManager", "threading": "RedisManager", "gevent": "RedisManager"},
    },
    "rabbitmq": {
        "command": [str(HERE / "rabbitmq"), "{port}"],
        "url": "amqp://guest:guest@127.0.0.1:{port}//",
        "managers": {"asgi": "AsyncAioPikaManager", "threading": "KombuManager", "gevent": "KombuManager"},
    },
    "kafka": {
        "command": ["{ours}", str(HERE / "tansu.py"), "tcp://127.0.0.1:{port}"],
        "url": "kafka://127.0.0.1:{port}",
        "managers": {"asgi": "AsyncKafkaManager", "threading": "KafkaManager", "gevent": "KafkaManager"},
        "theirs_lack": ["asgi"],
    },
    "zmq": {
        "command": ["{ours}", str(FORWARDER), "tcp://127.0.0.1:{port}", "tcp://127.0.0.1:{next_port}"],
        "url": "zmq+tcp://127.0.0.1:{port}+{next_port}",
        "managers": {"threading": "ZmqManager", "gevent": "ZmqManager"},
        "theirs_lack": ["threading", "gevent"],
    },
}
"""name -> how it is started, where it is then, mode -> class of the manager, and the modes that only ours has."""


def free_port() -> int:
    """Returns a port that nobody listens on."""
    while True:
        port = random.randrange(12_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def process(command: list[str], port: int, cpu: int) -> Iterator[None]:
    """Runs a program on one processor as long as the block lasts; it listens on a port."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    with tempfile.TemporaryDirectory() as folder:
        try:
            program = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True)
        finally:
            os.sched_setaffinity(0, allowed)
        try:
            end = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if program.poll() is not None or time.monotonic() > end:
                    sys.exit(f"{command[0]} has not started")
                time.sleep(0.05)
            yield
        finally:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()


def measure(python: str, options: argparse.Namespace) -> dict[str, float]:
    """Returns the figures of one package."""
    broker = BROKERS[options.broker]
    broker_port, sender_port, receiver_port = free_port(), free_port(), free_port()
    cpus = sorted(os.sched_getaffinity(0))
    words = {"port": broker_port, "next_port": broker_port + 1, "ours": options.ours}
    url = broker["url"].format(**words)
    node = [python, "-W", "ignore", str(HERE / "node.py"), options.mode]
    manager = broker["managers"][options.mode]
    with contextlib.ExitStack() as stack:
        command = [word.format(**words) for word in broker["command"]]
        stack.enter_context(process(command, broker_port, cpus[-1]))
        for port, cpu in ((sender_port, cpus[0]), (receiver_port, cpus[-1])):
            stack.enter_context(process([*node, str(port), manager, url], port, cpu))
        sender = Client(sender_port)
        asking = Client(receiver_port)
        crowd = [Client(receiver_port) for _ in range(options.clients)]
        time.sleep(2)  # until the servers listen
        sender.send('42["burst",20]')
        wait_for_end([sender, asking, *crowd])

        before = sender.ask("cpu"), asking.ask("cpu")
        received = {client.received for client in crowd}
        began = time.monotonic()
        sender.send(f'42["burst",{options.events}]')
        wait_for_end([sender, asking, *crowd])
        took = time.monotonic() - began
        after = sender.ask("cpu"), asking.ask("cpu")
        assert len(received) == 1
        least = min(client.received for client in crowd) - min(received)
        if least < options.events * 40:
            sys.exit("some events were lost")
        sender_us, receiver_us = (
            (late - early) / 1000 / options.events for late, early in zip(after, before, strict=True)
        )

        for client in crowd[10:]:
            client.socket.close()
        time.sleep(2)  # the server has no other work then
        sender.send(f'42["pace",{options.paced},100]')
        wait_for_end([sender, asking, *crowd[:10]], measure=True)
        delays = [delay * 1000 for client in crowd[:10] for delay in client.delays]
        return {
            "events_per_s": options.events / took,
            "sender_us": sender_us,
            "receiver_us": receiver_us,
            "delay_ms": statistics.median(delays),
            "delay_p99_ms": statistics.quantiles(delays, n=100)[98],
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="compare", description="Compares clusters with those of python-socketio.")
    parser.add_argument("theirs", help=argparse.SUPPRESS)
    parser.add_argument("ours", help=argparse.SUPPRESS)
    parser.add_argument("--broker", default="redis", choices=BROKERS)
    parser.add_argument("--mode", default="asgi", choices=["asgi", "threading", "gevent"])
    parser.add_argument("--clients", type=int, default=1000, help="of the server that does not emit")
    parser.add_argument("--events", type=int, default=100, help="in a burst")
    parser.add_argument("--paced", type=int, default=300, help="events at 100 a second")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is printed")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.mode not in BROKERS[options.broker]["managers"]:
        parser.error(f"there is no manager of {options.broker} for {options.mode}")
    packages = {"python-socketio": options.theirs, "fast-socketio": options.ours}
    if options.mode in BROKERS[options.broker].get("theirs_lack", ()):
        del packages["python-socketio"]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in packages}
    for number in range(options.rounds):
        for name, python in packages.items():
            result = measure(python, options)
            results[name].append(result)
            print(f"round {number + 1}, {name}: {json.dumps(result)}", file=sys.stderr)
    print(f"\n{options.broker}, {options.mode}, {options.clients} clients\n")
    heads = [*packages, *(["ratio"] if len(packages) == 2 else [])]
    print(f"| figure | {' | '.join(heads)} |\n|---|{'--:|' * len(heads)}")
    for figure in FIGURES:
        medians = [statistics.median(result[figure] for result in some) for some in results.values()]
        cells = [f"{median:.1f}" for median in medians]
        if len(packages) == 2:
            cells.append(f"{medians[1] / medians[0]:.2f}")
        print(f"| {figure} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
