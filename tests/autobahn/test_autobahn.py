"""The Autobahn test suite, as far as it is about WebSockets without extensions, against the raw transport."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import kosoku
import pytest

from ..engineio.bindings.server_process import ServerProcess

CASES = {"1.*": 16, "2.*": 11, "3.*": 7, "4.*": 10, "5.*": 20, "6.*": 145, "7.*": 37, "9.*": 54, "10.*": 1}
"""Section -> how many cases it has; 12 and 13 are about compression."""

INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}
"""What Autobahn only looks at, for anybody: a close behind a message of 256 KiB, close codes that have no meaning."""


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    with ServerProcess(str(Path(__file__).with_name("echo_app.py")), request.param) as process:
        yield process
        assert "Traceback" not in process.output, process.output


@pytest.mark.parametrize("section", CASES)
def test_section(server: ServerProcess, section: str) -> None:
    try:
        results = asyncio.run(kosoku.run_fuzzingclient(f"ws://127.0.0.1:{server.port}", [section], concurrency=2))
    except kosoku.FailureError as failure:
        results = failure.results
    verdicts = {result.case_id: (result.behavior.value, result.behavior_close.value) for result in results}
    assert len(verdicts) == CASES[section]
    others = {case: verdict for case, verdict in verdicts.items() if verdict != ("OK", "OK")}
    assert others.keys() <= INFORMATIONAL, others
    assert set(others.values()) <= {("INFORMATIONAL", "INFORMATIONAL")}
