"""A GGUF file's header, read without llama.cpp.

llama.cpp says nothing of models that it cannot load, and to load a vocabulary takes ten times as long.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from pfsolve.errors import ModelFileError, ModelMissing

# How a number is written by its type, for `struct`; booleans are left out.
_NUMBERS = {
    0: "B",
    1: "b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_BYTES = {kind: struct.calcsize(form) for kind, form in _NUMBERS.items()} | {7: 1}
_STRING, _ARRAY = 8, 9
_length = struct.Struct("<Q").unpack_from

# Hyperparameters of layers that are no attention: state spaces, convolutions, RWKV, linear attention.
_RECURRENT = re.compile(r"([^.]+)\.(?:(?:ssm|shortconv|wkv|kda)\..+|full_attention_interval)")

Header = dict[str, int | float | str | None]


def check_magic(path: Path) -> int:
    """See that a file begins as a GGUF does; returns its size in bytes.

    Raises:
        ModelMissing: there is no such file.
        ModelFileError: it is no GGUF, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise ModelMissing(
            f"no model file {path}", "check the path, or see pfsolve models list"
        ) from error
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror}", "check the path") from error
    if magic != b"GGUF":
        raise ModelFileError(
            f"{path} is no GGUF file (it starts with {magic!r})",
            "give a .gguf file, or a name from pfsolve models list",
        )
    return size


def recurrent_architecture(header: Header) -> str | None:
    """The architecture that a header names if it has recurrent layers; None if it has not."""
    found = map(_RECURRENT.fullmatch, header)
    return next((match[1] for match in found if match), None)


def read_header(path: Path) -> Header:
    """The header's keys with their numbers and texts, None for other values; in order.

    Of a damaged one there is what comes before the damage.

    Raises:
        OSError: the file cannot be read.
    """
    header: Header = {}
    if not path.stat().st_size:  # of which there is no map
        return header
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            for key, at in _entries(data):
                header[key] = None
                header[key] = _value(data, at)
        except (struct.error, KeyError, OverflowError):
            pass
    return header


def _entries(data: mmap.mmap) -> Iterator[tuple[str, int]]:
    """Each key, and where its value's type begins."""
    (count,), at = _length(data, 16), 24
    for _ in range(count):
        start, at = at + 8, _after(data, at, _STRING)
        if at > len(data):
            return
        yield data[start:at].decode(errors="replace"), at
        at = _after(data, at + 4, _number(data, at, "<I"))


def _value(data: mmap.mmap, at: int) -> int | float | str | None:
    kind, at = _number(data, at, "<I"), at + 4
    if kind == _STRING:
        return data[at + 8 : _after(data, at, kind)].decode(errors="replace")
    form = _NUMBERS.get(kind)
    return None if form is None else _number(data, at, form)


def _after(data: mmap.mmap, at: int, kind: int) -> int:
    """Where the value of this type ends that begins at `at`."""
    if kind == _STRING:
        return at + 8 + _number(data, at, "<Q")
    if kind != _ARRAY:
        return at + _BYTES[kind]
    kind, count, at = _number(data, at, "<I"), _number(data, at + 4, "<Q"), at + 12
    if kind != _STRING:
        return at + count * _BYTES[kind]
    for _ in range(count):  # hundreds of thousands of tokens: nothing here that could be spared
        at += 8 + _length(data, at)[0]
    return at


def _number(data: mmap.mmap, at: int, form: str) -> int:
    number: int = struct.unpack_from(form, data, at)[0]
    return number
