"""`Connections`: what a framework is told of the WebSockets that have been taken over from it, when it stops."""

from __future__ import annotations

import asyncio

from engineio.asyncio.takeover import Connections, TakenOver

from ..asgi_calls import run


def lose(link: TakenOver) -> None:
    """The transport of a link is gone."""
    assert link.on_lost is not None
    link.on_lost(link)


@run
async def test_waiting_for_all_of_them() -> None:
    connections = Connections()
    await connections.wait_closed()
    links = [TakenOver(100) for _ in range(2)]
    for link in links:
        connections.add(link)
    waiting = [asyncio.ensure_future(connections.wait_closed()) for _ in range(2)]
    await asyncio.sleep(0)
    lose(links[0])
    await asyncio.sleep(0)
    assert connections.links == {links[1]}
    assert not any(wait.done() for wait in waiting)
    lose(links[1])
    await asyncio.gather(*waiting)
    await connections.wait_closed()
