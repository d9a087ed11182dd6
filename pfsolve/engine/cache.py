"""Sequences of tokens in one shared KV cache: decode, fork, drop.

The cache is unified: all sequences share its cells, and a cell may belong to many of them. A fork
is therefore metadata at any length, and cells are free again when the last sequence that
holds them is dropped. Sequences that hold the same cells and are to get the same tokens get the
same cells again: one row of the batch for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import llama_cpp as llama
import numpy as np

from pfsolve.engine import stopping
from pfsolve.engine.batch import Batch
from pfsolve.engine.context import check_kv_type, make_context, unified_params
from pfsolve.engine.history import Histories
from pfsolve.engine.layers import LayerStates
from pfsolve.engine.library import LoadedModel, cell_bytes
from pfsolve.engine.runs import Distinct, Outputs, Rows, Shared, TokenRun, joined
from pfsolve.errors import EngineError, named

# Tokens in one llama_decode, at most. More would prefill no faster, and Ctrl-C waits for one call at most.
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


class Cache:
    """One llama_context with a unified KV cache.

    Args:
        model: the model whose keys and values it holds; must outlive it.
        cells: number of tokens it can hold over all sequences, each shared token once.
        sequences: number of sequences that may exist at a time, 1 to 256.
        threads: number of CPU threads.
        layers: numbers of the layers, from 0, whose output is handed out beside hidden states.
        kept: number of further sequences, as far as 256 are not exceeded, for what outlasts its use.
        kv_type: "f16" or "q8_0", what keys and values are kept as.

    Attributes:
        bytes: what keys and values of all cells take.
        layers: the number of those.
        kept: the number of those.
        tokens_decoded: number of rows that llama.cpp has computed, padding aside; those of tokens that
            several sequences got together count once.
        give_back: called where cells are short; whether it has dropped a sequence.

    Raises:
        ResourceError: there is not enough memory for it.
        UsageError: llama.cpp cannot keep this model's keys and values so.
    """

    def __init__(
        self,
        model: LoadedModel,
        *,
        cells: int,
        sequences: int,
        threads: int,
        layers: Sequence[int] = (),
        kept: int = 0,
        kv_type: str = "f16",
    ) -> None:
        if not 1 <= sequences <= MAX_SEQUENCES or cells < 1 or threads < 1:
            raise EngineError(
                f"no cache of {cells} cells, {sequences} sequences, {threads} threads"
            )
        check_kv_type(model.facts, kv_type)
        params = unified_params(cells, threads, kv_type)
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        self.kept = min(kept, MAX_SEQUENCES - sequences)
        own = sequences + self.kept
        padded = own < MAX_SEQUENCES  # one sequence more for rows without meaning
        params.n_seq_max = own + padded
        # A row of logits is large; but more outputs than this, or fewer than sequences, is an abort.
        outputs = max(own, LEAST_OUTPUTS)
        params.n_outputs_max = outputs + padded * MAX_PADDING
        self.layers = len(layers)
        self._layers = LayerStates(layers, model.n_embd) if layers else None
        if self._layers is not None:
            params.cb_eval = self._layers.callback
        self.model = model
        self.handle = make_context(model, params)
        self.cells = int(llama.llama_n_ctx(self.handle))  # rounded up to a multiple of 256
        self._batch_tokens = int(
            llama.llama_n_batch(self.handle)
        )  # fewer where there are fewer cells
        self.bytes = self.cells * cell_bytes(model.facts.cell_bytes, kv_type)
        self.tokens_decoded = 0
        self._on_cpu = not model.device.is_gpu
        self.give_back: Callable[[], bool] = lambda: False
        self._padding_sequence = own if padded else None
        self._outputs_max = outputs
        self._memory = llama.llama_get_memory(self.handle)
        self._free = list(reversed(range(sequences)))
        self._free_to_keep = list(range(sequences, own))
        self._most = sequences
        self._histories = Histories()
        self._batch = Batch(self._batch_tokens, own + padded)
        # Sequences and number of tokens of each part of the batch.
        self._filled: list[tuple[list[int], int]] = []

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
        """The number of sequences that exist, without those that are kept."""
        return self._most - len(self._free)

    def new(self, *, kept: bool = False) -> int:
        """A new, empty sequence's handle.

        Args:
            kept: whether it is one of those that outlast their use.

        Raises:
            EngineError: all sequences that the cache was made for exist.
        """
        free = self._free_to_keep if kept else self._free
        if not free:
            raise EngineError(f"all {self._most} sequences of the cache are in use")
        sequence = free.pop()
        self._histories.begin(sequence)
        return sequence

    def length(self, sequence: int) -> int:
        """The number of tokens a sequence holds."""
        return self._histories.length(sequence)

    def place(self, sequence: int) -> object:
        """Equal for two sequences that hold the same cells, and for no others."""
        return self._histories.place(sequence)

    def fork(self, sequence: int, *, kept: bool = False) -> int:
        """A new sequence that shares all cells of this one: metadata, no copy. Arguments as of `new`."""
        copy = self.new(kept=kept)
        llama.llama_memory_seq_cp(self._memory, sequence, copy, -1, -1)
        self._histories.copy(sequence, copy)
        return copy

    def rewind(self, sequence: int, length: int) -> None:
        """Forget all but the first `length` tokens of a sequence."""
        held = self.length(sequence)
        if not 0 <= length <= held:
            raise EngineError(f"a sequence of {held} tokens has no first {length}")
        if length < held:
            llama.llama_memory_seq_rm(self._memory, sequence, length, -1)
            self._histories.rewind(sequence, length)

    def drop(self, sequence: int) -> None:
        """Forget a sequence; cells that no other sequence holds are free again."""
        self.rewind(sequence, 0)
        self._histories.drop(sequence)
        (self._free if sequence < self._most else self._free_to_keep).append(sequence)

    # Decoding

    def decode(
        self,
        runs: Sequence[TokenRun],
        *,
        hidden: bool = False,
        padding: Callable[[int], int] = lambda rows: 0,
    ) -> Outputs:
        """Append tokens to sequences, all in as few batches as possible.

        Runs of the same tokens, of sequences that hold the same cells, are decoded once, for each of them.

        Args:
            hidden: whether to give hidden states; then every token of every run becomes an output, as
                llama.cpp hands them out in no other way.
            padding: from the number of rows in the last batch to that of rows without meaning to add, at
                most 16, where there is room: kernels compute rows in tiles, and a full one can be faster.

        Raises:
            EngineError: the cache is full, or an argument is not what llama.cpp needs.
            GivenUp: within `stopping.given_up_once`, between two batches.
        """
        self._check(runs)
        distinct = Distinct(runs, self._histories)
        if hidden:
            self._hand_out_states(True)
        try:
            return distinct.spread(joined([*self._batches(distinct.shared, hidden, padding)]))
        finally:
            self._filled.clear()
            if hidden:
                self._hand_out_states(False)

    def _batches(
        self, distinct: Sequence[Shared], hidden: bool, padding: Callable[[int], int]
    ) -> Iterator[Outputs]:
        """The outputs of one batch after the other."""
        most = self._most_tokens()
        filled = n_outputs = 0
        for shared in distinct:
            tokens, sequences = shared.run.tokens, shared.sequences
            start, position = 0, self.length(sequences[0])
            while start < len(tokens):
                if filled == most or (
                    (hidden or shared.run.output) and n_outputs == self._outputs_max
                ):
                    # Copied, since the next batch overwrites llama.cpp's rows.
                    yield self._flush(filled, n_outputs, hidden, copy=True)
                    filled = n_outputs = 0
                    stopping.look()
                size = min(len(tokens) - start, most - filled)
                if hidden:
                    size = min(size, self._outputs_max - n_outputs)
                part = tokens[start : start + size]
                filled = self._batch.put(filled, part, position + start, sequences, wanted=hidden)
                self._filled.append((sequences, size))
                start += size
                n_outputs += size * hidden
            if shared.run.output and not hidden:
                self._batch.wanted[filled - 1] = 1
                n_outputs += 1
        padded = self._pad(filled, padding(filled), hidden)
        yield self._flush(filled, n_outputs, hidden, padding=padded)

    def _hand_out_states(self, wanted: bool) -> None:
        llama.llama_set_embeddings(self.handle, wanted)
        if self._layers is not None:
            self._layers.wanted = wanted

    def _most_tokens(self) -> int:
        """The number of tokens in one llama_decode."""
        held = sum(self.length(each) for each in self._histories if each < self._most)
        crowded = self._on_cpu and held > CROWDED
        most = min(CROWDED_TOKENS, self._batch_tokens) if crowded else self._batch_tokens
        short = self._on_cpu and stopping.can_be_given_up()
        return min(most, stopping.BATCH_TOKENS) if short else most

    def _pad(self, filled: int, padding: int, hidden: bool) -> int:
        """Put rows without meaning behind the others in the batch; returns their number."""
        if self._padding_sequence is None:
            return 0
        padding = max(0, min(padding, MAX_PADDING, self._batch_tokens - filled))
        # Were they not wanted like the others, llama.cpp would complain, and make them outputs itself.
        self._batch.put(filled, [0] * padding, 0, [self._padding_sequence], wanted=hidden)
        return padding

    def _check(self, runs: Sequence[TokenRun]) -> None:
        if not runs:
            raise EngineError("nothing to decode")
        seen = set()
        for run in runs:
            if run.sequence not in self._histories or run.sequence in seen:
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
            self._batch.handle.n_tokens = filled
        while status == 1 and (padding or self.give_back()):  # no cells: nothing was decoded
            padding = 0
            status = llama.llama_decode(self.handle, self._batch.handle)
        if status == 1:
            raise EngineError(
                f"the cache of {self.cells} tokens is full",
                f"use a larger {named('context')} or fewer {named('particles')}",
            )
        if status != 0:
            raise EngineError(f"llama.cpp failed to decode a batch of {filled} tokens ({status})")
        self.tokens_decoded += filled
        for sequences, size in self._filled:
            self._histories.grow(sequences, size)
        self._filled.clear()
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
