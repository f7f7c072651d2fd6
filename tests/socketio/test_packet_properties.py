"""Properties of the packet codecs: round trips, and nothing but ProtocolError for what strangers send."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.json import StandardCodec, codec_for
from socketio.exceptions import ProtocolError
from socketio.packet import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    MAX_ACK_ID,
    RESERVED_EVENTS,
    Packet,
    decode_text,
    encode_text,
    reconstruct,
)

CODECS = [codec_for(None), StandardCodec(), codec_for(json)]

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(-(10**100) + 1, 10**100 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS | st.binary(),
    # A dict with this key could be taken for a placeholder.
    lambda items: st.lists(items) | st.dictionaries(TEXT.filter(lambda key: key != "_placeholder"), items),
)
PLAIN = st.recursive(SCALARS, lambda items: st.lists(items) | st.dictionaries(TEXT, items))
NAMES = TEXT.filter(lambda name: name not in RESERVED_EVENTS) | st.integers(0, 2**70)
NAMESPACES = st.just("/") | TEXT.map(lambda name: "/" + name.replace(",", ""))
ACK_IDS = st.none() | st.integers(0, MAX_ACK_ID)

PACKETS = st.one_of(
    st.tuples(st.just(CONNECT), NAMESPACES, st.none(), st.none() | st.dictionaries(TEXT, PLAIN)),
    st.tuples(st.just(DISCONNECT), NAMESPACES, st.none(), st.none()),
    st.tuples(st.just(CONNECT_ERROR), NAMESPACES, st.none(), TEXT | st.dictionaries(TEXT, PLAIN)),
    st.tuples(
        st.just(EVENT), NAMESPACES, ACK_IDS, st.builds(lambda name, args: [name, *args], NAMES, st.lists(VALUES))
    ),
    st.tuples(st.just(ACK), NAMESPACES, ACK_IDS, st.lists(VALUES)),
)


@pytest.mark.parametrize("codec", CODECS, ids=["default", "standard", "module"])
@given(parts=PACKETS)
def test_round_trip(codec: Any, parts: tuple[int, str, int | None, Any]) -> None:
    packet_type, namespace, ack_id, data = parts
    text, attachments = encode_text(*parts, codec.dumps)
    decoded = decode_text(text, codec.loads)
    assert decoded[0] == packet_type + (3 if attachments else 0)
    assert decoded[1:3] == (namespace, ack_id)
    assert decoded[4] == len(attachments)
    result = reconstruct(decoded[3], attachments) if attachments else decoded[3]
    # `repr` tells 1 from 1.0 and True, and 0.0 from -0.0.
    assert repr(result) == repr(data)


@given(PACKETS)
def test_round_trip_of_objects(parts: tuple[int, str, int | None, Any]) -> None:
    packet_type, namespace, ack_id, data = parts
    sent = Packet(packet_type, data, namespace=namespace, id=ack_id)
    encoded = sent.encode()
    text, attachments = (encoded[0], encoded[1:]) if isinstance(encoded, list) else (encoded, [])
    pkt = Packet(encoded_packet=text)
    complete = [pkt.add_attachment(attachment) for attachment in attachments]
    assert complete == [False] * (len(attachments) - 1) + [True] * bool(attachments)
    assert pkt.packet_type == sent.packet_type
    assert pkt.namespace == (None if namespace == "/" else namespace.partition("?")[0])
    assert (pkt.id, repr(pkt.data)) == (ack_id, repr(data))


GRAMMAR = st.lists(
    st.sampled_from(
        [
            *"0123456789",
            *'-/,[]{}":.?',
            '["e"',
            '"e"',
            "null",
            "true",
            "1e999",
            "NaN",
            "/admin,",
            "51-",
            '{"a":',
            "é",
            " ",
            "\\ud800",
        ]
    )
).map("".join)
PLACEHOLDERS = st.fixed_dictionaries(
    {"_placeholder": st.booleans() | st.just(1)},
    optional={"num": st.integers(-3, 3) | st.floats() | TEXT | st.booleans()},
)


@pytest.mark.parametrize("codec", CODECS, ids=["default", "standard", "module"])
@given(text=st.binary() | TEXT.map(str.encode) | GRAMMAR.map(str.encode))
def test_anything_decodes_or_is_a_protocol_error(codec: Any, text: bytes) -> None:
    try:
        packet_type, namespace, ack_id, data, count = decode_text(text, codec.loads)
    except ProtocolError:
        return
    assert namespace.startswith("/")
    assert ack_id is None or 0 <= ack_id <= MAX_ACK_ID
    assert count == 0 or packet_type in (BINARY_EVENT, BINARY_ACK)
    if packet_type in (EVENT, BINARY_EVENT):
        assert isinstance(data[0], (str, int, float))


@given(st.text(string.printable) | st.text() | st.binary())
def test_any_object_decodes_or_is_a_protocol_error(text: str | bytes) -> None:
    try:
        Packet(encoded_packet=text)
    except ProtocolError:
        return


@given(
    st.recursive(SCALARS | PLACEHOLDERS, lambda items: st.lists(items) | st.dictionaries(TEXT, items)),
    st.lists(st.binary()),
)
def test_reconstruct_works_or_is_a_protocol_error(data: Any, attachments: list[bytes]) -> None:
    try:
        reconstruct(data, attachments)
    except ProtocolError:
        return
