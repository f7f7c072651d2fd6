"""Content coding: which one, when, and that it can be undone."""

from __future__ import annotations

import gzip
import zlib

import pytest

from engineio.compression import compress

BODY = b'42["event",{"text":"' + b"abc " * 500 + b'"}]'

DECODE = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("deflate, gzip", "deflate"),
        ("br;q=1.0, deflate ;q=0.1, gzip", "deflate"),
        ("GZIP", "gzip"),
        (" , ,gzip,", "gzip"),
        ("br, zstd, identity, *", None),
        ("gzip;q=0", None),
        ("gzip; Q=0.000, deflate", "deflate"),
        ("gzip;q=0, deflate;q=0.0", None),
        ("gzip;q=0.001", "gzip"),
        ("gzip;level=1", "gzip"),
        ("gzip;", "gzip"),
        ("gzip;q=", None),
        ("gzip;q=x", None),
        ("gzip;q=nan", None),
        ("gzip;q=-1", None),
        ("xgzip, gzipx, deflate-raw", None),
    ],
)
def test_the_first_coding_is_used(accept_encoding: str | None, coding: str | None) -> None:
    body, used = compress(BODY, accept_encoding, True, 1024)
    assert used == coding
    assert DECODE[used](body) == BODY
    assert (len(body) < len(BODY)) is (used is not None)


@pytest.mark.parametrize(("size", "coding"), [(0, None), (1023, None), (1024, "gzip"), (1025, "gzip")])
def test_the_threshold_is_the_smallest_size_that_is_compressed(size: int, coding: str | None) -> None:
    body = b"x" * size
    compressed, used = compress(body, "gzip", True, 1024)
    assert used == coding
    assert DECODE[used](compressed) == body


def test_it_can_be_switched_off() -> None:
    assert compress(BODY, "gzip", False, 0) == (BODY, None)


def test_a_threshold_of_zero_compresses_everything() -> None:
    body, used = compress(b"", "deflate", True, 0)
    assert (zlib.decompress(body), used) == (b"", "deflate")


def test_deflate_is_the_zlib_format() -> None:
    body, _ = compress(BODY, "deflate", True, 0)
    assert body[0] & 0x0F == 8
    assert int.from_bytes(body[:2], "big") % 31 == 0


def test_gzip_does_not_tell_the_time() -> None:
    body, _ = compress(BODY, "gzip", True, 0)
    assert body[4:8] == b"\0\0\0\0"
