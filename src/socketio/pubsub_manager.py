"""Where existing programs import `PubSubManager` from."""

from .managers.pubsub import PubSubManager

__all__ = ["PubSubManager"]
