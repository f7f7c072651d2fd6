"""`python -m socketio connect` with a pipe as its input, against a real server."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .processes import HOST, Server, Talk, free_port, of_type, records, run

StartTalk = Callable[..., Talk]


def test_a_session_for_people(url: str) -> None:
    done = run("connect", url, stdin='emit back chat 1\ncall echo hello {"a": [true]}\n')
    lines = done.stdout.splitlines()
    assert lines[0].startswith("= connected to /, sid ")
    assert sorted(lines[1:-1]) == [
        '< #1 "hello" {"a": [true]}',
        '< / "chat" 1',
        '> / "back" "chat" 1',
        '> / "echo" "hello" {"a": [true]} #1',
    ]
    assert lines[-1] == "= disconnected from /: client disconnect"
    assert (done.returncode, done.stderr) == (0, "")


def test_a_session_for_programs(url: str) -> None:
    done = run("connect", url, "--json", stdin='emit back chat 1 "é"\ncall echo\ncall echo null\ncall echo [1] x\n')
    assert done.stdout.isascii()
    found = records(done.stdout)
    assert [sorted(record) for record in found if record["type"] == "connect"] == [["namespace", "sid", "type"]]
    assert {"type": "event", "namespace": "/", "event": "chat", "args": [1, "é"]} in found
    assert of_type("ack", done.stdout) == [
        {"id": 1, "args": []},
        {"id": 2, "args": [None]},
        {"id": 3, "args": [[1], "x"]},
    ]
    assert found[-1] == {"type": "disconnect", "namespace": "/", "reason": "client disconnect"}
    assert (done.returncode, done.stderr) == (0, "")


def test_a_call_holds_up_neither_input_nor_events(url: str, talk: StartTalk) -> None:
    session = talk("connect", url)
    session.say("call late 1.5 answer")
    session.say("emit back quick")
    session.say("call echo also quick")
    session.hear('< / "quick"')
    session.hear('< #2 "also" "quick"')
    assert session.end() == 0  # the end of input, and the first call is still waited for
    assert '< #1 "answer"' in session.seen


def test_namespaces_are_joined_used_and_left(url: str, talk: StartTalk) -> None:
    session = talk("connect", url, "--json", "--auth", '{"all": 1}', "-H", "X-Token: t")
    for line in ('join other {"name": "me"}', "call who", "use /other", "call who"):
        session.say(line)
    session.hear('"id": 1')  # it would not come any more from a namespace that was left
    for line in ("leave /", "status", 'join "/a b"', 'use "/a b"', "call who"):
        session.say(line)
    assert session.end() == 0
    printed = "\n".join(session.seen)
    assert sorted(of_type("ack", printed), key=lambda ack: ack["id"]) == [
        {"id": 1, "args": [[{"all": 1}, "t", None]]},
        {"id": 2, "args": [[{"name": "me"}, "t", None]]},
        {"id": 3, "args": [[{"all": 1}, "t", None]]},
    ]
    assert [record["namespace"] for record in of_type("connect", printed)] == ["/", "/other", "/a b"]
    (status,) = of_type("status", printed)
    assert (status["transport"], list(status["namespaces"]), status["use"]) == ("websocket", ["/other"], "/other")
    left = [record["namespace"] for record in of_type("disconnect", printed)]
    assert left[0] == "/"
    assert sorted(left[1:]) == ["/a b", "/other"]


def test_the_first_of_several_namespaces_is_used(url: str) -> None:
    done = run("connect", url, "--json", "-n", "other", "-n", "/", "-n", "/", stdin="status\n")
    (status,) = of_type("status", done.stdout)
    assert status["use"] == "/other"
    assert sorted(status["namespaces"]) == ["/", "/other"]


def test_leaving_the_last_namespace_ends_it(url: str, talk: StartTalk) -> None:
    session = talk("connect", url, "--wait")
    session.say("leave /")
    session.hear("= disconnected from /: client disconnect")
    assert session.end() == 0


def test_auth_and_headers(url: str, tmp_path: Path) -> None:
    (tmp_path / "auth.json").write_text('{"token": "of the file"}\n')
    for auth in ('{"token": "of the file"}', f"@{tmp_path / 'auth.json'}"):
        done = run("connect", url, "--json", "--auth", auth, "-H", "X-Token: one", "-H", "X-More:two", stdin="call who")
        assert of_type("ack", done.stdout) == [{"id": 1, "args": [[{"token": "of the file"}, "one", "two"]]}]
    done = run("connect", url, "--json", stdin=f"join /other @{tmp_path / 'auth.json'}\nuse /other\ncall who\n")
    assert of_type("ack", done.stdout) == [{"id": 1, "args": [[{"token": "of the file"}, None, None]]}]


@pytest.mark.parametrize(
    ("options", "transport"),
    [
        ((), "websocket"),
        (("--transport", "polling"), "polling"),
        (("--transport", "websocket"), "websocket"),
        (("--transport", "polling", "--transport", "websocket"), "websocket"),
        (("--path", "elsewhere"), "websocket"),
    ],
)
def test_transports_and_path(server: Server, options: tuple[str, ...], transport: str) -> None:
    done = run("connect", f"{HOST}:{server.port}", "--json", *options, stdin="call transport\n")
    assert of_type("ack", done.stdout) == [{"id": 1, "args": [transport]}]


def test_a_certificate_that_nobody_knows(start_server: Callable[..., Server], tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = start_server(certificate, key)
    done = run("connect", server.url)
    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr
    done = run("connect", server.url, "--no-verify", "--json", stdin="call echo safe\n")
    assert of_type("ack", done.stdout) == [{"id": 1, "args": ["safe"]}]


def test_a_file_goes_as_bytes(url: str, tmp_path: Path) -> None:
    (tmp_path / "one.bin").write_bytes(b"\x00\xff")
    (tmp_path / "a b.bin").write_bytes(b"two")
    script = f'call echo @{tmp_path / "one.bin"} x @"{tmp_path / "a b.bin"}"\nemit back file @{tmp_path / "one.bin"}\n'
    done = run("connect", url, "--json", stdin=f"{script}call echo\n")
    assert of_type("ack", done.stdout)[0]["args"] == [{"base64": "AP8="}, "x", {"base64": "dHdv"}]
    assert of_type("event", done.stdout) == [{"namespace": "/", "event": "file", "args": [{"base64": "AP8="}]}]
    assert '< / "file" {"base64": "AP8="}' in run("connect", url, stdin=f"{script}call echo\n").stdout


def test_nothing_that_a_server_sends_reaches_the_terminal(url: str) -> None:
    for options in ((), ("--json",)):
        done = run("connect", url, *options, stdin="emit hostile\ncall echo\n")
        assert all(char.isprintable() for char in done.stdout.replace("\n", ""))
        assert len(done.stdout.splitlines()) == len(done.stdout.split("\n")) - 1
    escaped = (
        r'"\u001b[2J\rname" "\u001b]0;title\u0007" "\u009b31m\u007f" "\u202eé\u2028" {"\u001b[1m": {"base64": "Gw=="}}'
    )
    assert f"< / {escaped}\n" in run("connect", url, stdin="emit hostile\ncall echo\n").stdout
    assert of_type("event", done.stdout)[0]["args"][2] == "\u202eé\u2028"


def test_nor_does_anything_that_it_says_in_a_refusal(url: str) -> None:
    done = run("connect", url, "--auth", json.dumps({"refuse": "\x1b[31mno\nnot you"}))
    assert done.returncode == 1
    message = r'cannot connect: / refused: \u001b[31mno\u000anot you {"code": 7}'
    assert done.stderr == f"fast-socketio: error: {message}\n"
    done = run("connect", url, stdin='join /other {"refuse": "\\u001b[31m"}')
    assert done.stderr == '! line 1: /other refused: \\u001b[31m {"code": 7}\n'


def test_a_refusal(url: str) -> None:
    done = run("connect", url, "--json", "--auth", '{"refuse": "not you"}')
    message = 'cannot connect: / refused: not you {"code": 7}'
    assert records(done.stdout) == [{"type": "error", "message": message}]
    assert (done.returncode, done.stderr) == (1, f"fast-socketio: error: {message}\n")


def test_a_namespace_that_is_refused_later_or_does_not_exist(url: str) -> None:
    script = 'join /other {"refuse": "not you"}\njoin /nowhere\njoin /\njoin /other\nuse /other\ncall who\n'
    done = run("connect", url, stdin=script)
    assert done.stderr.splitlines() == [
        '! line 1: /other refused: not you {"code": 7}',
        "! line 2: /nowhere refused: Invalid namespace",
        "! line 3: Already connected to /",
    ]
    assert "< #1 [{}, null, null]" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("frobnicate 1", "there is no command 'frobnicate'; help lists them"),
        ("emti x", "there is no command 'emti'; is it emit?"),
        ("emit", "EVENT is missing"),
        ("call", "EVENT is missing"),
        ("emit x {bad}", "not JSON: Expecting property name enclosed in double quotes at character 9 of the line"),
        ("emit x [1]2", "a space is missing at character 11 of the line"),
        ("emit x [NaN]", "not JSON: NaN is not JSON"),
        ("emit x 1e999", "not JSON: Number is too large"),
        (r'emit x "\ud800"', "not JSON: half a character, which has no form in UTF-8"),
        ("emit connect", "the event name connect is reserved"),
        ("emit x @/nowhere/at/all", "cannot read '/nowhere/at/all': No such file or directory"),
        ("join", "NAMESPACE is missing"),
        ("join a,b", "'a,b' is not a namespace: there can be no comma in its name"),
        ("join /other nonsense", "not JSON: Expecting value at character 1"),
        ("leave /other", "not in /other"),
        ("use /other", "not in /other"),
        ("use / /", "'/' is too much"),
        ("status now", "'now' is too much"),
        ("on a b", "'b' is too much"),
        ("off a b", "'b' is too much"),
    ],
)
def test_a_wrong_command_is_said_in_one_line(url: str, command: str, message: str) -> None:
    done = run("connect", url, "--json", stdin=f"\n# a comment\n{command}\ncall echo on it goes\n")
    assert of_type("error", done.stdout) == [{"message": message, "line": 3}]
    assert of_type("ack", done.stdout)[0]["args"] == ["on", "it", "goes"]
    assert (done.returncode, done.stderr) == (1, "")


def test_a_line_that_is_not_text(url: str) -> None:
    done = run("connect", url, stdin=b"emit \xff\r\ncall echo on\r\ncall echo and on")
    assert done.stderr == "! line 1: this line is not UTF-8\n"
    assert ('< #1 "on"' in done.stdout, '< #2 "and" "on"' in done.stdout, done.returncode) == (True, True, 1)


def test_a_call_without_an_answer(url: str) -> None:
    done = run("connect", url, "--json", "--timeout", "1", stdin="call late 5\ncall echo x\n")
    message = "call 1: no acknowledgement within 1 seconds"
    assert of_type("error", done.stdout) == [{"message": message, "id": 1}]
    assert of_type("ack", done.stdout) == [{"id": 2, "args": ["x"]}]
    assert done.returncode == 1


def test_quit_waits_for_nothing(url: str) -> None:
    done = run("connect", url, "--wait", "--timeout", "60", stdin="call late 50\nquit\nemit x\n")
    assert done.stdout.splitlines()[-2:] == ['> / "late" 50 #1', "= disconnected from /: client disconnect"]
    assert (done.returncode, done.stderr) == (0, "")


def test_help_and_status(url: str) -> None:
    done = run("connect", url, stdin="help\nstatus\n")
    for command in ("emit", "call", "on", "off", "join", "leave", "use", "status", "help", "quit"):
        assert f"\n{command} " in done.stdout
    assert "@FILE is the content of a file" in done.stdout
    assert "\n= connected over websocket; /, sid " in done.stdout
    (text,) = of_type("help", run("connect", url, "--json", stdin="help\n").stdout)
    assert text["text"].startswith("emit EVENT")


@pytest.mark.parametrize(
    ("commands", "shown"),
    [
        ("", ["a", "b", "c"]),
        ("off a", ["b", "c"]),
        ("off a\non a", ["a", "b", "c"]),
        ("on a", ["a"]),
        ("on a\non b\noff a", ["b"]),
        ("off", []),
        ("off\non c", ["c"]),
        ("on a\non", ["a", "b", "c"]),
    ],
)
def test_which_events_are_shown(url: str, commands: str, shown: list[str]) -> None:
    script = f"{commands}\nemit back a\nemit back b\nemit back c\ncall echo\n"
    done = run("connect", url, "--json", stdin=script)
    assert [record["event"] for record in of_type("event", done.stdout)] == shown


def test_wait_goes_on_listening(url: str) -> None:
    script = "emit late 0.3 x\n"
    assert of_type("event", run("connect", url, "--json", "--wait", "0", stdin=script).stdout) == []
    done = run("connect", url, "--json", "--wait", "2", stdin=script)
    assert of_type("event", done.stdout) == [{"namespace": "/", "event": "late", "args": ["x"]}]
    assert done.returncode == 0


def test_a_server_that_is_not_there() -> None:
    done = run("connect", f"http://{HOST}:{free_port()}", stdin="emit x\n")
    assert done.returncode == 1
    assert done.stderr.startswith("fast-socketio: error: cannot connect: Connection refused or broken: ")
    assert (len(done.stderr.splitlines()), done.stdout) == (1, "")


def test_what_a_server_says_about_a_request_is_printed(url: str) -> None:
    done = run("connect", url, "--path", "nowhere")
    assert done.stderr == "fast-socketio: error: cannot connect: Unexpected status code 404 in server response\n"
    done = run("connect", url, "-H", "Origin: http://elsewhere.example")
    assert "cannot connect: Unexpected status code 400 in server response {" in done.stderr
    assert '"code": 3' in done.stderr


def test_a_server_that_takes_its_time(url: str) -> None:
    script = 'join /other {"sleep": 1.5}\nstatus\n'
    done = run("connect", url, "--json", "--auth", '{"sleep": 1.5}', stdin=script)
    assert [list(status["namespaces"]) for status in of_type("status", done.stdout)] == [["/", "/other"]]
    done = run("connect", url, "--timeout", "1", "--auth", '{"sleep": 3}')
    assert (done.returncode, "/ (no answer in time)" in done.stderr) == (1, True)


def test_a_server_that_says_nothing() -> None:
    with socket.create_server((HOST, 0)) as silent:
        done = run("connect", f"http://{HOST}:{silent.getsockname()[1]}", "--timeout", "0.3")
    message = "cannot connect: No answer from the server within 0.3 seconds"
    assert (done.returncode, done.stderr) == (1, f"fast-socketio: error: {message}\n")


def test_an_event_called_reconnect_is_one_of_the_servers(url: str) -> None:
    done = run("connect", url, "--json", stdin="emit back reconnect_attempt 1 2\ncall echo\n")
    assert of_type("event", done.stdout) == [{"namespace": "/", "event": "reconnect_attempt", "args": [1, 2]}]
    assert of_type("reconnect_attempt", done.stdout) == []


def test_a_long_script_is_read_as_it_is_needed(url: str) -> None:
    count = 3000
    done = run("connect", url, "--json", stdin="call echo x\n" * count)
    assert [record["id"] for record in of_type("ack", done.stdout)] == [*range(1, count + 1)]


def test_without_aiohttp(url: str, tmp_path: Path) -> None:
    (tmp_path / "aiohttp.py").write_text("raise ImportError('not here')\n")
    for command in (("connect", url), ("emit", url, "echo")):
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 1
        assert 'pip install "fast-socketio[asyncio-client]"' in done.stderr
        assert (len(done.stderr.splitlines()), done.stdout) == (1, "")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("ftp://x",),
        ("http://",),
        ("http://x:port",),
        ("x", "--auth", "nonsense"),
        ("x", "--auth", "@/nowhere/at/all"),
        ("x", "-H", "no colon"),
        ("x", "-H", "a b: c"),
        ("x", "-H", "a: b\x07"),
        ("x", "-H", "a: b", "-H", "A: c"),
        ("x", "-n", "a,b"),
        ("x", "--transport", "pigeon"),
        ("x", "--timeout", "0"),
        ("x", "--timeout", "nan"),
        ("x", "--timeout", "soon"),
        ("x", "--wait", "-1"),
        ("x", "--wait", "inf"),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...]) -> None:
    done = run("connect", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: " in done.stderr


def test_a_secret_that_is_no_json_is_not_printed() -> None:
    done: Any = run("connect", "x", "--auth", '{"token": secret')
    assert (done.returncode, "secret" in done.stderr) == (2, False)
