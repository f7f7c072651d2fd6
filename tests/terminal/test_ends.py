"""How `python -m socketio connect` ends: by a signal, with the connection, or because nobody reads what it prints."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable

import pytest

from .processes import COMMAND, ENVIRONMENT, Server, Talk, run

StartTalk = Callable[..., Talk]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("end_of_input", [True, False])
def test_a_signal_ends_it_in_good_order(url: str, talk: StartTalk, number: signal.Signals, end_of_input: bool) -> None:
    session = talk("connect", url, "--wait")
    session.say("emit back ready")
    session.hear('< / "ready"')
    if end_of_input:
        session.close_input()
    session.signal(number)
    session.hear("= disconnected from /: client disconnect")
    assert session.end() == 0
    assert not any("Traceback" in line for line in session.seen)


def test_a_signal_does_not_forgive_a_wrong_command(url: str, talk: StartTalk) -> None:
    session = talk("connect", url)
    session.say("nonsense")
    session.hear("there is no command 'nonsense'")
    session.signal(signal.SIGINT)
    assert session.end() == 1


def test_a_lost_connection_without_reconnection(start_server: Callable[..., Server], talk: StartTalk) -> None:
    server = start_server()
    session = talk("connect", server.url, "--no-reconnect", "--json", "--wait")
    session.say("call late 10")
    session.say("emit back ready")
    session.hear('"ready"')
    server.kill()
    session.hear("call 1: the connection to / was lost before the acknowledgement came")
    session.hear('"disconnect"')
    assert session.end() == 1
    assert any('{"type": "error", "message": "the connection was lost: ' in line for line in session.seen)


@pytest.mark.parametrize(("event", "reason"), [("leave", "server disconnect"), ("drop", "")])
def test_a_server_that_ends_it(url: str, event: str, reason: str) -> None:
    done = run("connect", url, "--no-reconnect", "--wait", stdin=f"emit {event}\n")
    assert done.returncode == 1
    assert f"the connection was lost: {reason}" in done.stderr


def test_a_reconnection_is_announced(start_server: Callable[..., Server], talk: StartTalk) -> None:
    server = start_server()
    session = talk("connect", server.url, "-n", "/", "-n", "/other")
    session.say("emit back ready")
    session.hear('< / "ready"')
    server.kill()
    session.hear("= disconnected from /")
    session.say("emit x")
    session.hear("! line 2: there is no connection now")
    session.say("status")
    session.hear("= not connected at the moment; using /")
    session.hear("= connecting again, attempt 1")
    session.hear("= cannot reconnect: ")
    server.start()
    session.hear("= reconnected, attempt ")
    session.say("call echo back again")
    session.hear('"back" "again"')
    assert session.end() == 1  # because of the wrong command
    attempts = [line for line in session.seen if line.startswith("= connecting again")]
    assert len(attempts) == len(set(attempts))  # told once, and not in each namespace


def test_a_reader_that_has_had_enough(url: str) -> None:
    source = subprocess.Popen(["yes", "call echo x"], stdout=subprocess.PIPE)
    session = subprocess.Popen(
        [*COMMAND, "connect", url], stdin=source.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    )
    try:
        assert session.stdout is not None
        assert session.stdout.readline().startswith(b"= connected")
        session.stdout.close()
        assert session.wait(10) == 0
        assert session.stderr is not None
        assert session.stderr.read() == b""
    finally:
        for process in (source, session):
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def test_a_disk_that_is_full(url: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "connect", url, "--wait"],
            stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, env=ENVIRONMENT,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "fast-socketio: error: cannot write: No space left on device\n")


def test_an_output_that_is_not_unicode(url: str) -> None:
    done = run("connect", url, stdin="call echo é\n", PYTHONIOENCODING="ascii")
    assert (done.returncode, r'< #1 "\xe9"' in done.stdout) == (0, True)
