"""The batch of a llama_decode, on arrays of our own: filling it is slice assignment."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray


class Batch:
    """One batch for the life of a cache; `handle.n_tokens` says how much of it counts.

    Args:
        size: number of tokens that it may hold.
        sequences: number of sequences that all of these may be of.

    Attributes:
        wanted: (size,) whether each token gives an output, 0 or 1.
        handle: for llama_decode.
    """

    def __init__(self, size: int, sequences: int) -> None:
        self._tokens = np.zeros(size, dtype=np.int32)
        self._positions = np.zeros(size, dtype=np.int32)
        self.wanted = np.zeros(size, dtype=np.int8)
        # A token may be of several sequences; tokens of the same ones point to one list of handles.
        self._counts = np.ones(size, dtype=np.int32)
        self._lists = np.zeros(size, dtype=np.uintp)
        self._handles = np.zeros(sequences, dtype=np.int32)
        self._address, self._listed = self._handles.ctypes.data, 0

        def pointer(array: NDArray[np.generic], kind: type) -> object:
            return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))

        self.handle = llama.llama_batch(
            n_tokens=0,
            token=pointer(self._tokens, llama.llama_token),
            embd=None,
            pos=pointer(self._positions, llama.llama_pos),
            n_seq_id=pointer(self._counts, ctypes.c_int32),
            seq_id=pointer(self._lists, ctypes.POINTER(llama.llama_seq_id)),
            logits=pointer(self.wanted, ctypes.c_int8),
        )

    def put(
        self,
        start: int,
        tokens: Sequence[int],
        position: int,
        sequences: Sequence[int],
        *,
        wanted: bool,
    ) -> int:
        """Put tokens at `start` that are appended to each of these sequences; where they end.

        Args:
            position: of the first of them in each of the sequences.
            wanted: whether every one gives an output.
        """
        if start == 0:
            self._listed = 0
        end, listed = start + len(tokens), self._listed + len(sequences)
        self._handles[self._listed : listed] = sequences
        self._tokens[start:end] = tokens
        self._positions[start:end] = range(position, position + len(tokens))
        self._counts[start:end] = len(sequences)
        self._lists[start:end] = self._address + self._listed * self._handles.itemsize
        self.wanted[start:end] = wanted
        self._listed = listed
        return end
