"""How a table of faults becomes one case a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .peers import Client

Make = Callable[..., Client]
"""Makes a client of the server of a case: `make(transport, namespace="/")`; `namespace=None` joins none."""


def rows(cases: dict[str, Any]) -> pytest.MarkDecorator:
    """Parametrise `case` with the values of `cases`, named by its keys."""
    return pytest.mark.parametrize("case", [pytest.param(value, id=name) for name, value in cases.items()])
