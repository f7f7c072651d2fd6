"""What people type, and what is meant by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socketio.terminal.values import Words, check_event, check_namespace, parse_argument, parse_auth


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]\n", [1, 2]),
        ('"quoted \\u00e9"', "quoted é"),
        ("17", 17),
        ("-1.5e3", -1500.0),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("true", True),
        ("null", None),
        ("True", "True"),
        ("017", "017"),
        ("1 2", "1 2"),
        ("１", "１"),
        ("NaN", "NaN"),
        ("-", "-"),
        ("", ""),
        (' {"a": 1}', ' {"a": 1}'),
    ],
)
def test_arguments(text: str, value: Any) -> None:
    found = parse_argument(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["{", '"', "[1] 2", "[NaN]", "1" * 101, '"\\ud800"', "[" * 600 + "]" * 600, "\udcff"])
def test_wrong_arguments(text: str) -> None:
    with pytest.raises(ValueError, match=r"not JSON: |is not UTF-8") as caught:
        parse_argument(text)
    assert "\n" not in str(caught.value)


def test_the_words_of_a_line(tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(b"\x00")
    words = Words(f'  emit "two words"\t{{"a": [1, "}} ]"]}}  "x y" 5 five @"{tmp_path / "a b"}" é" \r\n')
    assert words.name("command") == "emit"
    assert words.optional_name() == "two words"
    assert words.values() == [{"a": [1, "} ]"]}, "x y", 5, "five", b"\x00", 'é"']
    assert words.at_end()
    words.finish()
    assert (words.optional_name(), words.values()) == (None, [])
    with pytest.raises(ValueError, match="EVENT is missing"):
        words.name("EVENT")


@pytest.mark.parametrize("line", ['"a"b', "[1]2", "{", "[" * 100_000, '"a', "@", '@"\\u0000"', '{"a": \udcff}'])
def test_wrong_words(line: str) -> None:
    with pytest.raises(ValueError, match=r"not JSON: |a space is missing|cannot read "):
        Words(line).values()


def test_names() -> None:
    assert check_event("connected") == "connected"
    assert [check_namespace(name) for name in ("/", "/a", "a", "")] == ["/", "/a", "/a", "/"]
    for check, name in ((check_event, "disconnect"), (check_event, "\udcff"), (check_namespace, "/a,b")):
        with pytest.raises(ValueError, match=r"reserved|UTF-8|comma"):
            check(name)


def test_auth_in_a_file(tmp_path: Path) -> None:
    for content, expected in ((b' {"a": "\xc3\xa9"}\n', {"a": "é"}), (b"\xff", None)):
        (tmp_path / "auth").write_bytes(content)
        if expected is not None:
            assert parse_auth(f"@{tmp_path / 'auth'}") == expected
        else:
            with pytest.raises(ValueError, match="utf-8"):
                parse_auth(f"@{tmp_path / 'auth'}")
