"""A Celery worker whose tasks emit: `BROKER=... celery -A celery_app worker`."""

from __future__ import annotations

import asyncio
import os

import celery

import socketio

url = os.environ["BROKER"]
app = celery.Celery("celery_app", broker=url)
manager = socketio.RedisManager(url, channel="celery", write_only=True)
async_manager = socketio.AsyncRedisManager(url, channel="celery", write_only=True)
manager.emit("task", "before the fork")


@app.task
def emit(number: int) -> None:
    """Emits from the child process that runs it."""
    manager.emit("task", [number, os.getpid()])
    asyncio.run(async_manager.emit("task", [number, os.getpid()]))
