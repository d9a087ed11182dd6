"""What a decode is given, and what it gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.history import Histories

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
    # (k, layers, n_embd) what the cache's `layers` put out, likewise.
    inner: NDArray[np.float32] | None
    # For each run whether it was the same as one before it, whose rows it got too.
    saved: Sequence[bool] = ()


def joined(parts: Sequence[Outputs]) -> Outputs:
    """The rows of several batches."""
    if len(parts) == 1:
        return parts[0]
    states = [part.hidden for part in parts if part.hidden is not None]
    inner = [part.inner for part in parts if part.inner is not None]
    return Outputs(
        np.concatenate([part.logits for part in parts]),
        np.concatenate(states) if states else None,
        np.concatenate(inner) if inner else None,
    )


@dataclass(frozen=True, slots=True)
class Shared:
    """Runs of the same tokens, of sequences that hold the same cells: one for llama.cpp."""

    run: TokenRun  # the first of them
    sequences: list[int]  # of all


class Distinct:
    """The different ones among runs.

    Attributes:
        shared: in the order in which they come first.
    """

    def __init__(self, runs: Iterable[TokenRun], histories: Histories) -> None:
        self.shared: list[Shared] = []
        self._which: list[int] = []  # of them, for each run
        self._saved: list[bool] = []
        numbers: dict[object, int] = {}
        for run in runs:
            key = (histories.place(run.sequence), tuple(run.tokens), run.output)
            number = numbers.setdefault(key, len(self.shared))
            self._saved.append(number < len(self.shared))
            if not self._saved[-1]:
                self.shared.append(Shared(run, []))
            self.shared[number].sequences.append(run.sequence)
            self._which.append(number)

    def spread(self, outputs: Outputs) -> Outputs:
        """To each run its rows, where there are rows for the different ones alone."""
        if not any(self._saved):
            return replace(outputs, saved=self._saved)
        hidden, inner = outputs.hidden, outputs.inner
        sizes = [
            int(each.run.output) if hidden is None else len(each.run.tokens) for each in self.shared
        ]
        ends = np.cumsum(sizes)
        rows = np.concatenate([np.arange(ends[i] - sizes[i], ends[i]) for i in self._which])
        return Outputs(
            outputs.logits[rows],
            None if hidden is None else hidden[rows],
            None if inner is None else inner[rows],
            self._saved,
        )
