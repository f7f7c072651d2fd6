"""What only RabbitMQ does, or is asked to do."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ..brokers.brokers import HOST, Redis
from ..brokers.rabbitmq import MAX_SIZE, RabbitMQ
from .nodes import DEADLINE, FOLDER, Node, Peer, agree, wait_until


@pytest.fixture
def pair(rabbit: RabbitMQ, start_node: Callable[..., Node], request: pytest.FixtureRequest) -> tuple[Peer, Peer]:
    """Clients of two servers, one of each colour, on a channel of their own."""
    channel = request.node.name
    here, there = (start_node(kind, rabbit, channel).client() for kind in ("asyncio", "threads"))
    agree(here, there)
    return here, there


def connect(rabbit: RabbitMQ) -> Any:
    """Returns a connection of kombu's."""
    import kombu

    return kombu.Connection(rabbit.url)


def emit_both_ways(here: Peer, there: Peer, what: Any = None) -> None:
    """Asserts that both servers reach the clients of each other, once."""
    for sender in (here, there):
        sender.do("emit", "both ways", what)
        assert [peer.hear("both ways") for peer in (here, there)] == [[] if what is None else [what]] * 2


@pytest.mark.parametrize("kinds", [("asyncio", "threads"), ("gevent", "eventlet")], ids="-".join)
def test_connections_that_are_closed_are_opened_again(
    rabbit: RabbitMQ, start_node: Callable[..., Node], kinds: tuple[str, str]
) -> None:
    here, there = peers = [start_node(kind, rabbit, "closed").client() for kind in kinds]
    agree(here, there)
    before = [peer.look()["connections"] for peer in peers]
    rabbit.control("close_all_connections", "maintenance")
    emit_both_ways(here, there, 1)
    for peer, connections in zip(peers, before, strict=True):
        wait_until(lambda peer=peer: peer.look()["healthy"])
        assert peer.look()["connections"] == connections
    assert "maintenance" in there.node.log()


def test_an_exchange_that_is_deleted_is_made_again(
    pair: tuple[Peer, Peer], rabbit: RabbitMQ, request: pytest.FixtureRequest
) -> None:
    here, there = pair
    with connect(rabbit) as connection:
        connection.default_channel.exchange_delete(request.node.name)
    # Without a message: the first listener that binds its queue again notices, and makes it for the others.
    wait_until(lambda: any("NOT_FOUND" in peer.node.log() for peer in pair))
    agree(here, there)


def test_a_broker_that_takes_no_messages(pair: tuple[Peer, Peer], rabbit: RabbitMQ) -> None:
    here, there = pair
    rabbit.control("set_vm_memory_high_watermark", "0.0000001")
    try:
        for sender in pair:
            sender.do("emit", "blocked", sender.sid)
            assert sender.hear("blocked") == [sender.sid]  # nobody here waits
        for peer in pair:
            wait_until(lambda peer=peer: not peer.look()["healthy"])
            assert "takes no messages" in peer.node.log()
        rabbit.control("close_all_connections", "meanwhile")
    finally:
        rabbit.control("set_vm_memory_high_watermark", "0.4")
    assert (here.hear("blocked"), there.hear("blocked")) == ([there.sid], [here.sid])
    emit_both_ways(here, there)
    for peer in pair:
        wait_until(lambda peer=peer: peer.look()["healthy"])


@pytest.mark.parametrize(
    ("user", "virtual_host", "why"), [("guest:wrong", "", "ACCESS_REFUSED"), ("guest:guest", "nowhere", "nowhere")]
)
def test_who_is_refused(
    rabbit: RabbitMQ, start_node: Callable[..., Node], user: str, virtual_host: str, why: str
) -> None:
    url = f"amqp://{user}@{HOST}:{rabbit.port}/{virtual_host}"
    for kind in ("asyncio", "threads"):
        node = start_node(kind, rabbit, url=url)
        peer = node.client()
        wait_until(lambda node=node: why in node.log())
        peer.do("emit", "anyway")
        assert peer.hear("anyway") == []
        assert not peer.look()["healthy"]
        assert node.log().count("cannot be reached") == 1


def test_tls(rabbit: RabbitMQ, start_node: Callable[..., Node]) -> None:
    url = f"amqps://guest:guest@localhost:{rabbit.tls_port}//"
    trusting = {"connection_options": {"ssl": {"ca_certs": str(rabbit.certificate)}}}
    here = start_node("asyncio", rabbit, "tls", url=f"{url}?cafile={rabbit.certificate}").client()
    there = start_node("threads", rabbit, "tls", url=url, **trusting).client()
    agree(here, there)
    emit_both_ways(here, there, b"x" * 300_000)
    doubting = start_node("asyncio", rabbit, "tls", url=url).client()
    wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in doubting.node.log())
    assert there.node.stop() == -15
    assert here.node.stop() == 0


def test_what_is_no_message(pair: tuple[Peer, Peer], rabbit: RabbitMQ, request: pytest.FixtureRequest) -> None:
    spy = rabbit.spy(request.node.name)
    forged = [b"", b"\xff", b"[1]", b"x" * 300_000, b"\x01\0\0\0\0\0\xce"]
    for message in forged:
        spy.publish(message)
    spy.publish(b'{"method": "emit", "event": "next", "data": [1]}')
    for peer in pair:
        assert peer.hear("next") == [1]
        assert peer.look()["ignored"] == len(forged)
    emit_both_ways(*pair)
    spy.close()


def test_messages_that_are_too_large_for_rabbitmq(pair: tuple[Peer, Peer]) -> None:
    here, there = pair
    for sender, receiver in ((here, there), (there, here)):
        sender.do("emit", "before")
        for _ in range(2):
            sender.do("emit", "large", b"x" * 500_000)
        sender.do("emit", "after")
        assert [receiver.hear(), receiver.hear()] == [("before",), ("after",)]
        assert [sender.hear()[0] for _ in range(4)] == ["before", "large", "large", "after"]
        assert sender.look()["dropped"] == 2
        assert f"is dropped: RabbitMQ takes {MAX_SIZE}\n" in sender.node.log()


def test_options_of_kombu(rabbit: RabbitMQ, start_node: Callable[..., Node]) -> None:
    options: dict[str, Any] = {
        "connection_options": {"heartbeat": 3, "transport_options": {"client_properties": {"product": "mine"}}},
        "exchange_options": {"durable": True, "auto_delete": True},
        "queue_options": {"durable": True, "expires": 60, "max_length": 1000},
        "producer_options": {"compression": "zlib"},
    }
    urls = (rabbit.url, f"amqp://guest:guest@{HOST}:1//;{rabbit.url}")  # the first of the second is not there
    here, there = (start_node("threads", rabbit, "options", url=url, **options).client() for url in urls)
    agree(here, there)
    emit_both_ways(here, there, b"x")
    with connect(rabbit) as connection:
        channel = connection.default_channel
        channel.exchange_declare("options", "fanout", durable=True, auto_delete=True)  # an error if it were another
        queue = channel.queue_declare(exclusive=True).queue
        channel.queue_bind(queue, "options")
        here.do("emit", "compressed")
        message = wait_until(lambda: channel.basic_get(queue, no_ack=True))
        assert message.headers["compression"] == "application/x-gzip"
        pickled = pickle.dumps({"method": "emit", "event": "pickled", "data": []})
        for body, kind in ((pickled, "application/x-python-serialize"), (b"\xff", "text/plain")):
            forged = channel.prepare_message(body, content_type=kind, content_encoding="utf-8")
            channel.basic_publish(forged, exchange="options")
    assert [there.hear(), here.hear()] == [("compressed",)] * 2
    emit_both_ways(here, there)
    assert [peer.look()["ignored"] for peer in (here, there)] == [2, 2]


def test_other_brokers_of_kombu(redis_server: Redis, start_node: Callable[..., Node]) -> None:
    nodes = [start_node("threads", redis_server, "by kombu", manager="KombuManager") for _ in range(2)]
    here, there = (node.client() for node in nodes)
    agree(here, there)
    emit_both_ways(here, there, "ü")


@pytest.fixture
def listener(rabbit: RabbitMQ, start_node: Callable[..., Node]) -> Peer:
    """A client of a server on the channel `scripts`."""
    peer = start_node("asyncio", rabbit, "scripts").client()
    agree(peer)
    peer.do("enter_room", peer.sid, "a")
    return peer


@pytest.mark.parametrize(
    ("script", "heard"),
    [
        ("emit_once", [[{"data": b"1"}]]),
        ("emit_from_loops", [[0], [1]]),
        ("fork", [["after"], ["before"], ["child"], ["parent"]]),
    ],
)
def test_scripts(listener: Peer, rabbit: RabbitMQ, script: str, heard: list[Any]) -> None:
    command = [sys.executable, "-W", "default", str(FOLDER / "scripts.py"), script, rabbit.url, "scripts"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted((listener.hear("script") for _ in heard), key=str) == heard


def test_the_command_line(listener: Peer, rabbit: RabbitMQ) -> None:
    command = [sys.executable, "-m", "socketio", "emit", "--amqp", rabbit.url, "--channel", "scripts", "script", "[1]"]
    subprocess.run(command, check=True, timeout=DEADLINE)
    assert listener.hear("script") == [[1]]
