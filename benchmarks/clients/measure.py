"""Runs load.py alternately on two interpreters, against one server, and prints a Markdown table. Usage: see `compare`.

The server is this project's for both, so that its interpreter is the second one's. It has the first processor for
itself, as far as this machine is ours, and the clients have the last.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
TARGET = 0.33
FILES = 5_000
"""How many open files the idle clients, and their server, may need."""


class Row(NamedTuple):
    """One line of the table, and the arguments of load.py that measure it."""

    mode: str
    colour: str
    handler: str = "def"

    @property
    def title(self) -> str:
        return self.mode if self.handler == "def" else f"{self.mode}, {self.handler}"


ROWS = [
    Row("receive", "async"),
    Row("receive", "async", "coroutine"),
    Row("emit", "async"),
    Row("call", "async"),
    Row("receive", "sync"),
    Row("emit", "sync"),
    Row("call", "sync"),
    Row("idle", "async"),
]


def pinned(cpu: int, command: list[str], **options: Any) -> subprocess.Popen[str]:
    """Start a program on one processor."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        return subprocess.Popen(command, text=True, **options)
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def server(python: str, cpu: int) -> Iterator[str]:
    """Run the server as long as the block lasts; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    process = pinned(cpu, [python, str(HERE / "server.py"), str(port)])
    try:
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > end:
                sys.exit("the server has not started")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def measure(python: str, cpu: int, row: Row, url: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run load.py once; returns what it prints, or why it failed as `error`."""
    command = [python, str(HERE / "load.py"), row.mode, row.colour, url, "--handler", row.handler]
    if row.mode == "idle":
        command += ["--events", str(options.idle)]
    elif options.events:
        command += ["--events", str(options.events)]
    process = pinned(cpu, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=options.timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"error": f"not done in {options.timeout} s"}
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode:
        return {"error": (err.strip().splitlines() or [f"exit code {process.returncode}"])[-1]}
    result: dict[str, Any] = json.loads(out)
    return result


def summarize(results: list[dict[str, Any]]) -> tuple[float | None, str]:
    """Return the median of the rounds of one package in one row, and how to print it."""
    key = "kB_per_client" if any("kB_per_client" in result for result in results) else "us_per_event"
    figures = [result[key] for result in results if key in result]
    if figures:
        failed = len(results) - len(figures)
        median = statistics.median(figures)
        return median, f"{median:.1f}" + (f" ({failed} of {len(results)} rounds failed)" if failed else "")
    return None, "not there" if any("missing" in result for result in results) else "failed"


def print_table(rows: list[Row], results: dict[tuple[Row, int], list[dict[str, Any]]]) -> None:
    """Print the events as a table, and the memory as a sentence below it."""
    print("\n| mode | client | python-socketio, us/event | fast-socketio, us/event | ratio |\n|---|---|--:|--:|--:|")
    memory = ""
    for row in rows:
        (theirs, their_text), (ours, our_text) = (summarize(results[row, index]) for index in range(2))
        ratio = f"{ours / theirs:.2f}" if ours is not None and theirs else "-"
        if row.mode == "idle":
            memory = (
                f"\nResident memory of an idle async client: python-socketio {their_text} kB, "
                f"fast-socketio {our_text} kB, ratio {ratio}."
            )
        else:
            print(f"| {row.title} | {row.colour} | {their_text} | {our_text} | {ratio} |")
    print(f"\nProcessor time of the client's process; the target for the ratio is {TARGET}.")
    if memory:
        print(memory)


def main() -> None:
    parser = argparse.ArgumentParser(prog="compare", description="Compares the clients with those of python-socketio.")
    parser.add_argument("theirs", help=argparse.SUPPRESS)
    parser.add_argument("ours", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is printed")
    parser.add_argument("--modes", default="receive,emit,call,idle", help="which of receive, emit, call and idle")
    parser.add_argument("--colours", default="async,sync", help="which of async and sync")
    parser.add_argument("--events", type=int, help="how many, instead of what each mode has by default")
    parser.add_argument("--idle", type=int, default=1000, help="how many idle clients")
    parser.add_argument("--timeout", type=float, default=180, help="seconds for one client in one round")
    options = parser.parse_args()
    rows = [row for row in ROWS if row.mode in options.modes.split(",") and row.colour in options.colours.split(",")]
    # As Ctrl-C does: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES if hard == resource.RLIM_INFINITY else min(FILES, hard), hard))
    cpus = sorted(os.sched_getaffinity(0))
    results: dict[tuple[Row, int], list[dict[str, Any]]] = {}
    with server(options.ours, cpus[0]) as url:
        for number in range(options.rounds):
            for row in rows:
                for index, python in enumerate((options.theirs, options.ours)):
                    result = measure(python, cpus[-1], row, url, options)
                    results.setdefault((row, index), []).append(result)
                    print(f"round {number + 1}, {row.title}, {row.colour}: {json.dumps(result)}", file=sys.stderr)
    print_table(rows, results)


if __name__ == "__main__":
    main()
