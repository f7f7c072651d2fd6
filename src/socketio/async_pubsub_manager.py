"""Where existing programs import `AsyncPubSubManager` from."""

from .managers.async_pubsub import AsyncPubSubManager

__all__ = ["AsyncPubSubManager"]
