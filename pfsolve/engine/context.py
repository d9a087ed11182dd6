"""Making the llama_context behind a cache."""

from __future__ import annotations

from typing import Any

import llama_cpp as llama

from pfsolve.engine.backend import signals_held
from pfsolve.engine.library import Facts, LoadedModel
from pfsolve.errors import ResourceError, UsageError, named

_TYPES = {"f16": llama.GGML_TYPE_F16, "q8_0": llama.GGML_TYPE_Q8_0}
_BLOCK = 32  # numbers that share a scale in q8_0
_NO_FLASH_ATTENTION = ("grok",)  # llama.cpp's names; quantized values need it


def unified_params(cells: int, threads: int, kv_type: str) -> Any:
    """Parameters of a context whose sequences share all cells, with outputs and sequences left open."""
    params = llama.llama_context_default_params()
    params.n_ctx = cells
    params.n_threads = params.n_threads_batch = threads
    params.type_k = params.type_v = _TYPES[kv_type]
    params.kv_unified = True
    params.swa_full = True  # a sliding window would forget cells that forks still need
    params.pooling_type = llama.LLAMA_POOLING_TYPE_NONE
    params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_AUTO
    params.no_perf = True
    return params


def check_kv_type(facts: Facts, kv_type: str) -> None:
    """Refuse a precision of the cache that llama.cpp cannot give this model.

    Raises:
        UsageError: a head of the model does not fill whole blocks, or there is no flash attention for it.
    """
    sizes = [size for size in facts.head_sizes if size % _BLOCK]
    flash = facts.architecture not in _NO_FLASH_ATTENTION
    if kv_type == "f16" or (flash and not sizes):
        return
    why = (
        f"which keeps {_BLOCK} numbers together, and heads of {facts.path.name} have {sizes[0]}"
        if sizes
        else f"which needs flash attention, and llama.cpp has none for {facts.architecture} models"
    )
    raise UsageError(f"{named('kv_type')} is {kv_type}, {why}", f"use {named('kv_type', 'f16')}")


def make_context(model: LoadedModel, params: Any) -> Any:
    """The llama_context of a model.

    Raises:
        ResourceError: there is not enough memory for it.
    """
    handle = None
    try:
        with signals_held():
            handle = llama.llama_init_from_model(model.handle, params)
    except BaseException:  # a signal came meanwhile
        if handle:
            llama.llama_free(handle)
        raise
    if not handle:
        raise ResourceError(
            f"no memory for a cache of {params.n_ctx} tokens",
            f"use fewer {named('particles')} or a smaller {named('context')}",
        )
    return handle
