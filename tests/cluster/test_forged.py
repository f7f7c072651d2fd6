"""Messages that no server sends: ignored, and what follows them is heard."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from ..brokers.brokers import Redis
from .nodes import KINDS, Node, agree

EMIT = {"method": "emit", "event": "x", "data": [1], "namespace": "/", "host_id": "f" * 32}


def message(**changes: Any) -> bytes:
    """Returns an emit with some members changed; those that are `...` are left out."""
    return json.dumps({name: value for name, value in {**EMIT, **changes}.items() if value is not ...}).encode()


IGNORED = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe",
    "pickle": pickle.dumps(EMIT),
    "no object": b"[1]",
    "a number": b"1",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep in data": message(data=...)[:-1] + b',"data":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "no method": message(method=...),
    "unknown method": message(method="explode"),
    "dunder method": message(method="__init__"),
    "private method": message(method="_receive_emit"),
    "method of another type": message(method=["emit"]),
    "no event": message(event=...),
    "event of another type": message(event={"a": 1}),
    "reserved event": message(event="disconnect"),
    "no data": message(data=...),
    "namespace of another type": message(namespace=5),
    "namespace without slash": message(namespace="x"),
    "room of another type": message(room={"a": 1}),
    "rooms of another type": message(room=[["a"]]),
    "float as room": message(room=1.5),
    "skip_sid of another type": message(skip_sid=5),
    "skip_sids of another type": message(skip_sid=[None]),
    "host_id of another type": message(host_id=["f"]),
    "binary that is none": message(binary=True, data="x"),
    "placeholder without attachment": message(binary=True, data=[[{"_placeholder": True, "num": 5}]]),
    "attachment that is not base64": message(binary=True, data=[[{"_placeholder": True, "num": 0}], "%"]),
    "attachment of another type": message(binary=True, data=[[{"_placeholder": True, "num": 0}], 5]),
    "callback of another type": message(callback=5),
    "callback too short": message(callback=["a"]),
    "callback with other types": message(callback=[[], 1, "x"]),
    "callback for nobody": message(callback=["a", "/", 1], host_id=...),
    "disconnect without sid": message(method="disconnect"),
    "disconnect of another type": message(method="disconnect", sid=["a"]),
    "enter_room without sid": message(method="enter_room", room="a"),
    "leave_room of another type": message(method="leave_room", sid=1, room="a"),
    "close_room without room": message(method="close_room"),
    "close_room of all": message(method="close_room", room=None),
}


@pytest.fixture(scope="module", params=KINDS)
def node(request: pytest.FixtureRequest, redis_server: Redis) -> Any:
    """A server of each colour."""
    node = Node(request.param, redis_server, "forged")
    yield node
    node.close()


def test_bad_messages_are_ignored(node: Node, redis_server: Redis) -> None:
    peer = node.client()
    agree(peer)
    spy = redis_server.spy("forged")
    ignored = peer.look()["ignored"]
    for number, (name, forged) in enumerate(IGNORED.items()):
        spy.publish(forged)
        spy.publish(message(event="next", data=[number]))
        assert peer.hear() == ("next", number), name
        assert peer.look()["ignored"] == ignored + number + 1, name
    assert peer.look()["healthy"]
    assert node.log().count("ignoring bad messages") <= 2  # one line in ten seconds
    spy.close()


def test_what_is_forged_but_well_formed(node: Node, redis_server: Redis) -> None:
    peer = node.client()
    agree(peer)
    spy = redis_server.spy("forged")
    ignored, own = peer.look()["ignored"], peer.look()["host_id"]
    for forged in (
        message(host_id=own, event="own"),  # as if it were the server's own, come back
        json.dumps({"host_id": own, **EMIT, "event": "own"}).replace("f" * 32, own).encode(),
        message(method="callback", host_id=own, sid=peer.sid, id=1, args=[]),
        message(method="callback", host_id=own, sid=peer.sid, id=[1], args=[]),
        message(method="callback", sid=peer.sid, id=1, args=[]),
        message(method="disconnect", sid="nobody"),
        message(method="disconnect", sid=peer.sid, namespace="/other"),
        message(method="enter_room", sid="nobody", room="a"),
        message(method="leave_room", sid="nobody", room="a"),
        message(method="close_room", room="nobody"),
        message(seq="x", again=[], more={"a": 1}, event="known", data=[2]),
        message(seq=10**15, event="known", data=[3]),
        message(seq=5, event="known", data=[4]),
        message(seq=6, event="known", data=[5], again=True),
        message(seq=6, event="known", data=[6], again=True),  # was here before
        message(data={"bare": 1}, host_id=..., namespace=..., event="known"),
    ):
        spy.publish(forged)
    assert [peer.hear("known") for _ in range(5)] == [[2], [3], [4], [5], [{"bare": 1}]]
    assert peer.look()["ignored"] == ignored
    spy.publish(message(method="enter_room", sid=peer.sid, room="a"))
    spy.publish(message(room="a", event="known", data=[]))
    assert peer.hear("known") == []
    spy.publish(message(method="disconnect", sid=peer.sid))
    assert peer.hear("disconnect") == ["server disconnect"]
    spy.close()


def test_large_messages(start_node: Callable[..., Node]) -> None:
    redis = Redis("--client-output-buffer-limit", "pubsub 0 0 0")
    here, there = (start_node(kind, redis).client() for kind in KINDS)
    agree(here, there)
    spy = redis.spy("socketio")
    spy.publish(b'"' + b"x" * (33 * 1024 * 1024) + b'"')
    for sender, receiver in ((here, there), (there, here)):
        sender.do("emit", "large", b"x" * 500_000)
        assert receiver.hear("large") == sender.hear("large") == [b"x" * 500_000]
    assert here.look()["ignored"] == there.look()["ignored"] == 1
    # Redis disconnects a subscriber that it holds too much for: with its default settings, for one such message.
    redis.ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
    spy.publish(b'"' + b"x" * (33 * 1024 * 1024) + b'"')
    agree(here, there)
    spy.close()
    redis.close()
