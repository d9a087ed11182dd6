"""The output of some of a model's layers, of each token of a decode.

llama.cpp asks a callback of each node of its graph whether it is wanted: about a thousand calls into Python
a decode. On a CPU that is less than 2 % of a decode of 8 rows of a 1.5B model; a smaller model, or a GPU,
would wait for it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import EngineError

_WIDEST_NAME = 16  # bytes read of a tensor's name


class LayerStates:
    """Keeps what these layers put out in the newest decode.

    Args:
        layers: their numbers, from 0.
        n_embd: the width of a state.

    Attributes:
        callback: for llama.cpp's context, which must not outlive this.
        wanted: whether states are kept; without, a decode costs nothing but the questions.
    """

    def __init__(self, layers: Sequence[int], n_embd: int) -> None:
        self.wanted = False
        self.callback = llama.ggml_backend_sched_eval_callback(self._hear)
        self._names = [b"l_out-%d" % layer for layer in layers]
        self._among = frozenset(self._names)
        self._n_embd = n_embd
        self._states: dict[bytes, NDArray[np.float32]] = {}
        self._name_at: int | None = None  # offset of a tensor's name in its struct

    def take(self, rows: int) -> NDArray[np.float32]:
        """States (rows, layers, n_embd) of the first rows of the newest decode.

        Raises:
            EngineError: llama.cpp has no such layers.
        """
        states, self._states = self._states, {}
        if missing := self._among - states.keys():
            names = ", ".join(name.decode() for name in sorted(missing))
            raise EngineError(f"llama.cpp does not hand out {names} of this model")
        return np.stack([states[name][:rows] for name in self._names], axis=1)

    def _hear(self, tensor: int, asked: bool, _: object) -> bool:
        """Asked: whether a tensor is wanted. Else it is computed, and whether to go on."""
        if not self.wanted:
            return not asked
        if self._name_at is None:
            self._name_at = _ggml().ggml_get_name(tensor) - tensor
        name = ctypes.string_at(tensor + self._name_at, _WIDEST_NAME).split(b"\0", 1)[0]
        if asked:
            return name in self._among
        size = _ggml().ggml_nbytes(tensor)
        states = np.empty((size // (4 * self._n_embd), self._n_embd), np.float32)
        _ggml().ggml_backend_tensor_get(tensor, states.ctypes.data, 0, states.nbytes)
        self._states[name] = states
        return True


@cache
def _ggml() -> Any:
    """The library that llama.cpp's tensors are of."""
    from llama_cpp._ctypes_extensions import load_shared_library
    from llama_cpp._ggml import libggml_base_path

    library = load_shared_library("ggml-base", libggml_base_path)
    library.ggml_get_name.restype = ctypes.c_void_p
    library.ggml_get_name.argtypes = [ctypes.c_void_p]
    library.ggml_nbytes.restype = ctypes.c_size_t
    library.ggml_nbytes.argtypes = [ctypes.c_void_p]
    library.ggml_backend_tensor_get.restype = None
    library.ggml_backend_tensor_get.argtypes = [*2 * [ctypes.c_void_p], *2 * [ctypes.c_size_t]]
    return library
