"""F049: what the msgpack serializer is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgpack
import pytest

from .conftest import guarded, serve
from .peers import WebSocketPeer
from .servers import Canary, Server

if TYPE_CHECKING:
    from collections.abc import Iterator


class PackedCanary(Canary):
    """A canary that speaks msgpack; it comes anew for each case."""

    def __init__(self, server: Server) -> None:
        self.port = server.port
        self.gone = None
        self.heard = []

    def assert_answered(self, within: float = 10.0) -> None:
        peer = WebSocketPeer(self.port)
        try:
            assert call(peer) == ["x"]
        finally:
            peer.close()

    def close(self) -> None: ...


def packet(**fields: Any) -> bytes:
    return msgpack.packb(fields)


def join(peer: WebSocketPeer) -> None:
    """Join `/`."""
    peer.send(packet(type=0, nsp="/", data={}))
    answer = msgpack.unpackb(peer.receive())
    assert answer["type"] == 0 and answer["nsp"] == "/", answer


def call(peer: WebSocketPeer) -> Any:
    """Join `/`, call `echo` and return the arguments of the ack."""
    join(peer)
    peer.send(packet(type=2, nsp="/", data=["echo", "x"], id=1))
    answer = msgpack.unpackb(peer.receive())
    assert (answer["type"], answer["id"]) == (3, 1), answer
    return answer["data"]


@pytest.fixture(scope="module")
def packed_server(mode: str) -> Iterator[Any]:
    """A server with the msgpack serializer."""
    yield from serve(mode, {"server": {"serializer": "msgpack"}}, PackedCanary)


@pytest.fixture
def packed(packed_server: Any, request: pytest.FixtureRequest) -> Iterator[Server]:
    yield from guarded(packed_server, request)


CASES: dict[str, str | bytes] = {
    "ext-32-lie": b"\xc9\xff\xff\xff\xff\x01", "ext-8-lie": b"\xc7\xff\x01x", "str-32-lie": b"\xdb\xff\xff\xff\xffx",
    "bin-32-lie": b"\xc6\xff\xff\xff\xffx", "array-32-lie": b"\xdd\xff\xff\xff\xff",
    "map-32-lie": b"\xdf\xff\xff\xff\xff", "nested-arrays": b"\x91" * 900_000,
    "nested-closed": b"\x91" * 100_000 + b"\xc0",
    "nested-in-data": packet(type=2, nsp="/", data=["echo"])[:-6] + b"\x92\xa4echo" + b"\x91" * 5000 + b"\xc0",
    "never-used": b"\xc1", "empty": b"", "trailing": packet(type=2, nsp="/", data=["echo"]) + b"x",
    "cut": packet(type=2, nsp="/", data=["echo"])[:-2], "not-a-map": msgpack.packb([2, "/", ["echo"]]), "int": b"\x07",
    "nil": b"\xc0", "keys-of-bytes": msgpack.packb({b"type": 2, b"nsp": b"/", b"data": [b"echo"]}),
    "keys-of-arrays": b"\x81\x91\x01\x02", "keys-of-maps": b"\x81\x80\x02",
    "type-missing": packet(nsp="/", data=["echo"]), "type-9": packet(type=9, nsp="/", data=["echo"]),
    "type-string": packet(type="2", nsp="/", data=["echo"]), "type-float": packet(type=2.5, nsp="/", data=["echo"]),
    "type-true": packet(type=True, nsp="/"), "type-minus": packet(type=-1, nsp="/"),
    "type-nil": packet(type=None, nsp="/"), "nsp-int": packet(type=2, nsp=7, data=["echo"]),
    "nsp-list": packet(type=2, nsp=["/"], data=["echo"]),
    "data-missing": packet(type=2, nsp="/"), "data-map": packet(type=2, nsp="/", data={"echo": 1}),
    "data-empty": packet(type=2, nsp="/", data=[]), "name-nil": packet(type=2, nsp="/", data=[None]),
    "name-list": packet(type=2, nsp="/", data=[["echo"]]), "name-bytes": packet(type=2, nsp="/", data=[b"echo"]),
    "name-reserved": packet(type=2, nsp="/", data=["connect"]),
    "id-string": packet(type=2, nsp="/", data=["echo"], id="1"),
    "id-minus": packet(type=2, nsp="/", data=["echo"], id=-1),
    "id-float": packet(type=2, nsp="/", data=["echo"], id=1.5),
    "id-huge": packet(type=2, nsp="/", data=["echo"], id=2**64 - 1),
    "id-list": packet(type=2, nsp="/", data=["echo"], id=[]),
    "bad-utf8": b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa4echo\xa1\xff",
    "surrogate": b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa4echo\xa3\xed\xa0\x80",
    "connect-twice": packet(type=0, nsp="/", data={}), "other-namespace": packet(type=2, nsp="/admin", data=["echo"]),
    "connect-error": packet(type=4, nsp="/", data={}), "text-frame": '42["echo"]',
    "timestamp-overflow": packet(type=2, nsp="/", data=["echo"])[:-6] + b"\x92\xa4echo\xc7\x0c\xff" + b"\xff" * 12,
}  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(v, id=f"F049-{k}") for k, v in CASES.items()])
def test_packet(case: str | bytes, packed: Server) -> None:
    peer = WebSocketPeer(packed.port)
    packed.clients.append(peer)
    join(peer)
    peer.send(case)
    peer.assert_killed()


@pytest.mark.parametrize("case", [pytest.param(v, id=f"F049-{k}") for k, v in CASES.items() if k != "connect-twice"])
def test_packet_before_connect(case: str | bytes, packed: Server) -> None:
    peer = WebSocketPeer(packed.port)
    packed.clients.append(peer)
    peer.send(case)
    peer.assert_killed()


def test_F049_unknown_extensions_are_data(packed: Server) -> None:
    peer = WebSocketPeer(packed.port)
    packed.clients.append(peer)
    join(peer)
    peer.send(packet(type=2, nsp="/", data=["echo", msgpack.ExtType(5, b"x" * 1000)], id=1))
    answer = msgpack.unpackb(peer.receive())
    assert answer["data"] == [msgpack.ExtType(5, b"x" * 1000)]
