"""The tensors of a file written by torch.save, without torch, and without trusting it.

Such a file is a zip archive: `data.pkl`, a pickle of a dict of tensors, and the bytes of each storage
as an entry of its own, uncompressed. A pickle can call anything that it can name, so this one may name
nothing but what rebuilds a plain tensor. Any other name ends the reading before anything is called.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
import zipfile
import zlib
from collections import OrderedDict
from typing import Any, BinaryIO, NamedTuple

from pfsolve.errors import ModelFileError
from pfsolve.models.safetensors import WIDTHS, Tensor
from pfsolve.wording import shortened

MAX_PICKLE = 100_000_000  # bytes

_DTYPES = {"BFloat16Storage": "BF16", "HalfStorage": "F16", "FloatStorage": "F32"}
_PICKLE = re.compile(r"([^/]+/)?data\.pkl")
_SAFER = "use a checkpoint in safetensors format, if the repository has one"


class _Storage(NamedTuple):
    dtype: str
    key: str


class _View(NamedTuple):
    """A tensor as the pickle has it: part of a storage."""

    storage: _Storage
    skip: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _StorageType:
    """Stands for a class such as torch.FloatStorage. No attribute of it can be set."""

    __slots__ = ("dtype",)
    dtype: str

    def __init__(self, dtype: str) -> None:
        object.__setattr__(self, "dtype", dtype)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError(f"it sets {name}")


class _Rebuild:
    """Stands for torch._utils._rebuild_tensor_v2 and _rebuild_parameter. No attribute can be set."""

    __slots__ = ()

    def __call__(self, what: object, *rest: Any) -> _View:
        if isinstance(what, _View):  # a parameter: whether it has a gradient does not matter
            return what
        if not isinstance(what, _Storage):
            raise pickle.UnpicklingError("a tensor is made of something else")
        skip, shape, strides, *_ = rest
        return _View(what, int(skip), tuple(map(int, shape)), tuple(map(int, strides)))


_REBUILD = _Rebuild()
_ALLOWED: dict[tuple[str, str], object] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _REBUILD,
    ("torch._utils", "_rebuild_parameter"): _REBUILD,
    **{("torch", name): _StorageType(dtype) for name, dtype in _DTYPES.items()},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, as no plain tensor does"
            ) from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage, key, *_ = pid
        if kind != "storage" or not isinstance(storage, _StorageType):
            raise pickle.UnpicklingError(f"it refers to {shortened(kind)}")
        return _Storage(storage.dtype, str(key))


def read_index(file: BinaryIO, what: str) -> list[Tensor]:
    """The tensors of a file that torch.save wrote, in the order in which they follow each other.

    Args:
        what: the file's name, for messages.

    Raises:
        ModelFileError: it is no such file, is damaged, or holds anything but a dict of plain tensors.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            top = next(name.removesuffix("data.pkl") for name in names if _PICKLE.fullmatch(name))
            if f"{top}byteorder" in names:
                with archive.open(f"{top}byteorder") as order:
                    if order.read(7) != b"little":
                        raise ValueError("its numbers are big-endian")
            if archive.getinfo(f"{top}data.pkl").file_size > MAX_PICKLE:
                raise ValueError("its pickle is too large")
            tensors = _unpickle(archive.read(f"{top}data.pkl"))
            located = [_locate(archive, top, name, view) for name, view in tensors.items()]
    except (zipfile.BadZipFile, zlib.error, StopIteration, OSError, EOFError, RuntimeError):
        # In a damaged archive any offset, length, version or method may be another one.
        raise ModelFileError(
            f"{what} is not a zip archive as torch.save writes it", _SAFER
        ) from None
    except ValueError as error:
        raise ModelFileError(f"{what} is refused: {error}", _SAFER) from None
    return sorted(located, key=lambda tensor: tensor.order)


def _unpickle(data: bytes) -> dict[str, _View]:
    try:
        for code, argument, _ in pickletools.genops(data):
            if code.name.endswith("PUT") and int(argument or 0) > len(data):
                raise ValueError("its memo is too large")  # for which memory would be taken
        found = _Unpickler(io.BytesIO(data)).load()
    except pickle.UnpicklingError as error:
        raise ValueError(error) from None
    except Exception as error:
        # A pickle is a program for a machine of its own: a damaged one can fail in any way.
        raise ValueError(f"its pickle cannot be read ({type(error).__name__}: {error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"it is no dict but {type(found).__name__}")
    for name, view in found.items():
        if not isinstance(name, str) or not isinstance(view, _View):
            raise ValueError(f"{shortened(name)} is no tensor")
    return found


def _locate(archive: zipfile.ZipFile, top: str, name: str, view: _View) -> Tensor:
    width = WIDTHS[view.storage.dtype]
    try:
        entry = archive.getinfo(f"{top}data/{view.storage.key}")
    except KeyError:
        raise ValueError(f"the numbers of {name} are missing") from None
    tensor = Tensor(
        name, view.storage.dtype, view.shape, view.skip * width, entry=entry.header_offset
    )
    contiguous = [math.prod(view.shape[axis + 1 :]) for axis in range(len(view.shape))]
    pairs = zip(view.shape, view.strides, contiguous, strict=False)
    if len(view.strides) != len(view.shape) or any(
        stride != expected for length, stride, expected in pairs if length != 1
    ):
        raise ValueError(f"{name} does not lie in one piece")
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    if view.skip < 0 or min(view.shape, default=0) < 0:
        raise ValueError(f"{name} has a negative size")
    if tensor.offset + tensor.bytes > entry.file_size:
        raise ValueError(f"{name} is larger than its storage")
    return tensor
