"""Independent samples: best-of-n, self-consistency, and greedy, which is one sample at temperature 0.

Nothing is dropped and nothing is copied; what differs is how the answer is chosen in the end.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from pfsolve.search import weights as w
from pfsolve.search.log_odds import log_sigmoid
from pfsolve.search.requests import Extend, FinalPopulation, Request, Score, StepInfo


def independent_samples(n: int, *, scored: bool) -> Generator[Request, Any, FinalPopulation]:
    """Take steps until all particles have finished.

    Args:
        scored: score every step, and not only the last: a reward may follow particles step by step.
            The final weights are the scores; without them all weigh the same.

    Raises:
        AllParticlesDead: every score is zero.
        InvalidLogWeight: a score is NaN or +inf.
    """
    finished = np.zeros(n, dtype=bool)
    log_odds = log_weights = np.zeros(n)
    step = 0
    while not finished.all():
        living = np.flatnonzero(~finished)
        finished[living] = yield Extend(living)
        step += 1
        if scored:
            log_odds[living] = yield Score(living)
            w.normalise(log_odds)  # raises when all are dead
        log_weights = log_sigmoid(log_odds) if scored else np.zeros(n)
        if (yield StepInfo(step, log_odds.copy(), log_weights)):
            break
    return FinalPopulation(log_odds, log_weights, None, step, not finished.all())
