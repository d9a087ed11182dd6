"""Independent samples: best-of-n, self-consistency, and greedy, which is one sample at temperature 0.

Nothing is dropped and nothing is copied; the methods differ in how the answer is chosen in the end.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from pfsolve.search.requests import Extend, FinalPopulation, Request, Score, StepInfo
from pfsolve.search.weights import Weights


def independent_samples(n: int, *, scored: bool) -> Generator[Request, Any, FinalPopulation]:
    """Take steps until all particles have finished.

    Args:
        scored: whether to score each step, also before the last, since a reward may follow particles
            step by step. The final weights are the scores; without scores all weigh the same.

    Raises:
        AllParticlesDead: every score is zero.
        InvalidLogWeight: a score is NaN or +inf.
    """
    finished = np.zeros(n, dtype=np.bool_)
    log_odds = np.zeros(n)
    weights = Weights(np.zeros(n))
    step, stop = 0, False
    while not (stop or finished.all()):
        living = np.flatnonzero(~finished)
        finished[living] = yield Extend(living)
        step += 1
        if scored:
            log_odds[living] = yield Score(living)
            weights = Weights.of_scores(log_odds)
        stop = yield StepInfo(step, log_odds.copy(), weights)
    return FinalPopulation(log_odds, weights, None, step, not finished.all())
