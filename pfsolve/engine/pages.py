"""The pages of a model's file in this process's memory.

llama.cpp maps the file, and copies most of its weights into another layout for the CPU. The pages it
copied from stay in memory until others need it, a second model next to the first.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from pathlib import Path

_MAPS = Path("/proc/self/maps")


def let_go(path: Path) -> None:
    """Let go of the pages of a mapped file; those that are read again come back. Linux only."""
    if not _MAPS.exists():
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, end in _mappings(path):
        madvise(start, end - start, mmap.MADV_DONTNEED)  # where it is refused they stay, no more


def _mappings(path: Path) -> Iterator[tuple[int, int]]:
    """Where each mapping of a file begins and ends."""
    name = str(path.resolve())
    for line in _MAPS.read_text(errors="surrogateescape").splitlines():
        addresses, *_, mapped = line.split(maxsplit=5)
        if mapped == name:
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield start, end
