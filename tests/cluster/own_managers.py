"""Managers with a broker of their own, as programs write them for python-socketio: two methods, and no more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import redis
import redis.asyncio

from socketio.async_pubsub_manager import AsyncPubSubManager
from socketio.pubsub_manager import PubSubManager


class OwnManager(PubSubManager):
    """For threads."""

    name = "own"

    def __init__(self, url: str, channel: str = "socketio", write_only: bool = False, logger: Any = None) -> None:
        super().__init__(channel=channel, write_only=write_only, logger=logger)
        self.client = redis.Redis.from_url(url)

    def _publish(self, data: dict[str, Any]) -> Any:
        return self.client.publish(self.channel, self.json.dumps(data))

    def _listen(self) -> Iterator[Any]:
        with self.client.pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.subscribe(self.channel)
            for message in pubsub.listen():
                yield message["data"]


class AsyncOwnManager(AsyncPubSubManager):
    """For asyncio; it yields dictionaries."""

    name = "asyncown"

    def __init__(self, url: str, channel: str = "socketio", write_only: bool = False, logger: Any = None) -> None:
        super().__init__(channel=channel, write_only=write_only, logger=logger)
        self.client = redis.asyncio.Redis.from_url(url)

    async def _publish(self, data: dict[str, Any]) -> Any:
        return await self.client.publish(self.channel, json.dumps(data))

    async def _listen(self) -> AsyncIterator[Any]:
        async with self.client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(self.channel)
            async for message in pubsub.listen():
                yield json.loads(message["data"])
