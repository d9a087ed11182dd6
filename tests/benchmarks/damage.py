"""Ways to damage a file: of bytes, of JSON, of arrays, of what is packed."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

LARGEST = 1 << 16  # bytes of what comes of it, before it is packed

ODD: list[Any] = [
    None, True, False, -1, 0, 1, 2, 2**31, 2**63, 2**64, -(2**63), 10**4400, 1e308, -1e308, 5e-324,
    float("nan"), float("inf"), -float("inf"), "", "x", " ", "\0", "\ud800", "\x1b[31m", "\u202e", "a\nb",
    "[red]", "A" * 3000, "../../../etc/passwd", "NaN", "1e999", "2/4", "0/0", [], {}, [[]], [None],
    {"": None}, ["x"], [1], [[1, 2], [3]], {"x": {"x": {}}}, "2026-11-30T00:00:00Z", "9999-99-99",
    "0001-01-01T00:00:00+23:59",
]  # fmt: skip
_NUMBERS = [
    b"-1",
    b"0",
    b"1e999",
    b"1" + b"0" * 30,
    b"9" * 5000,
    b"NaN",
    b"-Infinity",
    b"1.5",
    b"1e-400",
    b"0x10",
]
_NUMBER, _STRING = rb"-?\d+(?:\.\d+)?", rb'"[^"\n]{0,300}"'
_WORDS = [
    b"null", b"true", b'""', b"[]", b"{}", b'"', b"\\", b"\\u0000", b"\\ud800", b"\x00", b"\xff", b"\x1b[2J",
    b"\xe2\x80\xae", b"\n", b"\r", b"\n\n\n", b",", b"\t", b"|", b";", b"[" * 3000, b'{"a":' * 3000, b'"""',
    b"'", b"a.b.c = 1\n", b"[[x]]\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b\x08", b"PK\x03\x04",
    b"$" * 500, b"\\frac{" * 500, b"(" * 500, b"#### 7", b"^" * 300, b"1" * 5000,
]  # fmt: skip
_LENGTHS = [
    0,
    1,
    2,
    255,
    2**16,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
]


def damaged(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """The data after a few random changes of any kind."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4, 8))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 2, 4, 8, 32, 256)))
        data = rng.choice(_CHANGES)(data, at, end, seeds, rng)[:LARGEST]
    return data


def _flipped(data: bytes, at: int, rng: random.Random) -> bytes:
    return (
        data[:at]
        + bytes(byte ^ 1 << rng.randrange(8) for byte in data[at : at + 1])
        + data[at + 1 :]
    )


def _with_length(data: bytes, at: int, rng: random.Random) -> bytes:
    size = rng.choice((4, 8))
    number = (rng.choice(_LENGTHS) % 256**size).to_bytes(size, rng.choice(("little", "big")))
    return data[:at] + number + data[at + size :]


def _spliced(data: bytes, other: bytes, rng: random.Random) -> bytes:
    return data + other[rng.randrange(len(other) + 1) :]


def _replaced(data: bytes, pattern: bytes, new: bytes, rng: random.Random) -> bytes:
    found = [*re.finditer(pattern, data)]
    if not found:
        return data
    one = rng.choice(found)
    return data[: one.start()] + new + data[one.end() :]


# Each takes the data, where to begin and to end, files that are well formed, and chance.
_CHANGES: list[Callable[[bytes, int, int, Sequence[bytes], random.Random], bytes]] = [
    lambda data, at, end, seeds, rng: data[:at],
    lambda data, at, end, seeds, rng: data[:at] + data[end:],
    lambda data, at, end, seeds, rng: (
        data[:at] + data[at:end] * rng.choice((2, 3, 100)) + data[end:]
    ),
    lambda data, at, end, seeds, rng: _flipped(data, at, rng),
    lambda data, at, end, seeds, rng: (
        data[:at] + rng.randbytes(rng.choice((1, 2, 16))) + data[end:]
    ),
    lambda data, at, end, seeds, rng: (
        data[:at] + rng.choice(_WORDS) + data[rng.choice((at, end)) :]
    ),
    lambda data, at, end, seeds, rng: _spliced(data[:at], rng.choice(seeds), rng),
    lambda data, at, end, seeds, rng: _with_length(data, at, rng),
    lambda data, at, end, seeds, rng: _replaced(data, _NUMBER, rng.choice(_NUMBERS), rng),
    lambda data, at, end, seeds, rng: _replaced(data, _NUMBER, rng.choice(_NUMBERS), rng),
    lambda data, at, end, seeds, rng: _replaced(data, _STRING, _json(rng.choice(ODD)), rng),
]


def _json(value: Any) -> bytes:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(value).encode()
    finally:
        sys.set_int_max_str_digits(before)


def odd_values(value: Any, rng: random.Random) -> Any:
    """A JSON value in which one part is another, is not there, is there twice, or lies deeper."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        match rng.randrange(8):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return {
                    **value,
                    rng.choice(("", "x", "id", "answer", "error", "particles")): rng.choice(ODD),
                }
            case 2:
                return {**value, key: rng.choice(list(value.values()))}
            case _:
                return {**value, key: odd_values(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        match rng.randrange(6):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return [*value, *value[at:]]
            case _:
                return [*value[:at], odd_values(value[at], rng), *value[at + 1 :]]
    return rng.choice(ODD)


def odd_json(data: bytes, rng: random.Random) -> bytes:
    """JSON lines, or one document, with values that nobody expects."""
    lines = data.split(b"\n") if data.startswith(b"{") else [data]
    at = rng.randrange(len(lines))
    with contextlib.suppress(ValueError):
        for _ in range(rng.choice((1, 1, 2, 4))):
            lines[at] = _json(odd_values(json.loads(lines[at]), rng))
    return b"\n".join(lines)


def odd_header(data: bytes, rng: random.Random) -> bytes:
    """A safetensors file with another header, and the right length of it."""
    length = int.from_bytes(data[:8], "little")
    header = odd_json(data[8 : 8 + length], rng)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def odd_arrays(data: bytes, rng: random.Random) -> bytes:
    """An npz file of which one array is another one."""
    with np.load(io.BytesIO(data)) as file:
        arrays = dict(file)
    name = rng.choice([*arrays])
    own = arrays[name]
    shapes: list[tuple[int, ...]] = [(), (0,), (1,), (7,), (2, 3), (1, 1, 1), own.shape]
    kinds = ["f2", "f4", "f8", "c8", "i1", "i8", "u8", "?", "U9", "S3", "M8[s]", ">f4", "V4"]
    fill = rng.choice((0, 1, -1, 1e30, float("nan"), float("inf"), 2**62))
    with np.errstate(all="ignore"), contextlib.suppress(ValueError, TypeError, OverflowError):
        if own.dtype.kind == "U" and rng.random() < 0.7:
            arrays[name] = np.array(_json(odd_values(json.loads(str(own)), rng)).decode())
        elif rng.random() < 0.2:
            del arrays[name]
        elif rng.random() < 0.5:
            arrays[name] = own.astype(rng.choice(kinds))
        else:
            arrays[name] = np.full(rng.choice(shapes), fill).astype(rng.choice(kinds))
    file = io.BytesIO()
    (np.savez if rng.random() < 0.8 else np.savez_compressed)(file, **arrays)
    return file.getvalue()


def repacked(data: bytes, rng: random.Random) -> bytes:
    """A gzip file of damaged text."""
    text = gzip.decompress(data)
    return gzip.compress(damaged(text, [text], rng), rng.choice((0, 1, 9)), mtime=0)
