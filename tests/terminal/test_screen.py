"""What is printed of what no server of these tests says."""

from __future__ import annotations

import pytest

from socketio.terminal.screen import Screen

HOSTILE = "\x1b[2J\n\x9b1m"
ESCAPED = r"\u001b[2J\u000a\u009b1m"


def test_everything_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    screen.connected("/", HOSTILE)
    screen.disconnected("/", HOSTILE)
    screen.reconnection("reconnect_error", HOSTILE)
    screen.status("polling", {HOSTILE: HOSTILE}, HOSTILE)
    screen.help(HOSTILE.replace("\n", ""))
    screen.error(HOSTILE)
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"= connected to /, sid {ESCAPED}",
        f"= disconnected from /: {ESCAPED}",
        f"= cannot reconnect: {ESCAPED}",
        f"= connected over polling; {ESCAPED}, sid {ESCAPED}; using {ESCAPED}",
        ESCAPED.replace(r"\u000a", ""),
    ]
    assert printed.err == f"! {ESCAPED}\n"


def test_everything_has_a_form_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    screen.reconnection("reconnect_attempt", 1)
    screen.reconnection("reconnect_error", HOSTILE)
    screen.reconnection("reconnect", 2)
    screen.reconnection("connect_error", "told otherwise")
    assert capsys.readouterr().out.splitlines() == [
        '{"type": "reconnect_attempt", "attempt": 1}',
        r'{"type": "reconnect_error", "message": "\u001b[2J\n\u009b1m"}',
        '{"type": "reconnect", "attempt": 2}',
    ]
