"""A `KafkaManager` whose library takes small messages only."""

from __future__ import annotations

import socketio.managers.kafka
from socketio import KafkaManager

socketio.managers.kafka.LARGEST = 2_000

__all__ = ["KafkaManager"]
