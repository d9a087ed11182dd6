"""Safetensors files: the header that tells where each tensor is, and a tensor's bytes as numbers.

The format (https://huggingface.co/docs/safetensors): eight bytes with the header's length, the header in
JSON, the data. The library of that name reads no bfloat16 without torch, and no file on the Hub.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from pfsolve.errors import ModelFileError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_HEADER = 100_000_000  # bytes, the format's own limit
BLOCK = 1 << 22  # numbers held in memory at a time
WIDTHS = {"BF16": 2, "F16": 2, "F32": 4}  # bytes of a number, by safetensors' names

_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip entry, up to the lengths of its name and extra


@dataclass(frozen=True)
class Tensor:
    """A tensor that lies in one piece, in row-major order, little-endian.

    name: the checkpoint's.
    dtype: "BF16", "F16" or "F32".
    shape: lengths of its axes.
    offset: of its first byte, in the file, or in the data of `entry`.
    entry: offset of a stored entry of a zip archive (`convert.torch_zip`); None for safetensors. Where
        the data of an entry begins is known only once the file is there to be read.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    entry: int | None = None

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.count * WIDTHS[self.dtype]

    @property
    def order(self) -> tuple[int, int]:
        """A key that sorts tensors as they follow each other in the file."""
        return (self.entry or 0, self.offset)


def read_header(file: BinaryIO, size: int, what: str) -> list[Tensor]:
    """The tensors of a safetensors file, in the order in which they follow each other.

    Args:
        size: bytes of the whole file.
        what: the file's name, for messages.

    Raises:
        ModelFileError: it is no such file, is cut short, or holds numbers of another type.
    """
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(MAX_HEADER, size - 8):
        raise ModelFileError(f"{what} is no safetensors file, or is cut short")
    try:
        header = json.loads(file.read(length))
        tensors = [
            _tensor(name, fields, 8 + length, what)
            for name, fields in header.items()
            if name != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise ModelFileError(f"{what} has a damaged safetensors header") from None
    if tensors and max(tensor.offset + tensor.bytes for tensor in tensors) > size:
        raise ModelFileError(f"{what} is cut short: {size} bytes are not all that its header names")
    return sorted(tensors, key=lambda tensor: tensor.order)


def _tensor(name: str, fields: dict[str, Any], start: int, what: str) -> Tensor:
    dtype, shape = fields["dtype"], tuple(fields["shape"])
    if dtype not in WIDTHS:
        raise ModelFileError(
            f"{name} in {what} is of type {dtype}, which cannot be converted",
            f"choose a checkpoint of type {', '.join(WIDTHS)}, one that is not quantized",
        )
    first, last = fields["data_offsets"]
    if any(type(number) is not int for number in (*shape, first, last)):
        raise TypeError
    tensor = Tensor(name, dtype, shape, start + first)
    if first < 0 or min(shape, default=0) < 0 or tensor.bytes != last - first:
        raise ValueError
    return tensor


def read_blocks(file: BinaryIO, tensor: Tensor) -> Iterator[NDArray[np.float32]]:
    """The tensor's numbers, exactly, as flat blocks of at most `BLOCK`.

    Raises:
        ModelFileError: the file ends too early.
    """
    import numpy as np

    file.seek(_start(file, tensor))
    for done in range(0, tensor.count, BLOCK):
        size = min(BLOCK, tensor.count - done) * WIDTHS[tensor.dtype]
        raw = file.read(size)
        if len(raw) != size:
            raise ModelFileError(f"the checkpoint ends in the middle of {tensor.name}")
        match tensor.dtype:
            case "BF16":  # the upper half of a float32
                yield (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
            case "F16":
                yield np.frombuffer(raw, "<f2").astype(np.float32)
            case _:
                yield np.frombuffer(raw, "<f4").astype(np.float32, copy=False)


def read_whole(file: BinaryIO, tensor: Tensor) -> NDArray[np.float32]:
    """A small tensor, in its shape."""
    import numpy as np

    return np.concatenate([np.empty(0, np.float32), *read_blocks(file, tensor)]).reshape(
        tensor.shape
    )


def _start(file: BinaryIO, tensor: Tensor) -> int:
    if tensor.entry is None:
        return tensor.offset
    file.seek(tensor.entry)
    # The name and the padding here are not those of the archive's directory.
    name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return int(tensor.entry + _LOCAL_HEADER.size + name + extra + tensor.offset)
