"""What waits for a broker."""

from __future__ import annotations

from socketio.outbox import MAX_BATCH, OVERHEAD, Outbox


def outbox(*messages: bytes, limit: int = 1_000_000) -> Outbox:
    box = Outbox(limit)
    for message in messages:
        box.put(message)
    return box


def test_messages_stay_until_they_are_done() -> None:
    box = outbox(b"{1}", b"{2}")
    assert box.take() == box.take() == [b"{1}", b"{2}"]
    box.put(b"{3}")
    box.done()
    assert (len(box), box.take()) == (1, [b"{3}"])


def test_what_failed_says_so_when_it_is_sent_again() -> None:
    box = outbox(b"{1}", b"{2}")
    box.take()
    box.failed()
    box.put(b"{3}")
    assert box.take() == [b'{1,"again":true}', b'{2,"again":true}', b"{3}"]
    box.done()
    box.put(b"{4}")
    assert box.take() == [b"{4}"]


def test_the_oldest_are_dropped() -> None:
    box = outbox(limit=3 * (OVERHEAD + 3))
    assert [box.put(b"{%d}" % number) for number in range(5)] == [False, False, False, True, True]
    assert (box.dropped, box.take()) == (2, [b"{2}", b"{3}", b"{4}"])


def test_what_is_dropped_while_it_is_published() -> None:
    box = outbox(b"{1}", b"{2}", limit=2 * (OVERHEAD + 3))
    box.take()
    box.put(b"{3}")
    box.failed()
    assert box.take() == [b'{2,"again":true}', b"{3}"]
    box.put(b"{4}")
    box.done()
    assert box.take() == [b"{4}"]


def test_one_that_is_larger_than_the_limit_is_kept() -> None:
    box = outbox(b"{1}", b"x" * 1000, limit=500)
    assert box.take() == [b"x" * 1000]


def test_batches_are_bounded() -> None:
    box = outbox(*[b"{}"] * (MAX_BATCH + 1), b"x" * 50_000, b"x" * 50_000)
    sizes = []
    while box:
        sizes.append(len(box.take()))
        box.done()
    assert sizes == [MAX_BATCH, 2, 1]


def test_clear() -> None:
    box = outbox(b"{1}")
    box.take()
    box.failed()
    box.clear()
    box.put(b"{2}")
    assert box.take() == [b"{2}"]
