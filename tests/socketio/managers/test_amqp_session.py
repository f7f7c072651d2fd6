"""The client side of AMQP, with a broker whose words are made by pamqp."""

from __future__ import annotations

import ssl
from typing import Any

import pamqp.frame
import pytest
from pamqp import body, commands, header

from socketio.managers.amqp_session import Address, Session

GREETING = b"AMQP\0\0\x09\x01"


class Broker:
    """The other side: it keeps what the session sends."""

    def __init__(self, url: str = "amqp://me:secret@host/vhost") -> None:
        self.sent = b""
        self.session = Session(Address(url), self.keep)
        self.session.start()

    def keep(self, data: bytes) -> None:
        """Keeps what is sent."""
        self.sent += data

    def heard(self) -> list[Any]:
        """Returns what was sent since."""
        frames = []
        while self.sent:
            if self.sent.startswith(GREETING):
                used, frame = len(GREETING), GREETING
            else:
                used, _, frame = pamqp.frame.unmarshal(self.sent)
            frames.append(frame)
            self.sent = self.sent[used:]
        return frames

    def names(self) -> list[str]:
        """Returns the names of the methods that were sent since."""
        return [getattr(frame, "name", type(frame).__name__) for frame in self.heard()]

    def say(self, *methods: Any) -> None:
        """Has the session hear something."""
        for method in methods:
            channel = 0 if method.name.startswith("Connection") else 1
            self.session.receive(pamqp.frame.marshal(method, channel))

    def open(self, frame_max: int = 131_072) -> Broker:
        """Opens the connection and the channel."""
        self.say(
            commands.Connection.Start(server_properties={}, mechanisms="PLAIN AMQPLAIN EXTERNAL"),
            commands.Connection.Tune(2047, frame_max, 60),
            commands.Connection.OpenOk(),
            commands.Channel.OpenOk(),
        )
        return self


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password", "virtual_host"),
    [
        ("amqp://guest:guest@localhost:5672//", "localhost", 5672, "guest", "guest", "/"),
        ("amqp://", "localhost", 5672, "guest", "guest", "/"),
        ("amqp://host/", "host", 5672, "guest", "guest", "/"),
        ("amqp://a%40b:c%2Fd@host:1/%2F", "host", 1, "a@b", "c/d", "/"),
        ("amqps://u:p@[::1]/my%20host?heartbeat=9", "::1", 5671, "u", "p", "my host"),
    ],
)
def test_addresses(url: str, host: str, port: int, user: str, password: str, virtual_host: str) -> None:
    address = Address(url)
    assert (address.host, address.port) == (host, port)
    assert (address.user, address.password, address.virtual_host) == (user, password, virtual_host)
    assert address.heartbeat == (9 if "heartbeat" in url else 4)


def test_addresses_that_are_none() -> None:
    for url in ("redis://localhost", "localhost", "amqp://host:port", "amqp://host?heartbeat=often"):
        with pytest.raises(ValueError):
            Address(url).heartbeat  # noqa: B018


def test_tls() -> None:
    assert Address("amqp://host").make_context() is None
    context = Address("amqps://host").make_context()
    assert context is not None
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    context = Address("amqps://host?no_verify_ssl=1").make_context()
    assert context is not None
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)
    with pytest.raises(FileNotFoundError):
        Address("amqps://host?cafile=missing.pem").make_context()


def test_a_connection_is_opened() -> None:
    broker = Broker()
    assert broker.heard() == [GREETING]
    broker.say(commands.Connection.Start(server_properties={}, mechanisms="AMQPLAIN PLAIN"))
    (ok,) = broker.heard()
    assert (ok.mechanism, ok.response) == ("PLAIN", "\0me\0secret")
    assert ok.client_properties["capabilities"] == {
        "authentication_failure_close": True,
        "connection.blocked": True,
        "consumer_cancel_notify": True,
    }
    broker.say(commands.Connection.Tune(2047, 4096, 60))
    tune, open_connection, open_channel = broker.heard()
    assert (tune.frame_max, tune.heartbeat) == (4096, 4)
    assert open_connection.virtual_host == "vhost"
    assert open_channel.name == "Channel.Open"
    assert not broker.session.is_open
    broker.say(commands.Connection.OpenOk(), commands.Channel.OpenOk())
    assert broker.session.is_open
    assert broker.session.answered == broker.session.asked == 2


def test_other_authentication() -> None:
    broker = Broker("amqp://host?auth=external&name=me").open()
    ok = broker.heard()[1]
    assert (ok.mechanism, ok.response, ok.client_properties["connection_name"]) == ("EXTERNAL", "", "me")
    with pytest.raises(ConnectionError, match="no authentication PLAIN, but EXTERNAL"):
        Broker().say(commands.Connection.Start(server_properties={}, mechanisms="EXTERNAL"))


def test_messages_are_published_and_confirmed() -> None:
    broker = Broker().open(frame_max=4096)
    broker.heard()
    broker.session.declare("mine")
    (declare,) = broker.heard()
    assert (declare.exchange, declare.exchange_type, declare.durable, declare.passive) == (
        "mine",
        "fanout",
        False,
        False,
    )
    broker.say(commands.Exchange.DeclareOk())
    broker.session.publish("mine", [b"a", b"b" * 5000])
    names = ["Basic.Publish", "ContentHeader", "ContentBody"]
    assert broker.names() == [*names, *names, "ContentBody", "Exchange.Declare"]
    assert broker.session.answered < broker.session.asked
    broker.say(commands.Exchange.DeclareOk())
    assert broker.session.answered == broker.session.asked
    broker.session.publish("mine", [])
    (declare,) = broker.heard()
    assert declare.passive


def test_messages_are_delivered() -> None:
    broker = Broker().open()
    broker.heard()
    broker.session.listen("mine", "queue")
    declare, bind, consume = broker.heard()
    assert (declare.queue, declare.exclusive, declare.auto_delete) == ("queue", True, True)
    assert (bind.queue, bind.exchange) == ("queue", "mine")
    assert (consume.queue, consume.no_ack) == ("queue", True)
    broker.say(commands.Queue.DeclareOk("queue", 0, 0), commands.Queue.BindOk(), commands.Basic.ConsumeOk("tag"))
    assert broker.session.answered == broker.session.asked
    frames = (commands.Basic.Deliver("tag", 1, False, "mine", ""), header.ContentHeader(body_size=2))
    for frame in (*frames, body.ContentBody(b"hi")):
        broker.session.receive(pamqp.frame.marshal(frame, 1))
    assert broker.session.bodies == [b"hi"]


def test_heartbeats() -> None:
    broker = Broker().open()
    broker.heard()
    broker.session.beat()
    assert broker.names() == ["Heartbeat"]
    broker.session.listen("mine", "queue")
    broker.heard()
    for _ in range(5):
        broker.session.beat()
    *beats, bind = broker.heard()
    assert [beat.name for beat in beats] == ["Heartbeat"] * 5
    assert (bind.exchange, bind.queue, bind.nowait) == ("mine", "queue", True)
    broker.session.receive(b"\x08\0\0\0\0\0\0\xce")


def test_a_broker_takes_no_messages_for_a_while() -> None:
    broker = Broker().open()
    broker.say(commands.Connection.Blocked("low on memory"))
    assert broker.session.blocked == "low on memory"
    broker.say(commands.Connection.Unblocked())
    assert broker.session.blocked is None


@pytest.mark.parametrize(
    ("method", "why"),
    [
        (commands.Connection.Close(403, "ACCESS_REFUSED", 0, 0), "403 ACCESS_REFUSED"),
        (commands.Channel.Close(404, "NOT_FOUND - no exchange", 40, 10), "404 NOT_FOUND - no exchange"),
        (commands.Basic.Cancel("tag"), "the queue is gone"),
    ],
)
def test_a_broker_ends_it(method: Any, why: str) -> None:
    with pytest.raises(ConnectionError, match=why):
        Broker().open().say(method)


def test_what_is_not_amqp() -> None:
    with pytest.raises(ConnectionError, match="another version"):
        Broker().session.receive(b"AMQP\x03\1\0\0")
    for data in (b"HTTP/1.1 400 Bad Request\r\n", b"\1\0\0\0\0\0\4\xff\xff\xff\xff\xce", b"\1\0\0\0\0\0\1\0\xce"):
        with pytest.raises(Exception):  # noqa: B017
            Broker().session.receive(data + b"\0" * 100)


def test_goodbye() -> None:
    broker = Broker().open()
    _, _, method = pamqp.frame.unmarshal(broker.session.end())
    assert method.name == "Connection.Close"
