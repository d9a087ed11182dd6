"""`--reward probe`: what the policy's own hidden states say of its solution so far.

And the recorder, which looks at solutions in the same way to learn from them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import ModelFileError
from pfsolve.rewards.base import Prefix
from pfsolve.rewards.probe.features import History, Vector, features
from pfsolve.rewards.probe.head import HINT, ProbeHead


class Probe:
    """Log-odds: the head's logit of the prefix's feature vector.

    Args:
        head: what judges.
        n_embd: width of the policy's hidden states.
        sha256: of the policy's file, where it is known.

    Raises:
        ModelFileError: the head was made for another policy.
    """

    name = "probe"
    reserve = 0
    wants_trace = True
    tokens_read = 0

    def __init__(self, head: ProbeHead, n_embd: int, sha256: str | None = None) -> None:
        if head.n_embd != n_embd:
            raise ModelFileError(
                f"the probe was made for hidden states of {head.n_embd} values, and the policy's "
                f"have {n_embd}",
                HINT,
            )
        if None not in (sha256, head.policy_sha256) and sha256 != head.policy_sha256:
            raise ModelFileError(
                f"the probe was made for another policy, {head.about.get('policy', 'unknown')}",
                HINT,
            )
        self._head = head

    def open(self, problem: str, n: int) -> _ProbeScorer:
        return _ProbeScorer(self._head, n)

    def close(self) -> None:
        """Nothing to give back."""


class _Watcher:
    """Follows the particles of one search: for each slot its history after each step, forked with it."""

    def __init__(self, n: int) -> None:
        self._histories: list[tuple[History, ...]] = [(History(),)] * n

    def look(self, prefix: Prefix) -> Vector:
        """The feature vector of a prefix, whose newest step is now part of its slot's history."""
        if prefix.trace is None:
            raise TypeError("a probe needs the trace of every step")
        vector, history = features(self._histories[prefix.slot][-1], prefix.trace)
        self._histories[prefix.slot] += (history,)
        return vector

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        self._histories = [self._histories[ancestor] for ancestor in ancestors.tolist()]

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        for slot, length in zip(slots.tolist(), steps.tolist(), strict=True):
            self._histories[slot] = self._histories[slot][: length + 1]

    def close(self) -> None:
        """Nothing to give back."""


class _ProbeScorer(_Watcher):
    def __init__(self, head: ProbeHead, n: int) -> None:
        super().__init__(n)
        self._head = head

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        return self._head.log_odds(np.stack([self.look(prefix) for prefix in prefixes]))


class Recorder:
    """A reward that judges nothing and keeps the feature vectors of every solution it has seen."""

    name = "recorder"
    reserve = 0
    wants_trace = True
    tokens_read = 0

    def __init__(self) -> None:
        self._kept: dict[str, list[list[Vector]]] = {}

    def open(self, problem: str, n: int) -> _RecordingScorer:
        scorer = _RecordingScorer(n)
        self._kept[problem] = scorer.vectors
        return scorer

    def take(self, problem: str) -> list[NDArray[np.float32]]:
        """For each particle of the last search on this problem, the vectors (steps, width) of its
        steps; they are not kept any longer. Nothing if there was no search."""
        return [np.array(vectors, dtype=np.float32) for vectors in self._kept.pop(problem, [])]

    def close(self) -> None:
        """Nothing to give back."""


class _RecordingScorer(_Watcher):
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
