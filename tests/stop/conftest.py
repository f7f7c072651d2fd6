"""The tests of the end and of TLS share the server processes and the raw client of the scenario suite."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent.parent / "scenarios")]
pytest.register_assert_rewrite("protocol_client", "serving")
