"""The rules of RFC 6455 for frames, each with the section that it comes from."""

from __future__ import annotations

import tracemalloc

import pytest

from engineio.exceptions import FrameError
from engineio.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameReader,
    encode_frame,
    encode_masked_frame,
)

from .frames import LIMIT, MASK, dribble, masked, raw


class TestExamples:
    """RFC 6455, 5.7, "Examples"."""

    @pytest.mark.parametrize(
        ("data", "event"),
        [
            (b"\x81\x05Hello", (TEXT, b"Hello")),
            (b"\x01\x03Hel\x80\x02lo", (TEXT, b"Hello")),
            (b"\x89\x05Hello", (PING, b"Hello")),
            (b"\x82\x7e\x01\x00" + bytes(256), (BINARY, bytes(256))),
            (b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + bytes(65536), (BINARY, bytes(65536))),
        ],
    )
    def test_unmasked(self, data: bytes, event: tuple[int, bytes]) -> None:
        reader = FrameReader(LIMIT, masked=False)
        assert reader.receive(data) == [event]
        assert reader.error is None

    @pytest.mark.parametrize(
        ("data", "event"),
        [
            (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", (TEXT, b"Hello")),
            (b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", (PONG, b"Hello")),
        ],
    )
    def test_masked(self, data: bytes, event: tuple[int, bytes]) -> None:
        reader = FrameReader(LIMIT)
        assert reader.receive(data) == [event]
        assert encode_masked_frame(*event, b"\x37\xfa\x21\x3d") == data


class TestEncode:
    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    @pytest.mark.parametrize(
        ("length", "header"),
        [
            (0, b"\x00"),
            (125, b"\x7d"),
            (126, b"\x7e\x00\x7e"),
            (65535, b"\x7e\xff\xff"),
            (65536, b"\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
        ],
    )
    def test_length_takes_the_fewest_bytes(self, opcode: int, length: int, header: bytes) -> None:
        payload = b"x" * length
        assert encode_frame(opcode, payload) == bytes((0x80 | opcode,)) + header + payload
        mask_bit = bytes((0x80 | header[0],)) + header[1:]
        assert encode_masked_frame(opcode, payload, bytes(4)) == bytes((0x80 | opcode,)) + mask_bit + bytes(4) + payload

    def test_fragment_has_no_fin(self) -> None:
        assert encode_frame(TEXT, b"a", fin=False) == b"\x01\x01a"
        assert encode_frame(CONTINUATION, b"b") == b"\x80\x01b"

    def test_control_frame_is_short_and_whole(self) -> None:
        assert encode_frame(PING, b"x" * 125) == b"\x89\x7d" + b"x" * 125
        with pytest.raises(ValueError, match="125"):
            encode_frame(PING, b"x" * 126)
        with pytest.raises(ValueError, match="whole"):
            encode_frame(PONG, b"", fin=False)

    def test_mask_has_four_bytes(self) -> None:
        with pytest.raises(ValueError, match="mask"):
            encode_masked_frame(TEXT, b"abc", b"\x01")


class TestLengths:
    """RFC 6455, 5.2, "Payload length"."""

    @pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 65537])
    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    def test_all_sizes(self, read, opcode: int, length: int) -> None:
        payload = bytes(index % 127 for index in range(length))
        assert read(masked(opcode, payload) * 2) == ([(opcode, payload)] * 2, None)

    @pytest.mark.parametrize("length", [b"\xfe\x00\x00", b"\xff" + bytes(8)])
    def test_longer_form_than_needed_is_tolerated(self, read, length: bytes) -> None:
        assert read(b"\x81" + length + MASK + masked(TEXT, b"a")) == ([(TEXT, b""), (TEXT, b"a")], None)

    def test_top_bit_of_64_must_be_0(self, read) -> None:
        assert read(masked(TEXT, b"a") + b"\x82\xff\x80" + bytes(7)) == ([(TEXT, b"a")], 1002)


class TestProtocolErrors:
    """Each is 1002, and what came before it is still delivered."""

    @pytest.mark.parametrize("bits", [0x40, 0x20, 0x10, 0x70])
    @pytest.mark.parametrize("opcode", [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG])
    def test_reserved_bits(self, read, bits: int, opcode: int) -> None:
        # RFC 6455, 5.2, RSV1-3
        assert read(masked(TEXT, b"a") + raw(0x80 | bits | opcode, 0x80, MASK)) == ([(TEXT, b"a")], 1002)

    @pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    @pytest.mark.parametrize("fin", [0x80, 0])
    def test_reserved_opcodes(self, read, opcode: int, fin: int) -> None:
        # RFC 6455, 5.2, "Opcode"
        assert read(masked(TEXT, b"a") + raw(fin | opcode, 0x80, MASK)) == ([(TEXT, b"a")], 1002)

    @pytest.mark.parametrize("opcode", [TEXT, BINARY, CLOSE, PING, PONG])
    def test_unmasked_frame_to_a_server(self, read, opcode: int) -> None:
        # RFC 6455, 5.1
        assert read(masked(TEXT, b"a") + encode_frame(opcode, b"")) == ([(TEXT, b"a")], 1002)

    @pytest.mark.parametrize("opcode", [TEXT, BINARY, CLOSE, PING, PONG])
    def test_masked_frame_to_a_client(self, opcode: int) -> None:
        # RFC 6455, 5.1
        reader = FrameReader(LIMIT, masked=False)
        assert reader.receive(encode_frame(TEXT, b"a") + masked(opcode)) == [(TEXT, b"a")]
        assert reader.error is not None
        assert reader.error.code == 1002

    @pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
    def test_fragmented_control_frame(self, read, opcode: int) -> None:
        # RFC 6455, 5.5
        assert read(masked(TEXT, b"a") + raw(opcode, 0x80, MASK)) == ([(TEXT, b"a")], 1002)

    @pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
    @pytest.mark.parametrize("length", [b"\xfe\x00\x7e", b"\xfe\x00\x01", b"\xff" + bytes(8)])
    def test_control_frame_with_a_long_length(self, read, opcode: int, length: bytes) -> None:
        # RFC 6455, 5.5: 126 bytes, and the longer forms of what could be said in 7 bits
        assert read(masked(TEXT, b"a") + bytes((0x80 | opcode,)) + length) == ([(TEXT, b"a")], 1002)

    @pytest.mark.parametrize("fin", [True, False])
    def test_continuation_of_nothing(self, read, fin: bool) -> None:
        # RFC 6455, 5.4
        assert read(masked(TEXT, b"a") + masked(CONTINUATION, b"b", fin)) == ([(TEXT, b"a")], 1002)

    def test_continuation_after_the_last_fragment(self, read) -> None:
        data = masked(TEXT, b"a", fin=False) + masked(CONTINUATION, b"b") + masked(CONTINUATION, b"c")
        assert read(data) == ([(TEXT, b"ab")], 1002)

    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    @pytest.mark.parametrize("fin", [True, False])
    def test_new_message_inside_a_fragmented_one(self, read, opcode: int, fin: bool) -> None:
        # RFC 6455, 5.4
        data = masked(PING, b"p") + masked(TEXT, b"a", fin=False) + masked(opcode, b"b", fin)
        assert read(data) == ([(PING, b"p")], 1002)

    def test_nothing_is_read_after_an_error(self) -> None:
        reader = FrameReader(LIMIT)
        assert reader.receive(masked(3) + masked(TEXT, b"a")) == []
        error = reader.error
        assert isinstance(error, FrameError)
        assert reader.receive(masked(TEXT, b"a")) == []
        assert reader.receive(raw(0xFF, 0xFF)) == []
        assert reader.error is error

    def test_error_keeps_no_data_alive(self) -> None:
        reader = FrameReader(LIMIT)
        reader.receive(masked(CLOSE, b"\x03\xe8\xff"))
        assert reader.error is not None
        assert reader.error.__traceback__ is None
        assert reader.error.__context__ is None


class TestFragments:
    """RFC 6455, 5.4, "Fragmentation"."""

    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    def test_joined(self, read, opcode: int) -> None:
        data = (
            masked(opcode, b"Hel", fin=False)
            + masked(CONTINUATION, fin=False)
            + masked(CONTINUATION, b"lo", fin=False)
            + masked(CONTINUATION)
        )
        assert read(data + data) == ([(opcode, b"Hello")] * 2, None)

    def test_control_frames_between_are_delivered_at_once(self) -> None:
        reader = FrameReader(LIMIT)
        assert reader.receive(masked(TEXT, b"Hel", fin=False) + masked(PING, b"1")) == [(PING, b"1")]
        assert reader.receive(masked(CONTINUATION, b"l", fin=False) + masked(PONG, b"2")) == [(PONG, b"2")]
        assert reader.receive(masked(CONTINUATION, b"o") + masked(TEXT, b"a")) == [(TEXT, b"Hello"), (TEXT, b"a")]

    def test_close_between(self, read) -> None:
        data = masked(TEXT, b"a", fin=False) + masked(CLOSE, b"\x03\xe8") + masked(CONTINUATION, b"b")
        assert read(data) == ([(CLOSE, b"\x03\xe8")], None)

    @pytest.mark.parametrize("payload", [b"", b"x"])
    def test_many_small_fragments_take_little_memory(self, payload: bytes) -> None:
        count = 200_000
        reader = FrameReader(LIMIT)
        assert reader.receive(masked(BINARY, payload, fin=False)) == []
        chunk = masked(CONTINUATION, payload, fin=False) * 1000
        tracemalloc.start()
        try:
            for _ in range(count // 1000):
                assert reader.receive(chunk) == []
            assert tracemalloc.get_traced_memory()[1] <= count * len(payload) + 2_000_000
        finally:
            tracemalloc.stop()
        assert reader.receive(masked(CONTINUATION, b"y")) == [(BINARY, payload * (count + 1) + b"y")]


class TestSize:
    """RFC 6455, 10.4 and 7.4.1: 1009, before the payload is there."""

    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    @pytest.mark.parametrize("max_size", [0, 1, 124, 125, 126, 65535, 65536])
    def test_largest(self, read, opcode: int, max_size: int) -> None:
        payload = b"x" * max_size
        assert read(masked(opcode, payload), max_size) == ([(opcode, payload)], None)
        header = masked(opcode, payload + b"x")[: -(max_size + 1 + len(MASK))]
        assert read(masked(PING) + header, max_size) == ([(PING, b"")], 1009)
        assert read(masked(PING) + masked(opcode, payload + b"x"), max_size) == ([(PING, b"")], 1009)

    @pytest.mark.parametrize("length", [2_000_000, 1 << 62, (1 << 63) - 1])
    def test_only_declared(self, read, length: int) -> None:
        assert read(raw(0x81, 0xFF, length.to_bytes(8, "big"))) == ([], 1009)

    def test_sum_over_fragments(self, read) -> None:
        start = masked(TEXT, b"x" * 60, fin=False) + masked(CONTINUATION, b"x" * 39, fin=False)
        assert read(start + masked(CONTINUATION, b"x"), 100) == ([(TEXT, b"x" * 100)], None)
        assert read(start + raw(0x80, 0x82), 100) == ([], 1009)

    def test_control_frames_do_not_count(self, read) -> None:
        data = masked(TEXT, b"x" * 10, fin=False) + masked(PING, b"p" * 125) + masked(CONTINUATION)
        assert read(data, 10) == ([(PING, b"p" * 125), (TEXT, b"x" * 10)], None)

    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    @pytest.mark.timeout(60)  # it takes a second; joining the bytes again for each one that arrives takes minutes
    def test_large_frame_byte_by_byte(self, opcode: int) -> None:
        payload = bytes(range(1, 126)) * (LIMIT // 125)
        reader = FrameReader(LIMIT)
        assert dribble(reader, masked(opcode, payload)) == [(opcode, payload)]

    def test_a_declared_length_reserves_nothing(self) -> None:
        reader = FrameReader(1 << 40)
        tracemalloc.start()
        try:
            reader.receive(raw(0x82, 0xFF, (1 << 40).to_bytes(8, "big") + MASK + b"x"))
            assert tracemalloc.get_traced_memory()[1] < 10_000
        finally:
            tracemalloc.stop()
        assert reader.error is None
