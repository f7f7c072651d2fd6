"""The rules of RFC 6455 for text and for closing, each with the section that it comes from; and what readers keep."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from engineio.exceptions import FrameError
from engineio.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    FrameReader,
    decode_close,
    encode_close,
    encode_frame,
)

from .frames import LIMIT, dribble, masked, raw

NOT_UTF8 = [
    pytest.param(b"\xff", id="no UTF-8 byte"),
    pytest.param(b"\x80", id="continuation byte alone"),
    pytest.param(b"\xc0\xaf", id="overlong 2"),
    pytest.param(b"\xe0\x80\xaf", id="overlong 3"),
    pytest.param(b"\xf0\x80\x80\xaf", id="overlong 4"),
    pytest.param(b"\xed\xa0\x80", id="surrogate"),
    pytest.param(b"\xed\xa0\xbd\xed\xb8\x80", id="surrogate pair"),
    pytest.param(b"\xf4\x90\x80\x80", id="over U+10FFFF"),
]


class TestText:
    """RFC 6455, 8.1: 1007."""

    @pytest.mark.parametrize("padding", [b"", b"x" * 126])
    def test_utf8(self, read, padding: bytes) -> None:
        payload = padding + "κόσμε €\U0001f600\ufeff\uffff\0".encode()
        assert read(masked(TEXT, payload)) == ([(TEXT, payload)], None)

    @pytest.mark.parametrize("padding", [b"", b"x" * 126])
    @pytest.mark.parametrize("bad", NOT_UTF8)
    def test_not_utf8(self, read, bad: bytes, padding: bytes) -> None:
        assert read(masked(TEXT, b"a") + masked(TEXT, padding + bad)) == ([(TEXT, b"a")], 1007)
        assert read(masked(BINARY, padding + bad)) == ([(BINARY, padding + bad)], None)

    @pytest.mark.parametrize("padding", [b"", b"x" * 126])
    @pytest.mark.parametrize("cut", [b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98"])
    def test_ends_inside_a_character(self, read, cut: bytes, padding: bytes) -> None:
        assert read(masked(TEXT, padding + cut)) == ([], 1007)
        assert read(masked(TEXT, padding + cut, fin=False) + masked(CONTINUATION)) == ([], 1007)

    def test_ascii_inside_a_character(self, read) -> None:
        data = masked(TEXT, b"\xc3", fin=False) + masked(CONTINUATION, b"a", fin=False)
        assert read(data) == ([], 1007)
        assert read(data + masked(CONTINUATION, b"\xa9")) == ([], 1007)

    def test_character_cut_by_fragments(self, read) -> None:
        first, *others = (bytes((byte,)) for byte in "€\U0001f600é".encode())
        data = masked(TEXT, first, fin=False)
        for other in others:
            data += masked(CONTINUATION, other, fin=False) + masked(PING)
        events, error = read(data + masked(CONTINUATION))
        assert events == [(PING, b"")] * len(others) + [(TEXT, "€\U0001f600é".encode())]
        assert error is None

    @pytest.mark.parametrize("bad", NOT_UTF8)
    def test_fails_before_the_message_ends(self, read, bad: bytes) -> None:
        data = masked(TEXT, b"a\xc3", fin=False) + masked(CONTINUATION, b"\xa9", fin=False)
        assert read(data + masked(CONTINUATION, bad, fin=False)) == ([], 1007)

    @pytest.mark.parametrize("bad", NOT_UTF8)
    def test_fails_before_the_frame_ends(self, read, bad: bytes) -> None:
        assert read(masked(TEXT, b"x" * 200 + bad + b"x" * 100)[:-50]) == ([], 1007)

    def test_fails_at_the_first_impossible_byte(self) -> None:
        # The Autobahn cases 6.4.1 and 6.4.2 send F4 90 in two pieces and expect the end after the second.
        reader = FrameReader(LIMIT)
        reader.receive(masked(TEXT, b"\xf4", fin=False))
        assert reader.error is None
        reader.receive(masked(CONTINUATION, b"\x90", fin=False))
        assert reader.error is not None
        assert reader.error.code == 1007


class TestClose:
    """RFC 6455, 5.5.1 and 7.4."""

    @pytest.mark.parametrize("code", [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999])
    def test_codes(self, read, code: int) -> None:
        payload = code.to_bytes(2, "big") + "adiós".encode()
        assert decode_close(payload) == (code, "adiós")
        assert encode_close(code, "adiós") == encode_frame(CLOSE, payload)
        assert read(masked(CLOSE, payload)) == ([(CLOSE, payload)], None)

    @pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
    def test_codes_that_must_not_be_sent(self, read, code: int) -> None:
        payload = code.to_bytes(2, "big")
        with pytest.raises(FrameError) as caught:
            decode_close(payload)
        assert caught.value.code == 1002
        assert read(masked(TEXT, b"a") + masked(CLOSE, payload)) == ([(TEXT, b"a")], 1002)
        if code != 1005:
            with pytest.raises(ValueError, match=str(code)):
                encode_close(code)

    def test_no_code(self, read) -> None:
        assert decode_close(b"") == (1005, "")
        assert encode_close(1005) == b"\x88\x00"
        assert read(masked(CLOSE)) == ([(CLOSE, b"")], None)

    def test_half_a_code(self, read) -> None:
        with pytest.raises(FrameError) as caught:
            decode_close(b"\x03")
        assert caught.value.code == 1002
        assert read(masked(CLOSE, b"\x03")) == ([], 1002)

    @pytest.mark.parametrize("bad", NOT_UTF8)
    def test_reason_is_utf8(self, read, bad: bytes) -> None:
        payload = b"\x03\xe8" + bad
        with pytest.raises(FrameError) as caught:
            decode_close(payload)
        assert caught.value.code == 1007
        assert read(masked(CLOSE, payload)) == ([], 1007)

    @pytest.mark.parametrize(
        ("reason", "sent"),
        [
            ("x" * 123, "x" * 123),
            ("x" * 124, "x" * 123),
            ("x" * 122 + "é", "x" * 122),
            ("x" * 121 + "\U0001f600", "x" * 121),
            ("€" * 50, "€" * 41),
            ("\ud800", "?"),
        ],
    )
    def test_reason_is_cut_at_a_character(self, reason: str, sent: str) -> None:
        frame = encode_close(1000, reason)
        assert len(frame) <= 2 + 125
        assert decode_close(frame[2:]) == (1000, sent)

    def test_nothing_is_read_after_it(self) -> None:
        # RFC 6455, 1.4
        reader = FrameReader(LIMIT)
        close = (CLOSE, b"\x03\xe8")
        assert reader.receive(masked(TEXT, b"a") + masked(*close) + masked(TEXT, b"b")) == [(TEXT, b"a"), close]
        assert reader.receive(masked(TEXT, b"c") + raw(0xFF, 0xFF)) == []
        assert reader.error is None


class TestReader:
    def test_is_as_small_after_use_as_before(self) -> None:
        reader = FrameReader(LIMIT)
        new = gc.get_referents(reader)
        for data in (
            masked(TEXT, b"x" * 50),
            masked(BINARY, b"x" * 70_000),
            masked(TEXT, b"a", fin=False) + masked(PING) + masked(CONTINUATION, b"b"),
        ):
            assert dribble(reader, data)
            assert gc.get_referents(reader) == new
        assert not hasattr(reader, "__dict__")

    @pytest.mark.parametrize("end", [masked(CLOSE), masked(3)])
    def test_releases_an_incomplete_message_at_the_end(self, end: bytes) -> None:
        reader = FrameReader(LIMIT)
        reader.receive(masked(BINARY, b"x" * 50_000, fin=False) + end + masked(TEXT, b"a")[:-1])
        assert not any(hasattr(value, "data") or value == b"x" for value in gc.get_referents(reader))

    def test_no_data(self) -> None:
        reader = FrameReader(LIMIT)
        assert reader.receive(b"") == []
        assert reader.receive(masked(TEXT, b"ab")[:3]) == []
        assert reader.receive(b"") == []
        assert reader.receive(masked(TEXT, b"ab")[3:-1]) == []
        assert reader.receive(b"") == []
        assert reader.receive(masked(TEXT, b"ab")[-1:]) == [(TEXT, b"ab")]

    @pytest.mark.parametrize("padding", [0, 200])
    def test_payloads_are_bytes(self, padding: int) -> None:
        data = masked(TEXT, b"x" * padding) + masked(BINARY, b"", fin=False) + masked(CONTINUATION) + masked(PING)
        for reader, sent in ((FrameReader(LIMIT), data), (FrameReader(LIMIT, masked=False), encode_frame(TEXT, b"a"))):
            assert {type(payload) for _, payload in reader.receive(sent)} == {bytes}

    def test_works_without_the_c_extension(self) -> None:
        code = """if True:
            import sys
            sys.modules["websockets.speedups"] = None
            from engineio.websocket import TEXT, FrameReader, apply_mask, encode_masked_frame
            assert apply_mask.__module__ == "websockets.utils"
            for payload in (b"", b"abc", b"x" * 70_000):
                data = encode_masked_frame(TEXT, payload, b"1234")
                assert FrameReader(100_000).receive(data) == [(TEXT, payload)]
                reader = FrameReader(100_000)
                assert reader.receive(data[:7]) + reader.receive(data[7:]) == [(TEXT, payload)]
        """
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
