"""Which brokers the tests of a cluster try."""

from __future__ import annotations

from .brokers import Broker, Own, Redis
from .kafka import Kafka
from .rabbitmq import RabbitMQ
from .zeromq import ZeroMQ

BROKERS: list[type[Broker]] = [Redis, Own, RabbitMQ, Kafka, ZeroMQ]
