"""`python -m socketio emit`, against a real server."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from .processes import HOST, Server, Talk, free_port, of_type, records, run


def test_each_argument_of_the_acknowledgement_is_a_line(url: str) -> None:
    done = run("emit", url, "echo", '{"a": [1, null]}', "two words", "-5", "true", '"7"', "é")
    assert done.stdout == '{"a": [1, null]}\n"two words"\n-5\ntrue\n"7"\n"é"\n'
    assert (done.returncode, done.stderr) == (0, "")


def test_json(url: str) -> None:
    done = run("emit", url, "--json", "echo", "1", "é")
    assert records(done.stdout) == [{"type": "ack", "id": 1, "args": [1, "é"]}]
    assert done.stdout.isascii()
    assert records(run("emit", url, "--json", "echo").stdout) == [{"type": "ack", "id": 1, "args": []}]


def test_an_acknowledgement_without_arguments_prints_nothing(url: str) -> None:
    done = run("emit", url, "echo")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run("emit", url, "echo", "null").stdout == "null\n"


def test_options_may_stand_anywhere(server: Server) -> None:
    address = f"{HOST}:{server.port}"
    for arguments in (
        ("--transport", "polling", address, "transport"),
        (address, "--transport", "polling", "transport"),
        (address, "transport", "--transport", "polling"),
        (address, "echo", "--timeout", "3", "polling"),
    ):
        assert run("emit", *arguments).stdout == '"polling"\n'
    assert run("emit", address, "echo", "--", "--no-ack").stdout == '"--no-ack"\n'


def test_the_options_of_connect(url: str) -> None:
    options = ("-n", "other", "--auth", '{"a": 1}', "-H", "X-Token: t", "--path", "elsewhere")
    assert run("emit", *options, url, "who").stdout == '[{"a": 1}, "t", null]\n'


def test_a_file_goes_as_bytes(url: str, tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(b"\x00\xff")
    assert run("emit", url, "echo", f"@{tmp_path / 'a b'}").stdout == '{"base64": "AP8="}\n'


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_without_acknowledgement_it_is_sent_all_the_same(url: str, transport: str, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2_500_000))
    arguments = ("note", "x", f"@{tmp_path / 'large'}")
    done = run("emit", url, "--no-ack", "--transport", transport, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run("emit", url, "notes").stdout == '[["x", 2500000]]\n'


def test_without_acknowledgement_a_failure_is_noticed(url: str, tmp_path: Path) -> None:
    (tmp_path / "too large").write_bytes(bytes(3_500_000))
    done = run("emit", url, "--no-ack", "--transport", "polling", "note", f"@{tmp_path / 'too large'}")
    message = "the connection was lost before the event was sent"
    assert (done.returncode, done.stderr) == (1, f"fast-socketio: error: {message}\n")


def test_no_acknowledgement_in_time(url: str) -> None:
    done = run("emit", url, "--timeout", "1", "late", "10")
    message = "no acknowledgement within 1 seconds"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"fast-socketio: error: {message}\n")
    done = run("emit", url, "--timeout", "1", "--json", "late", "10")
    assert (done.returncode, of_type("error", done.stdout)) == (1, [{"message": message}])


def test_a_connection_that_is_lost_meanwhile(url: str) -> None:
    done = run("emit", url, "leave")
    message = "the connection to / was lost before the acknowledgement came"
    assert (done.returncode, done.stderr) == (1, f"fast-socketio: error: {message}\n")


def test_a_server_that_is_not_there() -> None:
    done = run("emit", f"http://{HOST}:{free_port()}", "x", "--no-ack", "--json")
    assert done.returncode == 1
    assert of_type("error", done.stdout)[0]["message"].startswith("cannot connect: Connection refused or broken: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_refusal(url: str) -> None:
    done = run("emit", url, "x", "--auth", '{"refuse": "\\u001b"}')
    message = r'cannot connect: / refused: \u001b {"code": 7}'
    assert (done.returncode, done.stderr) == (1, f"fast-socketio: error: {message}\n")


def test_control_characters_in_an_answer_are_escaped(url: str) -> None:
    assert run("emit", url, "echo", r'"\u001b[31m\u009b\u007f"').stdout == '"\\u001b[31m\\u009b\\u007f"\n'


def test_ctrl_c_before_the_answer_is_no_success(url: str, talk: Callable[..., Talk]) -> None:
    waiting = talk("emit", url, "hang", "--timeout", "60")
    while "hanging" not in run("emit", url, "notes").stdout:
        pass
    waiting.signal(signal.SIGINT)
    assert waiting.end() == 1
    assert waiting.seen == ["fast-socketio: error: interrupted"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ftp://x", "event"), "'ftp://x' is not the URL of a server"),
        (("x",), "EVENT is missing"),
        (("x", "connect"), "the event name connect is reserved"),
        (("x", "event", "{bad}"), "not JSON: Expecting property name enclosed in double quotes at character 2"),
        (("x", "event", "@/nowhere/at/all"), "cannot read '/nowhere/at/all': No such file or directory"),
        (("x", "event", "-n", "/", "-n", "/other"), "an event is sent in one namespace"),
        ((), "the following arguments are required: URL"),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...], message: str) -> None:
    done = run("emit", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {message}" in done.stderr
