"""The header of a safetensors file: eight bytes of length, then JSON that tells where each tensor is.

https://huggingface.co/docs/safetensors. The library itself reads no bfloat16 without torch, and no
file that is still on the Hub.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from pfsolve.errors import ModelFileError
from pfsolve.models.convert.tensor import WIDTHS, Tensor

MAX_HEADER = 100_000_000  # bytes, the format's own limit


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
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelFileError(f"{what} has a damaged safetensors header") from None
    if tensors and max(tensor.offset + tensor.bytes for tensor in tensors) > size:
        raise ModelFileError(f"{what} is cut short: {size} bytes are not all that its header names")
    return sorted(tensors, key=lambda tensor: tensor.order)


def _tensor(name: str, fields: dict[str, Any], start: int, what: str) -> Tensor:
    dtype, shape = fields["dtype"], tuple(int(length) for length in fields["shape"])
    if dtype not in WIDTHS:
        raise ModelFileError(
            f"{name} in {what} is of type {dtype}, which cannot be converted",
            f"choose a checkpoint of type {', '.join(WIDTHS)}, one that is not quantized",
        )
    first, last = fields["data_offsets"]
    tensor = Tensor(name, dtype, shape, start + first)
    if first < 0 or min(shape, default=0) < 0 or tensor.bytes != last - first:
        raise ValueError
    return tensor
