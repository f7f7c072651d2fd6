"""The messages of a cluster: encoded, decoded, and refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineio.json import codec_for
from socketio.cluster import BadMessage, arguments_of, callback_of, decode, encode_callback, encode_emit

CODEC = codec_for(None)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
).filter(lambda value: not (isinstance(value, dict) and value.get("_placeholder") is True))


def emit(data: list[Any], **more: Any) -> bytes:
    return encode_emit(CODEC.dumps, {"method": "emit", "event": "x", "data": data, "namespace": "/", **more})


@given(st.lists(VALUES, max_size=3))
def test_what_is_emitted_arrives(data: list[Any]) -> None:
    found = arguments_of(decode(emit(data), CODEC))
    assert found == (data[0] if len(data) == 1 and not isinstance(data[0], list) else found)
    if len(data) == 1:
        assert found == data[0]
    else:
        assert found == tuple(data)


def test_the_format_is_that_of_python_socketio() -> None:
    assert json.loads(emit([b"\0", {"a": [b"1"]}])) == {
        "method": "emit",
        "event": "x",
        "namespace": "/",
        "binary": True,
        "data": [
            [{"_placeholder": True, "num": 0}, {"a": [{"_placeholder": True, "num": 1}]}],
            "AA==",
            "MQ==",
        ],
    }
    assert json.loads(emit([1]))["binary"] is False


def test_what_has_no_form_in_json() -> None:
    with pytest.raises(TypeError):
        emit([object()])


def test_binary_acknowledgements() -> None:
    message = json.loads(encode_callback(CODEC.dumps, {"method": "callback"}, (b"1", 2)))
    assert message == {
        "method": "callback",
        "args": [{"_placeholder": True, "num": 0}, 2],
        "attachments": ["MQ=="],
    }
    assert "attachments" not in json.loads(encode_callback(CODEC.dumps, {"method": "callback"}, (1,)))


@given(st.binary(max_size=200) | VALUES)
def test_nothing_else_is_raised(message: Any) -> None:
    try:
        decode(message, CODEC)
    except BadMessage:
        pass


@given(VALUES, VALUES, VALUES, VALUES, VALUES)
def test_forged_members(event: Any, data: Any, binary: Any, skip_sid: Any, callback: Any) -> None:
    message = {"event": event, "data": data, "binary": binary, "skip_sid": skip_sid, "callback": callback}
    for function in (arguments_of, callback_of):
        try:
            function(message)
        except BadMessage:
            pass


def test_callbacks() -> None:
    assert callback_of({"callback": None}) is None
    assert callback_of({"host_id": "h", "callback": ["room", "/", 5]}) == ("h", "room", "/", 5)
