"""The packets of revisions 3 and 4, seen as those of revision 5."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio.exceptions import ConnectionRefusedError
from socketio.old_packet import encode_ack, parse_query, refusal_of, renew


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'30-7["x"]', b'37["x"]'),
        (b'31-7[{"_placeholder":true,"num":0}]', b'61-7[{"_placeholder":true,"num":0}]'),
        (b'30-/admin,7["x"]', b'3/admin,7["x"]'),
        (b'37["1-2"]', b'37["1-2"]'),
        (b'2/admin?token=1,["x"]', b'2/admin,["x"]'),
        (b'51-/admin?token=1,["x"]', b'51-/admin,["x"]'),
        (b'3/admin?token=1,7["x"]', b'3/admin,7["x"]'),
        (b"1/admin?token=1", b"1/admin"),
        (b"0/admin?token=1", b"0/admin?token=1"),
        (b'2["a/b?c,d"]', b'2["a/b?c,d"]'),
        (b'2/admin,["what?",1]', b'2/admin,["what?",1]'),
        (b"", b""),
    ],
)
def test_packets_of_old_clients(old: bytes, new: bytes) -> None:
    assert renew(old) == new


def test_acknowledgements_of_revision_3_count_their_attachments() -> None:
    assert encode_ack(b'37["x"]') == b'30-7["x"]'
    assert encode_ack(b'3/admin,7["x"]') == b'30-/admin,7["x"]'
    assert encode_ack(b"61-7[1]") == b"31-7[1]"


def test_query_strings() -> None:
    assert parse_query("") is None
    assert parse_query("token=a%20b&empty=&token=2") == {"token": "2", "empty": ""}
    assert parse_query("&".join(f"k{i}=1" for i in range(200))) == {f"k{i}": "1" for i in range(100)}


def test_refusals_are_text_or_details() -> None:
    assert refusal_of(ConnectionRefusedError("no").error_args) == "no"
    assert refusal_of(ConnectionRefusedError("no", {"code": 7}).error_args) == {"code": 7}
    assert refusal_of({"message": "no", "data": ""}) == "no"
    assert refusal_of("no") == "no"
    assert refusal_of({}) == "Connection refused by server"


@given(st.binary())
def test_any_bytes_stay_what_they_are_or_lose_a_number_or_a_query(text: bytes) -> None:
    assert len(renew(text)) <= len(text)


@given(st.binary().filter(lambda payload: b"?" not in payload))
def test_acknowledgements_come_back(payload: bytes) -> None:
    for text in (b"37[" + payload, b"3/admin,7[" + payload, b"62-7[" + payload):
        assert renew(encode_ack(text)) == text
