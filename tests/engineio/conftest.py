"""Fixtures of the tests of Engine.IO."""

from __future__ import annotations

import pytest

from engineio.websocket import FrameReader

from .frames import LIMIT, Events, dribble


@pytest.fixture(params=["at once", "byte by byte"])
def read(request: pytest.FixtureRequest):
    """Reads `data` as a server and returns what came of it, with the code of the error."""

    def function(data: bytes, max_size: int = LIMIT) -> tuple[Events, int | None]:
        reader = FrameReader(max_size)
        events = reader.receive(data) if request.param == "at once" else dribble(reader, data)
        return events, reader.error and reader.error.code

    return function
