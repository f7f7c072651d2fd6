"""The JSON codecs: what is accepted, refused and exact, with and without orjson."""

from __future__ import annotations

import ast
import dataclasses
import datetime
import enum
import io
import json
import math
import subprocess
import sys
import types
import uuid
from collections import namedtuple
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engineio.json
from engineio.json import MAX_DEPTH, DefaultCodec, ModuleCodec, StandardCodec, codec_for

CODECS = [pytest.param(DefaultCodec(), id="orjson"), pytest.param(StandardCodec(), id="standard")]


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> Any:
    return request.param


class TestModule:
    def test_is_used_like_the_standard_library(self) -> None:
        assert engineio.json.dumps({"a": [1, None]}, separators=(",", ":")) == '{"a":[1,null]}'
        assert engineio.json.loads('{"a": 1.5}', parse_float=str) == {"a": "1.5"}
        file = io.StringIO()
        engineio.json.dump([1], file)
        assert engineio.json.load(io.StringIO(file.getvalue())) == [1]
        with pytest.raises(engineio.json.JSONDecodeError):
            engineio.json.loads("{")

    def test_exports_all_that_json_does(self) -> None:
        assert set(json.__all__) <= set(engineio.json.__all__)

    @pytest.mark.parametrize("sign", ["", "-"])
    def test_loads_refuses_integers_over_100_digits(self, sign: str) -> None:
        assert engineio.json.loads(sign + "9" * 100) == int(sign + "9" * 100)
        with pytest.raises(ValueError, match="Integer is too large"):
            engineio.json.loads(f"[1, {sign}{'9' * 101}]")

    def test_does_not_import_socketio(self) -> None:
        tree = ast.parse(Path(engineio.json.__file__).read_text())
        names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if name.startswith("socketio")]


class Text(str):
    pass


class Real(float):
    pass


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    A = "a"


Pair = namedtuple("Pair", "a b")


@dataclasses.dataclass
class Point:
    x: int
    y: Any
    _hidden: int = 3


class TestDumps:
    @pytest.mark.parametrize(
        ("obj", "meaning"),
        [
            (["é\u2028", 1.5, True, None, {"a": (1, 2)}], ["é\u2028", 1.5, True, None, {"a": [1, 2]}]),
            ([2**64, -(2**63) - 1, 10**99], [2**64, -(2**63) - 1, 10**99]),
            ({1: 2, None: 3, False: 4, 1.5: 5, Text("t"): 6}, {"1": 2, "null": 3, "false": 4, "1.5": 5, "t": 6}),
            ([Text("a"), Real(1.5), Pair(1, 2), Level.LOW, Word.A], ["a", 1.5, [1, 2], 1, "a"]),
            ("\ud800", "\ud800"),
            (Colour.RED, 1),
            ([Point(1, Point(2, 2**70))], [{"x": 1, "y": {"x": 2, "y": 2**70}}]),
            (datetime.date(2026, 1, 2), "2026-01-02"),
            (datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC), "2026-01-02T03:04:05.000006+00:00"),
            (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
            (datetime.time(1, 2, 3), "01:02:03"),
            (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ],
    )
    def test_accepts(self, codec: Any, obj: Any, meaning: Any) -> None:
        assert json.loads(codec.dumps(obj)) == meaning
        # The other branch: a key that is no string makes orjson refuse the whole.
        assert json.loads(codec.dumps({0: obj})) == {"0": meaning}

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize("key", ["k", 1])
    def test_makes_non_finite_numbers_null(self, codec: Any, number: float, key: Any) -> None:
        text = codec.dumps({key: [number, "NaN", 'a"NaN', "\\", "-Infinity", {"NaN": number}]})
        assert json.loads(text) == {str(key): [None, "NaN", 'a"NaN', "\\", "-Infinity", {"NaN": None}]}

    @pytest.mark.parametrize(
        ("obj", "name"),
        [({1, 2}, "set"), ([object()], "object"), (b"a", "bytes"), ({(1,): 2}, "tuple"), (3j, "complex")],
    )
    def test_names_the_type_that_has_no_form(self, codec: Any, obj: Any, name: str) -> None:
        with pytest.raises(TypeError, match=name):
            codec.dumps(obj)

    def test_refuses_times_with_a_zone(self, codec: Any) -> None:
        with pytest.raises(TypeError, match="time"):
            codec.dumps(datetime.time(1, tzinfo=datetime.UTC))

    def test_refuses_circles(self, codec: Any) -> None:
        circle: list[Any] = []
        circle.append(circle)
        with pytest.raises(ValueError, match="Circular"):
            codec.dumps(circle)

    def test_encodes_deeper_than_orjson(self, codec: Any) -> None:
        value: list[Any] = []
        for _ in range(400):
            value = [value]
        assert codec.dumps(value) == b"[" * 401 + b"]" * 401

    @pytest.mark.parametrize("key", ["k", 1])
    def test_asks_default_for_the_rest_only(self, codec: Any, key: Any) -> None:
        asked: list[Any] = []

        class Default:
            def __call__(self, obj: Any) -> Any:
                if isinstance(obj, (set, complex)):
                    asked.append(obj)
                    return {"set": 1}
                raise TypeError("no")

            def clear(self) -> None:
                asked.clear()

        obj = {key: [{1}, Pair(1, 2), Real(2), datetime.date(2026, 1, 2), 3j]}
        result = {str(key): [{"set": 1}, [1, 2], 2.0, "2026-01-02", {"set": 1}]}
        assert json.loads(codec.dumps(obj, Default())) == result
        assert asked == [{1}, 3j]

    def test_passes_on_what_default_raises(self, codec: Any) -> None:
        def default(obj: Any) -> Any:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            codec.dumps({1}, default)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


class TestLoads:
    @pytest.mark.parametrize(
        "text",
        [
            *(b"NaN", b"[Infinity]", b"-Infinity", b'{"a":NaN}', b"1e999", b"[-1e999]", b'["a",{"b":1.0e400}]'),
            *(b'"\\ud800"', b'["\\uDBff\\u0041"]', b'{"\\udc00":1}', b'"\xed\xa0\x80"', b'"\xff"', b'["\xc0\x80"]'),
            *(b"", b" ", b"[1,]", b"[1", b"{'a':1}", b'["a"]x', b"[1][2]", b"01", b"+1", b"1.", b".5", b"tru"),
            *(b'"\x00"', b'"\n"', b"\xef\xbb\xbf[]", b'"\\x"', b"[\x0b1]", b"{1:2}"),
            *(b"1" * 101, b"-" + b"1" * 101, b"[" + b"1" * 5000 + b"]", b'["a",{"b":%s}]' % (b"1" * 101)),
            *(nested(513), nested(5000), b'{"a":' * 513 + b"1" + b"}" * 513, b"[" * 100_000, nested(1020)),
            b"[" + nested(200) + b"," + nested(512) + b"]",
        ],
    )
    def test_refuses(self, codec: Any, text: bytes) -> None:
        with pytest.raises(ValueError):
            codec.loads(text)

    @pytest.mark.parametrize(
        "number",
        [
            *(0, -1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 10**18, 1732270000123456789),
            *(2**64, -(2**63) - 1, 10**19, -(10**18), 10**20, 10**99, -(10**99), 18446744073709551617),
        ],
    )
    @pytest.mark.parametrize(
        "form", ["%s", "[%s]", '["e",%s]', '["e","x",{"a":[%s]}]', '  [ "pad" , [ %s ] ]', "[[%s],1]"]
    )
    def test_integers_are_exact(self, codec: Any, number: int, form: str) -> None:
        for padding in range(7):
            text = " " * padding + form % number
            value = codec.loads(text.encode())
            assert repr(value) == repr(json.loads(text))

    def test_digits_elsewhere(self, codec: Any) -> None:
        digits = "12345678901234567890123"
        value = ["e", {digits: "-" + digits, "f": float("0." + digits), "g": 1e22}, "1" * 200, 0.1]
        assert codec.loads(json.dumps(value).encode()) == value

    def test_accepts_a_depth_of_512(self, codec: Any) -> None:
        for text in (nested(512), b'{"a":' * 512 + b"1" + b"}" * 512):
            value = codec.loads(text)
            depth = 0
            while value:
                value = value[0] if isinstance(value, list) else value["a"] if isinstance(value, dict) else None
                depth += 1
            assert depth in (511, 513)

    def test_brackets_in_strings_and_side_by_side_are_no_depth(self, codec: Any) -> None:
        value = ["e", {"a": "[{" * 1000}, [[]] * 2000, [{"b": []}] * 1000]
        assert codec.loads(json.dumps(value).encode()) == value

    def test_accepts_what_json_allows(self, codec: Any) -> None:
        assert codec.loads(b' {"a":1, "a":2, "__proto__":-0, "\\u0000":"\\ud83d\\ude00"} ') == {
            "a": 2,
            "__proto__": 0,
            "\0": "😀",
        }

    def test_accepts_scalars(self, codec: Any) -> None:
        assert [codec.loads(text) for text in (b"1", b"1.5", b'"a"', b"true", b"null")] == [1, 1.5, "a", True, None]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**100) + 1, 10**100 - 1)
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda items: st.lists(items) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), items),
)


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_agrees_with_the_standard_library(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    # `repr` tells integers from floats, and 0.0 from -0.0.
    expected = repr(json.loads(text))
    assert repr(DefaultCodec().loads(text.encode())) == expected
    assert repr(StandardCodec().loads(text.encode())) == expected


@given(VALUES)
def test_round_trip(value: Any) -> None:
    for codec in (DefaultCodec(), StandardCodec()):
        assert repr(codec.loads(codec.dumps(value))) == repr(value)


@given(
    st.binary()
    | st.text(alphabet='[]{}",:0123456789.-+eE\\untrufalsNI \ud800').map(lambda s: s.encode("utf-8", "surrogatepass"))
)
def test_both_codecs_refuse_the_same(data: bytes) -> None:
    results = []
    for codec in (DefaultCodec(), StandardCodec()):
        try:
            results.append(repr(codec.loads(data)))
        except ValueError:
            results.append("refused")
    assert results[0] == results[1]


class TestModuleCodec:
    def test_passes_separators_where_they_are_accepted(self) -> None:
        assert ModuleCodec(json).dumps({"a": [1, 2]}) == b'{"a":[1,2]}'
        assert ModuleCodec(orjson).dumps({"a": [1, 2]}) == b'{"a":[1,2]}'
        plain = types.SimpleNamespace(dumps=lambda obj: json.dumps(obj), loads=json.loads)
        assert ModuleCodec(plain).dumps([1, 2]) == b"[1, 2]"
        keywords = types.SimpleNamespace(dumps=lambda obj, **options: json.dumps(obj, **options), loads=json.loads)
        assert ModuleCodec(keywords).dumps([1, 2]) == b"[1,2]"

    def test_does_not_hide_a_type_error_of_the_module(self) -> None:
        with pytest.raises(TypeError, match="set"):
            ModuleCodec(json).dumps({1})

    def test_wraps_classes_and_objects(self) -> None:
        class Functions:
            @staticmethod
            def dumps(obj: Any, separators: Any = None) -> bytes:
                return b"<" + json.dumps(obj, separators=separators).encode() + b">"

            @staticmethod
            def loads(text: str) -> Any:
                assert isinstance(text, str)
                return json.loads(text[1:-1])

        for option in (Functions, Functions()):
            codec = codec_for(option)
            assert codec.dumps(["é", 1]) == b'<["\\u00e9",1]>'
            assert codec.loads(codec.dumps(["é", 1])) == ["é", 1]

    def test_replaces_bytes_before_the_module_sees_them(self) -> None:
        found: list[Any] = []

        def default(obj: Any) -> Any:
            found.append(obj)
            return len(found)

        seen: list[Any] = []
        option = types.SimpleNamespace(dumps=lambda obj: seen.append(obj) or "null", loads=json.loads)
        codec = ModuleCodec(option)
        data = ["a", {"b": b"1", "c": (bytearray(b"2"), 5)}, memoryview(b"3")]
        codec.dumps(data, default)
        assert seen == [["a", {"b": 1, "c": [2, 5]}, 3]]
        assert found == [b"1", b"2", b"3"]
        pair = Pair(1, 2)
        codec.dumps(pair, default)
        assert seen[-1] is pair

    def test_raises_value_error_whatever_the_module_raises(self) -> None:
        def loads(text: str) -> Any:
            raise KeyError(text)

        codec = ModuleCodec(types.SimpleNamespace(dumps=json.dumps, loads=loads))
        for data in (b"1", b"\xff"):
            with pytest.raises(ValueError):
                codec.loads(data)
        with pytest.raises(ValueError, match="decoding failed"):
            ModuleCodec(json).loads(nested(100_000))

    def test_limits_the_depth(self) -> None:
        codec = ModuleCodec(json)
        assert codec.loads(nested(MAX_DEPTH))
        with pytest.raises(ValueError, match="nested"):
            codec.loads(nested(MAX_DEPTH + 1))

    def test_needs_both_functions(self) -> None:
        with pytest.raises(TypeError, match="dumps and loads"):
            codec_for(types.SimpleNamespace(dumps=json.dumps))


def test_codec_for() -> None:
    assert type(codec_for(None)) is DefaultCodec
    assert type(codec_for(engineio.json)) is DefaultCodec
    assert type(codec_for(json)) is ModuleCodec
    codec = StandardCodec()
    assert codec_for(codec) is codec


def test_works_without_orjson() -> None:
    program = """
import sys
sys.modules["orjson"] = None
from engineio.json import DefaultCodec, StandardCodec, codec_for
assert DefaultCodec.loads is StandardCodec.loads
codec = codec_for(None)
assert codec.loads(codec.dumps({"a": [2**70, float("nan")]})) == {"a": [2**70, None]}
"""
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(Path(engineio.json.__file__).parents[1])}
    )
