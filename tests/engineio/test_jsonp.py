"""JSONP: scripts that a JavaScript engine reads back, and forms as browsers send them."""

from __future__ import annotations

import json
import shutil
import subprocess
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.exceptions import ProtocolError
from engineio.jsonp import decode_form, encode_call, function_index

SAMPLES = [
    "quotes \" and ' and `",
    "back\\slash \\n \\\\n \\u0041",
    "lines\n\r\u2028\u2029",
    "</script><!-- <script>",
    "é€😀\U0010ffff\x00\x7f\x80\ufeff",
]


@pytest.mark.parametrize(
    ("value", "index"),
    [
        ("0", "0"),
        ("12", "12"),
        ("-1", "1"),
        ("1e9", "19"),
        ("alert(1);//", "1"),
        ("١", ""),
        ("", ""),
        ("x", ""),
        ("9" * 100_000, "9" * 16),
    ],
)
def test_an_index_is_its_digits(value: str, index: str) -> None:
    assert function_index(value) == index


def test_a_call_is_plain_ascii() -> None:
    assert encode_call("3", b'1:6"') == b'___eio[3]("1:6\\"");'
    script = encode_call("0", "".join(SAMPLES).encode())
    assert script.isascii()
    assert b"<" not in script
    assert b"\n" not in script


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_node_reads_what_was_written() -> None:
    scripts = [encode_call("7", sample.encode()).decode() for sample in SAMPLES]
    program = (
        "const read = JSON.parse(require('fs').readFileSync(0)).map((script) => {"
        " let got; new Function('___eio', script)({7: (text) => { got = text; }}); return got; });"
        "process.stdout.write(JSON.stringify(read));"
    )
    result = subprocess.run(
        ["node", "-e", program], input=json.dumps(scripts).encode(), capture_output=True, check=True, timeout=60
    )
    assert json.loads(result.stdout) == SAMPLES


def fill_in(data: str) -> bytes:
    """Return the form of the reference client, which escapes newlines before the browser changes them."""
    return urlencode({"d": data.replace("\\n", "\\\n").replace("\n", "\\n")}).encode()


@pytest.mark.parametrize("data", ['2:4"', "a\nb", "a\\nb", "a\\\\nb", "100%+1&d=2", "é€😀", '3:4["\\n"]'])
def test_forms(data: str) -> None:
    assert decode_form(fill_in(data)) == data.encode()


@pytest.mark.parametrize("body", [b"", b"x=1", b"1:2", b"d=1&d=2", b"D=1", b"&" * 1000])
def test_what_is_not_a_form(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_form(body)


def test_other_fields_do_not_matter() -> None:
    assert decode_form(b"a=1&d=1:2&b") == b"1:2"


# A backslash before a real newline looks the same as an escaped one; JSON has no newlines.
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n")))
def test_any_text_comes_back(text: str) -> None:
    assert decode_form(fill_in(text)) == text.encode()
    assert json.loads(encode_call("0", text.encode())[len("___eio[0](") : -2]) == text


@given(st.binary())
def test_any_bytes_are_a_form_or_a_protocol_error(body: bytes) -> None:
    try:
        decode_form(b"d=" + body)
    except ProtocolError:
        assert b"&d=" in body
