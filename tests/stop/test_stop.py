"""SIGTERM under each server: clients are told at once, disconnect handlers run to their end, and the process ends."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from protocol_client import Answer, ProtocolClient
from serving import ServerProcess

PROGRAM = Path(__file__).parent / "serve.py"


@dataclass(frozen=True)
class End:
    """How a server ends.

    Attributes:
        code: With which code it closes WebSockets; granian may cut them off before (1006).
        status: The exit status of the process; a negative one is the number of the signal.
        lifespan: Whether the application hears of the end.
        polls: Whether those who wait are answered; daphne may cut them off.
        module: What has to be installed.
    """

    code: int
    status: int
    module: str
    lifespan: bool = True
    polls: bool = True


ENDS = {
    "uvicorn": End(1012, -signal.SIGTERM, "uvicorn"),
    "embedded": End(1012, 0, "uvicorn"),
    "gunicorn": End(1012, 0, "uvicorn_worker"),
    "granian": End(1012, 0, "granian"),
    "daphne": End(4012, 0, "daphne", lifespan=False, polls=False),
    "hypercorn": End(1012, 0, "hypercorn"),
    "tornado": End(1012, -signal.SIGTERM, "tornado", lifespan=False),
}


@pytest.fixture(params=ENDS)
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """The application under each server."""
    module = ENDS[request.param].module
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    server = ServerProcess(PROGRAM, request.param)
    yield server
    server.close()


def test_sigterm(server: ServerProcess) -> None:
    asyncio.run(stop(server, signal.SIGTERM, ENDS[server.way].status))


@pytest.mark.parametrize("server", ["uvicorn"], indirect=True)
def test_ctrl_c(server: ServerProcess) -> None:
    asyncio.run(stop(server, signal.SIGINT, 0))


async def stop(server: ServerProcess, number: int, status: int) -> None:
    end = ENDS[server.way]
    path = "/socket.io/"
    async with ProtocolClient(server.url, path) as poller, ProtocolClient(server.url, path) as upgraded:
        await poller.handshake()
        await poller.post("40")
        sids = [(await server.hear(type="connect"))["sid"]]
        await poller.poll_packets(1)
        poll = await poller.start_poll()
        async with upgraded.websocket_session() as ws:
            await ws.send("40")
            sids.append((await server.hear(type="connect"))["sid"])
            await ws.receive_past_pings()
            server.process.send_signal(number)
            code = await ws.wait_closed()
            assert code == end.code or (code, server.way) == (1006, "granian")
        [answer] = await asyncio.gather(poll, return_exceptions=True)
        if end.polls or not isinstance(answer, aiohttp.ClientError):
            assert isinstance(answer, Answer), answer
            assert answer.packets == ["1"]
    for sid in sids:
        assert (await server.hear(type="disconnect", sid=sid))["reason"] == "server disconnect"
    if end.lifespan:
        await server.hear(type="shutdown")
    # Long before the next ping, which would answer the poll: where nobody is told, that is what the server waits for.
    assert await asyncio.to_thread(server.process.wait, 12) == status
