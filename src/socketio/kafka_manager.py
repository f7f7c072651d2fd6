"""Where existing programs import `KafkaManager` from."""

from .managers.kafka import KafkaManager

__all__ = ["KafkaManager"]
