"""The keys in a GGUF file's header, read without llama.cpp: it says nothing of models it cannot load."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path

# Bytes of a value by its type; a text has none of its own, nor has an array.
_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9

# Hyperparameters of layers that are no attention: state spaces, convolutions, RWKV, linear attention.
_RECURRENT = re.compile(r"([^.]+)\.(?:(?:ssm|shortconv|wkv|kda)\..+|full_attention_interval)")


def recurrent_architecture(path: Path) -> str | None:
    """The architecture in a GGUF file's header if it has recurrent layers; None if it has not.

    Raises:
        OSError: the file cannot be read.
    """
    found = map(_RECURRENT.fullmatch, _keys(path))
    return next((match[1] for match in found if match), None)


def _keys(path: Path) -> Iterator[str]:
    """The header's keys, in order; of a damaged one those before the damage."""
    if not path.stat().st_size:  # of which there is no map
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            count, at = _number(data, 16, "<Q"), 24
            for _ in range(count):
                start, at = at + 8, _after(data, at, _STRING)
                if at > len(data):
                    return
                yield data[start:at].decode(errors="replace")
                at = _after(data, at + 4, _number(data, at, "<I"))
        except (struct.error, KeyError, OverflowError):
            return


def _after(data: mmap.mmap, at: int, kind: int) -> int:
    """Where the value of this type ends that begins at `at`."""
    if kind == _STRING:
        return at + 8 + _number(data, at, "<Q")
    if kind != _ARRAY:
        return at + _BYTES[kind]
    kind, count, at = _number(data, at, "<I"), _number(data, at + 4, "<Q"), at + 12
    if kind != _STRING:
        return at + count * _BYTES[kind]
    for _ in range(count):
        at = _after(data, at, _STRING)
    return at


def _number(data: mmap.mmap, at: int, form: str) -> int:
    number: int = struct.unpack_from(form, data, at)[0]
    return number
