"""`KombuManager` and `AsyncAioPikaManager` before they meet a broker; with one: `tests/cluster`."""

from __future__ import annotations

import inspect
import sys

import pytest

import socketio
from socketio.async_aiopika_manager import AsyncAioPikaManager
from socketio.kombu_manager import KombuManager


def test_names_and_signatures() -> None:
    assert (socketio.KombuManager, socketio.AsyncAioPikaManager) == (KombuManager, AsyncAioPikaManager)
    assert (KombuManager.name, AsyncAioPikaManager.name) == ("kombu", "asyncaiopika")
    common = {
        "url": "amqp://guest:guest@localhost:5672//",
        "channel": "socketio",
        "write_only": False,
        "logger": None,
        "json": None,
    }
    kombus = dict.fromkeys(f"{what}_options" for what in ("connection", "exchange", "queue", "producer"))
    for manager, expected in ((KombuManager, {**common, **kombus}), (AsyncAioPikaManager, common)):
        parameters = list(inspect.signature(manager).parameters.values())
        found = {item.name: item.default for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD}
        assert found == expected


@pytest.mark.parametrize(
    ("manager", "package", "extra"), [(KombuManager, "kombu", "kombu"), (AsyncAioPikaManager, "pamqp.frame", "aiopika")]
)
def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch, manager: type, package: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RuntimeError, match=rf"{package.partition('.')[0]} is not installed.*fast-socketio\[{extra}\]"):
        manager()


def test_urls_of_other_brokers() -> None:
    with pytest.raises(ValueError, match="redis"):
        AsyncAioPikaManager("redis://localhost")
