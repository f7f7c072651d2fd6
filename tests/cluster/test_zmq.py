"""What only ZeroMQ has: its envelope, its forwarder, and python-socketio's manager for eventlet."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from socketio import ZmqManager

from ..brokers.brokers import Broker
from ..brokers.zeromq import ZeroMQ, ZmqSpy
from .nodes import DEADLINE, FOLDER, Node, agree, wait_until
from .test_mixed import THEIRS


@pytest.fixture(scope="module")
def forwarder(get_broker: Callable[[type[Broker]], Broker]) -> Broker:
    """The forwarder of all tests."""
    return get_broker(ZeroMQ)


def test_envelopes(forwarder: Broker, start_node: Callable[..., Node]) -> None:
    peer = start_node("threads", forwarder, "envelopes").client()
    agree(peer)
    spy = forwarder.spy("envelopes")
    assert isinstance(spy, ZmqSpy)
    peer.do("emit", "x", 1)
    assert peer.hear("x") == [1]
    [message] = spy.messages(1)
    assert json.loads(message)["data"] == [1]
    emit = {"method": "emit", "event": "y", "data": [2], "namespace": "/"}
    spy.publish(json.dumps(emit).encode())
    envelope = {"type": "message", "channel": "envelopes", "data": emit}
    spy.publish_frame(json.dumps(envelope, separators=(",", ":")).encode())
    assert [peer.hear("y"), peer.hear("y")] == [[2], [2]]
    for ignored in ({**envelope, "channel": "others"}, {**envelope, "type": "other"}, {**envelope, "channel": 5}):
        spy.publish_frame(json.dumps(ignored).encode())
    for bad in (b"", b"{", b"\xff", b"[]", b"{}", json.dumps({**envelope, "data": 5}).encode()):
        spy.publish_frame(bad)
    spy.publish_frame(json.dumps(envelope)[:-1].encode())
    spy.publish_frame(b'{"type":"message","channel":"envelopes","data":{"method":"emit"},"data":{}}')
    spy.publish(json.dumps({**emit, "data": ["last"]}).encode())
    assert peer.hear("y") == ["last"]
    assert peer.look()["ignored"] == 8
    spy.close()


def test_python_socketio(forwarder: Broker, start_node: Callable[..., Node]) -> None:
    if not THEIRS.exists():
        pytest.skip("python-socketio is not installed: there is no environment for it")
    ours = start_node("threads", forwarder, "mixed").client()
    theirs = start_node("eventlet", forwarder, "mixed", python=str(THEIRS), manager="ZmqManager").client()
    agree(ours, theirs)
    for here, there in ((ours, theirs), (theirs, ours)):
        for value in ("ü", b"\0\xff", [{"x": [b"1", b"2"]}]):
            here.do("emit", "value", value)
            assert there.hear("value") == here.hear("value") == [value]
        assert here.do("call", "question", {"tuple": ["a", [1]]}, to=there.sid) == ["a", [1]]
        here.do("enter_room", there.sid, "a")
        wait_until(lambda there=there: there.rooms() == ["a"])
    assert ours.look()["ignored"] == 0


def test_scripts(start_node: Callable[..., Node]) -> None:
    forwarder = ZeroMQ()
    peer = start_node("threads", forwarder).client()
    agree(peer)
    command = [sys.executable, "-W", "default::ResourceWarning", str(FOLDER / "scripts.py")]
    ours = [*command, "use_any", forwarder.url, "socketio", "ZmqManager"]
    done = subprocess.run(ours, capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert [peer.hear("script") for _ in range(4)] == [[{"a": [b"1", None]}], ["two", b"2"], [], [[]]]
    forwarder.close()


def test_forks(forwarder: Broker, start_node: Callable[..., Node]) -> None:
    peer = start_node("threads", forwarder, "forks").client()
    agree(peer)
    for what, expected in (("fork", ["before", "child", "parent", "after"]), ("pool", list(range(-1, 20)))):
        command = [sys.executable, "-W", "ignore", str(FOLDER / "scripts.py"), what, forwarder.url, "forks"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
        assert (done.returncode, done.stderr) == (0, "")
        assert sorted(str(peer.hear("script")[0]) for _ in expected) == sorted(map(str, expected))


@pytest.mark.parametrize("url", ["", "zmq://localhost:1+2", "zmq+tcp://localhost:1", "zmq+tcp://localhost:1+b"])
def test_bad_urls(url: str) -> None:
    pytest.importorskip("zmq")
    with pytest.raises(RuntimeError, match="unexpected connection string"):
        ZmqManager(url)
