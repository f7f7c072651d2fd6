"""The `logger` option: what it accepts and which logger it stands for."""

from __future__ import annotations

import logging

__all__ = ["logger_for"]


def logger_for(option: bool | logging.Logger, name: str) -> logging.Logger:
    """Returns the logger to use.

    Args:
        option: A logger, used as it is; `True` for the logger `name` at level INFO with a handler that writes to
            stderr; `False` for the same logger at level ERROR. A level that the program has set is left alone.
        name: The name of the logger for `True` and `False`.
    """
    if not isinstance(option, bool):
        return option
    logger = logging.getLogger(name)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO if option else logging.ERROR)
        if option and not logger.hasHandlers():
            logger.addHandler(logging.StreamHandler())
    return logger
