"""Socket.IO for Python: events, acknowledgements, namespaces, rooms and binary data between programs and browsers."""

from __future__ import annotations

from . import async_aiopika_manager as async_aiopika_manager
from . import async_kafka_manager as async_kafka_manager
from . import async_pubsub_manager as async_pubsub_manager
from . import async_redis_manager as async_redis_manager
from . import base_client as base_client
from . import base_manager as base_manager
from . import base_namespace as base_namespace
from . import base_server as base_server
from . import exceptions as exceptions
from . import kafka_manager as kafka_manager
from . import kombu_manager as kombu_manager
from . import packet as packet
from . import pubsub_manager as pubsub_manager
from . import redis_manager as redis_manager
from . import zmq_manager as zmq_manager
from .asgi import ASGIApp
from .asyncio.client import AsyncClient
from .asyncio.client_namespace import AsyncClientNamespace
from .asyncio.manager import AsyncManager
from .asyncio.namespace import AsyncNamespace
from .asyncio.server import AsyncServer
from .asyncio.simple_client import AsyncSimpleClient
from .embedded import run
from .managers.aiopika import AsyncAioPikaManager
from .managers.async_kafka import AsyncKafkaManager
from .managers.kafka import KafkaManager
from .managers.kombu import KombuManager
from .managers.pubsub import PubSubManager
from .managers.redis import AsyncRedisManager, RedisManager
from .managers.zmq import ZmqManager
from .sync.client import Client
from .sync.client_namespace import ClientNamespace
from .sync.manager import Manager
from .sync.namespace import Namespace
from .sync.server import Server
from .sync.simple_client import SimpleClient
from .tornado import get_tornado_handler
from .wsgi import Middleware, WSGIApp

__all__ = [
    "ASGIApp",
    "AsyncAioPikaManager",
    "AsyncClient",
    "AsyncClientNamespace",
    "AsyncKafkaManager",
    "AsyncManager",
    "AsyncNamespace",
    "AsyncRedisManager",
    "AsyncServer",
    "AsyncSimpleClient",
    "Client",
    "ClientNamespace",
    "KafkaManager",
    "KombuManager",
    "Manager",
    "Middleware",
    "Namespace",
    "PubSubManager",
    "RedisManager",
    "Server",
    "SimpleClient",
    "WSGIApp",
    "ZmqManager",
    "get_tornado_handler",
    "run",
]
