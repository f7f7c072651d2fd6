"""The `logger` option."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

import pytest

from engineio.logs import logger_for

NAME = "engineio.test_logs"


@contextlib.contextmanager
def unused_logger() -> Iterator[logging.Logger]:
    """A logger that nobody has set up. Not a fixture: pytest adds handlers of its own when the test begins."""
    logger = logging.getLogger(NAME)
    logger.propagate = False
    logger.handlers.clear()
    yield logger
    logger.setLevel(logging.NOTSET)
    logger.handlers.clear()


def test_a_logger_is_used_as_it_is() -> None:
    mine = logging.getLogger("mine")
    level, handlers = mine.level, list(mine.handlers)
    assert logger_for(mine, NAME) is mine
    assert (mine.level, mine.handlers) == (level, handlers)


def test_true_shows_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    with unused_logger() as logger:
        assert logger_for(True, NAME) is logger
        assert logger.level == logging.INFO
        logger.info("something happened")
        assert "something happened" in capsys.readouterr().err
        logger_for(True, NAME)
        assert len(logger.handlers) == 1


def test_false_shows_errors_only() -> None:
    with unused_logger() as logger:
        assert logger_for(False, NAME) is logger
        assert logger.level == logging.ERROR
        assert not logger.isEnabledFor(logging.WARNING)


@pytest.mark.parametrize("option", [True, False])
def test_what_the_program_has_set_up_stays(option: bool) -> None:
    with unused_logger() as logger:
        handler = logging.StreamHandler(io.StringIO())
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger_for(option, NAME)
        assert logger.level == logging.DEBUG
        assert logger.handlers == [handler]
