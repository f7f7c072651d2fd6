"""Frames for the tests of the frame codec, byte by byte where the encoder refuses."""

from __future__ import annotations

from engineio.websocket import FrameReader, encode_masked_frame

__all__ = ["LIMIT", "MASK", "Events", "dribble", "masked", "raw"]

MASK = b"\x01\x82\x43\xe4"
LIMIT = 1_000_000

Events = list[tuple[int, bytes]]


def masked(opcode: int, payload: bytes = b"", fin: bool = True) -> bytes:
    return encode_masked_frame(opcode, payload, MASK, fin)


def raw(first: int, second: int, rest: bytes = b"") -> bytes:
    """A frame byte by byte, for what the encoder refuses to encode."""
    return bytes((first, second)) + rest


def dribble(reader: FrameReader, data: bytes) -> Events:
    events = []
    for index in range(len(data)):
        events += reader.receive(data[index : index + 1])
    return events
