"""The settings of a gunicorn whose workers say goodbye: WSGI tells an application nothing of the end of its server."""

from __future__ import annotations

import signal
from typing import Any


def post_worker_init(worker: Any) -> None:
    """Has SIGTERM close the connections of the worker, for which gunicorn would wait in vain until its time is up."""
    server = worker.wsgi.engineio_app
    stop = signal.getsignal(signal.SIGTERM)

    def handle(number: int, frame: Any) -> None:
        server.start_background_task(server.close)  # in the midst of anything: nothing may wait here
        stop(number, frame)

    signal.signal(signal.SIGTERM, handle)
