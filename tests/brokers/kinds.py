"""Which brokers the tests of a cluster try."""

from __future__ import annotations

from .brokers import Broker, Own, Redis
from .rabbitmq import RabbitMQ

BROKERS: list[type[Broker]] = [Redis, Own, RabbitMQ]
