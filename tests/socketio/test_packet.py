"""The text codec of revision 5."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest

from engineio.json import codec_for
from socketio import packet
from socketio.exceptions import ProtocolError
from socketio.packet import (
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    decode_text,
    encode_text,
    reconstruct,
)

CODEC = codec_for(None)


def decode(text: str | bytes) -> tuple[Any, ...]:
    return decode_text(text.encode() if isinstance(text, str) else text, CODEC.loads)


def encode(packet_type: int, namespace: str, ack_id: int | None, data: Any) -> tuple[bytes, list[bytes]]:
    return encode_text(packet_type, namespace, ack_id, data, CODEC.dumps)


def test_constants() -> None:
    numbers = [CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK]
    assert numbers == list(range(7))
    assert [getattr(packet, name) for name in packet.packet_names] == numbers


PLACEHOLDER = {"_placeholder": True, "num": 0}

VALID = [
    # socket.io-protocol, "Packet encoding", and its variations
    ("0", (CONNECT, "/", None, None, 0)),
    ('0{"token":"123"}', (CONNECT, "/", None, {"token": "123"}, 0)),
    ("0{}", (CONNECT, "/", None, {}, 0)),
    ('0/admin,{"sid":"a"}', (CONNECT, "/admin", None, {"sid": "a"}, 0)),
    ("0/admin,", (CONNECT, "/admin", None, None, 0)),
    ("0/random", (CONNECT, "/random", None, None, 0)),
    ("0/", (CONNECT, "/", None, None, 0)),
    ("0/admin?token=1&uid=abcd", (CONNECT, "/admin?token=1&uid=abcd", None, None, 0)),
    ("0/admin?token=1,{}", (CONNECT, "/admin?token=1", None, {}, 0)),
    ("0/__proto__", (CONNECT, "/__proto__", None, None, 0)),
    ("0/é,", (CONNECT, "/é", None, None, 0)),
    ("1", (DISCONNECT, "/", None, None, 0)),
    ("1/admin,", (DISCONNECT, "/admin", None, None, 0)),
    ("1/custom", (DISCONNECT, "/custom", None, None, 0)),
    ('2["foo"]', (EVENT, "/", None, ["foo"], 0)),
    ('2/,["foo"]', (EVENT, "/", None, ["foo"], 0)),
    ('2/admin,["bar"]', (EVENT, "/admin", None, ["bar"], 0)),
    ('2/a[b],7["bar"]', (EVENT, "/a[b]", 7, ["bar"], 0)),
    ('212["foo",{"a":[1]}]', (EVENT, "/", 12, ["foo", {"a": [1]}], 0)),
    ('20["foo"]', (EVENT, "/", 0, ["foo"], 0)),
    ('2007["foo"]', (EVENT, "/", 7, ["foo"], 0)),
    ('2/admin,12["foo"]', (EVENT, "/admin", 12, ["foo"], 0)),
    ('29007199254740991["foo"]', (EVENT, "/", 2**53 - 1, ["foo"], 0)),
    ('2/a,9007199254740991["foo"]', (EVENT, "/a", 2**53 - 1, ["foo"], 0)),
    ("2[1]", (EVENT, "/", None, [1], 0)),
    ("25[1.5,2]", (EVENT, "/", 5, [1.5, 2], 0)),
    ('2["message","é\\u0000"]', (EVENT, "/", None, ["message", "é\0"], 0)),
    ('2["a",{"_placeholder":true,"num":0}]', (EVENT, "/", None, ["a", PLACEHOLDER], 0)),
    ("3[]", (ACK, "/", None, [], 0)),
    ("312[]", (ACK, "/", 12, [], 0)),
    ('3/admin,13["bar",1]', (ACK, "/admin", 13, ["bar", 1], 0)),
    ("31[null]", (ACK, "/", 1, [None], 0)),
    ('31["connect"]', (ACK, "/", 1, ["connect"], 0)),
    ('4{"message":"Not authorized"}', (CONNECT_ERROR, "/", None, {"message": "Not authorized"}, 0)),
    ('4/admin,"no"', (CONNECT_ERROR, "/admin", None, "no", 0)),
    ('51-["baz",{"_placeholder":true,"num":0}]', (BINARY_EVENT, "/", None, ["baz", PLACEHOLDER], 1)),
    ('52-/admin,12["baz"]', (BINARY_EVENT, "/admin", 12, ["baz"], 2)),
    ('50-["baz"]', (BINARY_EVENT, "/", None, ["baz"], 0)),
    ('511-["e"]', (BINARY_EVENT, "/", None, ["e"], 11)),
    ('51000000000-["e"]', (BINARY_EVENT, "/", None, ["e"], 1_000_000_000)),
    ('61-/admin,456[{"_placeholder":true,"num":0}]', (BINARY_ACK, "/admin", 456, [PLACEHOLDER], 1)),
    ("610-[1]", (BINARY_ACK, "/", None, [1], 10)),
    # Names that mean something elsewhere, but not on the wire.
    *((f'2["{name}"]', (EVENT, "/", None, [name], 0)) for name in ("error", "message", "__proto__", "__init__", "")),
]


@pytest.mark.parametrize(("text", "expected"), VALID, ids=[text for text, _ in VALID])
def test_decodes(text: str, expected: tuple[Any, ...]) -> None:
    assert decode(text) == expected


INVALID = [
    # no such packet
    *("", "-", "9", "7", "x", " ", "abc", "/", "é", "١[]"),
    # CONNECT: an object or nothing
    *("0{", "0[1]", '0"x"', "0null", "0,", "0true", "0{}x", "01{}", "01", "0/a,null", "0/a,,", "0/a,[]"),
    # DISCONNECT: nothing
    *("1{}", "1[]", "1null", "1/a,{}", "1,", "12"),
    # EVENT: an array with at least its name
    *(
        "2",
        "2[]",
        "2{}",
        '2"e"',
        '2["e",1',
        '2["e"]x',
        "2null",
        "2abc[1]",
        '2abc["e"]',
        "2/",
        "2/a",
        "2/a,",
        '2/a["e"]',
    ),
    *("2/a,{}", "2/a,[]", "212", "212{}", '2["e"][', '2 ["e"]', '2["e"],', '2,["e"]', '2a["e"]'),
    # the name: a string or a number
    *("2[null]", "2[true]", "2[{}]", "2[[]]", "21[false]", "2/a,[null]"),
    # the names that the library itself uses
    *(f'{head}["{name}",1]' for name in sorted(packet.RESERVED_EVENTS) for head in ("2", "25", "2/a,", "50-")),
    # ack ids: digits of ASCII, below 2**53
    *(f'{head}{number}["e"]' for head in ("2", "2/a,", "50-") for number in ("-1", "1.5", "1e3", "+1", "١", "1 ", "²")),
    *(
        f'{head}{number}["e"]'
        for head in ("2", "2/a,", "3", "60-")
        for number in (2**53, "1" * 23, "1" * 400, "9" * 5000)
    ),
    # ACK: an array
    *("3", "31", "3{}", "31{}", '31"a"', "31null", "3/a,1", "31[1"),
    # CONNECT_ERROR: an object or a string
    *("4", "4/a", "4/a,", "4[1]", "41", "4null", "4true", "4-", "4{}x"),
    # attachments: their number, in at most ten digits, where they are allowed, and only there
    *(
        '5["e"]',
        '5-["e"]',
        "5-1-",
        '51.5-["e"]',
        '51e1-["e"]',
        '5+1-["e"]',
        '5 1-["e"]',
        '5١-["e"]',
        "5",
        "51",
        "51-",
        "5-",
    ),
    *('511111111111-["e"]', '5-1-["e"]', '51["e"]', "6[1]", "6-[1]", "60-", "60-{}", '50-{"a":1}', "50-[]", "51-1"),
    *('21-["e"]', "31-[]", "00-", '01-{"a":1}', '41-{"a":1}', '51-[{"_placeholder":true,"num":0}]', '5/a,1-["e"]'),
    # numbers and text that could not be sent on
    *(
        '2["e",NaN]',
        '2["e",1e999]',
        '2["e",-Infinity]',
        '2["e","\\ud800"]',
        f'2["e",{"1" * 101}]',
        f'2["e",{"1" * 5000}]',
    ),
    *('0{"a":NaN}', '51-["e",Infinity]', '3/a,1["\\udfff"]', '2["e",{"a":1e999}]', f'2["e",{"[" * 512 + "]" * 512}]'),
    *(f'2["e",{"[" * 100_000}', f"2{'[' * 100_000}", '2["e",""]'.replace('""', '"\x00"')),
]


@pytest.mark.parametrize("text", INVALID, ids=[repr(text[:40]) for text in INVALID])
def test_refuses(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


@pytest.mark.parametrize(
    "text", [b"\xff", b'2["\xff"]', b'2/\xff,["e"]', b"0/\xc0\x80", b'2\xd9\xa1["e"]', b'2["e\xed\xa0\x80"]']
)
def test_refuses_invalid_utf8(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


def test_protocol_errors_are_value_errors() -> None:
    with pytest.raises(ValueError, match="null"):
        decode("0null")


def test_refuses_what_a_json_module_should_not_return() -> None:
    for value in (None, 5, "e", (), ("e",), {0: "e"}, []):
        for text in (b'2["e"]', b'21["e"]', b'2/a,["e"]', b"50-[1]"):
            with pytest.raises(ProtocolError):
                decode_text(text, lambda data, value=value: value)


ENCODED = [
    ((EVENT, "/", None, ["foo", "é"]), '2["foo","é"]', []),
    ((EVENT, "/", 12, ("foo", 1)), '212["foo",1]', []),
    ((EVENT, "/admin", None, ["foo"]), '2/admin,["foo"]', []),
    ((EVENT, "/admin", 0, ["foo"]), '2/admin,0["foo"]', []),
    ((CONNECT, "/", None, None), "0", []),
    ((CONNECT, "/", None, {"sid": "a"}), '0{"sid":"a"}', []),
    ((CONNECT, "/é", None, None), "0/é,", []),
    ((DISCONNECT, "/", None, None), "1", []),
    ((DISCONNECT, "/admin", None, None), "1/admin,", []),
    ((ACK, "/", 0, []), "30[]", []),
    ((ACK, "/admin", 7, [1, None]), "3/admin,7[1,null]", []),
    ((CONNECT_ERROR, "/admin", None, {"message": "no"}), '4/admin,{"message":"no"}', []),
    ((CONNECT_ERROR, "/", None, ""), '4""', []),
    (
        (EVENT, "/admin", 12, ["a", b"x", {"b": [bytearray(b"y"), (memoryview(b"z"),)]}, b"x"]),
        '54-/admin,12["a",P0,{"b":[P1,[P2]]},P3]',
        [b"x", b"y", b"z", b"x"],
    ),
    ((ACK, "/", 3, [b""]), '61-3[{"_placeholder":true,"num":0}]', [b""]),
    ((BINARY_EVENT, "/", None, ["a", b"x"]), '51-["a",{"_placeholder":true,"num":0}]', [b"x"]),
    ((BINARY_EVENT, "/", None, ["a"]), '50-["a"]', []),
    ((BINARY_ACK, "/a", 1, []), "60-/a,1[]", []),
    # What orjson refuses goes through the standard library; each attachment counts once.
    (
        (EVENT, "/", None, ["a", b"x", {1: 2**70}, [b"y"]]),
        '52-["a",{"_placeholder":true,"num":0},{"1":1180591620717411303424},[{"_placeholder":true,"num":1}]]',
        [b"x", b"y"],
    ),
    ((EVENT, "/", None, ["a", math.nan]), '2["a",null]', []),
]


@pytest.mark.parametrize(("parts", "text", "attachments"), ENCODED, ids=[text for _, text, _ in ENCODED])
def test_encodes(parts: tuple[Any, ...], text: str, attachments: list[bytes]) -> None:
    text = re.sub(r"P(\d)", r'{"_placeholder":true,"num":\1}', text)
    result = encode(*parts)
    assert result == (text.encode(), attachments)
    assert all(type(attachment) is bytes for attachment in result[1])


def test_encodes_with_the_callers_module() -> None:
    text, attachments = encode_text(EVENT, "/", None, ["a", b"x", [b"y"]], codec_for(json).dumps)
    assert text == b'52-["a",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]'
    assert attachments == [b"x", b"y"]


@pytest.mark.parametrize("data", [["a", {1}], ["a", b"x", object()], {"a": 3j}])
def test_does_not_encode_what_has_no_form(data: Any) -> None:
    with pytest.raises(TypeError, match=r"set|object|complex"):
        encode(EVENT, "/", None, data)


@pytest.mark.parametrize("packet_type", [CONNECT, DISCONNECT, CONNECT_ERROR])
def test_does_not_encode_bytes_where_there_are_no_attachments(packet_type: int) -> None:
    with pytest.raises(TypeError, match="bytes"):
        encode(packet_type, "/", None, {"a": b"x"})


def test_does_not_encode_a_namespace_with_a_comma() -> None:
    with pytest.raises(ValueError, match="comma"):
        encode(EVENT, "/a,b", None, ["a"])


class TestReconstruct:
    def test_in_order(self) -> None:
        text, attachments = encode(EVENT, "/", None, ["a", b"x", {"b": [b"y", {"c": b"z"}]}])
        assert reconstruct(decode(text)[3], attachments) == ["a", b"x", {"b": [b"y", {"c": b"z"}]}]

    def test_top_level(self) -> None:
        assert reconstruct({"_placeholder": True, "num": 0}, [b"x"]) == b"x"
        assert reconstruct("a", [b"x"]) == "a"

    def test_same_number_twice_and_unused_attachment(self) -> None:
        data = [{"_placeholder": True, "num": 1}, {"num": 1, "_placeholder": True, "more": 2}]
        assert reconstruct(data, [b"x", b"y"]) == [b"y", b"y"]

    @pytest.mark.parametrize("number", [5, 1, -1, 0.5, 0.0, True, False, "__proto__", "0", None, [], 10**99])
    def test_refuses_bad_numbers(self, number: Any) -> None:
        with pytest.raises(ProtocolError, match="placeholder"):
            reconstruct(["a", {"_placeholder": True, "num": number}], [b"x"])

    def test_refuses_a_missing_number(self) -> None:
        with pytest.raises(ProtocolError, match="placeholder"):
            reconstruct([{"a": {"_placeholder": True}}], [b"x"])

    @pytest.mark.parametrize("value", [False, 1, "true", None])
    def test_leaves_ordinary_dicts(self, value: Any) -> None:
        assert reconstruct([{"_placeholder": value, "num": 0}], [b"x"]) == [{"_placeholder": value, "num": 0}]

    def test_deep_data(self) -> None:
        text = b'51-["a",' + b'{"a":[' * 255 + b'{"_placeholder":true,"num":0}' + b"]}" * 255 + b"]"

        def nest(frames: int) -> Any:
            return nest(frames - 1) if frames else reconstruct(decode(text)[3], [b"x"])

        value = nest(600)
        for _ in range(255):
            value = value[-1]["a"]
        assert value == [b"x"]
