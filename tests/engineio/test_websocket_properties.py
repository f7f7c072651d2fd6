"""The frame codec against messages, cuts and garbage that hypothesis finds, and against another implementation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import PayloadTooBig
from websockets.exceptions import ProtocolError as WebSocketsProtocolError
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from engineio.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameReader,
    decode_close,
    encode_close,
    encode_frame,
    encode_masked_frame,
)

Events = list[tuple[int, bytes]]

masks = st.binary(min_size=4, max_size=4)
# Mostly short, sometimes longer than a 7-bit length. Payloads that need a 64-bit length are in test_websocket.py.
payloads = st.binary(max_size=200) | st.builds(
    lambda block, size: (block * size)[:size], st.binary(min_size=1, max_size=8), st.integers(120, 1000)
)
texts = st.text(max_size=200) | st.builds(lambda text, count: text * count, st.text(max_size=4), st.integers(1, 200))
messages = st.tuples(st.just(TEXT), texts.map(str.encode)) | st.tuples(st.just(BINARY), payloads)
controls = st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125))
close_codes = st.sampled_from([1000, 1001, 1002, 1003, *range(1007, 1015)]) | st.integers(3000, 4999)


@st.composite
def streams(draw: st.DrawFn, masked: bool) -> tuple[bytes, Events]:
    """Messages, fragmented, with control frames between: as bytes, and as the events they have to become."""

    def encode(opcode: int, payload: bytes, fin: bool = True) -> bytes:
        return encode_masked_frame(opcode, payload, draw(masks), fin) if masked else encode_frame(opcode, payload, fin)

    data, events = [], []

    def add_controls() -> None:
        for control in draw(st.lists(controls, max_size=2)):
            data.append(encode(*control))
            events.append(control)

    for opcode, payload in draw(st.lists(messages, max_size=6)):
        add_controls()
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
        code = opcode
        for start, stop in zip([0, *cuts], [*cuts, None], strict=True):
            data.append(encode(code, payload[start:stop], fin=stop is None))
            code = CONTINUATION
            if stop is not None:
                add_controls()
        events.append((opcode, payload))
    if draw(st.booleans()):
        payload = encode_close(draw(close_codes), draw(st.text(max_size=130)))[2:]
        data.append(encode(CLOSE, payload))
        events.append((CLOSE, payload))
    return b"".join(data), events


@st.composite
def chunks(draw: st.DrawFn, data: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=20)))
    return [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(st.data(), st.booleans())
def test_any_messages_in_any_chunks(data: st.DataObject, masked: bool) -> None:
    stream, expected = data.draw(streams(masked))
    reader = FrameReader(100_000, masked)
    events = []
    for chunk in data.draw(chunks(stream)):
        events += reader.receive(chunk)
    assert events == expected
    assert reader.error is None


# Headers that mean something are rare among random bytes.
headers = st.builds(
    lambda first, second, rest: bytes((first, second)) + rest,
    st.sampled_from([0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A]) | st.integers(0, 255),
    st.sampled_from([0x80, 0x81, 0x82, 0x8A, 0xFD, 0xFE, 0xFF, 0x00, 0x05]) | st.integers(0, 255),
    st.binary(max_size=30),
)
garbage = st.lists(headers | st.binary(max_size=50), max_size=8).map(b"".join)


@given(st.data(), garbage, st.booleans(), st.sampled_from([0, 3, 100, 1 << 20]))
def test_garbage_never_raises_and_cuts_change_nothing(
    data: st.DataObject, stream: bytes, masked: bool, max_size: int
) -> None:
    whole = FrameReader(max_size, masked)
    expected = whole.receive(stream)
    cut = FrameReader(max_size, masked)
    events = []
    for chunk in data.draw(chunks(stream)):
        error = cut.error
        events += cut.receive(chunk)
        assert error is None or cut.error is error
    assert events == expected
    assert (cut.error and cut.error.code) == (whole.error and whole.error.code)
    for opcode, payload in events:
        assert type(payload) is bytes
        assert len(payload) <= (max_size if opcode in (TEXT, BINARY) else 125)
        if opcode == TEXT:
            payload.decode()
        elif opcode == CLOSE:
            decode_close(payload)
    assert all(opcode != CLOSE for opcode, _ in events[:-1])


def parse(data: bytes, masked: bool) -> Frame:
    """Parse one frame with the `websockets` package."""
    stream = StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    parser = Frame.parse(stream.read_exact, mask=masked)
    try:
        next(parser)
    except StopIteration as stop:
        frame: Frame = stop.value
        return frame
    raise AssertionError("the frame is incomplete")


opcodes_and_payloads = st.tuples(st.sampled_from([CONTINUATION, TEXT, BINARY]), payloads, st.booleans()) | controls.map(
    lambda control: (*control, True)
)


@given(opcodes_and_payloads, masks)
def test_websockets_parses_our_frames(frame: tuple[int, bytes, bool], mask: bytes) -> None:
    opcode, payload, fin = frame
    expected = Frame(Opcode(opcode), payload, fin)
    assert parse(encode_frame(opcode, payload, fin), masked=False) == expected
    assert parse(encode_masked_frame(opcode, payload, mask, fin), masked=True) == expected


@given(messages | controls, st.booleans())
def test_we_parse_the_frames_of_websockets(message: tuple[int, bytes], masked: bool) -> None:
    opcode, payload = message
    reader = FrameReader(100_000, masked)
    assert reader.receive(Frame(Opcode(opcode), payload).serialize(mask=masked)) == [message]


@given(garbage.filter(lambda data: len(data) > 1))
def test_we_accept_no_first_frame_that_websockets_refuses(data: bytes) -> None:
    try:
        frame = parse(data, masked=True)
    except (WebSocketsProtocolError, PayloadTooBig, EOFError):
        frame = None
    reader = FrameReader(1 << 63)
    events = reader.receive(data)
    if events and frame is not None and frame.fin:
        assert events[0] == (frame.opcode, bytes(frame.data))
    else:
        assert frame is not None or events == []


@given(close_codes, st.text(max_size=130))
def test_close_round_trip(code: int, reason: str) -> None:
    payload = encode_close(code, reason)[2:]
    close = Close.parse(payload)
    assert decode_close(payload) == (code, close.reason)
    assert close.code == code
    assert reason.startswith(close.reason)
    assert len(payload) == 2 + len(reason.encode()) or 120 <= len(payload) - 2 <= 123
