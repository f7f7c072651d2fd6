"""What several servers do together, over each broker; with one of each colour, and both ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .nodes import Node, Peer, Raised, agree, wait_until


@pytest.fixture(params=["there", "and back"])
def peers(request: pytest.FixtureRequest, nodes: list[Node]) -> Iterator[tuple[Peer, Peer]]:
    """A client of each of two servers that hear each other."""
    first, second = (node.client() for node in (nodes if request.param == "there" else reversed(nodes)))
    agree(first, second)
    yield first, second
    first.close()
    second.close()


def test_emits_reach_the_clients_of_all_servers_once(peers: tuple[Peer, Peer]) -> None:
    here, there = peers
    values = [None, 1, "ü\u2028", [1, [2]], {"a": {"b": None}}, b"\0\xff", {"x": [b"1", b"2"]}, []]
    for value in values:
        here.do("emit", "value", value)
    here.do("emit", "values", {"tuple": [1, "two", b"3"]})
    here.do("emit", "values", {"tuple": []})
    here.do("send", "text")
    for peer in (here, there):
        for value in values:
            assert peer.hear("value") == ([] if value is None else [value])
        assert peer.hear("values") == [1, "two", b"3"]
        assert peer.hear("values") == []
        assert peer.hear("message") == ["text"]
    assert here.heard.empty()


def test_rooms_of_clients_elsewhere(peers: tuple[Peer, Peer]) -> None:
    here, there = peers
    here.do("enter_room", there.sid, "a")
    there.do("enter_room", there.sid, "b")
    wait_until(lambda: sorted(there.rooms()) == ["a", "b"])
    here.do("emit", "one", 1, to="a")
    here.do("emit", "list", 2, to=["a", "b", here.sid])
    here.do("emit", "own", 3, room=there.sid)
    here.do("emit", "skipped", 4, skip_sid=there.sid)
    here.do("emit", "skipped", 4, skip_sid=[here.sid, there.sid])
    here.do("emit", "here", 5, ignore_queue=True)
    here.do("leave_room", there.sid, "a")
    wait_until(lambda: there.rooms() == ["b"])
    here.do("emit", "not there", 6, to="a")
    here.do("close_room", "b")
    wait_until(lambda: there.rooms() == [])
    here.do("emit", "end")
    assert [there.hear() for _ in range(4)] == [("one", 1), ("list", 2), ("own", 3), ("end",)]
    assert [here.hear() for _ in range(4)] == [("list", 2), ("skipped", 4), ("here", 5), ("end",)]


def test_acknowledgements_of_clients_elsewhere(peers: tuple[Peer, Peer]) -> None:
    here, there = peers
    assert here.do("call", "question", {"tuple": [1, [2]]}, to=there.sid) == [1, [2]]
    assert here.do("call", "question", b"\1\2", to=there.sid) == b"\1\2"
    assert here.do("call", "question", to=there.sid) is None
    assert here.do("call", "question", 3, to=here.sid) == 3
    here.ask("ask", ["question", {"tuple": ["x", 4]}], {"to": there.sid})
    assert here.hear("asked") == [["x", 4]]
    with pytest.raises(Raised, match="TimeoutError"):
        here.do("call", "question", to="nobody", timeout=0.2)


def test_clients_elsewhere_are_disconnected(peers: tuple[Peer, Peer]) -> None:
    here, there = peers
    sid = there.sid
    here.do("disconnect", sid)
    assert there.hear("disconnect") == ["server disconnect"]
    assert here.hear("left") == [sid]
    here.do("disconnect", "nobody")


def test_namespaces(nodes: list[Node]) -> None:
    here, there = nodes[0].client("/other"), nodes[1].client("/other")
    main = nodes[1].client()
    agree(here, there)
    here.do("emit", "other", 1, namespace="/other")
    here.do("enter_room", there.sid, "a", namespace="/other")
    wait_until(lambda: there.rooms() == ["a"])
    here.do("emit", "in a", 2, to="a", namespace="/other")
    assert here.do("call", "question", 3, to=there.sid, namespace="/other") == 3
    here.do("emit", "end")
    assert [there.hear(), there.hear()] == [("other", 1), ("in a", 2)]
    assert main.hear() == ("end",)


def test_what_cannot_be_done(peers: tuple[Peer, Peer]) -> None:
    here, _ = peers
    here.ask("ask", ["question"], {})
    assert here.hear("asked") == [["ValueError", "Cannot use callback without a room set."]]
    with pytest.raises(Raised, match="sid room"):
        here.do("close_room", here.sid)
