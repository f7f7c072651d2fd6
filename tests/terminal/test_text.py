"""What of a text reaches the terminal."""

from __future__ import annotations

import json
import sys

from socketio.terminal.text import clean, to_ascii_json, to_json


def test_no_character_that_cannot_be_seen_is_left() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    assert clean(everything).isprintable()
    assert to_json(everything).isprintable()
    assert to_ascii_json(everything).isprintable()


def test_what_can_be_seen_stays() -> None:
    assert clean("é 漢 😀 {}") == "é 漢 😀 {}"
    assert to_json({"é": ["漢", 1.5, None]}) == '{"é": ["漢", 1.5, null]}'
    assert to_ascii_json("é") == r'"\u00e9"'


def test_what_is_escaped_can_be_read_back() -> None:
    text = "\x00\x1b\x7f\x9b\u2028\u202e\U000e0001\n"
    assert clean("\x1b\U000e0001") == r"\u001b\udb40\udc01"
    assert json.loads(to_json(text)) == json.loads(to_ascii_json(text)) == text


def test_bytes_and_deep_values() -> None:
    deep: list[object] = [b"\x00", bytearray(b"\x01")]
    for _ in range(510):
        deep = [deep]
    assert to_json(deep) == "[" * 511 + '{"base64": "AA=="}, {"base64": "AQ=="}' + "]" * 511
