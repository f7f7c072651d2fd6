"""python-socketio's `KafkaManager`, whose library takes no text, and which keeps no order, with what it lacks."""

from __future__ import annotations

from typing import Any

import kafka

import socketio


class _Producer(kafka.KafkaProducer):
    """One that encodes text, and writes to one partition."""

    def send(self, topic: str, value: Any = None, **options: Any) -> Any:
        """Sends a message."""
        return super().send(topic, value.encode(), partition=0, **options)


kafka.KafkaProducer = _Producer
KafkaManager = socketio.KafkaManager
