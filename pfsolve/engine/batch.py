"""The batch of a llama_decode, on arrays of our own: filling it is slice assignment."""

from __future__ import annotations

import ctypes

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray


class Batch:
    """One batch for the life of a cache; `handle.n_tokens` says how much of it counts.

    Attributes:
        tokens: (size,) their ids.
        positions: (size,) of each in its sequence.
        sequences: (size,) handle of each one's sequence.
        wanted: (size,) whether each gives an output, 0 or 1.
        handle: for llama_decode.
    """

    def __init__(self, size: int) -> None:
        self.tokens = np.zeros(size, dtype=np.int32)
        self.positions = np.zeros(size, dtype=np.int32)
        self.sequences = np.zeros(size, dtype=np.int32)
        self.wanted = np.zeros(size, dtype=np.int8)
        self._counts = np.ones(size, dtype=np.int32)
        stride, base = self.sequences.itemsize, self.sequences.ctypes.data
        id_pointer = ctypes.POINTER(llama.llama_seq_id)
        self._id_pointers = (id_pointer * size)(
            *(ctypes.cast(base + i * stride, id_pointer) for i in range(size))
        )

        def pointer(array: NDArray[np.generic], kind: type) -> object:
            return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))

        self.handle = llama.llama_batch(
            n_tokens=0,
            token=pointer(self.tokens, llama.llama_token),
            embd=None,
            pos=pointer(self.positions, llama.llama_pos),
            n_seq_id=pointer(self._counts, ctypes.c_int32),
            seq_id=self._id_pointers,
            logits=pointer(self.wanted, ctypes.c_int8),
        )
