"""Where programs import `AsyncKafkaManager` from: the sibling of `socketio.kafka_manager`."""

from .managers.async_kafka import AsyncKafkaManager

__all__ = ["AsyncKafkaManager"]
