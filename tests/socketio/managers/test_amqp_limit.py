"""What a publisher learns of the size that RabbitMQ takes."""

from __future__ import annotations

import pytest

from socketio import PubSubManager
from socketio.managers.amqp_limit import SizeLimit

MESSAGES = [b"a", b"bbb", b"cccc"]


def test_no_limit_is_known_at_first() -> None:
    assert SizeLimit().fitting(MESSAGES) == MESSAGES


def test_errors_tell() -> None:
    limit = SizeLimit()
    limit.learn(ConnectionError("406 PRECONDITION_FAILED - inequivalent arg 'type'"))
    assert limit.fitting(MESSAGES) == MESSAGES
    limit.learn(ConnectionError("(406) PRECONDITION_FAILED - message size 4 is larger than configured max size 3"))
    assert limit.fitting(MESSAGES) == [b"a", b"bbb"]
    limit.learn(TimeoutError())
    limit.learn(ConnectionError("406 PRECONDITION_FAILED - message size 3 is larger than max size 2"))
    assert limit.fitting(MESSAGES) == [b"a"]


def test_what_is_dropped_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    limit, manager = SizeLimit(), PubSubManager()
    limit.largest = 3
    limit.report(MESSAGES, manager)
    assert manager.outbox.dropped == 1
    assert caplog.messages == ["pubsub: a message of 4 bytes is dropped: RabbitMQ takes 3"]
