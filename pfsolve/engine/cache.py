"""Sequences of tokens in one shared KV cache: decode, fork, drop.

The cache is unified: all sequences share its cells, and a cell may belong to many of them. A fork
is therefore metadata at any length, and cells are free again when the last sequence that
holds them is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from pfsolve.engine import stopping
from pfsolve.engine.backend import signals_held
from pfsolve.engine.batch import Batch
from pfsolve.engine.layers import LayerStates
from pfsolve.engine.library import LoadedModel
from pfsolve.errors import EngineError, ResourceError, named

# Tokens in one llama_decode. More would prefill no faster, and Ctrl-C waits for one call at most.
BATCH_TOKENS = 512

# On a CPU llama.cpp computes attention for 64 tokens or more in tiles: each with every cell that any
# of its 64 tokens may see, though the cells of different sequences alternate. Fewer tokens see their
# own cells alone, and pass over the others. In a cache that holds many tokens that is worth more than
# a large batch; 48 are three tiles of the other kernels.
CROWDED_TOKENS = 48
CROWDED = 5000  # tokens held by all sequences together, shared ones counted for each

# Outputs of one decode at least. A solution that is read with hidden states has an output a token, and
# a single search has few sequences: in handfuls of tokens it would be read as slowly as it is written.
LEAST_OUTPUTS = 64

MAX_SEQUENCES = 256  # LLAMA_MAX_SEQ

MAX_PADDING = 16  # rows that a decode may be padded by

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TokenRun:
    """Tokens to append to one sequence."""

    sequence: int  # its handle
    tokens: Sequence[int]  # their ids, at least one
    output: bool = True  # whether the logits after the last of them are wanted


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a decode gives: a row for each run with `output`, or for every token with hidden states.

    The first two may be views into llama.cpp's own memory: they hold until the next decode.
    """

    logits: Rows  # (k, n_vocab)
    hidden: Rows | None  # (k, n_embd) final-norm states, None unless asked for
    inner: (
        NDArray[np.float32] | None
    )  # (k, layers, n_embd) what the cache's `layers` put out, likewise


class Cache:
    """One llama_context with a unified KV cache.

    Args:
        model: the model whose keys and values it holds; must outlive it.
        cells: number of tokens it can hold over all sequences, each shared token once.
        sequences: number of sequences that may exist at a time, 1 to 256.
        threads: number of CPU threads.
        layers: numbers of the layers, from 0, whose output is handed out beside hidden states.

    Attributes:
        layers: the number of those.

    Raises:
        ResourceError: there is not enough memory for it.
    """

    def __init__(
        self,
        model: LoadedModel,
        *,
        cells: int,
        sequences: int,
        threads: int,
        layers: Sequence[int] = (),
    ) -> None:
        if not 1 <= sequences <= MAX_SEQUENCES or cells < 1 or threads < 1:
            raise EngineError(
                f"no cache of {cells} cells, {sequences} sequences, {threads} threads"
            )
        params = llama.llama_context_default_params()
        params.n_ctx = cells
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        padded = sequences < MAX_SEQUENCES  # one sequence more for rows without meaning
        params.n_seq_max = sequences + padded
        # A row of logits is large; but more outputs than this, or fewer than sequences, is an abort.
        outputs = max(sequences, LEAST_OUTPUTS)
        params.n_outputs_max = outputs + padded * MAX_PADDING
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True
        params.swa_full = True  # a sliding window would forget cells that forks still need
        params.pooling_type = llama.LLAMA_POOLING_TYPE_NONE
        params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_AUTO
        params.no_perf = True
        self.layers = len(layers)
        self._layers = LayerStates(layers, model.n_embd) if layers else None
        if self._layers is not None:
            params.cb_eval = self._layers.callback
        self.model = model
        self.handle: Any = None
        try:
            with signals_held():
                self.handle = llama.llama_init_from_model(model.handle, params)
        except BaseException:  # a signal came meanwhile
            self.close()
            raise
        if not self.handle:
            raise ResourceError(
                f"no memory for a cache of {cells} tokens",
                f"use fewer {named('particles')} or a smaller {named('context')}",
            )
        self.cells = int(llama.llama_n_ctx(self.handle))  # rounded up to a multiple of 256
        self.tokens_decoded = 0
        self._on_cpu = not model.device.is_gpu
        self._padding_sequence = sequences if padded else None
        self._outputs_max = outputs
        self._memory = llama.llama_get_memory(self.handle)
        self._free = list(reversed(range(sequences)))
        self._lengths: dict[int, int] = {}
        self._batch = Batch(BATCH_TOKENS)

    def close(self) -> None:
        if self.handle is not None:
            llama.llama_free(self.handle)
            self.handle = None

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Sequences

    @property
    def sequences(self) -> int:
        """The number of sequences that exist."""
        return len(self._lengths)

    def new(self) -> int:
        """A new, empty sequence's handle.

        Raises:
            EngineError: all sequences that the cache was made for exist.
        """
        if not self._free:
            raise EngineError(f"all {len(self._lengths)} sequences of the cache are in use")
        sequence = self._free.pop()
        self._lengths[sequence] = 0
        return sequence

    def length(self, sequence: int) -> int:
        """The number of tokens a sequence holds."""
        return self._lengths[sequence]

    def fork(self, sequence: int) -> int:
        """A new sequence that shares all cells of this one: metadata, no copy."""
        length = self._lengths[sequence]
        copy = self.new()
        llama.llama_memory_seq_cp(self._memory, sequence, copy, -1, -1)
        self._lengths[copy] = length
        return copy

    def rewind(self, sequence: int, length: int) -> None:
        """Forget all but the first `length` tokens of a sequence."""
        held = self._lengths[sequence]
        if not 0 <= length <= held:
            raise EngineError(f"a sequence of {held} tokens has no first {length}")
        if length < held:
            llama.llama_memory_seq_rm(self._memory, sequence, length, -1)
            self._lengths[sequence] = length

    def drop(self, sequence: int) -> None:
        """Forget a sequence; cells that no other sequence holds are free again."""
        self.rewind(sequence, 0)
        del self._lengths[sequence]
        self._free.append(sequence)

    # Decoding

    def decode(
        self, runs: Sequence[TokenRun], *, hidden: bool = False, padding: int = 0
    ) -> Outputs:
        """Append tokens to sequences, all in as few batches as possible.

        `hidden` asks for the hidden states, and every token of every run becomes an output: llama.cpp
        hands them out in no other way. `padding` is a number of rows without meaning to add, at most
        16, where there is room for them: kernels compute rows in tiles, and a full one can be faster.

        Raises:
            EngineError: the cache is full, or an argument is not what llama.cpp needs.
            GivenUp: within `stopping.given_up_once`, between two batches.
        """
        self._check(runs)
        most = self._most_tokens()
        if hidden:
            self._hand_out_states(True)
        try:
            parts = []
            filled = n_outputs = 0
            for run in runs:
                start, position = 0, self._lengths[run.sequence]
                while start < len(run.tokens):
                    if filled == most or (
                        (hidden or run.output) and n_outputs == self._outputs_max
                    ):
                        # Copied, since the next batch overwrites llama.cpp's rows.
                        parts.append(self._flush(filled, n_outputs, hidden, copy=True))
                        filled = n_outputs = 0
                        stopping.look()
                    size = min(len(run.tokens) - start, most - filled)
                    if hidden:
                        size = min(size, self._outputs_max - n_outputs)
                    end = filled + size
                    self._batch.tokens[filled:end] = run.tokens[start : start + size]
                    self._batch.positions[filled:end] = range(position, position + size)
                    self._batch.sequences[filled:end] = run.sequence
                    self._batch.wanted[filled:end] = hidden
                    start, position, filled = start + size, position + size, end
                    self._lengths[run.sequence] = position
                    n_outputs += size * hidden
                if run.output and not hidden:
                    self._batch.wanted[filled - 1] = 1
                    n_outputs += 1
            parts.append(
                self._flush(filled, n_outputs, hidden, padding=self._pad(filled, padding, hidden))
            )
        finally:
            if hidden:
                self._hand_out_states(False)
        if len(parts) == 1:
            return parts[0]
        states = [part.hidden for part in parts if part.hidden is not None]
        inner = [part.inner for part in parts if part.inner is not None]
        return Outputs(
            np.concatenate([part.logits for part in parts]),
            np.concatenate(states) if states else None,
            np.concatenate(inner) if inner else None,
        )

    def _hand_out_states(self, wanted: bool) -> None:
        llama.llama_set_embeddings(self.handle, wanted)
        if self._layers is not None:
            self._layers.wanted = wanted

    def _most_tokens(self) -> int:
        """The number of tokens in one llama_decode."""
        crowded = self._on_cpu and sum(self._lengths.values()) > CROWDED
        most = CROWDED_TOKENS if crowded else BATCH_TOKENS
        short = self._on_cpu and stopping.can_be_given_up()
        return min(most, stopping.BATCH_TOKENS) if short else most

    def _pad(self, filled: int, padding: int, hidden: bool) -> int:
        """Put rows without meaning behind the others in the batch; returns their number."""
        if self._padding_sequence is None:
            return 0
        padding = max(0, min(padding, MAX_PADDING, BATCH_TOKENS - filled))
        end = filled + padding
        self._batch.tokens[filled:end] = 0
        self._batch.positions[filled:end] = range(padding)
        self._batch.sequences[filled:end] = self._padding_sequence
        # Else llama.cpp would complain, and make them outputs itself.
        self._batch.wanted[filled:end] = hidden
        return padding

    def _check(self, runs: Sequence[TokenRun]) -> None:
        if not runs:
            raise EngineError("nothing to decode")
        seen = set()
        for run in runs:
            if run.sequence not in self._lengths or run.sequence in seen:
                raise EngineError(f"sequence {run.sequence} is unknown or named twice in a decode")
            seen.add(run.sequence)
            if not len(run.tokens):
                raise EngineError("a run without tokens")
            if min(run.tokens) < 0 or max(run.tokens) >= self.model.n_vocab:
                raise EngineError(f"a token id outside the vocabulary of {self.model.n_vocab}")

    def _flush(
        self, filled: int, n_outputs: int, hidden: bool, *, copy: bool = False, padding: int = 0
    ) -> Outputs:
        """Decode what stands in the batch, and read its output rows."""
        self._batch.handle.n_tokens = filled + padding
        status = llama.llama_decode(self.handle, self._batch.handle)
        if padding:
            llama.llama_memory_seq_rm(self._memory, self._padding_sequence, -1, -1)
            if status == 1:  # no cells to spare: nothing was decoded
                self._batch.handle.n_tokens = filled
                status = llama.llama_decode(self.handle, self._batch.handle)
        if status == 1:
            raise EngineError(
                f"the cache of {self.cells} tokens is full",
                f"use a larger {named('context')} or fewer {named('particles')}",
            )
        if status != 0:
            raise EngineError(f"llama.cpp failed to decode a batch of {filled} tokens ({status})")
        self.tokens_decoded += filled
        logits = self._rows(llama.llama_get_logits, (n_outputs, self.model.n_vocab), copy)
        states = inner = None
        if hidden:
            states = self._rows(llama.llama_get_embeddings, (n_outputs, self.model.n_embd), copy)
            inner = np.empty((n_outputs, 0, self.model.n_embd), np.float32)
            if self._layers is not None:
                inner = self._layers.take(n_outputs)
        return Outputs(logits, states, inner)

    def _rows(self, read: Callable[[Any], Any], shape: tuple[int, int], copy: bool) -> Rows:
        if shape[0] == 0:
            return np.empty(shape, dtype=np.float32)
        rows: Rows = np.ctypeslib.as_array(read(self.handle), shape=shape)
        return rows.copy() if copy else rows
