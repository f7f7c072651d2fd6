"""The client's side of a connection: bytes in, messages and bytes out."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from engineio.client_protocol import ClientSocket, ClientState
from engineio.exceptions import ConnectionError, ProtocolError
from engineio.json import codec_for
from engineio.packet import Outgoing

CONTENT = {"sid": "abc", "upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200, "maxPayload": 100}
loads = codec_for(None).loads


class Shell:
    """A host and a receiver that note what they are told."""

    def __init__(self, **content: Any) -> None:
        self.events: list[Any] = []
        self.woken = 0
        self.resumed = 0
        self.over = 0
        self.socket = ClientSocket(self, loads)
        self.socket.receiver = self
        self.socket.open(b"0" + json.dumps({**CONTENT, **content}).encode(), "polling", 10.0)

    def wake(self) -> None:
        self.woken += 1

    def resume(self) -> None:
        self.resumed += 1

    def closed(self, why: str | None = None) -> None:
        if why is None:
            self.over += 1
        else:
            self.events.append(("closed", why))

    def receive_text(self, data: bytes) -> None:
        self.events.append(data.decode())

    def receive_binary(self, data: bytes) -> None:
        self.events.append(data)


@pytest.mark.parametrize("packet", [b"", b"0", b"0[]", b"0{", b"4hello", b'96:0{"sid":"a"}', b"0:", b"<html>", b"\xff"])
def test_what_is_no_handshake_is_refused(packet: bytes) -> None:
    socket = ClientSocket(Shell(), loads)
    with pytest.raises(ProtocolError):
        socket.open_payload(packet, 0.0)
    assert socket.state is ClientState.OPENING


def test_a_payload_is_taken_in_order() -> None:
    shell = Shell()
    shell.socket.receive_payload(b"4one\x1ebAQID\x1e6\x1e4two \xe2\x82\xac", 11.0)
    assert shell.events == ["one", b"\1\2\3", "two €"]
    assert shell.socket.deadline == 11.5


def test_what_follows_the_handshake_is_returned() -> None:
    socket = ClientSocket(Shell(), loads)
    assert socket.open_payload(b"0" + json.dumps(CONTENT).encode() + b"\x1e4a\x1e4b", 0.0) == [
        (4, b"a", False),
        (4, b"b", False),
    ]


@pytest.mark.parametrize("body", [b"", b"4a\x1e", b"9", b"b!!", b"4\xff", b"0{}", b"5", b"4a\x1e0{}\x1e4b"])
def test_a_wrong_payload_closes(body: bytes) -> None:
    shell = Shell()
    shell.socket.receive_payload(body, 11.0)
    assert shell.socket.state is ClientState.CLOSED
    assert shell.events[-1] == ("closed", "transport error")
    assert "b" not in shell.events
    assert isinstance(shell.socket.error, ProtocolError)
    assert shell.over == 1


@pytest.mark.parametrize("packet", [b"", b"9", b"x", b"0{}", b"5"])
def test_a_wrong_text_closes(packet: bytes) -> None:
    shell = Shell()
    shell.socket.receive_text(packet, 11.0)
    assert shell.events == [("closed", "transport error")]


def test_a_ping_is_answered_before_all_else() -> None:
    shell = Shell()
    shell.socket.push(Outgoing(b"4hello"))
    shell.socket.receive_text(b"2data", 11.0)
    assert shell.socket.take_payload() == b"3data\x1e4hello"


def test_the_server_says_goodbye() -> None:
    shell = Shell()
    shell.socket.receive_payload(b"4a\x1e1\x1e4b", 11.0)
    assert shell.events == ["a", ("closed", "server disconnect")]
    shell.socket.receive_text(b"4c", 12.0)
    shell.socket.receive_binary(b"d", 12.0)
    assert len(shell.events) == 2


def test_silence_closes() -> None:
    shell = Shell()
    assert not shell.socket.expire(10.4)
    shell.socket.receive_text(b"6", 10.4)
    assert not shell.socket.expire(10.8)
    assert shell.socket.expire(10.9)
    assert shell.events == [("closed", "ping timeout")]
    assert shell.over == 1


def test_only_the_first_message_wakes_the_writer() -> None:
    shell = Shell()
    shell.socket.push(Outgoing(b"4a"))
    shell.socket.push(Outgoing(b"4b"))
    assert shell.woken == 1


def test_a_payload_keeps_to_the_limit() -> None:
    shell = Shell()
    texts = [b"4" + bytes([65 + number]) * 30 for number in range(7)]
    for text in texts:
        shell.socket.push(Outgoing(text))
    bodies = []
    while body := shell.socket.take_payload():
        bodies.append(body)
    # Three of 31 bytes and two separators make 95; a fourth would not fit into 100.
    assert [body.count(b"\x1e") for body in bodies] == [2, 2, 0]
    assert b"\x1e".join(bodies).split(b"\x1e") == texts
    assert shell.socket.queued == 0


def test_a_packet_that_is_too_long_goes_alone() -> None:
    shell = Shell()
    for text in (b"4a", b"4" + b"x" * 500, b"4b"):
        shell.socket.push(Outgoing(text))
    assert [shell.socket.take_payload()[:2] for _ in range(4)] == [b"4a", b"4x", b"4b", b""]


def test_attachments_are_packets_of_their_own() -> None:
    shell = Shell()
    attachments = [b"x" * 60, b"y" * 60]
    shell.socket.push(Outgoing(b"451-[]", attachments))
    assert shell.socket.take_payload() == b"451-[]\x1eb" + base64.b64encode(attachments[0])
    message = shell.socket.take()
    assert message is not None
    assert (message.text, list(message.attachments)) == (None, [attachments[1]])


def test_a_goodbye_is_not_mistaken_for_an_error() -> None:
    shell = Shell()
    shell.socket.push(Outgoing(b"4last"))
    shell.socket.leave("client disconnect")
    shell.socket.leave("client disconnect")
    assert shell.socket.take_payload() == b"4last\x1e1"
    shell.socket.fail(OSError("the server has closed the transport"))
    assert shell.events == [("closed", "client disconnect")]
    assert shell.socket.error is None


def test_the_end_comes_once_and_empties_the_outbox() -> None:
    shell = Shell()
    shell.socket.push(Outgoing(b"4a"))
    shell.socket.close("one")
    shell.socket.close("two")
    shell.socket.push(Outgoing(b"4b"))
    assert shell.events == [("closed", "one")]
    assert (shell.over, shell.socket.pending(), shell.socket.queued) == (1, False, 0)


def test_a_connection_that_never_opened_tells_its_receiver_nothing() -> None:
    shell = Shell()
    socket = ClientSocket(shell, loads)
    socket.receiver = shell
    socket.fail(OSError())
    assert (shell.events, shell.over) == ([], 1)


def test_a_halt_ends() -> None:
    shell = Shell()
    shell.socket.halt()
    assert shell.socket.halted
    shell.socket.proceed()
    assert (shell.socket.halted, shell.resumed) == (False, 1)


def test_a_handshake_that_comes_after_the_end_is_refused() -> None:
    shell = Shell()
    socket = ClientSocket(shell, loads)
    socket.close("client disconnect")
    with pytest.raises(ProtocolError):
        socket.open(b"0" + json.dumps(CONTENT).encode(), "polling", 0.0)
    assert socket.state is ClientState.CLOSED


def texts(messages: list[Outgoing]) -> list[bytes | None]:
    return [message.text for message in messages]


def test_a_burst_is_about_as_long_as_is_asked_for() -> None:
    shell = Shell()
    for number in range(10):
        shell.socket.push(Outgoing(b"4%d" % number, [bytes(8)]))
    assert shell.socket.queued == 100
    assert texts(shell.socket.take_burst(25)) == [b"40", b"41", b"42"]  # the last one exceeds it
    assert texts(shell.socket.take_burst(20)) == [b"43", b"44"]
    assert texts(shell.socket.take_burst(1)) == [b"45"]
    assert (shell.socket.take_burst(0), shell.socket.queued) == ([], 40)
    assert texts(shell.socket.take_burst(1000)) == [b"46", b"47", b"48", b"49"]
    assert (shell.socket.take_burst(1000), shell.socket.queued, shell.socket.pending()) == ([], 0, False)


@pytest.mark.parametrize(("keep", "taken"), [(0, 3), (1, 2), (2, 1), (3, 0), (4, 0)])
def test_a_burst_leaves_some_where_they_are(keep: int, taken: int) -> None:
    shell = Shell()
    numbers = [b"40", b"41", b"42"]
    for text in numbers:
        shell.socket.push(Outgoing(text))
    assert texts(shell.socket.take_burst(1000, keep)) == numbers[:taken]
    assert shell.socket.queued == 2 * (3 - taken)
    assert texts(shell.socket.take_burst(1000)) == numbers[taken:]


def test_only_the_last_of_several_pings_is_answered() -> None:
    shell = Shell()
    shell.socket.push(Outgoing(b"4hello"))
    shell.socket.receive_payload(b"2first\x1e2" + b"x" * 50 + b"\x1e2last", 11.0)
    shell.socket.receive_text(b"2the last", 11.0)
    assert shell.socket.queued == len(b"3the last4hello")
    assert texts(shell.socket.take_burst(1000)) == [b"3the last", b"4hello"]
    assert shell.socket.queued == 0


def test_a_ping_after_the_answer_was_sent_has_an_answer_of_its_own() -> None:
    shell = Shell()
    for data in (b"one", b"two"):
        shell.socket.receive_text(b"2" + data, 11.0)
        assert shell.socket.take_payload() == b"3" + data
    assert (shell.socket.queued, shell.woken) == (0, 2)


def test_an_attachment_is_not_mistaken_for_an_answer() -> None:
    shell = Shell()
    shell.socket.push(Outgoing(None, [b"3"]))
    shell.socket.receive_text(b"2", 11.0)
    assert shell.socket.queued == 2
    assert texts(shell.socket.take_burst(1000)) == [b"3", None]


def test_silence_says_what_is_wrong() -> None:
    shell = Shell()
    assert shell.socket.error is None
    assert shell.socket.expire(10.5)
    assert str(shell.socket.error) == "The server has said nothing for 0.5 seconds"
    assert isinstance(shell.socket.error, ConnectionError)
    # Later calls change nothing.
    assert shell.socket.expire(99.0)
    assert (shell.over, shell.socket.deadline) == (1, float("inf"))


def test_silence_after_a_goodbye_is_no_error() -> None:
    shell = Shell()
    shell.socket.leave("client disconnect")
    assert shell.socket.expire(10.5)
    assert (shell.socket.error, shell.socket.why) == (None, "client disconnect")
