"""Our servers and scripts and python-socketio's, on one broker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..brokers.brokers import Broker
from ..brokers.kinds import BROKERS
from .nodes import DEADLINE, FOLDER, Node, agree, environment_of, manager_of, wait_until

THEIRS = Path(sys.prefix) / "python-socketio" / "bin" / "python"
"""The interpreter of an environment with python-socketio, which the Makefile makes."""

MIXED = [broker for broker in BROKERS if any(broker.theirs)]


@pytest.fixture(scope="module", autouse=True)
def theirs() -> None:
    """Skips where there is no python-socketio."""
    if not THEIRS.exists():
        pytest.skip("python-socketio is not installed: there is no environment for it")


@pytest.mark.parametrize("kind", ["asyncio", "threads"])
@pytest.mark.parametrize("broker", MIXED, ids=lambda broker: broker.name, indirect=True)
def test_servers_of_both(broker: Broker, start_node: Callable[..., Node], kind: str) -> None:
    manager = type(broker).theirs[kind == "asyncio"]
    ours_kind = kind if manager_of(type(broker), kind) else "asyncio"
    if manager is None:
        pytest.skip(f"python-socketio has no manager of {broker.name} for {kind}")
    channel = f"mixed-{kind}"
    ours = start_node(ours_kind, broker, channel).client()
    theirs = start_node(kind, broker, channel, python=str(THEIRS), manager=manager).client()
    agree(ours, theirs)
    for here, there in ((ours, theirs), (theirs, ours)):
        for value in (None, 1, "ü", [1, [2]], {"a": None}, b"\0\xff", {"x": [b"1", b"2"]}):
            here.do("emit", "value", value)
            expected = [] if value is None else [value]
            assert there.hear("value") == here.hear("value") == expected
        here.do("emit", "values", {"tuple": [1, b"2"]}, skip_sid=here.sid)
        assert there.hear("values") == [1, b"2"]
        assert here.do("call", "question", {"tuple": ["a", [1]]}, to=there.sid) == ["a", [1]]
        here.do("enter_room", there.sid, "a")
        wait_until(lambda there=there: there.rooms() == ["a"])
        here.do("emit", "in a", to="a")
        here.do("emit", "in list", to=["a", here.sid])
        assert [there.hear(), there.hear(), here.hear()] == [("in a",), ("in list",), ("in list",)]
        here.do("leave_room", there.sid, "a")
        wait_until(lambda there=there: there.rooms() == [])
        there.do("enter_room", there.sid, "b")
        here.do("close_room", "b")
        wait_until(lambda there=there: there.rooms() == [])
    assert ours.look()["ignored"] == 0
    sid = ours.sid
    theirs.do("disconnect", sid)
    assert ours.hear("disconnect") == ["server disconnect"]
    assert theirs.hear("left") == [sid]


@pytest.mark.parametrize("broker", MIXED, ids=lambda broker: broker.name, indirect=True)
def test_scripts_of_both(broker: Broker, start_node: Callable[..., Node]) -> None:
    peer = start_node("asyncio", broker, "their-scripts").client()
    agree(peer)
    names = [(str(THEIRS), name) for name in broker.theirs]
    names += [(sys.executable, name) for name in (broker.sync_manager, broker.async_manager)]
    for python, manager in names:
        if manager is None:
            continue
        arguments = ["use_any", broker.url, "their-scripts", manager]
        command = [python, str(FOLDER / "scripts.py"), *arguments]
        subprocess.run(command, check=True, timeout=DEADLINE, env=environment_of(python))
        assert [peer.hear("script") for _ in range(4)] == [[{"a": [b"1", None]}], ["two", b"2"], [], [[]]]
