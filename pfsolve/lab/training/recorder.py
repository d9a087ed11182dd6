"""Looks at solutions as a probe does, and keeps what it has seen, to learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pfsolve.rewards.base import Prefix
from pfsolve.rewards.probe.features import Vector
from pfsolve.rewards.probe.reward import Histories


class Recorder:
    """A reward of log-odds 0 that keeps the feature vectors of every solution it has seen."""

    name = "recorder"
    reserve = 0
    wants_trace = True
    reads_programs = False
    tokens_read = 0

    def __init__(self) -> None:
        self._kept: dict[str, list[list[Vector]]] = {}

    def open(self, problem: str, n: int) -> _RecordingScorer:
        scorer = _RecordingScorer(n)
        self._kept[problem] = scorer.vectors
        return scorer

    def take(self, problem: str) -> list[NDArray[np.float32]]:
        """For each particle of the last search on this problem, the vectors (steps, width) of its steps.

        They are not kept any longer. Nothing if there was no search.
        """
        return [np.array(vectors, dtype=np.float32) for vectors in self._kept.pop(problem, [])]


class _RecordingScorer(Histories):
    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.vectors: list[list[Vector]] = [[] for _ in range(n)]

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        for prefix in prefixes:
            self.vectors[prefix.slot].append(self.look(prefix))
        return np.zeros(len(prefixes))

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        super().fork(ancestors)
        self.vectors[:] = [list(self.vectors[ancestor]) for ancestor in ancestors.tolist()]

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        super().rewind(slots, steps)
        for slot, length in zip(slots.tolist(), steps.tolist(), strict=True):
            del self.vectors[slot][length:]
