"""From the scores of single steps to that of a prefix: `--aggregate prod` and `--aggregate min`.

arXiv:2502.01618, section 4.4, compares them. `last` is what every reward gives by itself, and `model`
is a way of reading that only a process reward model has (`pfsolve.rewards.prm`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pfsolve.rewards.base import SUREST, Prefix, Reward, Scorer
from pfsolve.search.log_odds import log_sigmoid, logit


class Aggregated:
    """A reward whose score of a prefix is the product, or the minimum, of its steps' scores.

    Args:
        reward: scores steps.
        how: "prod" or "min".
    """

    calibrated = False  # whatever the scores of single steps are

    def __init__(self, reward: Reward, how: str) -> None:
        self._reward = reward
        self._how = how
        self.name = reward.name
        self.reserve = reward.reserve
        self.wants_trace = reward.wants_trace
        self.depths = reward.depths
        self.reads_programs = reward.reads_programs

    @property
    def tokens_read(self) -> int:
        return self._reward.tokens_read

    def open(self, problem: str, n: int) -> Scorer:
        return _AggregatedScorer(self._reward.open(problem, n), n, self._how)


class _AggregatedScorer:
    """Keeps, for each slot, the aggregate after each of its steps: log of the product, or least log-odds."""

    def __init__(self, scorer: Scorer, n: int, how: str) -> None:
        self._scorer = scorer
        self._is_product = how == "prod"
        self._so_far: list[tuple[float, ...]] = [(0.0 if self._is_product else np.inf,)] * n

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        steps = self._scorer.score(prefixes)
        before = np.array([self._so_far[prefix.slot][-1] for prefix in prefixes])
        if self._is_product:
            # A step that only ends the solution, or only thinks, says nothing, and must not count a
            # second time.
            says_something = [bool(p.particle.step_texts[-1].strip()) for p in prefixes]
            after = before + np.where(says_something, log_sigmoid(steps), 0.0)
        else:
            after = np.minimum(before, steps)
        for prefix, value in zip(prefixes, after.tolist(), strict=True):
            self._so_far[prefix.slot] += (value,)
        return np.asarray(logit(np.minimum(after, SUREST)) if self._is_product else after)

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        self._scorer.fork(ancestors)
        self._so_far = [self._so_far[ancestor] for ancestor in ancestors.tolist()]

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        self._scorer.rewind(slots, steps)
        for slot, length in zip(slots.tolist(), steps.tolist(), strict=True):
            self._so_far[slot] = self._so_far[slot][: length + 1]

    def close(self) -> None:
        self._scorer.close()
